"""Runs a pipeline twice in places of its own, and compares every sink."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from trc.compiler.sql.facts import QueryFacts
from trc.runtime.plan import PassNote
from trc.runtime.running import Outcome
from trc.runtime.spec import OutputSpec, PipelineSpec, TaskSpec
from trc.runtime.store.journal import TaskRecord
from trc.verifying.made_up import MadeUp
from trc.verifying.relocated import relocated
from trc.verifying.sinks import Difference, Order, SinkFile, compare, comparing

if TYPE_CHECKING:
    import duckdb

Run = Callable[[PipelineSpec, Path, bool], Outcome]
"""Runs a pipeline with its state in a folder, optimised or not."""
Verdict = Literal["equal", "different", "not_verifiable", "failed", "omitted"]
_OF_ROWS: Final = ("parquet", "csv", "json")
Columns = Mapping[tuple[str, str], tuple[tuple[str, str], ...]]
"""By task and output, names and types."""


@dataclass(frozen=True, slots=True)
class SinkVerdict:
    """What is to be said of a sink: an output with a location of its own, or one that no task reads.

    `text` says why it is not verifiable, or what failed; `tied` that its rows are in another order among equals.
    """

    task: str
    output: str
    verdict: Verdict
    rows: int | None = None
    text: str = ""
    difference: Difference | None = None
    tied: bool = False


@dataclass(frozen=True, slots=True)
class Verification:
    """The verdicts on all sinks, and what the passes did."""

    pipeline: str
    sinks: tuple[SinkVerdict, ...]
    notes: tuple[PassNote, ...]
    made_up: MadeUp | None = None
    """What was read instead of the sources; None where they were read."""

    @property
    def holds(self) -> bool:
        """Whether nothing differs. What is not verifiable is no difference, and no proof."""
        return all(one.verdict in ("equal", "not_verifiable", "omitted") for one in self.sinks)


def verify(
    spec: PipelineSpec,
    queries: Mapping[str, QueryFacts],
    columns: Columns,
    run: Run,
    folder: Path,
    *,
    exact: bool = False,
) -> Verification:
    """Runs the pipeline as it is written and as it is optimised, below `folder`, and compares what comes out.

    As it is written, no task runs by partition. With `exact`, queries run in one thread, and floating-point numbers have to be equal to the last digit.
    """
    outcomes: dict[bool, Outcome] = {}
    for optimised in (False, True):
        place = folder / ("optimised" if optimised else "written")
        moved = relocated(spec, place / "files", one_thread=exact, undivided=not optimised)
        outcomes[optimised] = run(moved, place / "state", optimised)
    inexact = frozenset[str]() if exact else _inexact(spec, queries)
    with comparing() as connection:
        judge = _Judge(connection, outcomes, queries, columns, _unsure(spec, queries), inexact)
        sinks = tuple(judge.verdict(task, output) for task, output in _sinks(spec))
    return Verification(spec.name, sinks, outcomes[True].plan.notes)


def _sinks(spec: PipelineSpec) -> Iterator[tuple[TaskSpec, OutputSpec]]:
    read = {one.producer for task in spec.tasks for one in (*task.reads, *task.check_reads)}
    for task in spec.tasks:
        for output in task.outputs:
            if output.uri is not None or (task.name, output.name) not in read:
                yield task, output


@dataclass(frozen=True, slots=True)
class _Judge:
    """Compares what two runs have made, as they were written (False) and optimised (True)."""

    connection: duckdb.DuckDBPyConnection
    outcomes: Mapping[bool, Outcome]
    queries: Mapping[str, QueryFacts]
    columns: Columns
    unsure: Mapping[str, str]
    """By task, why its answer is not determined."""
    inexact: frozenset[str]
    """The tasks whose floating-point numbers may differ in their last digits."""

    def verdict(self, task: TaskSpec, output: OutputSpec) -> SinkVerdict:
        written, optimised = (_record(self.outcomes[way], task.name) for way in (False, True))
        if written.state != optimised.state:
            text = f"as it is written: {_told(written)}; optimised: {_told(optimised)}"
            return SinkVerdict(task.name, output.name, "different", text=text)
        if written.state == "omitted":
            return SinkVerdict(task.name, output.name, "omitted", text=_told(written))
        if written.state != "success":
            return SinkVerdict(task.name, output.name, "failed", text=_told(written))
        why = self.unsure.get(task.name) or ("" if output.format in _OF_ROWS else "it does not hold rows")
        if why:
            return SinkVerdict(task.name, output.name, "not_verifiable", text=why)
        query = self.queries.get(task.name)
        files = [self.file(task, output, optimised=way) for way in (False, True)]
        if not (files[0].paths and files[1].paths):
            # A task that is repeated for nothing.
            return SinkVerdict(task.name, output.name, "equal" if files[0].paths == files[1].paths else "different")
        found = compare(
            self.connection,
            *files,
            tolerant=task.name in self.inexact,
            order=None if query is None or query.order is None else Order(query.order, query.is_total),
        )
        if found.difference is None:
            return SinkVerdict(task.name, output.name, "equal", found.rows, tied=found.tied)
        text = found.difference.text
        return SinkVerdict(task.name, output.name, "different", found.rows, text, found.difference)

    def file(self, task: TaskSpec, output: OutputSpec, *, optimised: bool) -> SinkFile:
        stored = next(one for one in self.outcomes[optimised].outputs[task.name] if one.name == output.name)
        columns = self.columns.get((task.name, output.name)) if output.format != "parquet" else None
        paths = tuple(one.path for one in stored.files)
        return SinkFile(output.format, paths, columns, written=task.query is not None)


def _record(outcome: Outcome, task: str) -> TaskRecord:
    return next(one for one in outcome.tasks if one.task == task)


def _told(record: TaskRecord) -> str:
    message = str((record.error or {}).get("message", "")).strip().splitlines()
    return f"{record.state}: {message[0]}" if message else record.state


def _unsure(spec: PipelineSpec, queries: Mapping[str, QueryFacts]) -> dict[str, str]:
    """By task, why its answer is not determined by what it reads; what reads such an answer is not, either."""
    found: dict[str, str] = {}
    for task in spec.tasks:
        query = queries.get(task.name)
        own = query.undetermined if query else "" if task.skip.can_skip else task.skip.why_not
        upstream = (f'it reads "{name}": {found[name]}' for name in _upstream(task) if name in found)
        why = own or next(upstream, "")
        if why:
            found[task.name] = why
    return found


def _inexact(spec: PipelineSpec, queries: Mapping[str, QueryFacts]) -> frozenset[str]:
    found: set[str] = set()
    for task in spec.tasks:
        query = queries.get(task.name)
        if (query and query.inexact) or any(name in found for name in _upstream(task)):
            found.add(task.name)
    return frozenset(found)


def _upstream(task: TaskSpec) -> list[str]:
    return [one.producer[0] for one in task.reads if one.producer is not None] + [
        name for one in task.reads for name in one.feeders
    ]
