"""Compiles a pipeline: to be looked at, to be run, to be deployed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from trc.api.denying import stop_at_warnings
from trc.backends.artefacts import write
from trc.backends.base import Backend, Beside
from trc.backends.registry import backend_named
from trc.checking import moment_of
from trc.compiler.checks.environments import unlocked
from trc.compiler.checks.spots import key_span
from trc.compiler.checks.target import check_target
from trc.compiler.choices import NO_CHOICES, Choices
from trc.compiler.compile import Compiled
from trc.compiler.compile import compile_file as run_compiler
from trc.compiler.context import Context
from trc.compiler.diagnostics.collector import Collector
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.frontends.project_files import content_of
from trc.compiler.frontends.suffixes import CODE
from trc.compiler.pycode import closure
from trc.compiler.source import SourceFile
from trc.compiler.sql.facts import QueryFacts
from trc.contexts import backend_of, context_of, refusal_code, version_of
from trc.rewritten import rewritten
from trc.runtime.errors import Stopped
from trc.runtime.optimising import Optimised
from trc.runtime.optimising import optimise as optimise_spec
from trc.runtime.readsets import to_prove
from trc.runtime.spec import PipelineSpec
from trc.runtime.specify import specify
from trc.settings import OPTIMISE, Settings, settings_for, with_environment

Sources = Mapping[str, SourceFile]


@dataclass(frozen=True, slots=True)
class Compilation:
    """A pipeline that can be run, with the warnings and notes about it."""

    spec: PipelineSpec
    compiled: Compiled
    diagnostics: tuple[Diagnostic, ...]
    sources: Sources
    context: Context
    backend: Backend

    @property
    def queries(self) -> dict[str, QueryFacts]:
        """What is proved about the queries of tasks that read one another, by task."""
        tasks = to_prove(self.spec)
        if not tasks:
            return {}
        # Proving takes many modules, and most commands ask for nothing of it.
        proving: Any = import_module("trc.compiler.lineage.facts")
        found: dict[str, QueryFacts] = proving.query_facts(self.compiled, self.context.sources, tasks)
        return found


def _compile(path: Path, context: Context) -> Compiled:
    if context.choices.backend is not None:
        backend_named(context.choices.backend)
    return run_compiler(path, str(path), context)


def _refuse(compiled: Compiled, diagnostics: Sequence[Diagnostic]) -> Stopped:
    return Stopped(diagnostics, refusal_code(diagnostics), compiled.sources)


def load(path: Path, settings: Settings, choices: Choices, now: datetime) -> Compilation:
    """Compiles a pipeline that is going to be planned or run: what this version cannot run is refused."""
    context = context_of(settings, choices, now, must_settle=True)
    compiled = _compile(path, context)
    collect = Collector(list(compiled.diagnostics), list(compiled.allows))
    if collect.has_errors:
        raise _refuse(compiled, collect.sorted())
    backend = backend_of(choices, compiled)
    runs = {name: found.runs for name, found in context.task_types.items()}
    if compiled.pipeline is not None:
        decided = compiled.settled.conditions if compiled.settled is not None else ()
        check_target(compiled.pipeline, compiled.places, backend.capabilities, collect, runs, decided=decided)
        collect.extend(_settings_of_target(compiled))
        if not collect.has_errors:
            collect.extend(unlocked(compiled.pipeline, compiled.environments, compiled.places, severity="error"))
    if collect.has_errors:
        raise Stopped(collect.sorted(), 2, compiled.sources)
    spec = specify(compiled, file=str(path), runs=runs, versions=version_of)
    # Notes say what cannot be checked: that is for `check`, not for each run.
    warnings = tuple(one for one in collect.sorted() if one.severity != "note")
    return Compilation(spec, compiled, warnings, compiled.sources, context, backend)


def _settings_of_target(compiled: Compiled) -> Iterator[Diagnostic]:
    """Refuses what the chosen target says of its backend: that is for the project to say, once."""
    settled, pipeline = compiled.settled, compiled.pipeline
    chosen = settled.target if settled is not None and pipeline is not None else None
    for target in pipeline.targets if pipeline is not None else ():
        if target.name == chosen and target.settings:
            message = f'settings of the backend "{target.backend}" in a target are checked but not used by this version'
            remedy = f"write them in the table [{target.backend}] of trc.toml"
            span = key_span(compiled.places, "targets", target.name, target.backend)
            yield Diagnostic("TRC501", message, span, help=(remedy,))


def compiled_of(path: Path, settings: Settings, choices: Choices, now: datetime) -> Compiled:
    """A pipeline without mistakes, to be looked at: values that nobody gave stay open."""
    return looked_at(path, context_of(settings, choices, now), choices)


def looked_at(path: Path, context: Context, choices: Choices) -> Compiled:
    compiled = _compile(path, context)
    if compiled.has_errors or compiled.pipeline is None:
        raise _refuse(compiled, compiled.diagnostics)
    backend_of(choices, compiled)
    return compiled


def compile_file(
    path: Path, choices: Choices = NO_CHOICES, *, output: Path | None = None, deny_warnings: bool = False
) -> tuple[Compilation, tuple[Path, ...]]:
    """Writes what the backend deploys; answers the files written, by default under the project's `build/`."""
    settings = settings_for(path)
    compilation = load(path, settings, with_environment(choices), moment_of(choices.at))
    if deny_warnings:
        stop_at_warnings(compilation.diagnostics, compilation.sources)
    pipeline = compilation.compiled.pipeline
    assert pipeline is not None
    folder = output or settings.project / "build" / pipeline.name
    backend, options = compilation.backend, settings.of_backend(compilation.backend.name)
    return compilation, write(folder, backend.emit(pipeline, compilation.spec, options, _beside(path, compilation)))


