"""Runs one attempt in this process, from its order to its result."""

from __future__ import annotations

import contextlib
import importlib
import json
import operator
import os
import resource
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Callable

from trc.runtime.taskside.capture import Capture, captured, flush
from trc.runtime.taskside.checks import checked
from trc.runtime.taskside.errors import AttemptFailed, PermanentError
from trc.runtime.taskside.failures import Mask, failure_of
from trc.runtime.taskside.order import TaskOrder
from trc.runtime.taskside.outputs import measure
from trc.runtime.taskside.result import AttemptResult, Failure, Verdict, WrittenOutput
from trc.runtime.taskside.submitting import Submissions
from trc.runtime.taskside.surroundings import surroundings
from trc.runtime.taskside.task import Ended, InputData, OutputData, Report, TaskContext, TaskResult

Work = Callable[[TaskOrder, TaskContext], Any]
MAX_VALUES = 256 * 1024
_ENGINE_SHARE = 0.75
_KINDS = ("temporary", "permanent", "unknown")


def execute(  # noqa: PLR0917 - what an attempt is run with
    order: TaskOrder,
    report: Report,
    settle: Callable[[], None] = lambda: None,
    capture: Capture = captured,
    flush_log: Callable[[], None] = flush,
    mask: Mask = None,
    find: Callable[[str], Work] | None = None,
) -> AttemptResult:
    """Runs the attempt and tells how it ended; of what the task raises, only KeyboardInterrupt passes.

    `settle` is called when the task's code is done and before its outputs are looked at: the place
    to end what the code left running. `capture` points what is printed at the order's log, and
    `flush_log` has what was printed so far be in it. `mask` is done to texts before they are shortened.
    `find` answers what an order's `runs` means; by default that is looked for among modules.
    Raises ValueError for an order with secrets, which `sealed` runs.
    """
    if order.secrets:
        raise ValueError("an order with secrets is run sealed")
    started_at = time.time()
    usage = _Usage()
    outcome = TaskResult()
    failure: Failure | None = None
    try:
        with (
            capture(order.log),
            surroundings(order.project, {**order.trace, **order.env} if order.trace else order.env),
        ):
            failure, outcome = _attempt(order, report, flush_log, mask, find or function_of)
            settle()
    except OSError as error:
        failure = Failure(f"the attempt could not begin: {error}", "temporary", "error", type(error).__name__)
    verdicts: tuple[Verdict, ...] = ()
    if failure is None and order.checks is not None:
        failure, verdicts = checked(order, order.checks, mask)
    outputs: tuple[WrittenOutput, ...] = ()
    if failure is None:
        try:
            outputs = tuple(measure(one, outcome) for one in order.outputs)
        except (AttemptFailed, OSError) as error:
            failure = failure_of(error)
    cpu_seconds, peak_memory = usage.taken()
    return AttemptResult(
        token=order.token,
        failure=failure,
        outputs=outputs,
        values=outcome.values,
        message=outcome.message,
        started_at=started_at,
        ended_at=time.time(),
        cpu_seconds=cpu_seconds,
        peak_memory=peak_memory,
        checks=verdicts,
        submitted=outcome.submitted,
    )


def _attempt(
    order: TaskOrder, report: Report, flush_log: Callable[[], None], mask: Mask, find: Callable[[str], Work]
) -> tuple[Failure | None, TaskResult]:
    owner = os.getpid()
    raised: BaseException | None = None
    returned: Any = None
    context: TaskContext | None = None
    try:
        context = context_of(order, report, flush_log)
        returned = find(order.runs)(order, context)
    except Ended as end:
        returned = end.result
    except BaseException as error:  # noqa: BLE001 - a task may raise anything, SystemExit included
        raised = error
    if os.getpid() != owner:
        # A child that the task forked has come back here: it must not go on as a second worker.
        flush()
        os._exit(0 if raised is None else 1)
    if isinstance(raised, KeyboardInterrupt):
        raise raised
    if raised is None:
        try:
            return judged(order, returned, context)
        except (AttemptFailed, PermanentError) as error:
            raised = error
    failure = failure_of(raised, order.retry_on, mask)
    if failure is not None and failure.trace:
        tell(failure.trace)
    return failure, TaskResult()


def tell(trace: str) -> None:
    """Has the trace be in the attempt's log."""
    with contextlib.suppress(Exception):  # the task may have put anything in the place of its stream
        sys.stderr.write(trace)


def function_of(runs: str) -> Work:
    """What `module:function` names."""
    module, _, name = runs.partition(":")
    function: Work = getattr(importlib.import_module(module), name)
    return function


def context_of(order: TaskOrder, report: Report, flush_log: Callable[[], None]) -> TaskContext:
    """What the task is given."""
    return TaskContext(
        run=order.run,
        pipeline=order.pipeline,
        task=order.task,
        attempt=order.attempt,
        run_time=order.run_time,
        idempotency_key=order.idempotency_key,
        trace=order.trace,
        args=order.params.get("args") or {},
        inputs={one.name: InputData(one.name, one.format, one.files) for one in order.inputs},
        outputs={one.name: OutputData(one.name, one.format, one.path, one.uri) for one in order.outputs},
        item=None if order.item is None else order.item.value,
        report=report,
        submissions=Submissions(order.project),
        flush_log=flush_log,
        engine=partial(_engine, order),
    )


