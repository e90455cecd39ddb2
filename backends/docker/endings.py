"""What it means that a container ended in the middle of an attempt."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Final

from trc.backends.docker.containers import End
from trc.backends.local.endings import failure_at_end
from trc.runtime.taskside.failures import exit_kind
from trc.runtime.taskside.result import Failure

_MIB: Final = 1 << 20
_KILLED: Final = 137


def failure_of_end(end: End, ended: Mapping[str, Any], memory: int | None, retry_on: Sequence[int]) -> Failure:
    """The failure for a container that ended; `ended` is what its first process told of that, if it could."""
    code = end.code or 0
    if code and memory is not None and (end.is_oom or ended.get("killed")):
        return failure_of_limit(memory, ended, None, retry_on)
    status = ended.get("status")
    return failure_at_end(code if status is None else os.waitstatus_to_exitcode(status), None, retry_on)


def failure_of_limit(
    memory: int, ended: Mapping[str, Any], before: Failure | None, retry_on: Sequence[int] = ()
) -> Failure:
    """The failure for processes that the kernel killed at the limit; `before` is what the task said of that itself."""
    peak = ended.get("peak")
    told = "" if peak is None else f"; it held {peak / _MIB:,.0f} MiB at most"
    message = f"killed at its memory limit of {memory / _MIB:,.0f} MiB{told}"
    if before is not None and before.exit_code is not None:
        return Failure(message, before.kind, "memory", exit_code=before.exit_code)
    return Failure(message, exit_kind(_KILLED, retry_on), "memory", exit_code=_KILLED)
