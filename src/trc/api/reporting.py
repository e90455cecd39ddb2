"""What a run left behind, gathered from what is recorded: for a report of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from trc.api.recorded import status
from trc.compiler.picture.drawing import Arrow, Drawing, Node
from trc.runtime import shapes
from trc.runtime.clock import SystemClock
from trc.runtime.critical import Span, Step, critical_path
from trc.runtime.reasons import Reason
from trc.runtime.reported import verdicts_of
from trc.runtime.shapes import Shape
from trc.runtime.store.journal import AttemptRecord, RunRecord, TaskRecord
from trc.runtime.taskside.result import Verdict
from trc.settings import settings_of


@dataclass(frozen=True, slots=True)
class TaskAccount:
    """A task of a run and its attempts, oldest first; what they used is None where no attempt has told it.

    `rows` and `size` (bytes) are those of what its last attempt wrote, `peak_memory` (bytes) is the most of any attempt,
    `cpu_seconds` the sum of all. Without `type`, nobody kept what the task was.
    """

    record: TaskRecord
    attempts: tuple[AttemptRecord, ...]
    reason: Reason | None
    verdicts: tuple[Verdict, ...]
    type: str = ""
    cpu_seconds: float | None = None
    peak_memory: int | None = None
    rows: int | None = None
    size: int | None = None

    @property
    def began(self) -> float | None:
        """When its first attempt began."""
        times = (one.started_at for one in self.attempts)
        return next((one for one in times if one is not None), None)


@dataclass(frozen=True, slots=True)
class RunAccount:
    """All that is known of a run `at` a time (seconds since the epoch): its end, or now while it goes on.

    `needs` tells, by task, what it waited for, or is None where that was not kept. `path` is the critical path.
    """

    run: RunRecord
    alive: bool
    at: float
    tasks: tuple[TaskAccount, ...]
    needs: Mapping[str, tuple[str, ...]] | None
    path: tuple[Step, ...]
    drawing: Drawing


def run_account(folder: Path, run: str | None = None) -> RunAccount:
    """What a run left behind: the newest one, or the one whose id begins so."""
    found = status(folder, run)
    at = found.run.ended_at or (SystemClock().now() if found.alive else _last_sign(found.tasks, found.attempts))
    shape = shapes.recall(settings_of(folder).state, found.run.digest)
    types = {} if shape is None else {one.name: one.type for one in shape.tasks}
    attempts: dict[str, list[AttemptRecord]] = {}
    for one in found.attempts:
        attempts.setdefault(one.task, []).append(one)
    tasks = tuple(_task(one, attempts.get(one.task, ()), types.get(one.task, "")) for one in found.tasks)
    needs = None if shape is None else {one.name: tuple(need.task for need in one.needs) for one in shape.tasks}
    path = () if needs is None else critical_path(dict(_spans(tasks, at)), needs, found.run.created_at)
    return RunAccount(
        found.run, found.alive, at or found.run.created_at, tasks, needs, path, _draw(found.run, tasks, shape, path)
    )


def _last_sign(tasks: Sequence[TaskRecord], attempts: Sequence[AttemptRecord]) -> float | None:
    """The last time that anything was recorded of a run whose driver died."""
    times = [time for task in tasks for time in (task.started_at, task.ended_at)]
    times += [time for attempt in attempts for time in (attempt.claimed_at, attempt.started_at, attempt.ended_at)]
    return max((time for time in times if time is not None), default=None)


def _task(record: TaskRecord, attempts: Sequence[AttemptRecord], kind: str) -> TaskAccount:
    results = [one.result for one in attempts if one.result is not None]
    used = [one for one in results if one.get("cpu_seconds") or one.get("peak_memory")]
    outputs = results[-1].get("outputs", ()) if results and record.state == "success" else ()
    rows = [one["rows"] for one in outputs if one.get("rows") is not None]
    return TaskAccount(
        record,
        tuple(attempts),
        Reason.from_json(record.reason) if record.reason else None,
        verdicts_of(attempts[-1]) if attempts else (),
        kind,
        sum(one.get("cpu_seconds", 0.0) for one in used) if used else None,
        max((one.get("peak_memory", 0) for one in used), default=None),
        sum(rows) if rows else None,
        sum(one["size"] for one in outputs) if outputs else None,
    )


def _spans(tasks: Sequence[TaskAccount], at: float | None) -> Iterator[tuple[str, Span]]:
    for task in tasks:
        ended = task.record.ended_at
        if task.began is not None:
            yield task.record.task, Span(task.began, ended or max(at or task.began, task.began))
        elif ended is not None:
            yield task.record.task, Span(ended, ended, is_still=True)


def _draw(run: RunRecord, tasks: Sequence[TaskAccount], shape: Shape | None, path: Sequence[Step]) -> Drawing:
    """The pipeline as it was run: its tasks in their states, what they read and wrote, and the critical path marked."""
    marked = [one.task for one in path]
    nodes = [_node(task, marked) for task in tasks]
    if shape is None:
        return Drawing(run.pipeline, tuple(nodes), ())
    steps = set(pairwise(marked))
    sources: dict[str, Node] = {}
    arrows: list[Arrow] = []
    for task in shape.tasks:
        this = f"task:{task.name}"
        for read in task.reads:
            if read.uri is not None and read.producer is None and not read.fed:
                source = Node(f"source:{read.uri}", _file_name(read.name), "source", read.uri)
                sources.setdefault(source.id, source)
                arrows.append(Arrow(source.id, this))
        arrows += [
            Arrow(f"task:{one.task}", this, one.data, marked=(one.task, task.name) in steps) for one in task.needs
        ]
        for name, uri in task.writes:
            sink = Node(f"sink:{task.name}.{name}", _file_name(uri), "sink", uri)
            nodes.append(sink)
            arrows.append(Arrow(this, sink.id))
    known = {*sources, *(node.id for node in nodes)}
    drawn = dict.fromkeys(one for one in arrows if one.start in known and one.end in known)
    return Drawing(run.pipeline, (*sources.values(), *nodes), tuple(drawn))


def _node(task: TaskAccount, marked: Sequence[str]) -> Node:
    name = task.record.task
    return Node(f"task:{name}", name, "task", _told(task), task.record.state, marked=name in marked)


def _told(task: TaskAccount) -> str:
    """The state in words, too: colours alone do not tell it to everybody."""
    return f"{task.type}, {task.record.state}" if task.type else task.record.state


def _file_name(uri: str) -> str:
    return uri.rstrip("/").rpartition("/")[2] or uri
