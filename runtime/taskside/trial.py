"""Runs one task by itself, for the tests of its author: as a run would, without a pipeline, a store or a process of its own."""

from __future__ import annotations

import contextlib
import inspect
import os
import shutil
import sys
import tempfile
import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from typing import Any, Union

from trc.runtime.taskside.calling import call
from trc.runtime.taskside.capture import captured, open_stream
from trc.runtime.taskside.data import OutputData
from trc.runtime.taskside.digest import digest_of
from trc.runtime.taskside.handing import kind_of, rows_in
from trc.runtime.taskside.items import OrderItem
from trc.runtime.taskside.order import OrderInput, OrderOutput, TaskOrder
from trc.runtime.taskside.records import record
from trc.runtime.taskside.result import AttemptResult, Failure
from trc.runtime.taskside.run import execute
from trc.runtime.taskside.saving import save
from trc.runtime.taskside.task import TaskResult

RUN_TIME = "2026-01-01T00:00:00+00:00"
_FORMATS = {".parquet": "parquet", ".csv": "csv", ".tsv": "csv", ".json": "json", ".jsonl": "json", ".ndjson": "json"}
_NAMES = ("parquet", "csv", "json", "file")
Outputs = Union[str, Sequence[str], Mapping[str, str], None]


@record(frozen=True)
class TaskOutput:
    """What the task has written: a file, its size in bytes, its digest, and its rows where they are counted."""

    name: str
    format: str
    path: str
    size: int
    digest: str
    rows: int | None = None

    def read_bytes(self) -> bytes:
        """All of it."""
        with open(self.path, "rb") as file:
            return file.read()

    def read_text(self) -> str:
        """All of it, as UTF-8."""
        return self.read_bytes().decode()

    def read_rows(self) -> list[dict[str, Any]]:
        """Its rows; all values of CSV are texts. Parquet takes DuckDB or PyArrow."""
        return rows_in(self.path, self.format)


@record(frozen=True)
class DataRead:
    """A file that the task was given to read, as it was before."""

    name: str
    path: str
    size: int
    digest: str


@record(frozen=True)
class TaskLineage:
    """What was read and what was written, by which code: its file, with the digest of it."""

    task: str
    run: str
    code: str
    code_digest: str
    reads: tuple[DataRead, ...]
    writes: tuple[TaskOutput, ...]


@record(frozen=True)
class TaskRun:
    """How a task ended. `outputs` are there where it succeeded: of one that failed, nothing is published."""

    result: TaskResult
    outputs: Mapping[str, TaskOutput]
    lineage: TaskLineage
    log: str
    progress: tuple[tuple[int | None, int | None], ...]
    """What the task told of how far it is, in order; a sign of life alone is two times None."""
    submitted: tuple[Mapping[str, Any], ...]
    """The sub-tasks that begin with its success."""
    failure: Failure | None = field(default=None, repr=False)

    @property
    def output(self) -> TaskOutput:
        """The only output; raises ValueError where there are several, or none."""
        if len(self.outputs) != 1:
            why = f": the task failed: {self.result.message}" if self.failure is not None else ""
            raise ValueError(f"the task has {len(self.outputs)} outputs{why}")
        return next(iter(self.outputs.values()))


def run_task(
    work: Any,
    params: Mapping[str, Any] | None = None,
    /,
    *,
    inputs: Mapping[str, Any] | None = None,
    outputs: Outputs = None,
    item: Any = None,
    env: Mapping[str, str] | None = None,
    run_time: str = RUN_TIME,
    attempt: int = 1,
    **more: Any,
) -> TaskRun:
    """Runs a function or a `BaseTask` once, with `params` and `more` as its arguments, and answers how it ended; it raises nothing of the task's.

    An input is a path, a list of paths, or data that is written to a file first: a list of dicts, a relation, a table or a
    frame. `outputs` are a format or a file's name for the only output, a list of names, or a mapping from names to either.
    The task works in the current folder; its files lie in a folder that goes with the answer. Raises TypeError and
    ValueError for what cannot be an input or an output.
    """
    project = os.getcwd()
    folder = tempfile.mkdtemp(prefix="trc-task-")
    try:
        name = _name_of(work)
        order = TaskOrder(
            run="trial",
            pipeline="trial",
            task=name,
            attempt=attempt,
            token=f"{name}/{attempt}",
            runs="",
            project=project,
            log=os.path.join(folder, "log"),
            run_time=run_time,
            idempotency_key=f"trial/{name}",
            params={"args": {**(params or {}), **more}},
            inputs=tuple(_input(key, one, folder) for key, one in (inputs or {}).items()),
            outputs=tuple(_outputs(outputs, folder)),
            env=dict(env or {}),
            item=None if item is None else OrderItem(item),
        )
        run = _run(work, order)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    weakref.finalize(run, shutil.rmtree, folder, True)
    return run


