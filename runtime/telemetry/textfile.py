"""A file of metrics for node-exporter's textfile collector, which goes on counting from run to run."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.runtime.telemetry.exposition import Family, Series, read, written
from trc.runtime.telemetry.untold import cannot_be_written

_OURS: Final = "trc_"
_NOT_OURS: Final = "it holds something else than metrics of trc"


@dataclass(slots=True)
class TextFile:
    """Adds what the run has counted to what the file holds, and puts it in place in one piece.

    A run is over before anyone looks twice: counters that began anew with each would tell nobody anything. Runs that
    share the file take turns. `tasks` are those that the pipeline has: gauges of others of it go.
    """

    path: Path
    families: Sequence[Family]
    pipeline: str
    tasks: Collection[str]
    _added: dict[Series, float] = field(default_factory=dict[Series, float])
    """What of this run the file holds already."""
    _problem: Diagnostic | None = None

    @property
    def problems(self) -> Sequence[Diagnostic]:
        """Why the last numbers are not in the file: earlier ones that could not be written came with the next."""
        return () if self._problem is None else (self._problem,)

    def show(self, series: Mapping[Series, float]) -> None:
        """Brings the file up to date."""
        gauges = {family.name for family in self.families if family.kind == "gauge"}
        counted = {one: value for one, value in series.items() if one[0] not in gauges}
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with _alone(self.path.parent):
                found = self._found()
                kept = {one: value for one, value in found.items() if not self._is_gone(one)}
                sums = {one: found.get(one, 0.0) + value - self._added.get(one, 0.0) for one, value in counted.items()}
                self._replace(written(self.families, {**kept, **series, **sums}))
        except ValueError:
            self._problem = cannot_be_written("metrics", self.path, OSError(_NOT_OURS))
        except OSError as error:
            self._problem = cannot_be_written("metrics", self.path, error)
        else:
            self._added, self._problem = counted, None

    def close(self, series: Mapping[Series, float]) -> None:
        self.show(series)

    def _found(self) -> dict[Series, float]:
        """What the file holds; raises ValueError where that is not ours to replace."""
        try:
            series = read(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        if not all(name.startswith(_OURS) for name, _ in series):
            raise ValueError(_NOT_OURS)
        return series

    def _is_gone(self, series: Series) -> bool:
        labels = dict(series[1])
        return labels.get("pipeline") == self.pipeline and labels.get("task", "") not in {"", *self.tasks}

    def _replace(self, text: str) -> None:
        aside = self.path.with_name(f".{self.path.name}.{os.getpid()}.tmp")
        try:
            aside.write_text(text, encoding="utf-8")
            aside.replace(self.path)
        except OSError:
            with suppress(OSError):
                aside.unlink()
            raise


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """While this lasts, no other run writes metrics in the folder."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with suppress(OSError):  # some file systems have no locks: then what another run writes meanwhile is lost
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
