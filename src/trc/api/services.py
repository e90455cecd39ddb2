"""The circuit breakers of services, as all runs of a state store have them: listed, and closed by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from trc.api.recorded import recorded_in
from trc.runtime.clock import SystemClock
from trc.runtime.errors import stopped
from trc.runtime.store.journal import AttemptRecord, Service
from trc.runtime.store.sql import SqlStore

BreakerState = Literal["closed", "open", "half_open"]


@dataclass(frozen=True, slots=True)
class BreakerStatus:
    """How the breaker of a service stands; times in seconds since the epoch.

    `failures` are those that count while it is closed, the last of them at `failed_at`. `until` says when an open one lets a probe
    begin, `opened` how often it has opened since a probe last succeeded, `probe` which attempt a half open one waits for.
    """

    service: str
    state: BreakerState
    failures: int
    failed_at: float | None
    until: float | None
    opened: int
    probe: AttemptRecord | None


def breakers(folder: Path) -> tuple[BreakerStatus, ...]:
    """The breakers of all services that a run of the project's state store has told something of, by name."""
    with recorded_in(folder) as store:
        return tuple(_status(store, one) for one in store.services())


def reset_breakers(folder: Path, services: Sequence[str]) -> tuple[BreakerStatus, ...]:
    """Closes the breakers of services; answers how they stood. Who waits for one asks again within five seconds.

    Raises Stopped where nothing is recorded of one: then none is closed.
    """
    with recorded_in(folder) as store:
        known = {one.name: one for one in store.services()}
        for name in services:
            if name not in known:
                told = f"those that are known: {', '.join(known)}" if known else "no task has told of a service yet"
                raise stopped("TRC609", f'nothing is recorded of a service "{name}"', told)
        before = tuple(_status(store, known[name]) for name in dict.fromkeys(services))
        with store.transaction() as change:
            for name in services:
                change.put_service(Service(known[name].group, name))
    return before


def _status(store: SqlStore, one: Service) -> BreakerStatus:
    probe = None
    if one.state == "half_open" and one.run is not None:
        probe = next((attempt for attempt in store.attempts(one.run) if attempt.token == one.token), None)
    now = SystemClock().now()
    return BreakerStatus(
        one.name,
        one.state,
        len(one.failed_at),
        max(one.failed_at, default=None),
        one.until if one.state == "open" and one.until > now else None,
        one.opened,
        probe,
    )
