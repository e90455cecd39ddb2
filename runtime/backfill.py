"""Which partitions a user asks to build again: those of a range, of the tasks that run by partition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trc.compiler.diagnostics.nearest import did_you_mean
from trc.runtime.errors import Stopped, stopped
from trc.runtime.partitions import Entire, Partitions, in_range, is_in_order, shown, source_of, value_of
from trc.runtime.spec import PartitionSpec, PipelineSpec, TaskSpec
from trc.runtime.taskside.records import record


@record(frozen=True, slots=True)
class Backfill:
    """The partitions from `start` to `end`, both included, None for an open side; of one task, or of all."""

    task: str | None = None
    start: str | None = None
    end: str | None = None


def build_again(
    spec: PipelineSpec, partitions: Partitions | None, asked: Backfill
) -> Mapping[str, frozenset[str | None]]:
    """By task, the values of the partitions in the range. Raises Stopped where there are none, or it is no range."""
    found: dict[str, frozenset[str | None]] = {}
    there: list[str] = []
    for task in _tasks(spec, partitions, asked.task):
        assert task.partition is not None
        assert partitions is not None
        kind = next(kind for name, kind in task.partition.columns if name == task.partition.column)
        _require_range(task.partition, kind, asked)
        labels = _labels(task, task.partition, partitions)
        there += [shown(label) for label in labels]
        chosen = in_range(labels, kind, asked.start, asked.end)
        if chosen:
            found[task.name] = chosen
    if not found:
        known = sorted(set(there))
        remedy = f"there are partitions from {known[0]} to {known[-1]}" if known else "there are no partitions yet"
        raise stopped("TRC627", f"no partition lies {_range(asked)}", remedy)
    return found


def _tasks(spec: PipelineSpec, partitions: Partitions | None, name: str | None) -> Sequence[TaskSpec]:
    """The tasks whose partitions are meant."""
    if name is not None:
        task = spec.task(name)
        if task is None:
            names = [one.name for one in spec.tasks]
            remedy = did_you_mean(name, names) or (f"the tasks are: {', '.join(names)}",)
            raise stopped("TRC626", f'the pipeline has no task "{name}"', *remedy)
        meant = [task]
    else:
        meant = [task for task in spec.tasks if task.partition is not None]
    if partitions is None or not meant or meant[0].partition is None:
        what = "no task of the pipeline runs" if name is None else f'"{meant[0].name}" does not run'
        raise stopped(
            "TRC626", f"{what} by partition", 'write incremental { by = partition(day) }, or use "trc run --force"'
        )
    reasons = {task.name: partitions.why_not(task) for task in meant}
    able = [task for task in meant if not reasons[task.name]]
    if not able:
        raise _entire(meant[0], reasons[meant[0].name])
    return able


def _labels(task: TaskSpec, spec: PartitionSpec, partitions: Partitions) -> tuple[str | None, ...]:
    source = source_of(task)
    assert source is not None
    assert source.uri is not None
    try:
        groups = partitions.groups(spec, partitions.files.list(source.uri))
    except OSError as error:
        raise stopped("TRC627", f'the partitions of "{source.name}" cannot be listed: {error}') from error
    if isinstance(groups, Entire):
        raise _entire(task, groups.why)
    return tuple(groups)


def _entire(task: TaskSpec, why: str) -> Stopped:
    remedy = '"trc run --force" runs it over all of them'
    return stopped("TRC626", f'"{task.name}" is to run by partition and runs over all at once: {why}', remedy)


def _require_range(spec: PartitionSpec, kind: str, asked: Backfill) -> None:
    for side, value in (("--from", asked.start), ("--to", asked.end)):
        if value is not None and value_of(value, kind) is None:
            raise stopped("TRC627", f'{side}: "{value}" is no {kind}, and "{spec.column}" is one', _example(kind))
    if asked.start is not None and asked.end is not None and not is_in_order(asked.start, asked.end, kind):
        raise stopped("TRC627", f"the range is empty: {asked.start} comes after {asked.end}", "swap the two")


def _example(kind: str) -> str:
    value = {"DATE": "2026-01-15", "TIMESTAMP": "2026-01-15 09:00:00", "BIGINT": "42"}.get(kind, "a text")
    return f"write it like {value}"


def _range(asked: Backfill) -> str:
    if asked.start is not None and asked.end is not None:
        return f"from {asked.start} to {asked.end}"
    return f"at {asked.start} or after" if asked.start is not None else f"at {asked.end} or before"
