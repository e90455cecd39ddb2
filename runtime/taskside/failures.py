"""From what ended an attempt to the failure that is told of it."""

from __future__ import annotations

import os
import signal
import traceback
from collections.abc import Sequence
from typing import Callable, Optional

from trc.runtime.taskside.errors import AttemptFailed, PermanentError, TemporaryError
from trc.runtime.taskside.result import Failure

_TRC_FOLDER = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))) + os.sep
_MAX_FRAMES = 20
_MAX_TRACE = 16_000


Mask = Optional[Callable[[str], str]]


def failure_of(error: BaseException, retry_on: Sequence[int] = (), mask: Mask = None) -> Failure | None:
    """Why the attempt failed, from what its code raised; None for `sys.exit(0)`. `mask` is as of `trace_of`."""
    if isinstance(error, AttemptFailed):
        return error.failure
    if isinstance(error, SystemExit):
        return _exit_failure(error, retry_on)
    kind, reason = "unknown", "error"
    if isinstance(error, TemporaryError):
        kind = "temporary"
    elif isinstance(error, PermanentError):
        kind = "permanent"
    elif isinstance(error, MemoryError):
        reason = "memory"
    name = type(error).__name__
    message = _text_of(error) or ("the task ran out of memory" if reason == "memory" else name)
    return Failure(message, kind, reason, name, trace_of(error, mask), classes=_classes(type(error)))


def exit_kind(code: int, retry_on: Sequence[int]) -> str:
    """Whether an exit code is worth a retry: the author's list decides where there is one."""
    if not retry_on:
        return "unknown"
    return "temporary" if code in retry_on else "permanent"


def signal_kind(number: int, retry_on: Sequence[int]) -> str:
    """As `exit_kind`, of a signal."""
    return exit_kind(signal_exit(number), retry_on)


def signal_exit(number: int) -> int:
    """The exit code by which shells and containers tell a signal."""
    return 128 + number


def signal_name(number: int) -> str:
    """Such as `SIGKILL`."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def trace_of(error: BaseException, mask: Mask = None) -> str:
    """The traceback without trc's own frames, its innermost part where it is long.

    `mask` is done to the whole of it: in what is cut off, half a secret would not be found.
    """
    try:
        told = traceback.TracebackException.from_exception(error)
        _keep_own_frames(told)
        text = "".join(told.format())
        return (mask(text) if mask else text)[-_MAX_TRACE:]
    except Exception:  # noqa: BLE001 - an exception's own __str__ may raise; its class must do then
        return type(error).__name__ + "\n"


def _classes(kind: type) -> tuple[str, ...]:
    """A class of exceptions and those above it, with their modules."""
    named = (one for one in kind.__mro__ if one not in (BaseException, object))
    return tuple(f"{one.__module__}.{one.__qualname__}" for one in named)


def _exit_failure(error: SystemExit, retry_on: Sequence[int]) -> Failure | None:
    if error.code is None or error.code == 0:
        return None
    if isinstance(error.code, int):
        message = f"the task ended with exit code {error.code}"
        return Failure(message, exit_kind(error.code, retry_on), "exit", "SystemExit", exit_code=error.code)
    return Failure(str(error.code), exit_kind(1, retry_on), "exit", "SystemExit", exit_code=1)


def _text_of(error: BaseException) -> str:
    try:
        return str(error).strip()
    except Exception:  # noqa: BLE001 - user code: an exception's __str__ may raise anything
        return ""


def _keep_own_frames(told: traceback.TracebackException) -> None:
    seen = set()
    pending = [told]
    while pending:
        one = pending.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        frames = [frame for frame in one.stack if not _is_ours(frame.filename)]
        one.stack = traceback.StackSummary.from_list(frames[-_MAX_FRAMES:])
        pending.extend(cause for cause in (one.__cause__, one.__context__) if cause is not None)


def _is_ours(filename: str) -> bool:
    return filename.startswith((_TRC_FOLDER, "<frozen importlib"))
