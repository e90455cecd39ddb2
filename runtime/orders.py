"""Turns a planned task into the order of one attempt, and says where everything lies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path
from typing import Any, Protocol

from trc.compiler.ir.uris import is_remote
from trc.compiler.passes.draft import WHOLE
from trc.runtime.keeping import AS_WRITTEN, Keeping, tag
from trc.runtime.listing import Input, Inputs
from trc.runtime.spec import OutputSpec, PipelineSpec, TaskSpec
from trc.runtime.store.results import Identity, ObjectIdentity, Result, StoredOutput, WebIdentity
from trc.runtime.taskside.items import OrderItem
from trc.runtime.taskside.order import SYNC, OrderCheck, OrderChecks, OrderInput, OrderOutput, TaskOrder
from trc.runtime.taskside.records import record
from trc.runtime.taskside.tuples import Before, OrderTuples

SUFFIXES = {"parquet": ".parquet", "csv": ".csv", "json": ".json"}


def folder_of(task: str) -> str:
    """What folders and files of a task are called: brackets would make a pattern of the name of an item."""
    return task.replace("[*]", "@@all").replace("[", "@").replace("]", "") if "[" in task else task


FILLING = ".files"
"""What the folder is called, beside the staged list, of files that are to lie below a prefix."""
NOTHING = "trc.runtime.taskside.checks:nothing"
EVALUATE = "trc.stdlib_tasks.duckdb_sql.run.expectations:evaluate"
TRY = "trc.stdlib_tasks.duckdb_sql.run.trial:run"


class Staging(Protocol):
    """Chooses where an attempt writes an output before it is published."""

    def staging_path(self, final: str, token: str, name: str) -> str:
        """A path on the final path's file system that no glob of a pipeline matches."""
        ...


@record(frozen=True, slots=True)
class Places:
    """Where a run keeps things, under the project's state folder."""

    state: Path

    def log(self, run: str, task: str, attempt: int) -> str:
        return f"{self.state}/logs/{run}/{folder_of(task)}.{attempt}.log"

    def failures(self, run: str, task: str) -> str:
        """The folder of rows that broke expectations."""
        return f"{self.state}/failures/{run}/{folder_of(task)}"

    def final(self, pipeline: str, task: str, key: str, output: OutputSpec, form: str = "") -> str:
        """Where an output is seen: at its own location, or under its key and its `form` where the engine chooses."""
        if output.uri is not None:
            return output.uri
        name = output.name + form + SUFFIXES.get(output.format, "")
        return f"{self.state}/data/{pipeline}/{folder_of(task)}/{key[:32]}/{name}"

    def here(self, task: TaskSpec, result: Result) -> Result:
        """The result with its outputs at their places in this project, which may be moved or copied from where it ran."""
        specs = {one.name: one for one in task.outputs}
        outputs = tuple(self._here(result, one, specs.get(one.name)) for one in result.outputs)
        return result if outputs == result.outputs else replace(result, outputs=outputs)

    def _here(self, result: Result, stored: StoredOutput, spec: OutputSpec | None) -> StoredOutput:
        if spec is None or stored.is_view:
            return stored
        path = self.final(result.pipeline, result.task, result.key, spec, tag(stored.columns, stored.where))
        if stored.home:
            # Where the equal task has it, under the key that it has there.
            path = f"{self.state}/data/{result.pipeline}/{stored.home}/{'/'.join(stored.path.rsplit('/', 2)[1:])}"
        return stored if stored.path == path else replace(stored, path=path)


