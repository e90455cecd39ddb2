"""The log on S3: one object a step, numbered without a gap, each written by whoever was first to take its place.

A writer takes the next place by creating its object, which only one can (`If-None-Match: *`), and thereby knows all that was
recorded before. It then does its work and puts the step in the place of the reservation, if that is still its own (`If-Match`).
A reservation whose writer has died is made void by the next one; from then on the first can record nothing in it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from secrets import token_hex
from typing import Final

from trc.runtime.drivers import boot_id
from trc.runtime.errors import Stopped
from trc.runtime.s3store import complaints
from trc.runtime.s3store.marker import Marker
from trc.runtime.s3store.objects import StateObjects
from trc.runtime.s3store.replica import Replica
from trc.runtime.s3store.segment import Reserved, Segment, Statement, Step, Void, decode, encode
from trc.runtime.storage.s3_client import Held
from trc.runtime.store.migrate import newest
from trc.runtime.taskside.records import record

SILENCE: Final = 30.0
"""Seconds after which a writer counts as dead that holds a place, and does not fill it."""
BUSY: Final = 120.0
"""Seconds after which a writer gives up that is not let in."""
TRUST: Final = 30.0
"""Seconds after which a copy asks whether what follows it in the log is there still, or was put into a checkpoint and removed."""
_POLL: Final = (0.05, 0.5)
_AHEAD: Final = 8
_VOID: Final = encode(Void())


class Behind(Exception):  # noqa: N818 - a signal, not an error
    """The copy has to begin anew from a checkpoint: what follows it is not in the log any more."""


@record(frozen=True, slots=True)
class Place:
    """A place in the log that is this writer's, and the ETag of what it holds."""

    number: int
    etag: str


class Log:
    """The log as a copy follows it. All but `look_ahead` happens while the copy's write lock is held."""

    def __init__(
        self,
        objects: StateObjects,
        replica: Replica,
        *,
        silence: float = SILENCE,
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._objects = objects
        self._replica = replica
        self._silence = silence
        self._pause = pause
        self._clock = clock
        self._boot = boot_id()
        self._sure_at = self._times()

    # ── reading ──

    def is_ahead(self) -> bool:
        """Whether somebody has recorded something that the copy has not; raises Behind where that is in a checkpoint by now."""
        began = self._times()
        held = self._objects.read(name_of(self._replica.standing.position + 1))
        if held is None:
            self._require_sound(began, self._replica.standing.position)
        return held is not None

    def follow(self) -> None:
        """Carries out what others have recorded, up to the first place that is free or kept for a step that is not done."""
        began, number = self._times(), self._replica.standing.position + 1
        for held in self._held_from(number):
            if held is None or isinstance(self._read(number, held), Reserved):
                break
            self._take(number, held)
            number += 1
        self._require_sound(began, number - 1)

    # ── writing ──

    def reserve(self) -> Place:
        """Takes the next place; the copy then has all that was recorded before it."""
        began, until = self._times(), self._clock() + BUSY
        own = encode(Reserved(self._replica.name, self._boot, token_hex(16)))
        while True:
            number = self._replica.standing.position + 1
            etag = self._objects.create(name_of(number), own)
            if etag is not None:
                self._require_own(began, Place(number, etag))
                return Place(number, etag)
            self._pass(until)

    def fill(self, place: Place, statements: list[Statement]) -> None:
        """Records a step in its place; raises `Stopped` where others have gone on without it."""
        body = encode(self._step(statements)) if statements else _VOID
        if self._objects.replace(name_of(place.number), body, place.etag) is None:
            raise complaints.overtaken(self._objects.address)

    def give_up(self, place: Place) -> None:
        """Lets others have what comes after a place in which nothing is to be recorded."""
        self._objects.replace(name_of(place.number), _VOID, place.etag)

    def append(self, statements: list[Statement]) -> None:
        """Records a step that asks for nothing, in one write."""
        began, until = self._times(), self._clock() + BUSY
        step = self._step(statements)
        body = encode(step)
        while True:
            number = self._replica.standing.position + 1
            etag = self._objects.create(name_of(number), body)
            if etag is not None:
                self._require_own(began, Place(number, etag))
                self._replica.carry_out(step)
                self._replica.move(number)
                return
            self._pass(until)

    def _step(self, statements: list[Statement]) -> Step:
        return Step(newest(), token_hex(16), tuple(statements))

    # ── what others have done ──

    def _held_from(self, number: int) -> Iterator[Held | None]:
        """The objects from a place on: the first few one by one, for there are seldom more, and then many at a time."""
        for one in range(number, number + 2):
            yield self._objects.read(name_of(one))
        with ThreadPoolExecutor(_AHEAD, "log") as streams:
            while True:
                number += _AHEAD
                yield from streams.map(self._objects.read, map(name_of, range(number - _AHEAD + 2, number + 2)))

    def _pass(self, until: float) -> None:
        """Carries out what is in the next places; waits while one is kept for a step that is not done, and lets no dead writer keep it."""
        if self._clock() > until:
            raise complaints.busy(self._objects.address)
        number = self._replica.standing.position + 1
        seen: tuple[str, float] | None = None
        wait = _POLL[0]
        while (held := self._objects.read(name_of(number))) is not None:
            found = self._read(number, held)
            if not isinstance(found, Reserved):
                self._take(number, held)
                number, seen, wait = number + 1, None, _POLL[0]
                continue
            if seen is None or seen[0] != held.etag:
                seen = (held.etag, self._clock())
            if self._is_dead(found) or self._clock() - seen[1] >= self._silence:
                self._objects.replace(name_of(number), _VOID, held.etag)
            elif self._clock() > until:
                raise complaints.busy(self._objects.address)
            else:
                self._pause(wait)
                wait = min(2 * wait, _POLL[1])

    def _is_dead(self, found: Reserved) -> bool:
        """Whoever holds a place of this copy holds its lock as well, which is ours now."""
        return found.replica == self._replica.name and found.boot == self._boot != ""

    def _take(self, number: int, held: Held) -> None:
        found = self._read(number, held)
        if isinstance(found, Step):
            try:
                self._replica.carry_out(found)
            except ValueError as error:
                raise self._damaged(number, str(error)) from error
        self._replica.move(number)

    def _read(self, number: int, held: Held) -> Segment:
        try:
            found = decode(held.body)
        except ValueError as error:
            raise self._damaged(number, f"cannot be read: {error}") from error
        if isinstance(found, Step) and found.version > newest():
            raise complaints.newer(self._objects.address, found.version, newest())
        return found

    def _damaged(self, number: int, what: str) -> Stopped:
        return complaints.damaged(self._objects.address, f'"{name_of(number)}"', what)

    # ── what is not in the log any more ──

    def _times(self) -> tuple[float, float]:
        """By the clock of the wall as well: the other one stands still while a machine sleeps."""
        return self._clock(), time.time()

    def _require_sound(self, began: tuple[float, float], position: int) -> None:
        """Raises Behind where the log may have been cut off behind the copy; `began` is when it was last known not to be."""
        now = self._times()
        if any(abs(after - before) > TRUST for after, before in zip(now, self._sure_at)):
            marker = Marker.read(self._objects)
            if marker is None or marker.checkpoint > position:
                raise Behind
        self._sure_at = began

    def _require_own(self, began: tuple[float, float], place: Place) -> None:
        """A place that was free because it had been removed is none to write to."""
        try:
            self._require_sound(began, place.number - 1)
        except Behind:
            self._objects.remove([name_of(place.number)])
            raise


def name_of(number: int) -> str:
    """The object of a place: their names have the order of their numbers."""
    return f"log/{number:012d}"
