"""Takes room under concurrency rules for a run's attempts, and asks whether a service may be tried, from all runs of the store."""

from __future__ import annotations

from trc.runtime.clock import Clock
from trc.runtime.drivers import is_driven
from trc.runtime.scheduler.breaker import Breaker, Limits
from trc.runtime.scheduler.commands import TakeRoom, TellService
from trc.runtime.scheduler.events import RoomFull, RoomTaken, ServiceDown
from trc.runtime.spec import BreakerSpec
from trc.runtime.store.journal import Journal, RunRecord, Service, Transaction
from trc.runtime.taskside.records import record


@record(frozen=True, slots=True)
class RoomKeeper:
    """Asks the store for room on behalf of one run."""

    journal: Journal
    run: RunRecord
    clock: Clock

    def take(self, command: TakeRoom, transaction: Transaction) -> RoomTaken | RoomFull | ServiceDown:
        """Takes the room that is wanted, or stands in line. What dead runs take is freed."""
        now = self.clock.now()
        breaker = None if command.breaker is None else self._breaker(command.breaker, transaction, now)
        if breaker is not None and not breaker.may_call(now):
            return ServiceDown(now, command.task, command.token, now + breaker.wait(now))
        full = self._take(command, transaction)
        if full is not None and self._freed(command, transaction):
            full = self._take(command, transaction)
        if full is not None:
            return RoomFull(self.clock.now(), command.task, command.token, full)
        if breaker is not None and command.breaker is not None and breaker.state != "closed":
            probing = _service(command.breaker, breaker.called(now))
            transaction.put_service(probing._replace(run=self.run.id, token=command.token))
        return RoomTaken(now, command.task, command.token)

    def tell(self, command: TellService, spec: BreakerSpec, transaction: Transaction) -> None:
        """What an attempt has found of its service. Of one that begins anew, an earlier attempt knows nothing."""
        known, now = transaction.service(spec.group), self.clock.now()
        before = _breaker_of(spec, known)
        if known is not None and known.state == "half_open" and known.token != command.token:
            return
        match command.found:
            case "up":
                after = before.succeeded()
            case "down":
                after = before.failed(now)
            case "unknown":
                after = before.unclear(now)
        if after != before:
            transaction.put_service(_service(spec, after))

    def _breaker(self, spec: BreakerSpec, transaction: Transaction, now: float) -> Breaker:
        """How the service stands; a probe whose run nobody drives any more is none."""
        known = transaction.service(spec.group)
        breaker = _breaker_of(spec, known)
        if known is not None and known.state == "half_open" and known.run not in (None, self.run.id):
            run = self.journal.run(known.run or "")
            if run is None or not is_driven(run, self.journal.drivers(), self.clock):
                return breaker.unclear(now)
        return breaker

    def _take(self, command: TakeRoom, transaction: Transaction) -> str | None:
        return transaction.take_room(self.run.id, command.token, command.claims) if command.claims else None

    def _freed(self, command: TakeRoom, transaction: Transaction) -> bool:
        """Whether a run that nobody drives any more kept anyone from room. Whoever takes it up asks anew."""
        others = [self.journal.run(run) for run in self.journal.takers(tuple(command.claims)) if run != self.run.id]
        drivers = self.journal.drivers()
        dead = [run for run in others if run is not None and not is_driven(run, drivers, self.clock)]
        for run in dead:
            transaction.free_room_of(run.id)
        return bool(dead)


def _breaker_of(spec: BreakerSpec, known: Service | None) -> Breaker:
    # A probe takes as long as its task may: whether it still goes on, the journal tells.
    limits = Limits(spec.failures, spec.window, spec.rest, longest=max(Limits().longest, spec.rest), patience=_FOR_EVER)
    if known is None:
        return Breaker(limits)
    return Breaker(limits, known.state, known.failed_at, known.until, known.opened)


def _service(spec: BreakerSpec, breaker: Breaker) -> Service:
    return Service(spec.group, spec.service, breaker.state, breaker.failed_at, breaker.until, breaker.opened)


_FOR_EVER = 1e9
