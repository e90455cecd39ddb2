"""What the tasks of a pipeline were and what each waited for, kept by the digest under which runs record it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from trc.runtime.spec import PipelineSpec, TaskSpec
from trc.runtime.taskside.records import record

FOLDER: Final = "shapes"
_VERSION: Final = 1


@record(frozen=True, slots=True)
class ShapeNeed:
    """A task that another waits for; `data` flows along it, else it is order alone."""

    task: str
    data: bool


@record(frozen=True, slots=True)
class ShapeRead:
    """What a task called an input; `producer` is the task and the output that it was, else `uri` says where it lay.

    `fed` says that tasks of the pipeline write files there.
    """

    name: str
    producer: tuple[str, str] | None = None
    uri: str | None = None
    fed: bool = False


@record(frozen=True, slots=True)
class ShapeTask:
    """A task as it was; `writes` are the names and locations of those of its outputs that have one."""

    name: str
    type: str
    needs: tuple[ShapeNeed, ...] = ()
    reads: tuple[ShapeRead, ...] = ()
    writes: tuple[tuple[str, str], ...] = ()


@record(frozen=True, slots=True)
class Shape:
    """A pipeline as it was run; tasks are in an order in which they can run."""

    tasks: tuple[ShapeTask, ...]

    def task(self, name: str) -> ShapeTask | None:
        return next((one for one in self.tasks if one.name == name), None)


def keep(state: Path, spec: PipelineSpec) -> None:
    """Keeps the shape of what is about to be run; one that is kept already is not written again.

    What cannot be written costs a later report its arrows, and nothing else.
    """
    path = _path(state, spec.digest)
    if path.exists():
        return
    staged = path.with_name(f"{path.name}.{os.getpid()}")
    told = {"version": _VERSION, "tasks": [_to_json(_shape(task)) for task in spec.tasks]}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        staged.write_text(json.dumps(told, separators=(",", ":")), encoding="utf-8")
        staged.replace(path)
    except OSError:
        with suppress(OSError):
            staged.unlink()


def recall(state: Path, digest: str) -> Shape | None:
    """The shape that was kept under a digest, or None where there is none that can be read."""
    try:
        raw: Any = json.loads(_path(state, digest).read_bytes())
        if raw["version"] != _VERSION:
            return None
        return Shape(tuple(_task(one) for one in raw["tasks"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _path(state: Path, digest: str) -> Path:
    return state / FOLDER / f"{digest}.json"


def _shape(task: TaskSpec) -> ShapeTask:
    return ShapeTask(
        task.name,
        task.type,
        tuple(ShapeNeed(one.task, one.data) for one in task.needs),
        tuple(ShapeRead(one.name, one.producer, one.uri, bool(one.feeders)) for one in task.reads),
        tuple((one.name, one.uri) for one in task.outputs if one.uri is not None),
    )


def _to_json(task: ShapeTask) -> dict[str, Any]:
    needs = [[one.task, one.data] for one in task.needs]
    reads = [[one.name, one.producer, one.uri, one.fed] for one in task.reads]
    return {"name": task.name, "type": task.type, "needs": needs, "reads": reads, "writes": task.writes}


def _task(raw: Mapping[str, Any]) -> ShapeTask:
    return ShapeTask(
        raw["name"],
        raw["type"],
        tuple(ShapeNeed(*one) for one in raw["needs"]),
        tuple(map(_read, raw["reads"])),
        tuple((name, uri) for name, uri in raw["writes"]),
    )


def _read(raw: Any) -> ShapeRead:
    name, producer, uri, fed = raw
    return ShapeRead(name, None if producer is None else (producer[0], producer[1]), uri, fed)
