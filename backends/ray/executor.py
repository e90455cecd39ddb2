"""Runs attempts on a Ray cluster: in actors, each of which hosts one attempt at a time, and serves others after it."""

from __future__ import annotations

import atexit
import selectors
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any, Final
from uuid import uuid4

import trc
from trc.backends.ray.cluster import Cluster
from trc.backends.ray.host import Begin, Command, Greeting, Host, Stop, Terms
from trc.backends.ray.options import RayOptions
from trc.backends.ray.shapes import Shape, shape_of
from trc.backends.ray.troubles import bad_node, first_line, infeasible, not_started, severed
from trc.backends.ray.watch import Post, Watch
from trc.backends.trouble import Trouble
from trc.backends.workshop import Workshop
from trc.runtime.clock import Clock
from trc.runtime.executor import Ended, Lost, Needed, Queued, Report, Severed, Started, Unavailable
from trc.runtime.spec import TaskSpec
from trc.runtime.taskside.order import TaskOrder
from trc.runtime.taskside.result import AttemptResult, Failure

_TELL_QUEUED: Final = 0.5
"""Seconds between two times that it is told who waits for others."""
_LOOK: Final = 1.0
"""Seconds between two looks for nodes that can run what none could."""
_LOOK_AROUND: Final = 5.0
"""Seconds between two looks for nodes that joined or left, while all that are known are busy."""
_PATIENCE: Final = 10.0
"""Seconds in which hosts have to end what they run, at the end."""
_STRIKES: Final = 3
"""Hosts that end before they greet, one after the other, until no more are tried."""
_FOLDER: Final = "ray"
_CALLS: Final = 8
"""Calls that a host takes at a time: one waits for reports, while others bring commands."""


@dataclass(slots=True, eq=False)
class Hosted:
    """A host as the run sees it. It is `greeted` once it can run attempts."""

    shape: Shape
    actor: Any
    greeted: Greeting | None = None
    running: TaskOrder | None = None
    has_begun: bool = False
    number: int = 0
    """Of the last exchange that was asked for."""
    heard: int = 0
    """Of the last exchange whose answer was taken in."""
    early: dict[int, tuple[Report, ...]] = field(default_factory=dict[int, tuple[Report, ...]])
    """Answers that came ahead of their order."""
    commands: list[Command] = field(default_factory=list[Command])
    """What it is still to be told."""
    kind: tuple[object, ...] = ()
    """What its worker process is warm for."""

    @property
    def is_idle(self) -> bool:
        return self.greeted is not None and self.running is None


