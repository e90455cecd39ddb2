"""The process that a pipeline's file is run in: it answers through a pipe, and nothing that it began outlives it."""

from __future__ import annotations

import inspect
import json
import os
import re
import resource
import signal
import sys
import time
from types import FrameType, TracebackType
from typing import Any, NoReturn

import trc
from trc.authoring.document import Calls, Document
from trc.authoring.misuse import Misuse, nearest
from trc.authoring.pipeline import Pipeline
from trc.runtime.taskside.modules import load
from trc.runtime.taskside.processes import adopt_orphans, die_with_parent, end_children

_AWAITED = {signal.SIGCHLD, signal.SIGTERM}
_OWN = os.path.dirname(os.path.abspath(__file__)) + os.sep


def main(project: str, file: str, *numbers: int) -> NoReturn:
    """Runs `file`, relative to the folder `project`, in a child of this process, which waits for its end.

    `numbers` are the descriptor that the answer is written to, the process that asks, and the limits: seconds,
    and bytes of memory. A child whose time is over says where it is; one that does not is ended a second later,
    and this process ends as by SIGALRM, else as the child did.
    """
    answer, parent, seconds, memory = numbers
    signal.pthread_sigmask(signal.SIG_BLOCK, _AWAITED)
    die_with_parent(parent, signal.SIGTERM)
    adopt_orphans()
    own = os.getpid()
    child = os.fork()
    if child == 0:
        _become_child(own, project, file, answer, (seconds, memory))
    os.close(answer)
    status = _wait(child, seconds + 1)
    end_children()
    if status is None:
        _die(signal.SIGALRM)
    if os.WIFSIGNALED(status):
        _die(os.WTERMSIG(status))
    os._exit(os.WEXITSTATUS(status))


def _die(number: int) -> NoReturn:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if number not in {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    os._exit(1)


def _wait(child: int, seconds: int) -> int | None:
    """The child's wait status; None if its time is over, or SIGTERM says so."""
    end = time.monotonic() + seconds
    while True:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return status
        left = end - time.monotonic()
        told = signal.sigtimedwait(_AWAITED, max(left, 0))
        if left <= 0 or (told is not None and told.si_signo == signal.SIGTERM):
            return None


def _become_child(parent: int, project: str, file: str, answer: int, limits: tuple[int, int]) -> NoReturn:
    try:
        die_with_parent(parent, signal.SIGKILL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _AWAITED)
        os.chdir(project)
        sys.argv[:] = [file]
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        seconds, memory = limits
        _limit_memory(memory)
        signal.signal(signal.SIGALRM, _out_of_time)
        signal.setitimer(signal.ITIMER_REAL, seconds)
        _write(answer, _said(project, file))
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        # What the file left running, threads and handlers at exit, is not waited for.
        os._exit(0)


def _said(project: str, file: str) -> bytes:
    try:
        answer = _answer(project, file)
        signal.setitimer(signal.ITIMER_REAL, 0)
        return json.dumps(answer).encode()
    except (ValueError, RecursionError, MemoryError) as error:
        # Such as a number of more digits than Python writes.
        told = {"kind": "exception", "type": type(error).__name__, "message": _message(error), "at": None}
        return json.dumps({"failed": told}).encode()


class _OutOfTime(BaseException):
    """Raised where the file's code is when its time is over."""


def _out_of_time(_number: int, _frame: FrameType | None) -> NoReturn:
    raise _OutOfTime


def _limit_memory(limit: int) -> None:
    # This limit counts what can be written to: libraries reserve address space without using it.
    _soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))


def _write(descriptor: int, content: bytes) -> None:
    while content:
        content = content[os.write(descriptor, content) :]


def _answer(project: str, file: str) -> dict[str, Any]:
    path = os.path.join(project, file)
    calls = Calls(path)
    try:
        module = load(project, file)
        return _document(module, project, path, calls)
    except Misuse as mistake:
        return _misuse(mistake, calls)
    except _OutOfTime as end:
        return _failed(end, path, calls, "time")
    except SystemExit as end:
        return _failed(end, path, calls, "exit")
    except MemoryError as error:
        return _failed(error, path, calls, "memory")
    except BaseException as error:  # noqa: BLE001 - whatever the author's code raises
        return _failed(error, path, calls, "exception")


