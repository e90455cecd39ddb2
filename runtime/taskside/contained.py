"""The first process in a container: gives the engine's streams to a worker, and tells what its memory came to."""

from __future__ import annotations

import json
import os
import resource
import signal
from contextlib import suppress
from typing import NoReturn

from trc.runtime.taskside.guardian import end_as, guard

_PEAKS = ("/sys/fs/cgroup/memory.peak", "/sys/fs/cgroup/memory/memory.max_usage_in_bytes")
_KILLS = ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control")


def contain(sealed: bool) -> NoReturn:
    """Takes orders from standard input and sends messages to standard output, until the former ends.

    The last message is `ended`: the worker's wait status, the most memory that the container held, in bytes, how many of
    its processes the kernel killed for want of it, and the seconds of CPU that all of them used. Tasks find nothing of the two streams.
    """
    orders, messages = os.dup(0), os.dup(1)
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)
    os.close(nowhere)
    os.dup2(2, 1)
    os.set_blocking(orders, False)
    guardian = os.fork()
    if guardian == 0:
        guard(os.getppid(), orders, messages, None, 1 if sealed else None)
    os.close(orders)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda got, _frame: _pass_on(guardian, got))
    _, status = os.waitpid(guardian, 0)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    told = {"status": status, "peak": _first_number(_PEAKS), "killed": _killed(), "cpu": used.ru_utime + used.ru_stime}
    # The worker may have died in the middle of a message.
    with suppress(OSError):
        os.write(messages, b"\n" + json.dumps({"ended": told}).encode() + b"\n")
    end_as(status)


def _pass_on(guardian: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(guardian, number)


def _first_number(paths: tuple[str, ...]) -> int | None:
    for path in paths:
        with suppress(OSError, ValueError), open(path, encoding="ascii") as file:
            return int(file.read())
    return None


def _killed() -> int:
    for path in _KILLS:
        with suppress(OSError, ValueError), open(path, encoding="ascii") as file:
            for line in file:
                name, _, count = line.partition(" ")
                if name == "oom_kill":
                    return int(count)
    return 0
