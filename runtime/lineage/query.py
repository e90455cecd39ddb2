"""Follows what is recorded: from a dataset back to what it was made of, and on to what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from trc.runtime.lineage.reads import FileRead, FilesRead, Read, TaskRead, Told, is_content, reads_of, told
from trc.runtime.lineage.records import Commit
from trc.runtime.shapes import Shape
from trc.runtime.store.results import StoredOutput
from trc.runtime.taskside.records import record

DEEPEST: Final = 100
"""How many steps are followed at most: nobody reads a tree that is deeper."""

ShapeOf = Callable[[str], Shape | None]
"""The shape of what a run ran, if it was kept."""


@record(frozen=True, slots=True)
class Made:
    """An output of a commit."""

    commit: Commit
    output: StoredOutput

    @property
    def name(self) -> str:
        """As a dataset: `pipeline.task`, with the output's name where that is not the usual one."""
        return dataset_name(self.commit, self.output.name)


@record(frozen=True, slots=True)
class Unknown:
    """What is not recorded, and why."""

    why: str


@record(frozen=True, slots=True)
class Traced:
    """A dataset in a tree of lineage, with what hangs below it: what it was made of, or what came of it.

    `read` tells how the reader in this step knew it: of `what` itself going up, of what stands above it going down.
    One that `is_repeated` has its branches where it was met first; `is_cut` says that a bound on the depth hides some.
    """

    what: Made | Read | Unknown
    read: Read | None = None
    below: tuple[Traced, ...] = ()
    is_repeated: bool = False
    is_cut: bool = False


