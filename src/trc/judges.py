"""Judges many files side by side, in processes that are copies of this one."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from importlib import import_module
from typing import Final, assert_never

from trc import judging
from trc.checking import Job
from trc.compiler.choices import Choices
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.frontends.languages import parser_of
from trc.compiler.frontends.suffixes import SUFFIXES
from trc.compiler.source import SourceFile, Span
from trc.contexts import task_types
from trc.runtime.errors import Stopped
from trc.runtime.pool import Done, Ended, Raised, can_fork, run_all
from trc.runtime.surroundings import cores
from trc.verdict import Verdict

_MOST: Final = 4
"""How many processes there are at most: each takes some 40 MB beside what all of them share."""
_WORTH_ONE: Final = 40_000
"""Bytes of pipelines that take longer to judge than a process to start."""


def judge_all(jobs: Sequence[Job], choices: Choices, now: datetime, began_ns: int) -> list[Verdict]:
    """The verdicts on the files, in order. A file whose judgement ends its process is a mistake of that file."""
    processes = _processes(jobs)
    if processes > 1:
        _load(jobs)
    if processes < 2 or not can_fork():
        return [judging.judge(job, choices, now, began_ns) for job in jobs]

    def work(number: int) -> bytes:
        try:
            return pickle.dumps(judging.judge(jobs[number], choices, now, began_ns))
        except Stopped as stop:
            return pickle.dumps(stop)

    found: dict[int, Verdict] = {}
    stops: dict[int, Stopped] = {}
    for number, outcome in run_all(work, range(len(jobs)), processes):
        match outcome:
            case Done(data):
                answer = pickle.loads(data)  # noqa: S301 - from a copy of this process, through a pipe of its own
                if isinstance(answer, Stopped):
                    stops[number] = answer
                else:
                    found[number] = answer
            case Raised():
                found[number] = judging.judge(jobs[number], choices, now, began_ns)
            case Ended():
                found[number] = _broken(jobs[number], outcome)
            case _:
                assert_never(outcome)
    if stops:
        raise stops[min(stops)]
    return [found[number] for number in range(len(jobs))]


def _processes(jobs: Sequence[Job]) -> int:
    """As many as there are cores, if the work is worth them; what a pipeline that is code takes cannot be told."""
    size = sum(_WORTH_ONE if job.content is None else len(job.content) for job in jobs)
    return min(cores(), _MOST, len(jobs), size // _WORTH_ONE)


def _load(jobs: Sequence[Job]) -> None:
    """Loads once what each copy of this process would load for itself."""
    task_types()
    for suffix in {job.file.suffix.lower() for job in jobs}.intersection(SUFFIXES):
        parser_of(suffix)
    with suppress(ImportError):
        # The library alone: DuckDB's package starts a thread as it is loaded, and only a process of one can be copied.
        import_module("_duckdb")


def _broken(job: Job, ended: Ended) -> Verdict:
    """What there is to say of a file that ended the process which looked at it."""
    name = str(job.file)
    how = f"by signal {-ended.code}" if ended.code < 0 else f"with exit code {ended.code}"
    message = f'the process that looked at "{name}" ended before it was done, twice, {how}'
    remedy = ("it may have run out of memory; check the file by itself, and report it if that ends trc, too",)
    if job.content is None:
        return Verdict((Diagnostic("TRC616", message, help=remedy),))
    text = job.content.decode("utf-8", "replace").removeprefix("\ufeff")
    return Verdict((Diagnostic("TRC616", message, Span(name, 0, 0), help=remedy),), {name: SourceFile(name, text)})
