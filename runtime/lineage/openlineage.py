"""Tells a run as OpenLineage events: one of its own, and one for each attempt, at its start and at its end."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Literal
from uuid import NAMESPACE_URL, UUID, uuid5

from trc.compiler.ir.uris import is_remote
from trc.runtime.lineage import facets
from trc.runtime.lineage.columns import NOTHING_KNOWN, Dataset, Known
from trc.runtime.lineage.facets import Facet
from trc.runtime.observe import Happening, RunFinished, RunOpened, TaskMoved, TasksAdded
from trc.runtime.plan import Plan
from trc.runtime.repeated import ALL, task_called
from trc.runtime.reported import verdicts_of
from trc.runtime.spec import OutputSpec, PipelineSpec, TaskSpec
from trc.runtime.store.journal import AttemptRecord, RunRecord, RunState, TaskRecord
from trc.runtime.store.results import StoredOutput
from trc.runtime.taskside.result import Verdict

SCHEMA: Final = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
DEFAULT_NAMESPACE: Final = "trc"
_HOME: Final = "https://pypi.org/project/trc-pipelines/"
_IDS: Final = uuid5(NAMESPACE_URL, _HOME)
_LANGUAGES: Final = {"python": "PYTHON", "shell": "SHELL", "duckdb_sql": "SQL"}

EventType = Literal["START", "RUNNING", "COMPLETE", "FAIL", "ABORT"]
_ENDS: Final[Mapping[RunState, EventType]] = {"success": "COMPLETE", "failure": "FAIL", "canceled": "ABORT"}


def run_id(run: str, task: str | None = None, attempt: int = 0) -> UUID:
    """The id under which events tell of a run, or of an attempt in it: the same wherever it is asked for."""
    return uuid5(_IDS, run if task is None else f"{run}/{task}/{attempt}")


@dataclass(slots=True)
class _Live:
    """The attempt of a task that is going on; `is_told` once its START is."""

    number: int
    is_told: bool = False


@dataclass(slots=True)
class Events:
    """An observer that writes an event a line.

    `attempt` finds an attempt in the journal. `known` is asked once, as the run opens, if anything may run. With
    `source_code`, events hold the text of queries.
    """

    spec: PipelineSpec
    version: str
    write: Callable[[str], None]
    attempt: Callable[[str, str, int], AttemptRecord | None]
    known: Callable[[], Known] = lambda: NOTHING_KNOWN
    namespace: str = DEFAULT_NAMESPACE
    source_code: bool = False
    now: Callable[[], float] = time.time
    _known: Known = NOTHING_KNOWN
    _tasks: dict[str, TaskSpec] = field(init=False)
    _outputs: dict[tuple[str, str], OutputSpec] = field(init=False)
    _live: dict[str, _Live] = field(default_factory=dict[str, _Live])
    _added: dict[str, TaskSpec] = field(default_factory=dict[str, TaskSpec])
    """The items and sub-tasks that tasks have become in this run, by name."""
    _became: dict[str, dict[str, None]] = field(default_factory=dict[str, "dict[str, None]"])
    """By task, those of them that have outputs, in order."""
    _places: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    """By item or sub-task and output, where it was written."""
    _failed: list[str] = field(default_factory=list[str])
    _left_open: set[str] = field(default_factory=set[str])
    """The tasks that a process that died may have left an attempt of."""
    _run: RunRecord | None = None

    def __post_init__(self) -> None:
        self._tasks = {task.name: task for task in self.spec.tasks}
        self._outputs = {(task.name, one.name): one for task in self.spec.tasks for one in task.outputs}

    @property
    def producer(self) -> str:
        return f"{_HOME}{self.version}/"

    def __call__(self, happening: Happening) -> None:
        match happening:
            case RunOpened():
                self._opened(happening.run, happening.plan, resumed=happening.resumed)
            case TaskMoved():
                self._moved(happening.record, happening.outputs)
            case TasksAdded():
                self._added.update((one.name, one) for one in happening.added)
                self._note_places(happening.task, happening.outputs)
                self._became[happening.task] = dict.fromkeys(one.name for one in happening.added)
            case RunFinished():
                self._finished(happening.run, happening.state)
            case _:
                pass

    def _opened(self, run: RunRecord, plan: Plan, *, resumed: bool) -> None:
        self._run = run
        if any(one.action in {"run", "maybe"} for one in plan.tasks):
            self._known = self.known()
        self._left_open = set(self._tasks) if resumed else set()
        # A run has one START: that of one that goes on was told by the process that died.
        self._tell(
            "RUNNING" if resumed else "START",
            self.now() if resumed else run.created_at,
            self._own_run(run),
            self._own_job(),
        )

    def _finished(self, run: RunRecord, state: RunState) -> None:
        told = self._own_run(run)
        if self._failed:
            told["facets"]["errorMessage"] = self._error(f"tasks failed: {', '.join(self._failed)}", "")
        self._tell(_ENDS.get(state, "ABORT"), run.ended_at or self.now(), told, self._own_job())

    def _moved(self, record: TaskRecord, outputs: tuple[StoredOutput, ...]) -> None:
        if record.state == "omitted" and record.task in self._added:
            self._became[task_called(record.task)].pop(record.task, None)
        if self._became and record.task in self._added:
            self._note_places(record.task, outputs)
        self._end_lost(record)
        live = self._live.get(record.task)
        if live is not None and live.number < record.attempt:
            # It failed and the next one was begun in one move.
            self._end("FAIL", record, live.number, ())
            live = None
        match record.state:
            case "claimed":
                self._live[record.task] = _Live(record.attempt)
            case "running" if live is not None:
                self._start(record, live)
            case "success" if live is not None:
                self._end("COMPLETE", record, live.number, outputs)
            case "failure" | "canceled" if live is not None:
                self._end("FAIL" if record.state == "failure" else "ABORT", record, live.number, ())
            case "waiting" | "pending" if live is not None:
                self._end("FAIL", record, live.number, ())
            case _:
                pass
        if record.state == "failure":
            self._failed.append(record.task)

    def _note_places(self, task: str, outputs: Iterable[StoredOutput]) -> None:
        self._places.update(((task, one.name), one.path) for one in outputs if not one.is_view)

    def _end_lost(self, record: TaskRecord) -> None:
        """Of a run that goes on, the attempt that the dead process had told the start of, when its task moves first."""
        if record.task not in self._left_open:
            return
        self._left_open.discard(record.task)
        number = record.attempt - 1 if record.state == "claimed" else record.attempt
        found = self.attempt(record.run, record.task, number)
        if found is not None and found.state == "lost":
            self._end("FAIL", record, number, ())

    def _start(self, record: TaskRecord, live: _Live) -> None:
        live.is_told = True
        task = self._tasks[task_called(record.task)]
        outputs = self._outputs_of(task, record, {}, ())
        run = self._attempt_run(record, live.number)
        job, inputs = self._job(task, record), self._inputs(task, record)
        self._tell("START", record.started_at or self.now(), run, job, inputs=inputs, outputs=outputs)

    def _end(self, kind: EventType, record: TaskRecord, number: int, outputs: tuple[StoredOutput, ...]) -> None:
        live = self._live.pop(record.task, None)
        found = self.attempt(record.run, record.task, number)
        if live is not None and not live.is_told:
            began = found.started_at if found is not None else record.started_at
            self._start(record._replace(started_at=began), live)
        task, run = self._tasks[task_called(record.task)], self._attempt_run(record, number)
        if kind == "FAIL":
            failure = ((found.result or {}).get("failure") if found is not None else None) or record.error or {}
            message = str(failure.get("message") or "the attempt was lost")
            run["facets"]["errorMessage"] = self._error(message, task.type)
        written = {one.name: one for one in outputs}
        checks = () if found is None else verdicts_of(found)
        told = self._outputs_of(task, record, written, checks)
        at = found.ended_at if found is not None else record.ended_at
        job, inputs = self._job(task, record), self._inputs(task, record)
        self._tell(kind, at or self.now(), run, job, inputs=inputs, outputs=told)

    # What events are made of

    def _tell(
        self,
        kind: EventType,
        at: float,
        run: Facet,
        job: Facet,
        *,
        inputs: Iterable[Facet] = (),
        outputs: Iterable[Facet] = (),
    ) -> None:
        event = {
            "eventType": kind,
            "eventTime": datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds"),
            "producer": self.producer,
            "schemaURL": SCHEMA,
            "run": run,
            "job": job,
            "inputs": list(inputs),
            "outputs": list(outputs),
        }
        self.write(json.dumps(event, separators=(",", ":")))

    def _own_run(self, run: RunRecord) -> Facet:
        told = {
            "nominalTime": facets.nominal_time(self.producer, run.logical_time),
            "processing_engine": facets.engine(self.producer, self.version),
        }
        return {"runId": str(run_id(run.id)), "facets": told}

    def _own_job(self) -> Facet:
        told = {"jobType": facets.job_type(self.producer, "DAG")}
        return {"namespace": self.namespace, "name": self.spec.name, "facets": told}

    def _attempt_run(self, record: TaskRecord, number: int) -> Facet:
        job = {"namespace": self.namespace, "name": self.spec.name}
        told = {
            "parent": facets.parent(self.producer, {"runId": str(run_id(record.run))}, job),
            "processing_engine": facets.engine(self.producer, self.version),
        }
        return {"runId": str(run_id(record.run, record.task, number)), "facets": told}

    def _job(self, task: TaskSpec, record: TaskRecord) -> Facet:
        told = {"jobType": facets.job_type(self.producer, "TASK")}
        if self.source_code and task.query is not None:
            told["sql"] = facets.sql(self.producer, task.query)
        # A sub-task has code of its own, and the items of a task have the task's.
        name = record.task if _is_subtask(task, record) else task.name
        return {"namespace": self.namespace, "name": f"{self.spec.name}.{name}", "facets": told}

    def _error(self, message: str, kind: str) -> Facet:
        return facets.error(self.producer, message, _LANGUAGES.get(kind, "PYTHON"))

    def _inputs(self, task: TaskSpec, record: TaskRecord) -> list[Facet]:
        """What an attempt reads: of an item, a sub-task, and who lists the items of a task, that which it reads itself."""
        if record.task == f"{task.name}[{ALL}]":
            return self._read((task.name, task.outputs[0].name))
        spec = self._added.get(record.task, task)
        reads = (*spec.reads, *spec.check_reads)
        if spec.each is not None:
            reads = () if spec.each.rows is None else (spec.each.rows,)
        datasets = dict.fromkeys(
            dataset
            for one in reads
            if (dataset := one.producer or one.uri) is not None and dataset not in self._own_outputs(spec)
        )
        if not _is_subtask(task, record) and record.task in self._added:
            datasets |= dict.fromkeys(self._handed(task))
        return [told for one in datasets for told in self._read(one)]

    def _handed(self, task: TaskSpec) -> Iterator[Dataset]:
        """The dataset whose rows a task is repeated for, if the columns of an item are made of those of its row."""
        rows = None if task.each is None or task.each.rows is None else task.each.rows
        dataset = None if rows is None else rows.producer or rows.uri
        made = [self._known.made_of.get((task.name, one.name)) for one in task.outputs]
        causes = [
            cause for one in made if one is not None for part in (one.rows, *one.columns.values()) for cause in part
        ]
        if dataset is not None and any(one.dataset == dataset for one in causes):
            yield dataset

    def _read(self, dataset: Dataset) -> list[Facet]:
        """What is read under one name: of a repeated task whose items have locations of their own, each of these."""
        columns = self._columns(dataset)
        if isinstance(dataset, str):
            return [{**_named_by(dataset), "facets": columns}]
        made = [one for name in self._became.get(dataset[0], ()) for one in self._added[name].outputs]
        places = [one.uri for one in made if one.name == dataset[1] and one.uri is not None]
        is_repeated = dataset[0] in self._tasks and self._tasks[dataset[0]].each is not None
        if is_repeated and places:
            return [{**_named_by(place), "facets": columns} for place in places]
        return [{**self._named(dataset), "facets": columns}]

    def _own_outputs(self, task: TaskSpec) -> set[Dataset]:
        return {(task.name, one.name) for one in task.outputs}

    def _outputs_of(
        self, task: TaskSpec, record: TaskRecord, written: Mapping[str, StoredOutput], verdicts: Iterable[Verdict]
    ) -> list[Facet]:
        """What an attempt writes. Where an item of a repeated task writes is known when it has; who lists the items writes none of it."""
        if _is_subtask(task, record):
            return [_written(self.producer, one) for one in written.values()]
        if task.each is None:
            return [self._output(task, one, written.get(one.name), verdicts) for one in task.outputs]
        if record.task == f"{task.name}[{ALL}]":
            return [self._of_all(task, verdicts)]
        if record.task == task.name:
            return []
        told: list[Facet] = []
        for one in task.outputs:
            made = written.get(one.name)
            place = {} if one.uri is None or made is None else self._named(made.path)
            if one.uri is None or made is not None:
                told.append({**self._output(task, one, made, verdicts), **place})
        return told

    def _of_all(self, task: TaskSpec, verdicts: Iterable[Verdict]) -> Facet:
        """What the items of a task have written, as one dataset that is held to what is expected of all rows."""
        told = self._columns((task.name, task.outputs[0].name))
        assert task.each is not None
        found = tuple(verdicts)
        if found:
            told["dataQualityAssertions"] = facets.assertions(self.producer, task.each.checks, found)
        return {"namespace": self.namespace, "name": f"{self.spec.name}.{task.name}", "facets": told}

    def _output(
        self, task: TaskSpec, output: OutputSpec, written: StoredOutput | None, verdicts: Iterable[Verdict]
    ) -> Facet:
        this = (task.name, output.name)
        told, counted = self._columns(this), dict[str, Facet]()
        made = self._known.made_of.get(this)
        if made is not None:
            told["columnLineage"] = facets.column_lineage(self.producer, made, self._named)
        if written is not None and not written.is_view:
            told["dataQualityMetrics"] = facets.metrics(self.producer, written)
            counted["outputStatistics"] = facets.statistics(self.producer, written)
        found = tuple(verdicts)
        if found:
            told["dataQualityAssertions"] = facets.assertions(self.producer, task.checks, found)
        return {**self._named(this), "facets": told, "outputFacets": counted}

    def _columns(self, dataset: Dataset) -> dict[str, Facet]:
        columns = self._known.columns.get(dataset)
        return {} if columns is None else {"schema": facets.schema(self.producer, columns)}

    def _named(self, dataset: Dataset) -> dict[str, str]:
        """A location by OpenLineage's rules; what the engine keeps for itself by the pipeline's name for it."""
        uri = dataset if isinstance(dataset, str) else self._location(dataset)
        if uri is not None:
            return _named_by(uri)
        assert not isinstance(dataset, str)
        task, output = dataset
        name = f"{self.spec.name}.{task}"
        alone = task in self._tasks and len(self._tasks[task].outputs) == 1
        return {"namespace": self.namespace, "name": name if alone else f"{name}.{output}"}

    def _location(self, dataset: tuple[str, str]) -> str | None:
        found = self._outputs.get(dataset)
        if found is None:
            added = self._added.get(dataset[0])
            places = () if added is None else (one.uri for one in added.outputs if one.name == dataset[1])
            return next((one for one in places if one), self._places.get(dataset))
        # What a repeated task writes lies where its items say.
        return None if self._tasks[dataset[0]].each is not None else found.uri


def _is_subtask(task: TaskSpec, record: TaskRecord) -> bool:
    return record.task.count("[") > (0 if task.each is None else 1)


def _written(producer: str, output: StoredOutput) -> Facet:
    return {
        **_named_by(output.path),
        "facets": {"dataQualityMetrics": facets.metrics(producer, output)},
        "outputFacets": {"outputStatistics": facets.statistics(producer, output)},
    }


def _named_by(uri: str) -> dict[str, str]:
    """What is remote by its host or bucket and its path there, without who asks for it or how that is proved."""
    if not is_remote(uri):
        return {"namespace": "file", "name": uri}
    scheme, _, rest = uri.partition("://")
    host, _, path = rest.partition("/")
    if scheme.lower() in {"http", "https"}:
        path = path.partition("?")[0]
    return {"namespace": f"{scheme}://{host.rpartition('@')[2]}", "name": path or "/"}
