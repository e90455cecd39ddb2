"""Which attempts are live, and which task begins the next one: by rank, by slots, and by room under rules."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush

from trc.runtime.reasons import Reason
from trc.runtime.scheduler.commands import DropTimer, FreeRoom, LeaveLine, SetTimer, Start, Stop, TakeRoom, TellService
from trc.runtime.scheduler.course import Course
from trc.runtime.scheduler.events import AttemptQueued, RoomFull, RoomTaken, ServiceDown
from trc.runtime.scheduler.failures import never_began
from trc.runtime.scheduler.node import Node
from trc.runtime.scheduler.rules import LONGEST, PATIENCE, Line, Rooms, claims_of, groups_of, line_of
from trc.runtime.spec import BreakerSpec


class Slots:
    """`limit` bounds the attempts between their `Start` and their end; asynchronous ones have `async_limit` of their own."""

    def __init__(self, course: Course, limit: int, async_limit: int, token: Callable[[str, int], str]) -> None:
        self._course = course
        self.limit = limit
        self._async_limit = async_limit
        self._token = token
        self.live: dict[str, Node] = {}
        """By token, the attempts that take a slot."""
        self._live_async = 0
        """How many of them take an asynchronous one."""
        self._ready: list[tuple[int, Node]] = []
        """A heap of the pending tasks that only lack a slot."""
        self._ready_async: list[tuple[int, Node]] = []
        """As well, of those that have slots of their own."""
        self._rooms = Rooms()
        """The pending tasks that are under concurrency rules."""
        self.watches_starts = False
        """Whether a timer is set for attempts that do not begin."""

    # Who goes next

    def queue(self, node: Node) -> None:
        """The pending task begins an attempt as soon as it may."""
        node.phase = "idle"
        if node.spec.asks_first:
            self._rooms.enter(node)
        else:
            heappush(self._ready_async if self._is_async(node) else self._ready, (node.rank, node))

    def withdraw(self, node: Node) -> None:
        """The task is none of those that could begin."""
        if node.spec.asks_first:
            self._rooms.withdraw(node)
            if line_of(node) not in self._rooms.waiting:
                self._leave_line(line_of(node))
            return
        for ready in (self._ready, self._ready_async):
            if (node.rank, node) in ready:
                ready.remove((node.rank, node))
                heapify(ready)

    def clear(self) -> None:
        """No task begins any more."""
        self._ready.clear()
        self._ready_async.clear()
        for line in tuple(self._rooms.lined_up):
            self._leave_line(line)
        self._rooms.clear()

    def fill(self) -> None:
        """Begins as many attempts as there are slots for."""
        is_paused = self._course.is_paused
        while len(self.live) - self._live_async + len(self._rooms.asking) < self.limit and not is_paused:
            if self._rooms.waiting and self._ask_for_room(self._ready[0][0] if self._ready else None):
                continue
            if not self._ready:
                break
            node = heappop(self._ready)[1]
            self._claim(node, self._token(node.spec.name, node.attempt + 1))
        while self._ready_async and self._live_async < self._async_limit and not is_paused:
            self._live_async += 1
            node = heappop(self._ready_async)[1]
            self._claim(node, self._token(node.spec.name, node.attempt + 1))
        if self._rooms.fresh:
            self._tell_who_waits()

    def _is_async(self, node: Node) -> bool:
        # One that waits for room takes an ordinary slot.
        return node.spec.is_async and self._async_limit > 0 and not node.spec.asks_first

    def _claim(self, node: Node, token: str) -> None:
        course = self._course
        node.attempt += 1
        node.token = token
        node.phase = "live"
        node.claimed_at = node.waits_since = course.at
        node.started_at = None
        node.limit = None
        self.live[token] = node
        if not self.watches_starts and course.limits.start is not None:
            # One timer for all: most attempts begin at once.
            self.watches_starts = True
            course.effects.append(SetTimer("start", course.at + course.limits.start))
        course.move(node, "claimed")
        course.note(node, "claimed")
        course.effects.append(Start(node.spec.name, node.attempt, token))

    # What becomes of a live attempt

    def stop(self, node: Node, token: str) -> None:
        """Its end will be told, as of any other."""
        node.phase = "stopping"
        self._drop_timers(node, token)
        self._course.effects.append(Stop(node.spec.name, token))

    def free(self, node: Node, token: str) -> None:
        """The attempt is over."""
        del self.live[token]
        self._live_async -= self._is_async(node)
        if node.spec.asks_first:
            self._free_room(node, token)
        if node.phase == "live":
            self._drop_timers(node, token)
        node.phase = "idle"

    def _drop_timers(self, node: Node, token: str) -> None:
        if node.state == "running":
            self._course.effects.append(DropTimer(f"timeout:{token}"))
            if node.spec.heartbeat_timeout is not None:
                self._course.effects.append(DropTimer(f"heartbeat:{token}"))

    def still_queued(self, event: AttemptQueued) -> None:
        """It could not have begun: others are before it."""
        node = self.live.get(event.token)
        if node is not None:
            node.waits_since = event.at

    def end_unstarted(self) -> None:
        """Stops what was handed over long ago and has not begun, and looks again when the next could be due."""
        self.watches_starts = False
        start = self._course.limits.start
        assert start is not None, "nobody waits for attempts to begin"
        left = [node for node in self.live.values() if node.state == "claimed" and node.phase == "live"]
        for node in left:
            if node.waits_since + start <= self._course.at and node.token is not None:
                node.limit = never_began(start)
                self.stop(node, node.token)
        waiting = [node.waits_since for node in left if node.phase == "live"]
        if waiting:
            self.watches_starts = True
            self._course.effects.append(SetTimer("start", min(waiting) + start))

    # Who has room

    def _ask_for_room(self, before: int | None) -> bool:
        """Has the best task that may have room ask for it, unless another goes before it; whether one did."""
        node = self._rooms.first()
        if node is None or (before is not None and node.rank > before):
            return False
        token = self._token(node.spec.name, node.attempt + 1)
        self._rooms.ask(node, token)
        self._course.effects.append(TakeRoom(node.spec.name, token, claims_of(node), node.spec.breaker))
        return True

    def room_taken(self, event: RoomTaken) -> None:
        """The task may begin."""
        node = self._rooms.asking.pop(event.token)
        # It stands in line no more: whoever of the run is next asks anew.
        self._leave_line(line_of(node), is_told=False)
        self._tell_of_service(node)
        if node.state == "pending" and not self._course.is_paused:
            self._claim(node, event.token)
            return
        self._free_room(node, event.token)
        if node.spec.breaker is not None:
            self._course.effects.append(TellService(node.spec.name, event.token, "unknown"))
        if node.state == "pending":
            self._rooms.enter(node)

    def room_full(self, event: RoomFull) -> None:
        """The task stays in its line, which keeps its turn, and asks again."""
        node = self._rooms.asking.pop(event.token)
        line = line_of(node)
        self._rooms.lined_up.add(line)
        self._tell_of_service(node)
        if node.state == "pending":
            self._rooms.told_full(node, event.group)
            self._course.effects.append(SetTimer(_room_timer(line), self._course.at + PATIENCE))
        else:
            self._rooms.give_back(node)
            self._leave_line(line)

    def _tell_of_service(self, node: Node) -> None:
        """It is up: whom it kept waiting with this task waits for nothing, or for room."""
        for one in self._rooms.told_up(node):
            one.waits = None
            self._course.moved[one] = True

    def service_down(self, event: ServiceDown) -> None:
        """The task stays in its line, and asks again: another run may find the service up before the time is over."""
        node = self._rooms.asking.pop(event.token)
        if node.state != "pending":
            self._rooms.give_back(node)
            return
        line = line_of(node)
        self._rooms.lined_up.add(line)
        self._rooms.told_down(node)
        wait = min(max(event.until - self._course.at, PATIENCE), LONGEST)
        self._course.effects.append(SetTimer(_room_timer(line), self._course.at + wait))

    def look_for_room(self, line: Line) -> None:
        """Lets a line ask again. Where it cannot begin anything now, it keeps nobody else from it."""
        self._rooms.full.pop(line, None)
        self.fill()
        if all(line_of(node) != line for node in self._rooms.asking.values()):
            self._leave_line(line)

    def _leave_line(self, line: Line, *, is_told: bool = True) -> None:
        self._rooms.full.pop(line, None)
        if line in self._rooms.lined_up:
            self._rooms.lined_up.remove(line)
            self._course.effects.append(DropTimer(_room_timer(line)))
            if is_told and groups_of(line):
                self._course.effects.append(LeaveLine(groups_of(line)))

    def _free_room(self, node: Node, token: str) -> None:
        self._rooms.give_back(node)
        self._course.effects.append(FreeRoom(token))

    def _tell_who_waits(self) -> None:
        for node, lacks in self._rooms.lacking():
            why = (
                Reason("service_down", f'the service "{lacks.service}"')
                if isinstance(lacks, BreakerSpec)
                else Reason("no_room", f"{lacks.max} {lacks.shown}")
            )
            node.waits = why.to_json()
            self._course.moved[node] = True


def _room_timer(line: Line) -> str:
    return f"room:{' '.join(line)}"