def _engine(order: TaskOrder) -> dict[str, Any]:
    """What bounds a DuckDB that the task's code is given relations of."""
    settings: dict[str, Any] = {}
    # Buffers are what DuckDB can bound; the rest of a limit is for what it cannot.
    memory = order.memory_share if order.memory is None else int(order.memory * _ENGINE_SHARE)
    if memory is not None:
        settings["memory_limit"] = f"{memory}B"
    if order.threads is not None:
        settings["threads"] = order.threads
    folder = order.scratch or (os.path.dirname(order.outputs[0].path) if order.outputs else os.path.dirname(order.log))
    settings["temp_directory"] = os.path.join(folder, f"spill-{os.getpid()}")
    return settings


def judged(order: TaskOrder, returned: Any, context: TaskContext | None = None) -> tuple[Failure | None, TaskResult]:
    """What the returned value means, and what was submitted; raises AttemptFailed or PermanentError for what may not be."""
    failure, outcome = _judged(order, returned)
    if failure is None and context is not None:
        if context.saved:
            counted = {name: rows for name, rows in context.saved.items() if rows is not None}
            outcome = replace(outcome, rows={**counted, **outcome.rows})
        submitted = context.submissions.taken()
        if submitted:
            outcome = replace(outcome, submitted=submitted)
    return failure, outcome


def _judged(order: TaskOrder, returned: Any) -> tuple[Failure | None, TaskResult]:
    if returned is None:
        return None, TaskResult()
    if isinstance(returned, TaskResult):
        outcome = returned
    elif isinstance(returned, Mapping):
        outcome = TaskResult(values=dict(returned))
    else:
        raise _refused(
            f"the task returned a {type(returned).__name__}; it may return a TaskResult, a mapping of small values, or None"
        )
    if not outcome.success:
        return _told_failure(outcome), TaskResult()
    if outcome.data is not None:
        outcome = replace(outcome, data=None, values={**_mapping(outcome.data), **outcome.values})
    tuples = {one.name: outcome.tuples[one.name] for one in order.outputs if one.tuples and one.name in outcome.tuples}
    rows = _rows(order, outcome)
    return None, TaskResult(message=str(outcome.message), values=_values(outcome), rows=rows, tuples=tuples)


def _told_failure(outcome: TaskResult) -> Failure:
    """The failure that a task returns; its `error` is a kind, an exception, or a text that says more."""
    message = str(outcome.message).strip()
    error = outcome.error
    if isinstance(error, BaseException):
        found = failure_of(error)
        if found is not None:
            # It was not raised: there is no place in the code that it would tell.
            return replace(found, message=f"{message}: {found.message}" if message else found.message, trace="")
        error = "unknown"
    if error not in _KINDS:
        message = f"{message}: {error}" if message and error else message or str(error or "")
        error = "unknown"
    return Failure(message or "the task reported a failure without a message", str(error))


def _mapping(data: Any) -> dict[str, Any]:
    if not isinstance(data, Mapping):
        raise _refused(f"the task returned data that is a {type(data).__name__}; it may be a mapping of small values")
    return dict(data)


def _values(outcome: TaskResult) -> dict[str, Any]:
    if not outcome.values:
        return {}
    try:
        text = json.dumps(outcome.values, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise _refused(f"the task returned values that JSON cannot hold: {error}") from error
    if len(text) > MAX_VALUES:
        raise _refused(
            f"the task returned {len(text):,} bytes of values; at most {MAX_VALUES:,} are kept: write data to an output"
        )
    values: dict[str, Any] = json.loads(text)
    return values


def _rows(order: TaskOrder, outcome: TaskResult) -> dict[str, int]:
    names = [one.name for one in order.outputs]
    rows = {}
    for name, count in outcome.rows.items():
        if name not in names:
            raise _refused(f'the task counted rows of "{name}", which is not among its outputs: {", ".join(names)}')
        try:
            rows[name] = operator.index(count)
        except TypeError as error:
            raise _refused(f'the task counted {count!r} rows of "{name}"; a whole number is needed') from error
    return rows


def _refused(message: str) -> AttemptFailed:
    return AttemptFailed(Failure(message, "permanent", "error", PermanentError.__name__))


class _Usage:
    """What this process and its children use from now on."""

    def __init__(self) -> None:
        self._own = resource.getrusage(resource.RUSAGE_SELF)
        self._children = resource.getrusage(resource.RUSAGE_CHILDREN)

    def taken(self) -> tuple[float, int]:
        """Seconds of CPU, and the largest resident size in bytes: a child counts where it was larger than all before it."""
        own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
        before = self._own.ru_utime + self._own.ru_stime + self._children.ru_utime + self._children.ru_stime
        unit = 1 if sys.platform == "darwin" else 1024
        if own.ru_maxrss > self._own.ru_maxrss:
            _forget_peak()
        peak = max(own.ru_maxrss, children.ru_maxrss if children.ru_maxrss > self._children.ru_maxrss else 0)
        return max(0.0, round(spent - before, 6)), peak * unit


def _forget_peak() -> None:
    """Has the next attempt in this process start from what it holds then, and not from this one's peak."""
    try:
        descriptor = os.open("/proc/self/clear_refs", os.O_WRONLY | os.O_CLOEXEC)
    except OSError:  # not Linux, or not allowed: the peak is then that of the whole process
        return
    try:
        os.write(descriptor, b"5")
    except OSError:
        return
    finally:
        os.close(descriptor)
