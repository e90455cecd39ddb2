"""The process above a worker: ends all that the worker started, however it ends, and when the orchestrator dies."""

from __future__ import annotations

import os
import resource
import select
import signal
import traceback
from contextlib import suppress
from functools import partial
from importlib import import_module
from typing import Any, Callable, NoReturn

from trc.runtime.taskside.processes import adopt_orphans, die_with_parent, end_children
from trc.runtime.taskside.worker import work


def guard(  # noqa: PLR0917 - as they come from the command line
    parent: int,
    orders: int,
    messages: int,
    memory: int | None = None,
    sealed: int | None = None,
    shared: int | None = None,
    shielded: int | None = None,
    group: int | None = None,
) -> NoReturn:
    """Forks the worker and stays until its whole process tree is gone; then ends as the worker ended.

    SIGTERM is passed on to the worker's process group; the end of the pipe `orders` is the order
    to kill everything, and comes by itself when the orchestrator dies. A `sealed` worker is given
    secrets: a process beside it masks what it prints. A `shared` one runs many attempts at a time. A guardian that
    is `shielded` has a process above it, which whoever started that may kill. `group` is the way into a control
    group, which the worker takes, and all that it starts is in it.
    """
    if shielded:
        parent = _behind_shield(orders, messages)
    wakeups, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGUSR1, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: None)
    # The kernel tells of the end of the *thread* that started this process: it is a reason to look.
    die_with_parent(parent, signal.SIGUSR1)
    adopt_orphans()
    own = os.getpid()
    masking, control = _beside(orders, messages, wakeups, wake) if sealed else (0, None)
    worker = os.fork()
    if worker == 0:
        signal.set_wakeup_fd(-1)
        os.close(wakeups)
        os.close(wake)
        if group is not None:
            _enter(group)
        _become_worker(own, partial(_shared() if shared else work, orders, messages, memory, control))
    os.close(messages)
    if group is not None:
        os.close(group)
    if control is not None:
        os.close(control)
    end_as(_watch(worker, parent, wakeups, orders, masking))


def _behind_shield(orders: int, messages: int) -> int:
    # Loaded where there are shields only.
    above: int = import_module("trc.runtime.taskside.shielded").shield(orders, messages)
    return above


def _beside(*close: int) -> tuple[int, int]:
    # Loaded for sealed workers only.
    logfilter: Any = import_module("trc.runtime.taskside.logfilter")
    process, control = logfilter.start_filter(close)
    return process, control


def _shared() -> Any:
    # Loaded for shared workers only.
    return import_module("trc.runtime.taskside.concurrent").work


def _enter(group: int) -> None:
    # Where it is refused, the limit of each process holds all the same.
    with suppress(OSError):
        os.write(group, b"0")
    os.close(group)


def _become_worker(guardian: int, run: Callable[[], None]) -> NoReturn:
    code = 1
    try:
        for number in (signal.SIGCHLD, signal.SIGUSR1):
            signal.signal(number, signal.SIG_DFL)
        os.setsid()
        die_with_parent(guardian, signal.SIGKILL)
        adopt_orphans()
        run()
        code = 0
    except BaseException:  # noqa: BLE001 - whatever it is, it must not unwind into the guardian's code
        traceback.print_exc()
    finally:
        os._exit(code)


def _watch(worker: int, parent: int, wakeups: int, orders: int, masking: int) -> int:
    """Waits for the worker's end, or for the order to end it; returns its wait status."""
    poll = select.poll()
    poll.register(wakeups, select.POLLIN)
    poll.register(orders, 0)
    status = None
    while status is None:
        events = dict(poll.poll())
        if wakeups in events and bytes([signal.SIGTERM]) in _drain(wakeups):
            _signal_group(worker, signal.SIGTERM)
        if orders in events or os.getppid() != parent:
            _signal_group(worker, signal.SIGKILL)
            status = os.waitpid(worker, 0)[1]
        else:
            status = _reap(worker)
    end_children(masking)
    if masking:
        import_module("trc.runtime.taskside.logfilter").await_filter(masking)
    return status


def _drain(wakeups: int) -> bytes:
    with suppress(BlockingIOError):
        return os.read(wakeups, 4096)
    return b""


def _signal_group(worker: int, number: int) -> None:
    try:
        os.killpg(worker, number)
    except ProcessLookupError:  # it has no group of its own yet
        os.kill(worker, number)


def _reap(worker: int) -> int | None:
    """Collects the dead; the worker's wait status if it is among them."""
    while True:
        process, status = os.waitpid(-1, os.WNOHANG)
        if process == worker:
            return status
        if process == 0:
            return None


def end_as(status: int) -> NoReturn:
    """Ends this process as the one did that has this wait status."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(os.WEXITSTATUS(status))