@dataclass(slots=True)
class Ledger:
    """All commits until some time, oldest first, in a project whose folder is `project`."""

    commits: Sequence[Commit]
    project: str
    shape_of: ShapeOf
    _of_task: dict[tuple[str, str], list[Commit]] = field(init=False)
    _at_path: dict[str, list[Made]] = field(init=False)
    _reads: dict[tuple[str, str, int], tuple[Read, ...] | None] = field(init=False)
    _readers: dict[object, list[tuple[Commit, Read]]] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._of_task, self._at_path, self._reads = {}, {}, {}
        for commit in self.commits:
            self._of_task.setdefault((commit.pipeline, commit.task), []).append(commit)
            for output in commit.outputs:
                if output.path and not output.home:
                    self._at_path.setdefault(output.path, []).append(Made(commit, output))

    def reads(self, commit: Commit) -> tuple[Read, ...] | None:
        """What a commit's attempt read, as far as that is recorded; None where nothing is."""
        asked = commit.run, commit.task, commit.attempt
        if asked not in self._reads:
            shape = self.shape_of(commit.run)
            task = None if shape is None else shape.task(commit.task)
            self._reads[asked] = None if commit.parts is None else reads_of(commit.parts, task, self.project)
        return self._reads[asked]

    def datasets(self) -> dict[str, Made]:
        """The last output of each name, by the name with its case folded."""
        found: dict[str, Made] = {}
        for commit in self.commits:
            for output in commit.outputs:
                found[dataset_name(commit, output.name).casefold()] = Made(commit, output)
                if len(commit.outputs) == 1:
                    found[f"{commit.pipeline}.{commit.task}.{output.name}".casefold()] = Made(commit, output)
        return found

    def outputs_of(self, task: str) -> list[str]:
        """The outputs of a task, `pipeline.task`, that has several."""
        begin = f"{task.casefold()}."
        return sorted(
            made.name
            for name, made in self.datasets().items()
            if name.startswith(begin) and name == made.name.casefold()
        )

    def at_path(self, path: str) -> Made | None:
        """The output that was committed last at a path."""
        return self._at_path[path][-1] if path in self._at_path else None

    def file_reads(self, path: str) -> list[tuple[Commit, Read]]:
        """Who read the file at a path, as a source, oldest first."""
        return [one for one in self._all_readers().get(path, ()) if isinstance(one[1], FileRead)]

    def paths(self) -> set[str]:
        """Every path that is recorded."""
        read = {one for one in self._all_readers() if isinstance(one, str)}
        return read | self._at_path.keys()

    def has_many_files(self) -> bool:
        """Whether some input had more files than are recorded one by one."""
        return any(isinstance(read, FilesRead) for commit in self.commits for read in self.reads(commit) or ())

    def up(self, what: Made, depth: int = DEEPEST) -> tuple[Traced, ...]:
        """What an output was made of."""
        return self._above(what, depth, set())

    def down(self, what: Made | FileRead, depth: int = DEEPEST) -> tuple[Traced, ...]:
        """What came of an output, or of a file with that content."""
        return self._below(what, depth, set())

    def source(self, reader: Commit, read: Read) -> Made | Read | Unknown:
        """Which output a reader read: the last with that content that was committed before it. A file that none wrote is itself."""
        if isinstance(read, FileRead):
            found = (made for made in reversed(self._at_path.get(read.path, ())) if made.commit.at <= reader.at)
            last = next(found, None)
            return last if last is not None and last.output.digest == read.digest else read
        if isinstance(read, FilesRead):
            return read
        made = next(self._candidates(reader, read), None)
        return made or Unknown(f'which run made "{read.name}" is not recorded')

    def _candidates(self, reader: Commit, read: TaskRead) -> Iterator[Made]:
        """Outputs that the reader may have read, the last one first."""
        if read.producer is not None:
            task, name = read.producer
            for commit in reversed(self._of_task.get((reader.pipeline, task), ())):
                output = commit.output(name)
                if output is not None and commit.at <= reader.at and is_content(output, read.digest):
                    yield Made(commit, output)
            return
        # Without the producer's name the content tells it, if it is that of one task's output alone.
        alike = [
            Made(commit, output)
            for (pipeline, _), of_task in self._of_task.items()
            if pipeline == reader.pipeline
            for commit in of_task
            for output in commit.outputs
            if commit.at <= reader.at and is_content(output, read.digest)
        ]
        if len({(made.commit.task, made.output.name) for made in alike}) == 1:
            yield from reversed(alike)

    def _above(self, what: Made, depth: int, seen: set[object]) -> tuple[Traced, ...]:
        reads = self.reads(what.commit)
        if reads is None:
            return (Traced(Unknown("what it read is not recorded any more: its key was committed anew since")),)
        found: list[Traced] = []
        for read in reads:
            source = self.source(what.commit, read)
            if isinstance(source, Made):
                found.append(self._step(source, read, depth, seen, self._above))
            else:
                found.append(Traced(source, read))
        assert what.commit.parts is not None
        unknown = words_of(told(what.commit.parts))
        return (*found, Traced(Unknown(unknown))) if unknown else tuple(found)

    def _below(self, what: Made | FileRead, depth: int, seen: set[object]) -> tuple[Traced, ...]:
        return tuple(
            self._step(Made(reader, output), read, depth, seen, self._below)
            for reader, read in self._readers_of(what)
            for output in reader.outputs
        )

    def _step(
        self,
        what: Made,
        read: Read,
        depth: int,
        seen: set[object],
        follow: Callable[[Made, int, set[object]], tuple[Traced, ...]],
    ) -> Traced:
        this = what.commit.run, what.commit.task, what.commit.attempt, what.output.name
        if this in seen:
            return Traced(what, read, is_repeated=True)
        if depth <= 1:
            # One step more is looked at, and no further, to see whether there is one.
            return Traced(what, read, is_cut=depth == 1 and bool(follow(what, 0, set())))
        seen.add(this)
        return Traced(what, read, follow(what, depth - 1, seen))

    def _readers_of(self, what: Made | FileRead) -> Iterator[tuple[Commit, Read]]:
        """Who read this content under this name, whichever of its commits it was that the reader found."""
        readers = self._all_readers()
        if isinstance(what, FileRead):
            yield from (one for one in readers.get(what.path, ()) if _has_content(one[1], what.digest))
            return
        commit, output = what.commit, what.output
        for reader, read in readers.get((commit.pipeline, commit.task, output.name), ()):
            if isinstance(read, TaskRead) and is_content(output, read.digest):
                yield reader, read
        if output.path and not output.home:
            yield from (one for one in readers.get(output.path, ()) if _has_content(one[1], output.digest))

    def _all_readers(self) -> dict[object, list[tuple[Commit, Read]]]:
        """By path of a file, and by pipeline, task and output, who read it."""
        if self._readers is None:
            self._readers = {}
            for commit in self.commits:
                for read in self.reads(commit) or ():
                    if isinstance(read, FileRead):
                        self._readers.setdefault(read.path, []).append((commit, read))
                    elif isinstance(read, TaskRead):
                        producer = read.producer or self._producer(commit, read)
                        if producer is not None:
                            self._readers.setdefault((commit.pipeline, *producer), []).append((commit, read))
        return self._readers

    def _producer(self, reader: Commit, read: TaskRead) -> tuple[str, str] | None:
        made = next(self._candidates(reader, read), None)
        return None if made is None else (made.commit.task, made.output.name)


def dataset_name(commit: Commit, output: str) -> str:
    """`pipeline.task` for the only output of a task, else `pipeline.task.output`."""
    name = f"{commit.pipeline}.{commit.task}"
    return name if len(commit.outputs) == 1 else f"{name}.{output}"


def words_of(known: Told) -> str:
    """What is not recorded of the reads of an attempt, in words; empty where all is."""
    match known:
        case "all":
            return ""
        case "declared":
            return "what else its code may have read, beside what its author declares, is not known"
        case "no":
            return "what its code read is not known: its author declares nothing"


def _has_content(read: Read, digest: str) -> bool:
    return isinstance(read, FileRead) and read.digest == digest