def _document(module: Any, project: str, path: str, calls: Calls) -> dict[str, Any]:
    found = {id(value): value for value in vars(module).values() if isinstance(value, Pipeline)}
    pipelines = list(found.values())
    if len(pipelines) != 1:
        return {"pipelines": [calls.where(one.spot.call) for one in pipelines]}
    told: dict[str, Any] = Document(project, path).pipeline(pipelines[0])
    return told


def _misuse(mistake: Misuse, calls: Calls) -> dict[str, Any]:
    return {
        "mistake": {
            "code": mistake.code,
            "message": mistake.message,
            "help": mistake.help,
            "at": calls.place(mistake.spot),
            "at_name": mistake.at_name,
            "related": [[calls.place(spot), text] for spot, text in mistake.related],
        },
        "calls": calls.places,
    }


def _failed(error: BaseException, path: str, calls: Calls, kind: str) -> dict[str, Any]:
    frames = [frame for frame in _frames(error.__traceback__) if not _is_ours(frame.tb_frame)]
    places = [
        calls.position(frame.tb_frame.f_code, frame.tb_lasti, frame.tb_lineno)
        for frame in frames
        if frame.tb_frame.f_code.co_filename == path
    ]
    inner = frames[-1] if frames else None
    told: dict[str, Any] = {
        "kind": kind,
        "type": type(error).__name__,
        "message": _message(error),
        "at": places[-1] if places else None,
    }
    if inner is not None and inner.tb_frame.f_code.co_filename != path:
        told["within"] = [inner.tb_frame.f_code.co_filename, inner.tb_lineno]
    if isinstance(error, SyntaxError):
        told["within"] = [error.filename, error.lineno]
        told["message"] = error.msg
    if isinstance(error, TypeError):
        told["call"] = _wrong_call(error)
    return {"failed": told}


def _frames(trace: TracebackType | None) -> list[TracebackType]:
    frames: list[TracebackType] = []
    while trace is not None:
        frames.append(trace)
        trace = trace.tb_next
    return frames


def _is_ours(frame: FrameType) -> bool:
    file = frame.f_code.co_filename
    return file.startswith((_OWN, "<frozen")) or file == load.__code__.co_filename


def _message(error: BaseException) -> str:
    try:
        if isinstance(error, SystemExit):
            return "" if error.code is None else str(error.code)
        return str(error)
    except Exception:  # noqa: BLE001 - it is the author's code that says it
        return ""


_CALLED = re.compile(r"(?:(\w+)\.)?(\w+)\(\) ")
_UNKNOWN = re.compile(r"got an unexpected keyword argument '(\w+)'")
_MISSING = re.compile(r"missing \d+ required (?:positional|keyword-only) arguments?: (.*)")


def _wrong_call(error: TypeError) -> dict[str, Any] | None:
    """What is wrong with the arguments of a call of trc, if it is one that Python refused."""
    called = _CALLED.match(str(error))
    if called is None:
        return None
    owner, name = called.groups()
    shown = owner if name == "__init__" else name
    known = _parameters(owner, name)
    if known is None:
        return None
    refused = str(error)[called.end() :]
    takes = f"it takes: {', '.join(known)}"
    unknown = _UNKNOWN.match(refused)
    if unknown is not None:
        word = unknown.group(1)
        return {
            "message": f'{shown}() has no argument "{word}"',
            "argument": word,
            "help": nearest(word, known, "it takes"),
        }
    missing = _MISSING.match(refused)
    if missing is not None:
        return {"message": f"{shown}() lacks {missing.group(1)}".replace("'", '"'), "help": [takes]}
    return {"message": f"{shown}() is given arguments that it does not take", "help": [takes]}


def _parameters(owner: str | None, name: str) -> list[str] | None:
    """The arguments of a function of trc, or of a class's method; None if it is not one that authors call."""
    home = Pipeline if owner == "Tasks" else vars(trc).get(owner or name)
    function = home if owner is None or name == "__init__" else getattr(home, name, None)
    if not callable(function) or not str(getattr(function, "__module__", "")).startswith("trc.authoring"):
        return None
    return [one for one in inspect.signature(function).parameters if one not in {"self", "options", "params"}]