class RayExecutor:
    """Implements `Executor` with at most `workers` hosts; of a cluster that is joined, with as many as it has processors.

    Ray is loaded, and the cluster joined or started, when there is something to run. What takes its time is done
    beside the run's own thread.
    """

    def __init__(
        self, workers: int, state: Path, environ: Mapping[str, str], clock: Clock, options: RayOptions
    ) -> None:
        self._most = options.workers or workers
        self._clock = clock
        self._options = options
        self._cluster = Cluster(options, self._most, environ)
        self._mark = state.absolute() / _FOLDER / uuid4().hex
        self._actor: Any = None
        self._nodes: tuple[Shape, ...] = ()
        self._opened: bool | Trouble | None = None
        """Whether the cluster is there; None before it was asked for, and False until it answers."""
        self._is_open = Event()
        self._watch: Watch | None = None
        self._severed: Trouble | None = None
        """Why there is no cluster any more."""
        self._unfit: dict[Shape, float] = {}
        """What no node can hold, and since when that is known, on the monotonic clock."""
        self._looked_at = 0.0
        self._is_looking = False
        self._strikes = 0
        self._waiting: deque[TaskOrder] = deque()
        self._hosts: list[Hosted] = []
        self._reports: list[Report] = []
        self._told_queued_at = time.monotonic()
        # One thread: Ray's processes end with the thread that started them.
        self._workshop = Workshop(1)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._workshop.news, selectors.EVENT_READ, self._workshop.settle)
        atexit.register(self.close)

    @property
    def slots(self) -> int:
        # What no node can hold keeps no host from others.
        return self._most + sum(shape_of(order) in self._unfit for order in self._waiting)

    @property
    def async_slots(self) -> int:
        return 0

    def expect(self, tasks: Sequence[TaskSpec]) -> None:
        if tasks:
            self._open()

    def prepare(self, ahead: Sequence[Needed]) -> None:
        """Waits for the cluster. Raises `Unavailable` where there is none."""
        if not ahead:
            return
        self._open()
        self._is_open.wait()
        self._workshop.settle()
        if isinstance(self._opened, Trouble):
            raise Unavailable(self._opened.failure, tuple(task for one in ahead for task in one.tasks))

    def make_ready(self, order: TaskOrder) -> bool:
        del order
        return False

    def start(self, *orders: TaskOrder) -> None:
        self._open()
        self._waiting += orders
        self._hand_out()

    def stop(self, token: str, grace: float) -> None:
        for order in self._waiting:
            if order.token == token:
                self._waiting.remove(order)
                self._lose(token, "stopped")
                return
        for host in self._hosts:
            if host.running is not None and host.running.token == token:
                self._tell(host, Stop(token, grace))
                return

    def poll(self, timeout: float | None) -> Sequence[Report]:
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            wait = 0.0 if self._reports or not self._is_busy(end) else self._until(end)
            for key, _events in self._selector.select(wait):
                key.data()
            self._raise_if_severed()
            self._hand_out()
            if self._reports or (end is not None and time.monotonic() >= end) or not self._is_busy(end):
                reports, self._reports = self._reports, []
                if time.monotonic() - self._told_queued_at >= _TELL_QUEUED:
                    reports += self._queued()
                return reports

    def close(self) -> None:
        atexit.unregister(self.close)
        self._waiting.clear()
        hosts, self._hosts = self._hosts, []
        if self._watch is not None:
            self._watch.close()
        if self._opened is not None:
            self._is_open.wait()
            self._workshop.do(partial(self._end, hosts))
        self._workshop.close()
        self._selector.close()

    # ── the cluster ──

    def _open(self) -> None:
        if self._opened is None:
            self._opened = False
            self._workshop.do(self._join)

    def _join(self) -> None:
        try:
            nodes, posts = self._cluster.open(), self._cluster.posts()
            self._mark.parent.mkdir(parents=True, exist_ok=True)
            self._mark.write_text(self._mark.name, encoding="utf-8")
        except Trouble as trouble:
            found = partial(self._failed, trouble)
        except Exception as error:  # noqa: BLE001 - nobody would be told: the orders would wait for ever
            found = partial(self._failed, not_started(error))
        else:
            found = partial(self._joined, nodes, posts)
        self._workshop.tell(found)
        self._is_open.set()

    def _failed(self, trouble: Trouble) -> None:
        self._opened = trouble

    def _joined(self, nodes: tuple[Shape, ...], posts: tuple[Post, ...]) -> None:
        self._opened = True
        self._watch = Watch(posts, lambda post: self._workshop.tell(partial(self._sever, post)))
        self._actor = self._cluster.ray.remote(Host)
        self._count(nodes)

    def _count(self, nodes: Sequence[Shape]) -> None:
        """As many attempts run at a time as the nodes have processors that are there now."""
        self._nodes = tuple(nodes)
        if self._cluster.is_joined and self._options.workers is None:
            self._most = max(1, int(sum(node.cpus for node in nodes)))

    def _sever(self, post: Post) -> None:
        self._severed = severed(self._cluster.address, post.name)
        self._cluster.abandon()

    def _raise_if_severed(self) -> None:
        """Raises `Severed` where something runs or waits that nobody will tell anything of."""
        if self._severed is None:
            return
        running = tuple(host.running for host in self._hosts if host.running is not None)
        # Items are told as their task, which has a place.
        tasks = dict.fromkeys(order.task.partition("[")[0] for order in running or self._waiting)
        if tasks:
            raise Severed(self._severed.failure, tuple(tasks))

    def _end(self, hosts: Sequence[Hosted]) -> None:
        """Ends the hosts with what runs below them, and leaves the cluster."""
        if self._opened is True and self._severed is None:
            # A host that was not heard of may be on its way: it ends when it is there.
            leaving = [host.actor.leave.remote() for host in hosts if host.greeted is not None]
            with suppress(Exception):
                self._cluster.ray.wait(leaving, num_returns=len(leaving), timeout=_PATIENCE)
            for host in hosts:
                with suppress(Exception):
                    self._cluster.ray.kill(host.actor)
        self._mark.unlink(missing_ok=True)
        with suppress(OSError):  # another run has its own there, or nothing was written
            self._mark.parent.rmdir()
        self._cluster.close()

    # ── handing out ──

    def _hand_out(self) -> None:
        """Gives waiting orders to hosts, and sees to it that there are hosts for the others."""
        if self._opened is None or self._opened is False:
            return
        if isinstance(self._opened, Trouble):
            while self._waiting:
                self._fail(self._waiting.popleft().token, self._opened.failure)
            return
        idle = [host for host in self._hosts if host.is_idle]
        for _ in range(len(self._waiting)):
            order = self._waiting.popleft()
            fitting = _best(idle, order)
            if fitting is None:
                self._waiting.append(order)
            else:
                idle.remove(fitting)
                self._give(fitting, order)
        if self._waiting:
            self._hire(idle)
        self._look_around()

    def _hire(self, idle: list[Hosted]) -> None:
        """Asks Ray for hosts of the shapes that are waited for; those that have nothing to do make room."""
        wanted = Counter(map(shape_of, self._waiting))
        wanted -= Counter(host.shape for host in self._hosts if host.greeted is None)
        self._look_for_nodes(wanted)
        for shape, count in wanted.items():
            for _ in range(0 if shape in self._unfit else count):
                if len(self._hosts) >= self._most:
                    if not idle:
                        return
                    self._dismiss(idle.pop())
                self._launch(shape)
        if any(host.greeted is None for host in self._hosts):
            # They may hold what Ray waits for.
            for host in idle:
                self._dismiss(host)

    def _look_for_nodes(self, wanted: Mapping[Shape, int]) -> None:
        """Keeps what no node can hold from waiting for ever."""
        now = time.monotonic()
        for shape in wanted:
            if any(shape.fits(node) for node in self._nodes):
                self._unfit.pop(shape, None)
            else:
                self._unfit.setdefault(shape, now)
        patience = self._options.wait_for_nodes if self._cluster.is_joined else 0
        for shape, since in list(self._unfit.items()):
            if now - since >= patience:
                del self._unfit[shape]
                failure = infeasible(shape, self._nodes, patience)
                for order in [one for one in self._waiting if shape_of(one) == shape]:
                    self._waiting.remove(order)
                    self._fail(order.token, failure)

    def _look_around(self) -> None:
        """Has nodes be looked for that joined or left, where that may change what can run."""
        is_full = sum(host.running is not None for host in self._hosts) + len(self._waiting) >= self._most
        every = _LOOK if self._unfit else _LOOK_AROUND if is_full and self._cluster.is_joined else None
        if every is not None and not self._is_looking and time.monotonic() - self._looked_at >= every:
            self._is_looking = True
            self._workshop.do(self._look)

    def _look(self) -> Callable[[], None]:
        try:
            return partial(self._saw, self._cluster.nodes())
        except Exception:  # noqa: BLE001 - a head that does not answer is told by whoever watches it
            return partial(self._saw, None)

    def _saw(self, nodes: tuple[Shape, ...] | None) -> None:
        self._looked_at, self._is_looking = time.monotonic(), False
        if nodes:
            self._count(nodes)

    def _launch(self, shape: Shape) -> None:
        terms = Terms(trc.__version__, str(self._mark), self._mark.name, shape.cpus)
        asked = self._actor.options(
            num_cpus=shape.cpus,
            num_gpus=shape.gpus,
            memory=shape.memory or None,
            resources=dict(shape.resources),
            label_selector=dict(shape.labels),
            max_concurrency=_CALLS,
            scheduling_strategy="SPREAD",
        )
        host = Hosted(shape, asked.remote(terms))
        self._hosts.append(host)
        self._await(host.actor.greet.remote(), partial(self._met, host), host)

    def _dismiss(self, host: Hosted) -> None:
        """Lets go of a host that runs nothing."""
        self._hosts.remove(host)
        self._cluster.ray.kill(host.actor)

    def _met(self, host: Hosted, greeting: Greeting) -> None:
        self._strikes = 0
        if greeting.refusal:
            self._dismiss(host)
            self._fail_waiting(bad_node(*greeting.refusal))
            return
        host.greeted = greeting
        self._exchange(host)

    def _give(self, host: Hosted, order: TaskOrder) -> None:
        host.running, host.has_begun, host.kind = order, False, _kind(order)
        self._tell(host, Begin(order))

    def _tell(self, host: Hosted, command: Command) -> None:
        host.commands.append(command)
        self._exchange(host)

    def _exchange(self, host: Hosted) -> None:
        host.number += 1
        commands, host.commands = host.commands, []
        self._await(host.actor.exchange.remote(host.number, commands), partial(self._answered, host), host)

    # ── listening ──

    def _await(self, reference: Any, then: Callable[[Any], None], host: Hosted) -> None:
        """Has an answer of a host be taken in by the run's own thread."""

        def arrived(future: Future[Any]) -> None:
            error = future.exception()
            self._workshop.tell(partial(self._gone, host, error) if error else partial(then, future.result()))

        reference.future().add_done_callback(arrived)

    def _answered(self, host: Hosted, answer: tuple[int, tuple[Report, ...]]) -> None:
        if host not in self._hosts:
            return
        number, reports = answer
        host.early[number] = reports
        while host.heard + 1 in host.early:
            host.heard += 1
            for report in host.early.pop(host.heard):
                self._hear(host, report)
        if host.heard == host.number:
            self._exchange(host)

    def _hear(self, host: Hosted, report: Report) -> None:
        self._reports.append(report)
        if isinstance(report, Started):
            host.has_begun = True
        elif isinstance(report, Ended | Lost):
            host.running = None

    def _gone(self, host: Hosted, error: BaseException) -> None:
        """Its process or its node is gone, or it never came to be."""
        if host not in self._hosts:
            return
        self._hosts.remove(host)
        with suppress(Exception):
            self._cluster.ray.kill(host.actor)
        if host.running is not None:
            where = f" on node {host.greeted.node[:12]}" if host.greeted is not None else ""
            self._lose(host.running.token, f"its Ray actor{where} died: {_why(error)}")
        elif host.greeted is None:
            self._strikes += 1
            if self._strikes >= _STRIKES:
                self._strikes = 0
                self._fail_waiting(_not_hosted(error))

    def _fail_waiting(self, failure: Failure) -> None:
        while self._waiting:
            self._fail(self._waiting.popleft().token, failure)

    def _queued(self) -> Iterator[Report]:
        """Those that wait for others to end, or for a host."""
        self._told_queued_at, now = time.monotonic(), self._clock.now()
        return (Queued(order.token, now) for order in self._waiting)

    def _fail(self, token: str, failure: Failure) -> None:
        now = self._clock.now()
        self._reports.append(Ended(token, now, AttemptResult(token, failure, started_at=now, ended_at=now)))

    def _lose(self, token: str, why: str) -> None:
        self._reports.append(Lost(token, self._clock.now(), why))

    def _until(self, end: float | None) -> float | None:
        deadlines = [] if end is None else [end]
        if self._unfit:
            deadlines.append(self._looked_at + _LOOK)
        return max(0.0, min(deadlines) - time.monotonic()) if deadlines else None

    def _is_busy(self, end: float | None) -> bool:
        """Whether waiting without a limit could be answered by anything."""
        return end is not None or bool(self._waiting) or any(host.running is not None for host in self._hosts)


