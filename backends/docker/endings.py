"""What it means that a container ended in the middle of an attempt."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from trc.backends.docker.containers import End
from trc.backends.local.endings import failure_at_end, failure_of_limit
from trc.runtime.taskside.result import Failure


def failure_of_end(end: End, ended: Mapping[str, Any], memory: int | None, retry_on: Sequence[int]) -> Failure:
    """The failure for a container that ended; `ended` is what its first process told of that, if it could."""
    code = end.code or 0
    if code and memory is not None and (end.is_oom or ended.get("killed")):
        return failure_of_limit(memory, ended.get("peak"), None, retry_on)
    status = ended.get("status")
    return failure_at_end(code if status is None else os.waitstatus_to_exitcode(status), None, retry_on)
