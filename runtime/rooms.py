"""Takes room under concurrency rules for a run's attempts, from all runs of the store."""

from __future__ import annotations

from dataclasses import dataclass

from trc.runtime.clock import Clock
from trc.runtime.drivers import is_driven
from trc.runtime.scheduler.commands import TakeRoom
from trc.runtime.scheduler.events import RoomFull, RoomTaken
from trc.runtime.store.journal import Journal, RunRecord, Transaction


@dataclass(frozen=True, slots=True)
class RoomKeeper:
    """Asks the store for room on behalf of one run."""

    journal: Journal
    run: RunRecord
    clock: Clock

    def take(self, command: TakeRoom, transaction: Transaction) -> RoomTaken | RoomFull:
        """Takes the room that is wanted, or stands in line. What dead runs take is freed."""
        full = self._take(command, transaction)
        if full is not None and self._freed(command, transaction):
            full = self._take(command, transaction)
        now = self.clock.now()
        if full is None:
            return RoomTaken(now, command.task, command.token)
        return RoomFull(now, command.task, command.token, full)

    def _take(self, command: TakeRoom, transaction: Transaction) -> str | None:
        return transaction.take_room(self.run.id, command.token, command.claims)

    def _freed(self, command: TakeRoom, transaction: Transaction) -> bool:
        """Whether a run that nobody drives any more kept anyone from room. Whoever takes it up asks anew."""
        others = [self.journal.run(run) for run in self.journal.takers(tuple(command.claims)) if run != self.run.id]
        drivers = self.journal.drivers()
        dead = [run for run in others if run is not None and not is_driven(run, drivers, self.clock)]
        for run in dead:
            transaction.free_room_of(run.id)
        return bool(dead)
