"""Judges many files side by side, each in one of a few processes."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

from trc.checking import Job
from trc.compiler.choices import Choices
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.judging import judge
from trc.runtime.taskside.libc import LIBC
from trc.verdict import Verdict

Judge = partial[Verdict]
_EACH: Final = 4
"""How many files are worth a process of their own."""
_DIES_WITH_PARENT: Final = 1
_THREADS: Final = Path("/proc/self/task")


def judge_all(jobs: Sequence[Job], choices: Choices, now: datetime, began_ns: int) -> list[Verdict]:
    """The verdicts on the files, in order. A file whose judgement ends its process is a mistake of that file."""
    processes = min(_cores(), max(1, len(jobs) // _EACH))
    if processes == 1:
        return [judge(job, choices, now, began_ns) for job in jobs]
    judged = _side_by_side([partial(judge, job, choices, now, began_ns) for job in jobs], processes)
    return [found or _alone(partial(judge, job, choices, now, began_ns), job) for found, job in zip(judged, jobs)]


def _side_by_side(work: Sequence[Judge], processes: int) -> list[Verdict | None]:
    """What each comes to; None for those that were not done when a process broke."""
    with _pool(processes) as pool:
        futures = [pool.submit(one) for one in work]
        try:
            return [_result(future) for future in futures]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _alone(work: Judge, job: Job) -> Verdict:
    """Judged once more in a process of its own: whoever breaks that one is to blame."""
    with _pool(1) as pool:
        found = _result(pool.submit(work))
    return found or Verdict((_broken(job),))


def _result(future: Future[Verdict]) -> Verdict | None:
    try:
        return future.result()
    except BrokenProcessPool:
        return None


def _pool(processes: int) -> ProcessPoolExecutor:
    # A copy of this process is ready at once; but with other threads, such as an engine's, it could wait for one for ever.
    context = multiprocessing.get_context("fork" if _is_alone() else "spawn")
    return ProcessPoolExecutor(processes, context, _prepare, (os.getpid(),))


def _is_alone() -> bool:
    """Whether this process has one thread, and can have copies."""
    try:
        return len(list(_THREADS.iterdir())) == 1
    except OSError:
        return False


def _prepare(parent: int) -> None:
    """It ends with whom it works for, who alone listens to Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if LIBC is not None:
        LIBC.prctl(_DIES_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def _broken(job: Job) -> Diagnostic:
    return Diagnostic(
        "TRC616",
        f'the process that looked at "{job.file}" ended before it was done',
        help=("it may have run out of memory; check the file by itself, and report it if that ends trc, too",),
    )


def _cores() -> int:
    with suppress(AttributeError):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
