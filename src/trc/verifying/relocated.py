"""A pipeline moved to another place: it reads what it reads, and writes nothing where it would."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from trc.compiler.ir.uris import is_remote
from trc.runtime.spec import OutputSpec, PipelineSpec, ReadSpec, TaskSpec


def relocated(spec: PipelineSpec, place: Path, *, one_thread: bool = False, undivided: bool = False) -> PipelineSpec:
    """The pipeline with all that its tasks write, and read of each other, below `place`; `undivided`, none runs by partition."""
    tasks = [_task(task, str(place), one_thread=one_thread) for task in spec.tasks]
    return replace(spec, tasks=tuple(replace(task, partition=None) if undivided else task for task in tasks))


def _task(task: TaskSpec, place: str, *, one_thread: bool) -> TaskSpec:
    return replace(
        task,
        reads=tuple(_read(one, place) for one in task.reads),
        check_reads=tuple(_read(one, place) for one in task.check_reads),
        outputs=tuple(_output(one, place) for one in task.outputs),
        cpus=1 if one_thread and task.query is not None else task.cpus,
    )


def _read(read: ReadSpec, place: str) -> ReadSpec:
    if read.uri is None or (read.producer is None and not read.feeders):
        return read
    return replace(read, uri=_moved(read.uri, place))


def _output(output: OutputSpec, place: str) -> OutputSpec:
    return output if output.uri is None else replace(output, uri=_moved(output.uri, place))


def _moved(uri: str, place: str) -> str:
    assert not is_remote(uri)
    return place + uri
