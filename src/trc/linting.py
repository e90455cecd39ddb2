"""`trc lint`: what is no mistake, and could still be done better; nothing is run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from trc.checking import CheckReport, moment_of, pipeline_files
from trc.compiler.checks.spots import task_span
from trc.compiler.choices import NO_CHOICES, Choices
from trc.compiler.compile import Compiled
from trc.compiler.compile import compile_file as run_compiler
from trc.compiler.diagnostics.collector import Collector
from trc.compiler.diagnostics.deny import denied
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.lineage.dead import DeadColumns, dead_columns
from trc.compiler.lineage.steps import steps_of
from trc.compiler.source import SourceFile
from trc.contexts import context_of
from trc.settings import settings_for, with_environment

_SHOWN = 8


def lint(paths: Sequence[Path], choices: Choices = NO_CHOICES, *, deny_warnings: bool = False) -> CheckReport:
    """Looks at pipeline files, and those in folders. Of one with mistakes, these are told, and nothing else."""
    choices, now = with_environment(choices), moment_of(choices.at)
    files = tuple(dict.fromkeys(found for path in paths for found in pipeline_files(path)))
    told = Collector()
    sources: dict[str, SourceFile] = {}
    for file in files:
        settings = settings_for(file)
        context = context_of(settings, choices, now)
        compiled = run_compiler(file, str(file), context)
        found = Collector([one for one in compiled.diagnostics if one.severity == "error"], list(compiled.allows))
        if not found.has_errors and compiled.pipeline is not None:
            found.extend(_dead(compiled, dead_columns(compiled.pipeline, steps_of(compiled, context.sources))))
        every = found.sorted()
        told.extend(denied(every) if deny_warnings or settings.deny_warnings else every)
        sources.update(compiled.sources)
    return CheckReport(tuple(map(str, files)), told.sorted(), sources)


def _dead(compiled: Compiled, found: Iterator[DeadColumns]) -> Iterator[Diagnostic]:
    for one in found:
        names = ", ".join(f'"{name}"' for name in one.columns[:_SHOWN])
        more = f" and {len(one.columns) - _SHOWN} more" if len(one.columns) > _SHOWN else ""
        what = f"the column {names}" if len(one.columns) == 1 else f"the columns {names}{more}"
        yield Diagnostic(
            "TRC450",
            f'no result depends on {what} of "{one.dataset}"',
            task_span(compiled.places, one.task),
            f"{len(one.columns)} of its {one.of} columns",
            help=("leave them out of its query" if len(one.columns) > 1 else "leave it out of its query",),
            severity="warning",
            task=one.task,
        )
