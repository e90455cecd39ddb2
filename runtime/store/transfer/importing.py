"""Takes what an exported file holds into a state store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby, islice
from pathlib import Path
from typing import Final

from trc.runtime.errors import stopped
from trc.runtime.store.sql import SqlStore
from trc.runtime.store.transfer.lines import DIGEST, RECORDS, RUN, Kind, Values, damaged, read
from trc.runtime.taskside.records import record

_AT_ONCE: Final = 500
_OF_RUNS: Final = frozenset({"task", "attempt", "letter"})


@record(frozen=True, slots=True)
class Imported:
    """How many lines of each kind were taken in, and how many runs were known before and left as they are."""

    counts: Mapping[str, int]
    known: int


def import_state(store: SqlStore, path: Path) -> Imported:
    """Takes in all that a file holds, or nothing.

    A run that is known stays as it is, with all its parts. Of two results under one key the later stays, and of two
    last results of a task. So a second time changes nothing. Raises `Stopped` for a file that is not whole, is of another
    version, holds a run that goes on or contradicts what is recorded, and for one that cannot be read.
    """
    try:
        with store.transaction():
            taken = _Taken(store.ids_of_runs())
            lines = (one for one in read(path) if one[0] != DIGEST)
            for kind, of_kind in groupby(lines, key=lambda one: one[0]):
                taken.in_order(path, kind)
                _put(store, kind, taken.new(path, kind, of_kind))
        # They are a cache, which may lie in another store: losing them costs time, never an answer.
        cache = store.cache()
        with cache.transaction():
            _put(cache, DIGEST, taken.new(path, DIGEST, (one for one in read(path) if one[0] == DIGEST)))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise stopped("TRC637", f'"{path}" cannot be read: {reason}', "check the path") from error
    except ValueError as error:
        told = f'"{path}" does not agree with what is recorded: {error}'
        raise stopped("TRC637", told, "import it into a store of its own") from error
    return Imported(taken.counts, taken.known)


class _Taken:
    """What is taken in, of which runs, and how much of it."""

    def __init__(self, before: frozenset[str]) -> None:
        self.counts: Counter[str] = Counter()
        self.known = 0
        self._before = before
        self._left = list(RECORDS)

    def in_order(self, path: Path, kind: Kind) -> None:
        """Raises `Stopped` for lines that come after those that rest on them."""
        if kind not in self._left:
            raise damaged(path, f'lines of the kind "{kind.name}" are not together')
        del self._left[: self._left.index(kind) + 1]

    def new(self, path: Path, kind: Kind, lines: Iterable[tuple[Kind, Values]]) -> Iterator[Values]:
        for _, values in lines:
            if kind == RUN:
                if values["state"] == "running":
                    told = f'"{path}" holds run {values["id"]}, which goes on'
                    raise stopped("TRC637", told, "export it again when that run has ended")
                self.known += values["id"] in self._before
            if values.get(_run_of(kind)) in self._before:
                continue
            self.counts[kind.name] += 1
            yield values


def _run_of(kind: Kind) -> str:
    """The column that says of which run a line is, if it is of one; a result stays when its run is forgotten."""
    return "id" if kind == RUN else "run" if kind.name in _OF_RUNS else ""


def _put(store: SqlStore, kind: Kind, lines: Iterator[Values]) -> None:
    while batch := list(islice(lines, _AT_ONCE)):
        store.import_rows(f"{kind.statements}_in", batch)
