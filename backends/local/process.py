"""One worker process as the orchestrator sees it: its pipes, and what it was handed."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import field
from pathlib import Path
from typing import IO, Final

import trc
from trc.backends.local.groups import Group
from trc.backends.local.pace import Pace
from trc.runtime.taskside.capture import blank_name
from trc.runtime.taskside.records import record
from trc.runtime.taskside.worker import BEGIN, PRELOAD, READY

PREFETCH_LIMIT: Final = select.PIPE_BUF - len(READY)
"""The longest order, in bytes, that may wait behind another: a pipe of packets keeps it in one piece."""
_CHUNK: Final = 1 << 16
"""As much as a pipe holds. The memory for more than that would be mapped and given back for each read."""
_PIPE: Final = 32
"""How many packets a pipe is asked to hold; where the user's pipes hold much already, it holds fewer."""
_HOME: Final = str(Path(trc.__file__).parent.parent)
_BOOTSTRAP: Final = (
    # Without -P, which some Pythons do not know, the first place is that of the current folder.
    "import sys; sys.path[:1] = [sys.argv[1]] + [one for one in sys.path[:1] if one]; from trc.runtime.taskside.guardian import guard; "
    "del sys.path[0]; sys.path.append(sys.argv[1]); "
    "guard(*(int(one) if one else None for one in sys.argv[2:]))"
)


@record(frozen=True, slots=True)
class Interpreter:
    """What a worker process is: a Python, and the folder where it finds the task side, after all that it has itself.

    `variables` are set before those that tasks declare.
    """

    python: str = sys.executable
    options: tuple[str, ...] = ("-P", "-s")
    task_side: str = _HOME
    variables: tuple[tuple[str, str], ...] = ()


OWN: Final = Interpreter()
"""trc's own Python, with all that is installed beside it."""


@record(frozen=True, slots=True)
class Kind:
    """What a worker process must be like to run an order: its variables, its memory limit, its secrets, its environment.

    Secrets, by their references, seal it: a process that has had one serves no task that is not given the same.
    """

    env: tuple[tuple[str, str], ...] = ()
    memory: int | None = None
    secrets: tuple[str, ...] = ()
    environment: str = ""

    @property
    def is_single_use(self) -> bool:
        """A limited process holds on to memory, which the next attempt would miss."""
        return self.memory is not None


@record(frozen=True, slots=True)
class Handed:
    """An order on its way: its line, and the kind of worker that it takes."""

    token: str
    line: bytes = field(repr=False)
    """It may hold the values of secrets."""
    kind: Kind
    log: str
    retry_on: tuple[int, ...] = ()
    takes_turns: bool = False
    """Whether it is a query over much data, of which few run at a time."""


