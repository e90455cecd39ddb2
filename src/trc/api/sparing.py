"""What skipping has spared in a project."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from trc.api.stores import is_begun, opened
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.diagnostics.nearest import did_you_mean
from trc.runtime.errors import Stopped
from trc.runtime.savings import PipelineSavings, Tally, savings_of, total
from trc.runtime.store.journal import RunRecord
from trc.settings import Settings, settings_for, settings_of

_ALL_RUNS = 1_000_000


@dataclass(frozen=True, slots=True)
class IncrementalSummary:
    """Of each pipeline the last runs, at most `last`; the pipeline that ran last comes first."""

    last: int
    pipelines: tuple[PipelineSavings, ...]

    @property
    def sums(self) -> Tally:
        return total(one.sums for one in self.pipelines)


def incremental_summary(folder: Path, pipeline: str | None = None, *, last: int = 20) -> IncrementalSummary:
    """Of all pipelines of the project that `folder` lies in, or of one, by its name or its file; nothing where nothing was run.

    A file tells its project, too. Raises Stopped for a pipeline of which no run is recorded where there are others.
    """
    file = None if pipeline is None else Path(pipeline)
    is_file = file is not None and file.is_file()
    settings = settings_for(file) if file is not None and is_file else _settings(folder)
    if settings is None or not is_begun(settings):
        return IncrementalSummary(last, ())
    with opened(settings) as store:
        runs = store.runs(limit=_ALL_RUNS)
        names = tuple(dict.fromkeys(run.pipeline for run in runs))
        if pipeline is not None and names:
            names = _of_file(Path(pipeline), runs) if is_file else _named(pipeline, names)
            if not names:
                raise _unknown(pipeline, runs)
        return IncrementalSummary(last, tuple(savings_of(store, name, last) for name in names))


def _settings(folder: Path) -> Settings | None:
    try:
        return settings_of(folder)
    except Stopped as stop:
        if any(one.code != "TRC609" for one in stop.diagnostics):
            raise
        return None


def _named(pipeline: str, names: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in names if name.casefold() == pipeline.casefold())


def _of_file(file: Path, runs: Sequence[RunRecord]) -> tuple[str, ...]:
    """The pipelines that were run from a file, which is recorded as it was named from wherever that was."""
    whole = file.resolve()
    found = (run.pipeline for run in runs if _ends_so(whole, PurePath(run.file)))
    return tuple(dict.fromkeys(found))


def _ends_so(whole: Path, written: PurePath) -> bool:
    if written.is_absolute():
        return whole == Path(written).resolve()
    parts = tuple(part for part in written.parts if part != "..")
    return whole.parts[-len(parts) :] == parts


def _unknown(pipeline: str, runs: Sequence[RunRecord]) -> Stopped:
    names = tuple(dict.fromkeys(run.pipeline for run in runs))
    remedy = did_you_mean(pipeline, names) or (f"there are runs of: {', '.join(names[:8])}",)
    return Stopped([Diagnostic("TRC609", f'no run of "{pipeline}" is recorded', help=remedy)], 3)