def _run(work: Any, order: TaskOrder) -> TaskRun:
    progress: list[tuple[int | None, int | None]] = []
    reads = tuple(DataRead(one.name, path, *digest_of(path)) for one in order.inputs for path in one.files)
    ended = execute(
        order,
        lambda done, total: progress.append((done, total)),
        capture=_printed,
        find=lambda _runs: lambda _order, context: _done(call(work, context)),
    )
    outputs = {} if ended.failure is not None else _written(order, ended)
    code = _file_of(work)
    lineage = TaskLineage(
        order.task, order.run, code, digest_of(code)[1] if code else "", reads, tuple(outputs.values())
    )
    return TaskRun(_result(ended), outputs, lineage, _text(order.log), tuple(progress), ended.submitted, ended.failure)


def _done(returned: Any) -> Any:
    if not inspect.isawaitable(returned):
        return returned
    import asyncio  # noqa: PLC0415 - tasks that are not asynchronous do without it

    async def entry() -> Any:
        return await returned

    return asyncio.run(entry())


@contextlib.contextmanager
def _printed(log: str) -> Iterator[None]:
    """As `captured`; Python's streams go there too, whatever a test runner has put into their place."""
    with captured(log):
        sys.stdout, sys.stderr = open_stream(1), open_stream(2)
        yield


def _name_of(work: Any) -> str:
    function = getattr(work, "function", None) or work
    name = getattr(function, "__name__", None) or type(function).__name__
    return str(name)


def _file_of(work: Any) -> str:
    function = getattr(work, "function", None) or work
    try:
        return (
            inspect.getsourcefile(
                function if callable(function) and hasattr(function, "__code__") else _class_of(function)
            )
            or ""
        )
    except TypeError:
        return ""


def _class_of(work: Any) -> Any:
    return work if isinstance(work, type) else type(work)


def _input(name: str, given: Any, folder: str) -> OrderInput:
    if isinstance(given, (str, os.PathLike)):
        return _files(name, [given])
    if isinstance(given, (list, tuple)) and given and all(isinstance(one, (str, os.PathLike)) for one in given):
        return _files(name, list(given))
    form = "parquet" if kind_of(type(given)) else "json"
    path = os.path.join(folder, f"input-{len(os.listdir(folder))}.{form}")
    is_rows = isinstance(given, (list, tuple)) and all(isinstance(one, Mapping) for one in given)
    if not is_rows and form == "json":
        raise TypeError(
            f'the input "{name}" is a {type(given).__name__}; give a path, a list of paths, a list of dicts, a relation, a table or a frame'
        )
    save(given, OutputData(name, form, path))
    return OrderInput(name, form, (path,))


def _files(name: str, given: Sequence[Any]) -> OrderInput:
    paths = tuple(os.path.abspath(os.fspath(one)) for one in given)
    gone = [path for path in paths if not os.path.isfile(path)]
    if gone:
        raise ValueError(f'there is no file "{gone[0]}", which is to be the input "{name}"')
    return OrderInput(name, _format(paths[0]), paths)


def _format(path: str) -> str:
    return _FORMATS.get(os.path.splitext(path)[1].lower(), "file")


def _outputs(given: Outputs, folder: str) -> Iterator[OrderOutput]:
    if isinstance(given, str):
        given = {"output": given}
    elif given is not None and not isinstance(given, Mapping):
        given = dict.fromkeys(given, "file")
    for index, (name, said) in enumerate((given or {}).items()):
        form = said if said in _NAMES else _format(said)
        suffix = "" if form == "file" else f".{form}"
        yield OrderOutput(name, form, os.path.join(folder, f"output-{index}{suffix}"), None if said in _NAMES else said)


def _written(order: TaskOrder, ended: AttemptResult) -> dict[str, TaskOutput]:
    formats = {one.name: one.format for one in order.outputs}
    return {
        one.name: TaskOutput(one.name, formats[one.name], one.path, one.size, one.digest, one.rows)
        for one in ended.outputs
    }


def _result(ended: AttemptResult) -> TaskResult:
    if ended.failure is not None:
        return TaskResult(success=False, message=ended.failure.message, error=ended.failure.kind)
    rows = {one.name: one.rows for one in ended.outputs if one.rows is not None}
    return TaskResult(success=True, message=ended.message, data=ended.values, error="", values=ended.values, rows=rows)


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except FileNotFoundError:  # nothing was printed
        return ""