class WorkerProcess:
    """A worker and the guardian above it. Orders wait in its pipe, in packets, behind the one that runs."""

    def __init__(
        self,
        kind: Kind,
        environ: Mapping[str, str],
        errors: IO[bytes],
        interpreter: Interpreter = OWN,
        *,
        is_shielded: bool = False,
        group: Group | None = None,
    ) -> None:
        self.kind = kind
        self.group = group
        """What bounds its memory and that of all that it starts together."""
        self.running: Handed | None = None
        self.ready: Handed | None = None
        """The order that it has read, or is about to, and begins when it is told."""
        self.queued: deque[Handed] = deque()
        """The orders in its pipe, in the order in which it will take them."""
        self.pace = Pace()
        self.since = 0.0
        """When the running order began, on the monotonic clock."""
        self.has_spoken = False
        self.stopping: str | None = None
        """The token of the attempt that it is being ended for."""
        self.deadline: float | None = None
        """When it is ended by force, on the monotonic clock."""
        self._log_folders: set[str] = set()
        self._unsent = b""
        self._lines = Lines()
        own, self._orders = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC | os.O_DIRECT)
        self.messages, theirs = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self.messages, False)
        self._taken_back = own
        self._most_queued = _packets(own) - 1
        try:
            self._process = spawn(
                kind, environ, errors, own, theirs, interpreter=interpreter, is_shielded=is_shielded, group=group
            )
        except OSError:
            for descriptor in (own, self._orders, self.messages):
                os.close(descriptor)
            raise
        finally:
            os.close(theirs)
            if group is not None:
                group.leave()
        self.exit: int | None = os.pidfd_open(self._process.pid)
        """Readable when the process is gone."""

    @property
    def is_idle(self) -> bool:
        return self.running is None and self.ready is None and not self.queued and self.stopping is None

    @property
    def has_turn(self) -> bool:
        """Whether it runs a query over much data, or is about to."""
        orders = (self.running, self.ready, *self.queued)
        return any(one.takes_turns for one in orders if one is not None)

    @property
    def depth(self) -> int:
        """How many orders may wait in its pipe while one runs."""
        return min(self.pace.depth, self._most_queued)

    @property
    def is_ahead(self) -> bool:
        """Whether one more order may wait in its pipe."""
        if self.running is None or self.stopping is not None or len(self.queued) >= self.depth:
            return False
        return len(self.running.line) <= PREFETCH_LIMIT and not self.kind.is_single_use

    @property
    def has_unsent(self) -> bool:
        return bool(self._unsent)

    @property
    def orders(self) -> int:
        """The descriptor that orders are written to."""
        return self._orders

    def send(self, handed: Handed) -> bool:
        """Puts an order into the pipe, or as much as fits: the rest follows with `send_rest`.

        Tells whether it begins at once: the worker is warm and waits.
        """
        begins = self.has_spoken and self.running is None
        if begins:
            self.running = handed
            self.since = time.monotonic()
        else:
            self.queued.append(handed)
        self._log_folders.add(handed.log.rpartition("/")[0])
        self._unsent = handed.line
        self.send_rest()
        return begins

    def preload(self, runs: str) -> None:
        """Has it load, before there is an order, what a task of the type that `runs` names needs."""
        with suppress(BlockingIOError):
            os.write(self._orders, PRELOAD + runs.encode() + b"\n")

    def make_ready(self, handed: Handed) -> bool:
        """Has the worker, which is idle, read an order that it may have to begin; tells whether there was place."""
        try:
            os.write(self._orders, READY + handed.line)
        except BlockingIOError:
            return False
        self.ready = handed
        return True

    def begin(self) -> Handed:
        """Has the worker begin what it was made ready for."""
        assert self.ready is not None
        self.running, self.ready = self.ready, None
        self.since = time.monotonic()
        self._log_folders.add(self.running.log.rpartition("/")[0])
        self._unsent = BEGIN
        self.send_rest()
        return self.running

    def send_rest(self) -> None:
        with suppress(BlockingIOError):
            while self._unsent:
                self._unsent = self._unsent[os.write(self._orders, self._unsent) :]

    def take_back(self) -> list[Handed]:
        """The orders that wait and were not taken: they are then as if never sent.

        The worker may read at the same time. What it takes while an order in front of that is in our
        hands comes first, so that even the one that was to run may turn out to wait.
        """
        running = self.running
        if not self.queued or running is None or self._unsent:
            return []
        unread = set(self.unread())
        if not unread.isdisjoint((READY + running.line, BEGIN)):
            # It was made ready for it and told to begin, and has not taken both: that is as if neither.
            unread.add(running.line)
        returned = [handed for handed in self.queued if handed.line in unread]
        taken = deque(handed for handed in self.queued if handed.line not in unread)
        if running.line in unread:
            if taken:
                self.running = taken.popleft()
                returned.insert(0, running)
            else:
                os.write(self._orders, running.line)
        self.queued = taken
        return returned

    def unread(self) -> list[bytes]:
        """What the worker has not taken; it is gone from the pipe."""
        packets = []
        with suppress(BlockingIOError):
            while packet := os.read(self._taken_back, _CHUNK):
                packets.append(packet)
        return packets

    def never_took(self, handed: Handed, unread: list[bytes]) -> bool:
        """Whether the worker ended before it had all of an order; `unread` was in the pipe then."""
        if len(handed.line) <= PREFETCH_LIMIT:
            halves = (READY + handed.line, BEGIN) if handed is self.running else ()
            return any(packet in unread for packet in (handed.line, *halves))
        return bool(unread or self._unsent)

    def began(self) -> Handed | None:
        """The first order in the pipe, if there is one, is now the one that runs."""
        self.running = self.queued.popleft() if self.queued else None
        self.since = time.monotonic()
        return self.running

    def receive(self) -> list[bytes] | None:
        """The lines that have arrived; None when there will be no more."""
        return self._lines.receive(self.messages)

    def terminate(self) -> None:
        """Asks the attempt's processes to end."""
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Has all of the attempt's processes ended, whatever they do; their end is seen at `exit`."""
        if self._orders >= 0:
            os.close(self._orders)
            self._orders = -1

    def collect(self) -> int:
        """Waits for the end, which is near, and returns the exit code; a signal's number is negative."""
        self.kill()
        try:
            code = self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        if self.group is not None:
            self.group.remove()
        for descriptor in (self.messages, self._taken_back, self.exit):
            if descriptor is not None and descriptor >= 0:
                os.close(descriptor)
        for folder in self._log_folders:
            with suppress(OSError):
                Path(folder, blank_name(self._process.pid)).unlink()
        self.messages = self._taken_back = -1
        self.exit = None
        return code


class Lines:
    """What arrives through a pipe that does not block, line by line."""

    def __init__(self) -> None:
        self._received = b""

    def receive(self, pipe: int) -> list[bytes] | None:
        """The lines that have arrived; None when there will be no more."""
        lines: list[bytes] = []
        while True:
            try:
                chunk = os.read(pipe, _CHUNK)
            except BlockingIOError:
                return lines
            if not chunk:
                return lines or None
            *complete, self._received = (self._received + chunk).split(b"\n")
            lines += complete
            if len(chunk) < _CHUNK:
                return lines


def spawn(
    kind: Kind,
    environ: Mapping[str, str],
    errors: IO[bytes],
    orders: int,
    messages: int,
    *,
    interpreter: Interpreter = OWN,
    is_shared: bool = False,
    is_shielded: bool = False,
    group: Group | None = None,
) -> subprocess.Popen[bytes]:
    """Starts a guardian, and the worker under it, with its ends of the two pipes; the worker goes into the `group`.

    One that is shared runs many attempts at a time, one that is shielded outlives this process being told to kill its children.
    """
    memory = "" if kind.memory is None else str(kind.memory)
    flags = ["1" if one else "" for one in (kind.secrets, is_shared, is_shielded)]
    entry = () if group is None else (group.entry,)
    arguments = [interpreter.task_side, str(os.getpid()), str(orders), str(messages), memory, *flags, *map(str, entry)]
    return subprocess.Popen(
        [interpreter.python, *interpreter.options, "-c", _BOOTSTRAP, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=errors,
        stderr=errors,
        pass_fds=(orders, messages, *entry),
        env={**environ, **dict(interpreter.variables), **dict(kind.env)},
        cwd="/",
        start_new_session=True,
    )


def _packets(pipe: int) -> int:
    """How many packets the pipe holds, after asking for more than it does by itself."""
    page = os.sysconf("SC_PAGE_SIZE")
    with suppress(OSError):
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE * page)
    return fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ) // page
