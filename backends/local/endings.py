"""What it means that a worker's process ended in the middle of an attempt."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from typing import Final

from trc.runtime.taskside.failures import exit_kind, signal_exit, signal_kind, signal_name
from trc.runtime.taskside.result import Failure
from trc.runtime.taskside.worker import LOST_PIPE

_MIB: Final = 1 << 20
_KILLED: Final = 137


def failure_at_end(code: int, memory: int | None, retry_on: Sequence[int]) -> Failure:
    """The failure for an exit code, negative for a signal; `memory` is the limit that the process had."""
    if code == LOST_PIPE:
        return Failure("the task closed file descriptors that it did not open; its result is lost", reason="exit")
    if code >= 0:
        message = f"the task's process ended with exit code {code} before it told a result"
        return Failure(message, exit_kind(code, retry_on), "exit", exit_code=code)
    number = -code
    kind, name = signal_kind(number, retry_on), signal_name(number)
    if memory is not None and number in (signal.SIGABRT, signal.SIGKILL):
        # What C++ libraries do when they are refused memory.
        return Failure(
            f"killed by {name} under its memory limit of {memory / _MIB:,.0f} MiB",
            kind,
            "memory",
            exit_code=signal_exit(number),
        )
    hint = " (out of memory?)" if number == signal.SIGKILL else ""
    return Failure(f"killed by {name}{hint}", kind, "signal", exit_code=signal_exit(number))


def failure_of_limit(memory: int, peak: int | None, before: Failure | None, retry_on: Sequence[int] = ()) -> Failure:
    """The failure for processes that the kernel killed at the limit; `before` is what the task said of that itself."""
    told = "" if peak is None else f"; it held {peak / _MIB:,.0f} MiB at most"
    message = f"killed at its memory limit of {memory / _MIB:,.0f} MiB{told}"
    if before is not None and before.exit_code is not None:
        return Failure(message, before.kind, "memory", exit_code=before.exit_code)
    return Failure(message, exit_kind(_KILLED, retry_on), "memory", exit_code=_KILLED)