def _kind(order: TaskOrder) -> tuple[object, ...]:
    """What a worker process has to be like for the order."""
    return order.environment, tuple(sorted(order.env.items())), tuple(one.ref for one in order.secrets)


def _best(idle: Sequence[Hosted], order: TaskOrder) -> Hosted | None:
    """A host that the order fits, one whose worker process is warm for it if there is one."""
    shape, kind = shape_of(order), _kind(order)
    fitting = [host for host in idle if host.shape == shape]
    return next((host for host in fitting if host.kind == kind), fitting[0] if fitting else None)


def _why(error: BaseException) -> str:
    """What Ray says of the end of an actor, without its advice."""
    said = str(error)
    if "is unavailable" in said:
        return "its node does not answer"
    for mark in ("Worker exit detail: ", "The actor is dead because "):
        if mark in said:
            said = said.partition(mark)[2]
            break
    return said.partition(". Some common causes")[0].partition("\n")[0].strip() or first_line(error)


def _not_hosted(error: BaseException) -> Failure:
    said = str(error)
    if "No module named 'trc" in said:
        return bad_node(
            "a node of the Ray cluster does not have trc",
            f"install it on all nodes: pip install 'trc-pipelines[ray]=={trc.__version__}'",
        )
    return bad_node(f"no process for tasks can be started on the Ray cluster: {_why(error)}")
