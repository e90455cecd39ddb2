"""Compiles a pipeline that is to be run, and keeps what was found of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import trc
from trc.api.compiling import Compilation, load, of_target
from trc.api.preparing import date_of
from trc.api.ready import Ready
from trc.compiler.choices import Choices
from trc.compiler.frontends.suffixes import CODE
from trc.compiler.ir.uris import normalise
from trc.compiler.sql.facts import QueryFacts
from trc.compiler.tasktype import TaskType
from trc.compiler.templates.moments import end_of_day, zone_named
from trc.runtime import checked, proofs, speccache
from trc.runtime.facts import Facts, compile_facts
from trc.runtime.readsets import to_prove
from trc.runtime.schemas import FileSchemas
from trc.settings import Settings, project_files


def compiled_now(
    path: Path, settings: Settings, choices: Choices, now: datetime, began_ns: int, *, optimise: bool | None
) -> Ready:
    """The pipeline, compiled; what is found is kept, for the next time that nothing has moved since `began_ns`."""
    compilation = load(path, settings, choices, now)
    settled, used = compilation.compiled.settled, compilation.context.used
    assert settled is not None
    queries, by_itself = _proved(path, settings, compilation), of_target(compilation)
    behind = _compile_facts(path, compilation)
    # Warnings are told each time, so they are found each time.
    if behind is not None and not compilation.diagnostics:
        date = date_of(settled.moment, settled.zone) if used else None
        around = speccache.Circumstances(compilation.backend.name, settled.zone, date, by_itself)
        speccache.remember(
            str(settings.state),
            str(path),
            trc.__version__,
            choices.told(),
            began_ns=began_ns,
            spec=compilation.spec,
            queries=queries,
            facts=behind,
            circumstances=around,
        )
    return Ready(
        compilation.spec,
        queries,
        behind,
        compilation.backend,
        settled.moment.isoformat(),
        compilation.diagnostics,
        compilation.sources,
        compilation.compiled,
        holds_time=bool(used),
        optimise=by_itself if optimise is None else optimise,
    )


def _proved(path: Path, settings: Settings, compilation: Compilation) -> dict[str, QueryFacts]:
    """As `Compilation.queries`; what was proved of a query before is not proved again."""
    tasks = to_prove(compilation.spec)
    if not tasks:
        return {}
    proving: Any = import_module("trc.compiler.lineage.facts")
    world = checked.world()
    proved = proving.Proved(proofs.recall(settings.state, path, world))
    found: dict[str, QueryFacts] = proving.query_facts(compilation.compiled, compilation.context.sources, tasks, proved)
    if proved.now != proved.before:
        proofs.keep(settings.state, path, world, proved.now)
    return found


def _compile_facts(path: Path, compilation: Compilation) -> Facts | None:
    """What the compiler looked at, with the files whose columns it asked for.

    None for a pipeline that is code: nobody knows what it has looked at.
    """
    if path.suffix.lower() == CODE:
        return None
    context, project = compilation.context, compilation.context.project
    if "run.time" in context.used and context.choices.at is None:
        return None
    looked_at = {str(project / name): content is not None for name, content in context.seen.items()}
    looked_at[str(path.absolute())] = True
    if context.choices.params_file is not None:
        looked_at[str(context.choices.params_file.absolute())] = True
    looked_at |= {str(one): one.is_file() for one in project_files(path)}
    looked_at |= dict.fromkeys(_own_code(context.task_types), True)
    globs = [normalise(pattern, str(project)) for pattern in context.listed]
    columns_of = context.sources.asked if isinstance(context.sources, FileSchemas) else ()
    facts = compile_facts(looked_at, [*globs, *columns_of])
    settled = compilation.compiled.settled
    if facts is None or settled is None or "run.date" not in context.used or context.choices.at is not None:
        return facts
    return replace(facts, expires=end_of_day(settled.moment, zone_named(settled.zone)))


def _own_code(types: Mapping[str, TaskType]) -> Iterator[str]:
    """The files that trc and the task types were loaded from: whoever works on them sees what they do.

    What translates other dialects is among them, where it was needed: another version may translate otherwise.
    """
    roots = {"trc", "sqlglot", *(type(one).__module__.partition(".")[0] for one in types.values())}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file is not None and name.partition(".")[0] in roots:
            yield file
