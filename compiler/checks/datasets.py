"""The datasets of a pipeline by name and by location: every name ignores case, every location is normalised."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from trc.compiler.ir.dataset import Output, Source
from trc.compiler.ir.pipeline import Pipeline
from trc.compiler.ir.task import Task
from trc.compiler.ir.uris import covers, fixed_prefix, is_glob, normalise


@dataclass(frozen=True, slots=True)
class Located:
    """An output that has a location of its own, normalised."""

    uri: str
    task: Task
    output: Output


@dataclass(frozen=True, slots=True)
class Filled:
    """A folder or prefix that a task fills: its normalised `place` with the slash at its end, and as it is written."""

    place: str
    task: Task
    written: str


class Datasets:
    """An index of a pipeline's sources, tasks and outputs. Where two have one name or location, the first counts."""

    def __init__(self, pipeline: Pipeline, project: str) -> None:
        self.project = project
        self.sources = pipeline.sources
        self.located = tuple(
            Located(normalise(output.uri, project), task, output)
            for task in pipeline.tasks
            for output in task.outputs
            if output.uri is not None
        )
        self._sources = {source.name.casefold(): source for source in reversed(pipeline.sources)}
        self._tasks = {task.name.casefold(): task for task in reversed(pipeline.tasks)}
        self._located = {located.uri: located for located in reversed(self.located)}
        self._uris = sorted(self._located)
        self.filled = tuple(
            Filled(normalise(place, project).rstrip("/") + "/", task, place)
            for task in pipeline.tasks
            for place in task.fills
        )

    def source(self, name: str) -> Source | None:
        return self._sources.get(name.casefold())

    def task(self, dataset: str) -> Task | None:
        """The task that a dataset's name begins with: `clean`, `clean.output`."""
        return self._tasks.get(dataset.partition(".")[0].casefold())

    def task_exactly(self, name: str) -> Task | None:
        return self._tasks.get(name.casefold())

    def output(self, dataset: str) -> tuple[str, str] | None:
        """The `(task, output)` that a name means: a task's bare name means its single output."""
        task = self.task(dataset)
        if task is None:
            return None
        wanted = dataset.partition(".")[2].casefold()
        if not wanted:
            return (task.name, task.outputs[0].name) if len(task.outputs) == 1 else None
        return next(((task.name, output.name) for output in task.outputs if output.name.casefold() == wanted), None)

    def format_of(self, source: Source | None, producer: tuple[str, str] | None) -> str | None:
        """The format of a source, or of what a task writes; None where there is neither."""
        if source is not None:
            return source.format
        task = self.task(producer[0]) if producer is not None else None
        written = task.outputs if task is not None and producer is not None else ()
        return next((one.format for one in written if producer is not None and one.name == producer[1]), None)

    def writers(self, uri: str) -> tuple[tuple[str, str] | None, tuple[str, ...]]:
        """The `(task, output)` at exactly this location, and the tasks whose outputs a glob covers."""
        wanted = normalise(uri, self.project)
        if not is_glob(uri):
            found = self._located.get(wanted)
            return ((found.task.name, found.output.name) if found else None), self.fillers(wanted)
        tasks = {located.task.name: None for located in self.covered(wanted)}
        return None, tuple(tasks | dict.fromkeys(self.fillers(wanted)))

    def fillers(self, uri: str) -> tuple[str, ...]:
        """The tasks that may write what a normalised location or glob names, below a place that they fill."""
        if not self.filled:
            return ()
        start = fixed_prefix(uri)
        near = (
            one.task
            for one in self.filled
            if start.startswith(one.place) or (is_glob(uri) and one.place.startswith(start))
        )
        return tuple(dict.fromkeys(task.name for task in near))

    def covered(self, glob: str) -> Iterator[Located]:
        """The outputs whose locations a normalised glob covers, sorted by location."""
        prefix = fixed_prefix(glob)
        for index in range(bisect_left(self._uris, prefix), len(self._uris)):
            uri = self._uris[index]
            if not uri.startswith(prefix):
                return
            if covers(glob, uri):
                yield self._located[uri]

    def at(self, uri: str) -> Located | None:
        """The output at a normalised location."""
        return self._located.get(uri)

    def names(self) -> Sequence[str]:
        """All names that a read can use."""
        outputs = [(task, task.outputs) for task in self._tasks.values() if task.outputs]
        return [
            *(source.name for source in self._sources.values()),
            *(task.name for task, written in outputs if len(written) == 1),
            *(f"{task.name}.{output.name}" for task, written in outputs if len(written) > 1 for output in written),
        ]

    def task_names(self) -> Sequence[str]:
        return [task.name for task in self._tasks.values()]