@record(frozen=True, slots=True)
class Orders:
    """Writes the orders of one run."""

    spec: PipelineSpec
    places: Places
    staging: Staging
    run: str
    run_time: str
    keepings: Mapping[str, Keeping] = field(default_factory=dict[str, Keeping])
    asked: Mapping[str, OrderTuples] = field(default_factory=dict[str, OrderTuples])
    """The digests to take of outputs, by task."""
    stored: Mapping[str, Result] = field(default_factory=dict[str, Result])
    """The last result of each task."""
    network: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What attempts may call beyond public addresses, as orders tell it."""

    def order(self, task: TaskSpec, inputs: Inputs, attempt: int, token: str, *, is_shared: bool = False) -> TaskOrder:
        """The order of an attempt that reads exactly these inputs; `is_shared` says that an equal task has its output."""
        if task.whole_of:
            return self._nothing(task, attempt, token, self._checks_of_all(task, inputs))
        keeping = self.keepings.get(task.name, AS_WRITTEN)
        if is_shared or (keeping.shape.is_view and not keeping.shape.tried):
            return self._nothing(task, attempt, token, None)
        if keeping.shape.is_view:
            return self._trial(task, inputs, keeping.shape.tried, attempt, token)
        outputs = tuple(self._output(task, one, keeping, inputs.key, token) for one in task.outputs)
        checks = self._checks(task, inputs, outputs) if task.checks else None
        if inputs.stored is not None:
            return self._nothing(task, attempt, token, checks)
        is_filled = bool(task.fills and outputs) and task.runs != SYNC
        return TaskOrder(
            run=self.run,
            pipeline=self.spec.name,
            task=task.name,
            attempt=attempt,
            token=token,
            runs=task.runs,
            fills=task.fills[0] if is_filled else "",
            filling=outputs[0].path + FILLING if is_filled else "",
            project=self.spec.project,
            log=self.places.log(self.run, task.name, attempt),
            run_time=self.run_time,
            idempotency_key=f"{self.run}/{task.name}",
            params=dict(task.params),
            query=task.query,
            inputs=_inputs(inputs.inputs),
            outputs=outputs,
            env=dict(task.env),
            memory=task.memory,
            threads=max(1, int(task.cpus)) if task.cpus else None,
            retry_on=task.retry_on,
            is_async=task.is_async,
            checks=checks,
            item=None if task.item is None else OrderItem(task.item.value, task.item.types, task.item.is_row),
            environment=task.environment,
            handed=dict(task.handed or {}),
            image=task.image,
            system_packages=task.system_packages,
            cpus=task.cpus,
            gpus=task.gpus,
            resources=task.resources,
            node_labels=task.node_labels,
            network=dict(self.network),
        )

    def _trial(self, task: TaskSpec, inputs: Inputs, columns: tuple[str, ...], attempt: int, token: str) -> TaskOrder:
        """The order of an attempt that only finds out whether these columns have a value in each row."""
        return replace(
            self._nothing(task, attempt, token, None),
            runs=TRY,
            params={"columns": columns},
            query=task.query,
            inputs=_inputs(inputs.inputs),
            env=dict(task.env),
            retry_on=task.retry_on,
            environment=task.environment,
            image=task.image,
            system_packages=task.system_packages,
        )

    def _nothing(self, task: TaskSpec, attempt: int, token: str, checks: OrderChecks | None) -> TaskOrder:
        """The order of an attempt that computes nothing: at most, what is stored is looked at."""
        return TaskOrder(
            run=self.run,
            pipeline=self.spec.name,
            task=task.name,
            attempt=attempt,
            token=token,
            runs=NOTHING,
            project=self.spec.project,
            log=self.places.log(self.run, task.name, attempt),
            run_time=self.run_time,
            idempotency_key=f"{self.run}/{task.name}",
            memory=task.memory,
            threads=max(1, int(task.cpus)) if task.cpus else None,
            checks=checks,
            # What is only checked is so by the DuckDB whose version the checks' key holds.
            environment=task.environment if checks is not None else "",
            image=task.image if checks is not None else "",
            system_packages=task.system_packages if checks is not None else (),
        )

    def _checks(self, task: TaskSpec, inputs: Inputs, outputs: Sequence[OrderOutput]) -> OrderChecks:
        spec = task.outputs[0]
        path = inputs.stored.outputs[0].path if inputs.stored else outputs[0].path
        data = OrderInput(task.called, spec.format, (path,), columns=spec.columns, written=spec.written)
        return self._asked_of(task, inputs, replace(data, **_pinned((path,), inputs.watched)), spec.uri or path)

    def _checks_of_all(self, task: TaskSpec, inputs: Inputs) -> OrderChecks:
        """Of what the items of a repeated task have written, which lies where it is to be seen."""
        (data,) = _inputs(inputs.inputs)
        return self._asked_of(task, inputs, data, data.files[0] if data.files else "")

    def _asked_of(self, task: TaskSpec, inputs: Inputs, data: OrderInput, place: str) -> OrderChecks:
        return OrderChecks(
            runs=EVALUATE,
            data=data,
            place=place,
            items=tuple(
                OrderCheck(one.name, one.check, dict(one.arguments), one.severity, one.store_failures)
                for one in task.checks
            ),
            looked_up=_inputs(inputs.looked_up),
            folder=self.places.failures(self.run, task.name),
        )

    def _output(self, task: TaskSpec, output: OutputSpec, keeping: Keeping, key: str, token: str) -> OrderOutput:
        shape = keeping.shape
        final = self.places.final(self.spec.name, task.name, key, output, tag(shape.columns, shape.where))
        staged = self.staging.staging_path(final, token, output.name + SUFFIXES.get(output.format, ""))
        tuples = self._asked(task.name, output.name)
        if shape == WHOLE:
            return OrderOutput(output.name, output.format, staged, output.uri, tuples=tuples)
        return OrderOutput(
            output.name, output.format, staged, output.uri, shape.columns, shape.where, keeping.columns, tuples
        )

    def _asked(self, task: str, name: str) -> OrderTuples | None:
        """The digests of tuples to take of an output: those by which it is told from the one that readers know.

        They know the first one by its bytes, which costs nothing: it is looked into once there is another.
        """
        asked, last = self.asked.get(task), self.stored.get(task)
        if asked is None:
            return None
        before = None if last is None else next((one for one in last.outputs if one.name == name), None)
        if before is not None and is_remote(before.path):
            # It is not at hand: its readers are told by its bytes.
            return replace(asked, sets=())
        if before is None or before.is_view:
            return replace(asked, sets=())
        if before.where is not None or before.tuples is None:
            return asked
        return replace(asked, before=Before(before.path, before.digest, before.tuples))


def _pinned(files: Sequence[str], identities: Mapping[str, Identity]) -> dict[str, Any]:
    """The ETags and sizes of files that are objects, or lie on the web; nothing for those of this machine."""
    found = [identities.get(file) for file in files]
    web = [one for one in found if isinstance(one, WebIdentity)]
    if web:
        return {"etags": tuple(one.version for one in web), "sizes": tuple(one.size for one in web)}
    objects = [one for one in found if isinstance(one, ObjectIdentity)]
    if not objects:
        return {}
    return {"etags": tuple(one.etag for one in objects), "sizes": tuple(one.size for one in objects)}


def _inputs(inputs: Sequence[Input]) -> tuple[OrderInput, ...]:
    """The inputs; those that stand in one list of the query are one, with the files of all."""
    merged: dict[object, OrderInput] = {}
    for one in inputs:
        read = one.read
        if one.view is not None:
            merged[read.name] = OrderInput(read.name, read.format, (), query=one.view.query, inputs=_inputs(one.inner))
            continue
        if one.stored:
            stored = OrderInput(read.name, read.format, one.files, columns=one.columns, stored=one.stored)
            merged[read.name] = replace(stored, **_pinned(one.files, one.identities))
            continue
        place = read.spans or read.name
        before = merged.get(place)
        files = (*before.files, *one.files) if before else one.files
        name = before.name if before else read.name
        listed = OrderInput(name, read.format, files, read.spans, read.columns, read.written)
        pinned = _pinned(one.files, one.identities)
        if pinned and before:
            pinned = {field: (*getattr(before, field), *values) for field, values in pinned.items()}
        merged[place] = replace(listed, **pinned) if pinned else listed
    return tuple(merged.values())
