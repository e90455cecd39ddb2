"""Takes up runs that have ended, and the dead letters of tasks that failed in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trc.api.asked import from_asked
from trc.api.recorded import find_run, recorded_in
from trc.api.running import Again, RunReport, run
from trc.runtime.clock import SystemClock
from trc.runtime.errors import Stopped, stopped
from trc.runtime.observe import Observer
from trc.runtime.store.journal import DeadLetter, RunRecord
from trc.runtime.store.sql import SqlStore

_ALL: Final = 1 << 62


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter with the run that it is of; `since` says when its task last succeeded in a later run, if it did."""

    letter: DeadLetter
    run: RunRecord
    since: float | None = None


def letters(folder: Path, *, settled: bool = False) -> tuple[Letter, ...]:
    """The project's dead letters, newest first: the open ones, or with `settled` all."""
    with recorded_in(folder) as store:
        return tuple(_with_run(store, one) for one in store.letters(settled=settled, limit=_ALL))


def letter(folder: Path, number: int) -> Letter:
    """The dead letter of that number."""
    with recorded_in(folder) as store:
        return _with_run(store, _find(store, number))


def drop_letters(folder: Path, numbers: Sequence[int]) -> tuple[DeadLetter, ...]:
    """Settles open letters without another attempt, all or none of them."""
    with recorded_in(folder) as store:
        found = [_open(store, number) for number in dict.fromkeys(numbers)]
        with store.transaction() as change:
            for one in found:
                change.settle_letters(one.run, one.task, "dropped", SystemClock().now())
    return tuple(found)


def runs_of_letters(folder: Path, numbers: Sequence[int]) -> Mapping[str, frozenset[str]]:
    """The runs that open letters are of, in the order of the letters, each with the tasks of its letters."""
    tasks: dict[str, frozenset[str]] = {}
    with recorded_in(folder) as store:
        for number in numbers:
            found = _open(store, number)
            tasks[found.run] = tasks.get(found.run, frozenset()) | {found.task}
    return tasks


def retry(
    folder: Path,
    run_id: str | None,
    *,
    start: str | None = None,
    vouched: frozenset[str] = frozenset(),
    workers: int | None = None,
    observe: Observer | None = None,
    tick: float | None = None,
    on_cancel: Callable[[Callable[[], None]], None] = lambda _cancel: None,
) -> RunReport:
    """Takes up a run that has ended, under its id: all that did not succeed in it is tried again, with a budget of its own.

    `run_id` is the beginning of an id, None the newest run. The task `start` and all that needs it run again although
    they succeeded; those that are `vouched` for are tried again although they may have had their effect. What is changed since is no part of it: then the run is refused. The rest is as with `run`.
    """
    with recorded_in(folder) as store:
        record = find_run(store, run_id)
    asked = from_asked(record.asked, record.logical_time)
    if asked is None:
        raise stopped(
            "TRC628",
            f"what run {record.id} was asked for with is not recorded",
            "an earlier version of trc ran it; `trc run` runs its pipeline anew, and skips what is up to date",
        )
    if not Path(record.file).is_file():
        raise stopped(
            "TRC628", f'"{record.file}", which run {record.id} was of, is gone', "put it back, or run another"
        )
    return run(
        Path(record.file),
        asked.choices,
        selected=asked.selected,
        optimise=asked.optimise,
        force=asked.force,
        backfill=asked.backfill,
        workers=workers,
        again=Again(record.id, start, vouched),
        observe=observe,
        tick=tick,
        on_cancel=on_cancel,
    )


def _with_run(store: SqlStore, one: DeadLetter) -> Letter:
    record = store.run(one.run)
    assert record is not None, "a letter is of a run that is recorded"
    last = store.latest(record.pipeline).get(one.task)
    later = last is not None and last.committed_at > one.died_at and last.run != one.run
    return Letter(one, record, last.committed_at if last is not None and later else None)


def _find(store: SqlStore, number: int) -> DeadLetter:
    found = store.letter(number)
    if found is None:
        raise _unknown(f"no dead letter has the number {number}")
    return found


def _open(store: SqlStore, number: int) -> DeadLetter:
    found = _find(store, number)
    if found.state != "open":
        raise stopped("TRC629", f"dead letter {number} was {found.state} already", "`trc dlq list` lists the open ones")
    return found


def _unknown(message: str) -> Stopped:
    return stopped("TRC609", message, "`trc dlq list --all` lists them")