def _beside(path: Path, compilation: Compilation) -> Beside:
    context, choices = compilation.context, compilation.context.choices
    files = {name for name, content in context.seen.items() if content is not None}
    entry = path.resolve()
    if entry.suffix.lower() == CODE and entry.is_relative_to(context.project):
        # What it imports was read by a process of its own.
        code = closure(entry.relative_to(context.project).as_posix(), partial(content_of, context.project))
        files |= {one.path for one in code.files}
    target = () if choices.target_name is None else ("--target", choices.target_name)
    params = [word for name, value in choices.params for word in ("--param", f"{name}={value}")]
    if choices.params_file is not None and choices.params_file.resolve().is_relative_to(context.project):
        name = choices.params_file.resolve().relative_to(context.project).as_posix()
        files.add(name)
        params += ["--params", name]
    return Beside(tuple(sorted(files)), (*target, *params))


def emit(
    path: Path,
    what: Literal["ir", "plan", "sql"],
    choices: Choices = NO_CHOICES,
    *,
    deny_warnings: bool = False,
    optimise: bool | None = None,
) -> str:
    """The IR, the plan against nothing stored, or each task's SQL as it is written and as it runs, as text."""
    settings, choices, now = settings_for(path), with_environment(choices), moment_of(choices.at)
    if what == "ir":
        compiled = compiled_of(path, settings, choices, now)
        if deny_warnings:
            stop_at_warnings(compiled.diagnostics, compiled.sources)
        assert compiled.pipeline is not None
        return compiled.pipeline.dump().decode()
    compilation = load(path, settings, choices, now)
    if deny_warnings:
        stop_at_warnings(compilation.diagnostics, compilation.sources)
    assert compilation.compiled.pipeline is not None
    if what == "plan":
        artefacts = compilation.backend.emit(compilation.compiled.pipeline, compilation.spec)
        return artefacts["plan.json"].decode()
    keepings = optimised(compilation, optimise=optimise).keepings
    return "\n".join(f"-- {told}\n{text.rstrip()}\n" for told, text in rewritten(compilation.spec, keepings))


def isoptimised(compilation: Compilation, asked: bool | None) -> bool:
    """The command line decides, then the target. A task that is not to be optimised stays so in either case."""
    return of_target(compilation) if asked is None else asked


def of_target(compilation: Compilation) -> bool:
    """Whether runs are optimised where nobody says so on the command line."""
    settled = compilation.compiled.settled
    of_target = settled.optimise if settled is not None else None
    return OPTIMISE if of_target is None else of_target


def optimised(compilation: Compilation, *, optimise: bool | None) -> Optimised:
    """How outputs are kept when everything is to be run."""
    if not isoptimised(compilation, optimise):
        return Optimised({}, ())
    return optimise_spec(compilation.spec, compilation.queries)
