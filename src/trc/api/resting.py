"""Looks at all that a plan rests on: when it is saved, and again before it is carried out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import trc
from trc.api.compiling import Compilation
from trc.api.preparing import date_of
from trc.api.ready import Ready
from trc.api.stores import is_begun, shown
from trc.compiler.choices import PARAM_VARIABLE, TARGET_VARIABLE, Choices
from trc.compiler.ir.uris import is_remote
from trc.runtime.listing import relative
from trc.runtime.moved import files_now, inputs_now, keys_of, outputs_now, results_of, secrets_now
from trc.runtime.orders import Places
from trc.runtime.repeated import task_called
from trc.runtime.running import Runner
from trc.runtime.savedplan import Basis, SavedPlan
from trc.runtime.spec import PipelineSpec
from trc.settings import Settings, project_files


@dataclass(frozen=True, slots=True)
class Names:
    """What a plan rests on, by the names that it is found again by: those of files are relative to the project."""

    pipeline: str
    files: tuple[str, ...]
    reads: tuple[str, ...]
    secrets: tuple[str, ...]
    tasks: tuple[str, ...]
    outputs: tuple[str, ...]


def names_now(path: Path, settings: Settings, ready: Ready, compilation: Compilation, runner: Runner) -> Names:
    """What a plan rests on that is made now."""
    project, context, spec = str(settings.project), compilation.context, ready.spec
    files = [path.resolve(), *project_files(path), *((settings.project / name) for name in context.seen)]
    files += [] if context.choices.params_file is None else [context.choices.params_file.resolve()]
    reads = [read.uri for task in spec.tasks for read in (*task.reads, *task.check_reads) if read.producer is None]
    stored, places = runner.store.latest(spec.name), Places(runner.state)
    tasks = dict.fromkeys(task.name for task in spec.tasks)
    tasks |= dict.fromkeys(name for name in stored if task_called(name) in tasks)
    found = ((spec.task(name), stored[name]) for name in tasks if name in stored)
    results = [result if task is None else places.here(task, result) for task, result in found]
    outputs = [output.path for result in results for output in result.outputs if not output.is_view]
    return Names(
        spec.name,
        tuple(dict.fromkeys(relative(str(file), project) for file in files)),
        tuple(dict.fromkeys(relative(uri, project) for uri in reads if uri is not None and not is_remote(uri))),
        tuple(dict.fromkeys(one.ref for task in spec.tasks for one in task.secrets if one.versioned)),
        tuple(tasks),
        tuple(dict.fromkeys(relative(path, project) for path in outputs)),
    )


def names_of(saved: SavedPlan) -> Names:
    """What a saved plan rests on."""
    facts = saved.rests_on
    files, secrets, tasks, outputs = (tuple(facts.get(kind, ())) for kind in ("files", "secrets", "results", "outputs"))
    return Names(saved.said.pipeline, files, saved.reads, secrets, tasks, outputs)


def before_compiling(settings: Settings, names: Names, project: Path) -> Basis:
    """What can be looked at whether there is a pipeline or not; `project` is the one that the plan is of."""
    state = _state(settings, project) if is_begun(settings) else None
    return {
        "trc": {"": trc.__version__},
        "state": {"": state},
        "files": files_now(names.files, project),
    }


def _state(settings: Settings, project: Path) -> str:
    return relative(str(settings.state), str(project)) if isinstance(settings.records, Path) else shown(settings)


def compiled_facts(compilation: Compilation, variables: Mapping[str, str]) -> Basis:
    """What follows from the pipeline's files, choices and the time; `variables` are those that chose something."""
    return {
        "variables": dict(variables),
        "time": {"": _held_time(compilation)},
        "pipeline": {"": _digest(compilation.spec)},
        "keys": keys_of(compilation.spec),
    }


def stored_facts(names: Names, runner: Runner, project: Path) -> Basis:
    """The data that the plan is about, and what is stored of it."""
    version = runner.secrets.version if runner.secrets is not None else None
    return {
        "inputs": inputs_now(names.reads, runner.storage, project),
        "secrets": secrets_now(names.secrets, version),
        "results": results_of(names.tasks, runner.store.latest(names.pipeline)),
        "outputs": outputs_now(names.outputs, runner.storage, project),
    }


def chosen_variables(compilation: Compilation, choices: Choices) -> dict[str, str]:
    """The variables that choose something for this pipeline. Others may be meant for other pipelines, and hold anything."""
    pipeline = compilation.compiled.pipeline
    given = {name for name, _ in choices.params}
    declared = pipeline.params if pipeline is not None else ()
    heard = {PARAM_VARIABLE + one.name.upper().replace("-", "_") for one in declared if one.name not in given}
    is_open = not choices.target
    return {
        name: value
        for name, value in choices.environment
        if name in heard or (name == TARGET_VARIABLE and is_open and value)
    }


def _digest(spec: PipelineSpec) -> str:
    """Of all that the pipeline says, wherever its project lies."""
    told = repr((spec.name, spec.tasks)).replace(spec.project, "")
    return sha256(told.encode("utf-8", "replace")).hexdigest()


def _held_time(compilation: Compilation) -> str | None:
    """What the pipeline's values hold of a logical time that nobody asked for."""
    settled, context = compilation.compiled.settled, compilation.context
    if settled is None or context.choices.at is not None or not context.used:
        return None
    return settled.moment.isoformat() if "run.time" in context.used else date_of(settled.moment, settled.zone)
