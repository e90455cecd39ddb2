"""What the journal says of runs: which go on, and what dead processes have left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from shlex import quote

from trc.runtime.clock import Clock
from trc.runtime.drivers import is_alive, this_driver
from trc.runtime.health.finding import Finding, ok
from trc.runtime.health.place import MOMENT
from trc.runtime.health.reading import Reading
from trc.runtime.storage.staging import Staging
from trc.runtime.store.journal import RunRecord
from trc.runtime.store.rows import attempt_of, driver_of, run_of
from trc.runtime.taskside.records import record


@record(frozen=True, slots=True)
class Unfinished:
    """The runs that are recorded as going on: those whose drivers live, and those whose drivers are dead."""

    live: tuple[RunRecord, ...]
    dead: tuple[RunRecord, ...]
    tokens: frozenset[str]
    """Of the attempts that may still write."""


def unfinished(reading: Reading, clock: Clock) -> Unfinished:
    """Who is at work now, as far as that can be known from here."""
    runs = _runs(reading, state="running", limit=100_000)
    # Read after the runs: each of them has a driver here, also one that began just now.
    drivers = {driver.id: (driver, until) for driver, until in map(driver_of, reading.rows("journal", "drivers"))}
    here, now = this_driver(clock), clock.now()
    live = tuple(run for run in runs if run.driver in drivers and is_alive(*drivers[run.driver], now, here))
    at_work = {
        one.token
        for run in live
        for one in map(attempt_of, reading.rows("journal", "attempts", {"run": run.id, "task": None}))
        if one.state in {"claimed", "running"}
    }
    return Unfinished(live, tuple(run for run in runs if run not in live), frozenset(at_work))


def look_at_runs(reading: Reading, found: Unfinished, clock: Clock) -> Iterator[Finding]:
    """Runs that were left unfinished, the locations that they hold, and runs that are dated in the future."""
    held = Counter({run.id: 0 for run in found.dead})
    lost = 0
    for run, state in reading.rows("health", "leases"):
        if state != "running":
            lost += 1
        elif run in held:
            held[run] += 1
    yield from (_left(run) for run in found.dead)
    if not found.dead:
        going_on = ", ".join(f"run {run.id} of {run.pipeline}" for run in found.live)
        yield ok("runs", f"{going_on}: going on" if going_on else "no run is unfinished")
    yield from _leases(found, held, lost)
    newest = _runs(reading, state=None, limit=1)
    if newest and newest[0].created_at > clock.now() + MOMENT:
        text = f"run {newest[0].id} is dated in the future: the clock was set back"
        yield Finding(
            "clock", "warn", text, "a max_age of what it made is taken for passed; the next runs make it anew"
        )


def look_at_staging(state: Path, found: Unfinished) -> Finding:
    """What dead attempts have left where they wrote."""
    left = Staging(state).leftovers(found.tokens)
    if not left:
        return ok("staging", "dead attempts have left nothing behind")
    size = sum(map(_size, left))
    text = f'dead attempts have left {len(left):,} {"file" if len(left) == 1 else "files"} ({size / 1e6:,.1f} MB), such as "{left[0]}"'
    return Finding("staging", "warn", text, "the next `trc run` removes them", path=left[0])


def look_at_messages(reading: Reading) -> Iterator[Finding]:
    """What hooks could not tell; nothing where no hook has ever told anything."""
    if reading.rows("health", "has_messages").fetchone() is None:
        return
    counts: dict[str, int] = dict(reading.rows("health", "messages"))
    pending, dead = counts.get("pending", 0), counts.get("dead", 0)
    if pending:
        text = f"{pending:,} {'message of a hook waits' if pending == 1 else 'messages of hooks wait'} to be delivered"
        yield Finding("hooks", "warn", text, "the next `trc run` tries again, and `trc hooks replay` does now")
    if dead:
        text = f"{dead:,} {'message of a hook was' if dead == 1 else 'messages of hooks were'} given up"
        yield Finding("hooks", "warn", text, "`trc hooks list` says why, and `trc hooks replay` tries again")
    if counts and not (pending or dead):
        yield ok("hooks", "all that hooks told was delivered")


def _left(run: RunRecord) -> Finding:
    text = f"run {run.id} of {run.pipeline} is unfinished, and the process that drove it is dead"
    return Finding("runs", "warn", text, f"`trc run {quote(run.file)}` goes on with it", pipeline=run.pipeline)


def _leases(found: Unfinished, held: Counter[str], lost: int) -> Iterator[Finding]:
    for run in found.dead:
        if held[run.id]:
            text = f"run {run.id}, whose process is dead, holds {held[run.id]:,} output {'location' if held[run.id] == 1 else 'locations'}"
            remedy = "the next `trc run` that wants one takes it; nothing need be done"
            yield Finding("leases", "warn", text, remedy, pipeline=run.pipeline)
    if lost:
        text = f"{lost:,} {'lease is' if lost == 1 else 'leases are'} of runs that have ended: they keep nobody from writing"
        yield Finding("leases", "warn", text, "nothing need be done")
    if not lost and not any(held.values()):
        yield ok("leases", "no dead run holds an output")


def _runs(reading: Reading, *, state: str | None, limit: int) -> Sequence[RunRecord]:
    chosen = {"pipeline": None, "state": state, "limit": limit}
    return [run_of(row) for row in reading.rows("journal", "runs", chosen)]


def _size(path: str) -> int:
    try:
        return Path(path).lstat().st_size
    except OSError:
        return 0
