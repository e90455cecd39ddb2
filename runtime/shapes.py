"""What the tasks of a pipeline were and what each waited for, kept by the digest under which runs record it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from trc.runtime.spec import PipelineSpec, ReadSpec, TaskSpec

FOLDER: Final = "shapes"
_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class ShapeNeed:
    """A task that another waits for; `data` flows along it, else it is order alone."""

    task: str
    data: bool


@dataclass(frozen=True, slots=True)
class ShapeTask:
    """A task as it was; `reads` are the locations of what no task wrote, `writes` those of its outputs, by their names."""

    name: str
    type: str
    needs: tuple[ShapeNeed, ...] = ()
    reads: tuple[tuple[str, str], ...] = ()
    """What the task called each, and its location."""
    writes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Shape:
    """A pipeline as it was run; tasks are in an order in which they can run."""

    tasks: tuple[ShapeTask, ...]


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
        tuple((one.name, one.uri) for one in task.reads if one.uri is not None and not _is_written(one)),
        tuple((one.name, one.uri) for one in task.outputs if one.uri is not None),
    )


def _is_written(read: ReadSpec) -> bool:
    """Whether tasks of the pipeline write it."""
    return read.producer is not None or bool(read.feeders)


def _to_json(task: ShapeTask) -> dict[str, Any]:
    needs = [[one.task, one.data] for one in task.needs]
    return {"name": task.name, "type": task.type, "needs": needs, "reads": task.reads, "writes": task.writes}


def _task(raw: Mapping[str, Any]) -> ShapeTask:
    return ShapeTask(
        raw["name"],
        raw["type"],
        tuple(ShapeNeed(*one) for one in raw["needs"]),
        tuple((name, uri) for name, uri in raw["reads"]),
        tuple((name, uri) for name, uri in raw["writes"]),
    )
