"""Has a run tell OpenLineage events, to a file or to a URL: what is known of its datasets, and what is told of events that are lost."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import trc
from trc.addresses import Refused, read_url
from trc.api.compiling import Compilation
from trc.api.hooks import secret_value, shown_url
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.ir.types import Known as KnownSchema
from trc.compiler.ir.types import Unknown
from trc.compiler.ir.uris import normalise
from trc.compiler.lineage.steps import Derived, Steps, steps_of
from trc.compiler.sql.flow import HOWS, Flow
from trc.runtime.errors import stopped
from trc.runtime.lineage.columns import NOTHING_KNOWN, Cause, Columns, Dataset, Known, MadeOf
from trc.runtime.lineage.openlineage import Events
from trc.runtime.lineage.posting import Posting
from trc.runtime.secrets.resolver import secrets_of_run
from trc.runtime.spec import PipelineSpec
from trc.runtime.ssrf import Caller
from trc.runtime.store.journal import AttemptRecord, Journal
from trc.runtime.taskside.result import Failure
from trc.settings import OpenLineage, Settings, variables_of_secrets


@dataclass(slots=True)
class EventFile:
    """A file that lines are appended to; after the first one that cannot be, no other is tried."""

    path: Path
    problems: list[Diagnostic] = field(default_factory=list[Diagnostic])
    _descriptor: int | None = None

    def write(self, line: str) -> None:
        """Appends a line in one piece: several runs may share the file."""
        if self.problems:
            return
        try:
            if self._descriptor is None:
                if not self.path.parent.exists():
                    self.path.parent.mkdir(parents=True, exist_ok=True)
                self._descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
            data = f"{line}\n".encode()
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            self.problems.append(
                Diagnostic(
                    "TRC635",
                    f'lineage events cannot be written to "{self.path}": {why}',
                    help=("the run itself is not touched by it; events that follow are left out",),
                    severity="warning",
                )
            )

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


@dataclass(slots=True)
class EventUrl:
    """A URL that events are posted to."""

    posting: Posting
    problems: list[Diagnostic] = field(default_factory=list[Diagnostic])

    def write(self, line: str) -> None:
        self.posting.write(line)

    def close(self) -> None:
        """Waits a while for those that are on their way; what is lost is told of, whatever the reason is."""
        self.posting.close()
        if self.posting.lost:
            of = self.posting.lost + self.posting.posted
            events = f"{self.posting.lost:,} of {of:,} lineage events were" if of > 1 else "a lineage event was"
            told = f"{events} not told to {shown_url(self.posting.url)}: {self.posting.why}"
            lost = ("the run itself is not touched by it; nobody tells them later",)
            self.problems.append(Diagnostic("TRC635", told, help=lost, severity="warning"))


def _posting(told: OpenLineage, settings: Settings) -> EventUrl:
    """Raises Stopped where that is no URL to call."""
    assert told.url is not None
    url = f"{told.url.rstrip('/')}/{told.endpoint.lstrip('/')}"
    try:
        read_url(url, settings.network)
    except Refused as refused:
        raise stopped("TRC638", refused.message, *refused.help) from None

    def headers() -> Mapping[str, str] | Failure:
        plain = {"Content-Type": "application/json", "User-Agent": f"trc/{trc.__version__}"}
        if told.api_key is None:
            return plain
        secrets = secrets_of_run(settings.project, variables_of_secrets(), time.monotonic)
        key = secret_value(secrets, told.api_key)
        return key if isinstance(key, Failure) else {**plain, "Authorization": f"Bearer {key}"}

    posting = Posting(url, partial(Caller, settings.network, 5.0), headers)
    posting.start()
    return EventUrl(posting)


@contextmanager
def telling(
    told: OpenLineage,
    spec: PipelineSpec,
    journal: Journal,
    load: Callable[[], Compilation | None],
    settings: Settings,
) -> Iterator[tuple[Events, EventFile | EventUrl]]:
    """An observer that tells a run's events, and where to, which is closed at the end.

    `load` compiles the pipeline that is run, or answers None where its file says something else by now.
    """
    file = EventFile(told.file) if told.file is not None else _posting(told, settings)

    def attempt(run: str, task: str, number: int) -> AttemptRecord | None:
        return next((one for one in journal.attempts(run, task) if one.number == number), None)

    def known() -> Known:
        compilation = load()
        return NOTHING_KNOWN if compilation is None else known_of(compilation)

    events = Events(
        spec, trc.__version__, file.write, attempt, known, namespace=told.namespace, source_code=told.source_code
    )
    try:
        yield events, file
    finally:
        file.close()


def known_of(compilation: Compilation) -> Known:
    """The columns of a pipeline's datasets, and what those of its outputs are made of, as the compiler has them."""
    steps = steps_of(compilation.compiled, compilation.context.sources)
    datasets = dict(_datasets(compilation, steps))
    columns: dict[Dataset, Columns] = {}
    made: dict[tuple[str, str], MadeOf] = {}
    for name, step in steps.items():
        dataset = datasets.get(name)
        if dataset is None:
            continue
        if isinstance(step.schema, KnownSchema):
            columns[dataset] = tuple((one.name, one.type) for one in step.schema.columns)
        if isinstance(step, Derived) and not isinstance(step.lineage, Unknown) and not isinstance(dataset, str):
            of_columns = {column: _causes(flow, datasets) for column, flow in step.lineage.columns}
            made[dataset] = MadeOf(of_columns, _causes(step.lineage.rows, datasets))
    return Known(columns, made)


def _datasets(compilation: Compilation, steps: Steps) -> Iterator[tuple[str, Dataset]]:
    """By the name that the pipeline has for it, what a dataset is: an output, or a location."""
    project = compilation.spec.project
    for task in compilation.spec.tasks:
        for output in task.outputs:
            yield task.name if len(task.outputs) == 1 else f"{task.name}.{output.name}", (task.name, output.name)
    pipeline = compilation.compiled.pipeline
    for source in pipeline.sources if pipeline is not None else ():
        yield source.name, normalise(source.uri, project)
    for name in steps:
        if name.startswith("'"):
            yield name, normalise(name[1:-1], project)


def _causes(flow: Flow, datasets: Mapping[str, Dataset]) -> tuple[Cause, ...]:
    """The columns of a flow; that the rows of a dataset bear on something has no place in events."""
    return tuple(
        Cause(datasets[key.dataset], key.column, tuple(how for how in HOWS if how in hows))
        for key, hows in flow.items()
        if key.column is not None and key.dataset in datasets
    )
