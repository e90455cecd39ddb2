"""Looks whether a project's cache and state can be trusted and written, and whether tasks can be run."""

from __future__ import annotations

import os
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from trc.api.extras import require_extra
from trc.api.stores import objects_of, opened, password_of
from trc.backends.base import Backend
from trc.backends.registry import backend_named
from trc.runtime.clock import SystemClock
from trc.runtime.errors import Stopped, stopped
from trc.runtime.executor import Ended, Executor, Lost
from trc.runtime.health.finding import Finding, ok
from trc.runtime.health.journal import look_at_messages, look_at_runs, look_at_staging, unfinished
from trc.runtime.health.outputs import look_at_outputs
from trc.runtime.health.place import look_at_place
from trc.runtime.health.reading import Reading
from trc.runtime.health.room import look_at_room
from trc.runtime.health.server import is_current, look_at_server
from trc.runtime.health.store import look_at_store, open_store
from trc.runtime.store.address import Address
from trc.runtime.store.bucket import BucketAddress
from trc.runtime.store.refusals import refusal
from trc.runtime.store.statements import load
from trc.runtime.taskside.order import TaskOrder
from trc.settings import Settings, SharedState, settings_for, settings_of

_PROBE: Final = "trc.stdlib_tasks.duckdb_sql.run.probe:tell"
_PATIENCE: Final = 60.0
"""Seconds that a worker is waited for."""


@dataclass(frozen=True, slots=True)
class Health:
    """What was found, in the order in which it was looked at."""

    project: Path
    state: Path
    findings: tuple[Finding, ...]

    @property
    def has_errors(self) -> bool:
        return any(one.level == "error" for one in self.findings)


def doctor(place: Path) -> Health:
    """Looks at the project of a pipeline's file or of a folder. Nothing is changed: a probe file is removed again."""
    settings = _settings(place)
    return Health(settings.project, settings.state, tuple(_findings(settings)))


def _settings(place: Path) -> Settings:
    if not place.exists():
        raise stopped("TRC101", f'"{place}" cannot be read: there is no such file', "check the path", exit_code=2)
    if not place.is_dir():
        return settings_for(place)
    try:
        return settings_of(place)
    except Stopped as stop:
        if any(one.code != "TRC609" for one in stop.diagnostics):
            raise
        # Nothing has run here: the state will lie beside a pipeline that is put into the folder.
        return settings_for(place / "pipeline")


def _findings(settings: Settings) -> Iterator[Finding]:
    state, database = settings.state, settings.database
    # Before the first run there is no state folder: what is true of the project's will be true of it.
    folder = state if state.is_dir() else settings.project
    yield from look_at_place(folder, _shown(folder), time.time)
    yield from look_at_room(os.statvfs(folder), _shown(folder))
    if not isinstance(settings.records, Path):
        yield from _shared(settings, settings.records)
    elif database.exists():
        found = list(look_at_store(database))
        yield from found
        if all(one.level != "error" for one in found):
            yield from _recorded(settings)
    else:
        yield ok("store", "no run is recorded: the first one makes the state store")
    yield from look_at_worker(backend_named("local"), settings)
    yield _memory_limits()


def _memory_limits() -> Finding:
    groups: Any = import_module("trc.backends.local.groups")
    if next(groups.places(), None) is not None:
        return ok("memory-limits", "a limit of memory holds for all processes of a task together")
    return ok(
        "memory-limits",
        "a limit of memory holds for each process of a task by itself: this user may make no control groups",
    )


def _recorded(settings: Settings) -> Iterator[Finding]:
    try:
        with closing(open_store(settings.database)) as connection:
            reading = Reading(connection, load)
            yield from _told(settings, reading, reading)
    except sqlite3.DatabaseError as error:
        (told,) = refusal(error, settings.database).diagnostics
        yield Finding("store", "error", told.message, "; ".join(told.help))


def _shared(settings: Settings, shared: SharedState) -> Iterator[Finding]:
    """Of a state that is shared: the server, and what is recorded there."""
    try:
        if isinstance(shared.address, Address):
            yield from _in_database(settings, shared.address, shared)
        else:
            yield from _in_bucket(settings, shared.address)
    except Stopped as stop:
        (told,) = stop.diagnostics
        yield Finding("store", "error", told.message, "; ".join(told.help))


def _in_bucket(settings: Settings, address: BucketAddress) -> Iterator[Finding]:
    require_extra("s3", "boto3", "a state store on S3")
    health: Any = import_module("trc.runtime.health.bucket")
    found = list(health.look_at_bucket(objects_of(settings, address), time.time))
    yield from found
    if all(one.check != "schema" for one in found):
        with opened(settings) as store:
            yield from _told(settings, Reading(store.connection, load), None)


def _in_database(settings: Settings, address: Address, shared: SharedState) -> Iterator[Finding]:
    module: Any = import_module("trc.runtime.store.server")
    with closing(module.Server(address, password_of(settings.project, shared))) as server, server.refusing():
        reading = Reading(server, module.load)
        found = list(look_at_server(reading, address, time.time))
        yield from found
        if all(one.level != "error" for one in found) and is_current(reading):
            yield from _told(settings, reading, None)


def _told(settings: Settings, reading: Reading, cached: Reading | None) -> Iterator[Finding]:
    clock = SystemClock()
    going_on = unfinished(reading, clock)
    yield from look_at_runs(reading, going_on, clock)
    yield from look_at_messages(reading)
    yield look_at_staging(settings.state, going_on)
    writing = {run.pipeline for run in going_on.live}
    left = {run.pipeline: run.id for run in going_on.dead}
    yield from look_at_outputs(reading, cached, settings.state, writing, left)


def look_at_worker(backend: Backend, settings: Settings) -> Iterator[Finding]:
    """Starts a process as a task would get it, and has it tell what it is."""
    with tempfile.TemporaryDirectory(prefix="trc-doctor-") as folder:
        log = Path(folder) / "probe.log"
        order = TaskOrder(
            run="doctor",
            pipeline="doctor",
            task="probe",
            attempt=1,
            token="doctor",  # noqa: S106 - names an attempt, and opens nothing
            runs=_PROBE,
            project=str(settings.project),
            log=str(log),
            run_time="1970-01-01T00:00:00+00:00",
            idempotency_key="doctor",
        )
        executor = backend.executor(1, settings.state, options=settings.of_backend(backend.name))
        try:
            executor.start(order)
            end = _end(executor, order.token)
        finally:
            executor.close()
    if not isinstance(end, Ended):
        why = "it did not answer" if end is None else end.why
        yield Finding(
            "worker",
            "error",
            f"a worker process cannot be started: {why}",
            "look at the limits of processes and of memory",
        )
        return
    failure = end.result.failure
    if failure is not None:
        yield Finding("worker", "error", f"a worker process cannot work: {failure.message}", "install trc anew")
        return
    told = end.result.values
    yield ok("worker", f"tasks run with Python {told['python']} ({told['executable']})")
    if "problem" in told:
        yield Finding(
            "duckdb",
            "error",
            f"tasks cannot load DuckDB: {told['problem']}",
            "install it anew: `pip install --force-reinstall duckdb`",
        )
    else:
        yield ok("duckdb", f"tasks get DuckDB {told['duckdb']}")


def _end(executor: Executor, token: str) -> Ended | Lost | None:
    """How the attempt ended; None if that took too long."""
    until = time.monotonic() + _PATIENCE
    while (left := until - time.monotonic()) > 0:
        for report in executor.poll(left):
            if isinstance(report, (Ended, Lost)) and report.token == token:
                return report
    return None


def _shown(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
