"""What a task reads as it is now: the files, what they add to its key, and how to tell that they moved."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from operator import is_
from pathlib import Path
from typing import Protocol

from trc.compiler.ir.uris import is_glob
from trc.runtime.fingerprint import SECRET, UPSTREAM, input_parts, key_of
from trc.runtime.keeping import Keeping
from trc.runtime.passed import EXPECT
from trc.runtime.readsets import NOTHING_PROVED, KnownBy, ReadSets
from trc.runtime.reasons import Reason
from trc.runtime.spec import KeyPart, PipelineSpec, ReadSpec, TaskSpec
from trc.runtime.storage.errors import told_as
from trc.runtime.store.results import VIEW, Identity, Result, StoredOutput
from trc.runtime.taskside.records import record
from trc.runtime.taskside.result import Failure

_LOOKUP = ""
"""Who reads what expectations look values up in: no task, and nothing is proved of it."""

_ITEMS_TOLD = 256
"""Of more items, a key holds one digest of them all: it could not be read, and would be larger than what it tells."""

Dataset = tuple[str, str]
"""A task and the name of its output."""

Contents = Mapping[str, tuple[Identity, str] | None]
"""By path, what the file system says of a file and the digest of its bytes; None where it is gone."""


class Files(Protocol):
    """What the planner asks of storage."""

    def list(self, uri: str) -> Sequence[str]:
        """The files at a path or glob, sorted; none if there are none. Raises OSError for what cannot be read."""
        ...

    def digest(self, path: str) -> str | None:
        """The digest of a file's bytes, or None where there is no file. Raises OSError as `list` does."""
        ...

    def content(self, path: str) -> tuple[Identity, str] | None:
        """What the file system says of a file, and the digest that its bytes had then; else as `digest`."""
        ...


@record(frozen=True, slots=True)
class Input:
    """A read as it is now: its files in order, the parts that they add to the key, and how to tell that they moved."""

    read: ReadSpec
    files: tuple[str, ...]
    parts: tuple[KeyPart, ...]
    identities: Mapping[str, Identity]
    columns: tuple[tuple[str, str], ...] = ()
    """Names and types, where not all are stored."""
    stored: tuple[str, ...] = ()
    """The columns that are stored, of those `columns`."""
    view: TaskSpec | None = None
    """The task whose query stands for the files."""
    inner: tuple[Input, ...] = ()
    """What that query reads."""
    digest: str = ""
    """What tells all of an upstream's output, whatever the reader knows it by."""


@record(frozen=True)
class Inputs:
    """All that an attempt would read, and the key that follows from it."""

    inputs: tuple[Input, ...]
    parts: tuple[KeyPart, ...]
    looked_up: tuple[Input, ...] = ()
    """What expectations look values up in; it counts in the key of the checks alone."""
    checks: tuple[KeyPart, ...] = ()
    """What the key of the checks is made of."""
    stored: Result | None = None
    """The committed result whose outputs are only to be checked; None where the task itself is to run."""
    watched: Mapping[str, Identity] = field(default_factory=dict[str, Identity])
    """The files of `stored`, as they were found."""

    @cached_property
    def key(self) -> str:
        """Computed once it is asked for: a task that has no result to compare begins before that."""
        return key_of(self.parts)


@record(frozen=True, slots=True)
class Missing:
    """The task cannot begin: `uri` has no file, or (`moved`) another one than it should."""

    uri: str
    reason: Reason
    moved: bool = False
    told: tuple[str, str] | None = None
    """Kind and reason of the failure, where storage has told them."""

    @property
    def may_pass(self) -> bool:
        """Whether storage says that it may be otherwise in a moment."""
        return self.told is not None and self.told[0] == "temporary"

    @property
    def failure(self) -> Failure:
        """What becomes of a task that would have to begin now."""
        kind, reason = self.told or ("permanent", "input_moved" if self.moved else "input_missing")
        return Failure(self.reason.detail, kind=kind, reason=reason)


@dataclass(slots=True)
class Listing:
    """Lists what tasks read. `stored` holds the last result of each task, `keepings` how outputs are kept."""

    spec: PipelineSpec
    files: Files
    stored: Mapping[str, Result]
    secret_version: Callable[[str], str | Reason] | None = None
    """The version of a secret that is numbered, or why nobody can tell it; None where no task has one."""
    keepings: Mapping[str, Keeping] = field(default_factory=dict[str, Keeping])
    read_sets: ReadSets = NOTHING_PROVED
    _tasks: dict[str, TaskSpec] = field(init=False)
    _known: dict[str, Inputs] = field(default_factory=dict[str, Inputs])
    """By task, what was found last. It is asked for when the task is foreseen, decided and begun, as a rule alike."""
    _found: dict[tuple[str, str], tuple[Contents, Input]] = field(
        default_factory=dict[tuple[str, str], tuple[Contents, Input]]
    )
    """By reader and read of a plain path, the file that was found last, and what was made of it."""
    _seen: dict[str, tuple[Identity, str] | None] | None = None
    """By plain path, the files that were seen since it was last said to look again; None where each is looked at when it is asked for."""

    def __post_init__(self) -> None:
        self._tasks = {task.name: task for task in self.spec.tasks}

    def look_again(self) -> None:
        """From now on, and until it is said again, each file is looked at once."""
        self._seen = {}

    def look_each_time(self) -> None:
        """From now on, each file is looked at whenever it is asked for."""
        self._seen = None

    def wrote(self, path: str) -> None:
        """The file is another one now."""
        if self._seen is not None:
            self._seen.pop(path, None)

    def inputs(self, task: TaskSpec, upstream: Mapping[Dataset, StoredOutput]) -> Inputs | Missing:
        """Lists what the task reads, now, with the content identity of each file."""
        inputs = self._all(task.name, task.reads, upstream)
        if isinstance(inputs, Missing):
            return inputs
        known = self._known.get(task.name)
        if known is not None and task.handed is None and not task.secrets and _are_same(inputs, known.inputs):
            listed = known
        else:
            own = (*task.key_parts, *self.secret_parts(task)) if task.secrets else task.key_parts
            listed = Inputs(inputs, (*own, *(part for one in inputs for part in one.parts)))
            # Of a pattern's many files, nothing is held once its task is done.
            if not any(one.read.uri and _is_pattern(one.read.uri) for one in inputs):
                self._known[task.name] = listed
        return self._with_lookups(task, listed, upstream) if task.checks else listed

    def _with_lookups(
        self, task: TaskSpec, listed: Inputs, upstream: Mapping[Dataset, StoredOutput]
    ) -> Inputs | Missing:
        # What the query knows of the same dataset is another matter: a lookup goes by all of it.
        looked_up = self._all(_LOOKUP, task.check_reads, upstream)
        if isinstance(looked_up, Missing):
            return looked_up
        found = (part for one in looked_up for part in one.parts)
        checks = (*task.check_parts, *(KeyPart(EXPECT + part.field, "checks", part.value) for part in found))
        return replace(listed, looked_up=looked_up, checks=checks)

    def _all(
        self, reader: str, reads: Sequence[ReadSpec], upstream: Mapping[Dataset, StoredOutput]
    ) -> tuple[Input, ...] | Missing:
        found: list[Input] = []
        tuples = self.read_sets.digests(reader, reads, upstream)
        for read in reads:
            one = self._input(reader, read, upstream, tuples.get(read.name))
            if isinstance(one, Missing):
                return one
            found.append(one)
        return tuple(found)

    def _input(
        self, reader: str, read: ReadSpec, upstream: Mapping[Dataset, StoredOutput], tuples: KnownBy | None
    ) -> Input | Missing:
        if read.producer is not None:
            output = upstream[read.producer]
            part = KeyPart(f"{UPSTREAM}{read.name}", "inputs", self._digest(reader, read, output, tuples))
            if output.members is not None:
                return self._gathered_input(read, output.members, part, read.producer[0])
            if output.is_view:
                return self._seen_through(read, output, part, read.producer[0], upstream)
            return self._written_input(read, output, part, read.producer[0])
        assert read.uri is not None
        try:
            if _is_pattern(read.uri):
                found = {path: self.files.content(path) for path in self.files.list(read.uri)}
            else:
                found = {read.uri: self._content(read.uri)}
        except OSError as error:
            return _unreadable(read.uri, read.name, error)
        known = self._found.get((reader, read.name))
        if known is not None and known[1].read is read and known[0] == found:
            return known[1]
        made = self._file_input(read, read.uri, found)
        # Of a pattern's many files, nothing is held once its task is done.
        if isinstance(made, Input) and not _is_pattern(read.uri):
            self._found[reader, read.name] = found, made
        return made

    def _content(self, path: str) -> tuple[Identity, str] | None:
        if self._seen is None:
            return self.files.content(path)
        if path not in self._seen:
            self._seen[path] = self.files.content(path)
        return self._seen[path]

    def _file_input(self, read: ReadSpec, uri: str, found: Contents) -> Input | Missing:
        """The files at `uri`, which were `found` with those contents."""
        contents = {path: content for path, content in found.items() if content is not None}
        if not contents and not is_glob(uri):
            return Missing(uri, Reason("blocked", f'the input "{read.name}" is not there: {uri}'))
        named = {relative(path, self.spec.project): digest for path, (_, digest) in contents.items()}
        identities = {path: identity for path, (identity, _) in contents.items()}
        return Input(read, tuple(contents), input_parts(read.name, named), identities)

    def _digest(self, reader: str, read: ReadSpec, output: StoredOutput, tuples: KnownBy | None) -> str:
        """What tells the rows of an output that the reader reads: by that which it knew them by, if that still holds."""
        keeping = self.keepings.get(read.producer[0]) if read.producer else None
        is_blind = keeping is not None and reader in keeping.blind_to_order
        others = output.also if is_blind else ()
        if tuples is None and not others:
            return output.digest
        known = [output.digest, *others]
        if tuples is not None:
            known += map(tuples.within, (*known, *tuples.alike))
        last = self.stored.get(reader)
        field = UPSTREAM + read.name
        had = None if last is None else next((part.value for part in last.parts if part.field == field), None)
        if had is not None and had in known:
            return had
        return output.digest if tuples is None else tuples.tuples or tuples.within(output.digest)

    def _written_input(self, read: ReadSpec, output: StoredOutput, part: KeyPart, producer: str) -> Input | Missing:
        """A task's output, if it still is what the task wrote: a key that names other bytes would be a lie for ever."""
        try:
            content = self.files.content(output.path)
        except OSError as error:
            return _unreadable(output.path, read.name, error)
        if content is None or content[1] != output.digest:
            what = "is gone" if content is None else "was changed by someone else"
            detail = f'the input "{read.name}", {output.path}, {what} after the task "{producer}" wrote it'
            return Missing(output.path, Reason("blocked", detail), moved=True)
        columns = () if output.columns is None else self.keepings[producer].columns
        identities = {output.path: content[0]}
        return Input(read, (output.path,), (part,), identities, columns, output.columns or (), digest=output.digest)

    def _gathered_input(
        self, read: ReadSpec, members: Sequence[tuple[str, StoredOutput]], part: KeyPart, producer: str
    ) -> Input | Missing:
        """What the items of a task have written, in their order, which is in the key as well as each of them."""
        parts, identities = [part], dict[str, Identity]()
        for name, output in members:
            item = KeyPart(part.field + name[len(producer) :], "inputs", output.digest)
            one = self._written_input(read, output, item, name)
            if isinstance(one, Missing):
                return one
            parts.append(item)
            identities.update(one.identities)
        told = parts if len(members) <= _ITEMS_TOLD else [part]
        return Input(read, tuple(output.path for _, output in members), tuple(told), identities)

    def _seen_through(
        self,
        read: ReadSpec,
        output: StoredOutput,
        part: KeyPart,
        producer: str,
        upstream: Mapping[Dataset, StoredOutput],
    ) -> Input | Missing:
        """An output that is not stored: what its query reads, if that still is what its key was made of."""
        task = self._tasks[producer]
        listed = self.inputs(task, upstream)
        if isinstance(listed, Missing):
            return listed
        if VIEW + listed.key != output.digest:
            detail = f'what the input "{read.name}" is made of was changed after the task "{producer}" was settled'
            return Missing(producer, Reason("blocked", detail), moved=True)
        identities: dict[str, Identity] = {}
        for one in listed.inputs:
            identities.update(one.identities)
        return Input(read, (), (part,), identities, view=task, inner=listed.inputs, digest=output.digest)

    def unknown_secret(self, task: TaskSpec) -> Reason | None:
        """Why the key cannot be computed, where that is for a secret."""
        found = (self._version(secret.ref) for secret in task.secrets if secret.versioned)
        return next((one for one in found if isinstance(one, Reason)), None)

    def secret_parts(self, task: TaskSpec) -> tuple[KeyPart, ...]:
        """What tells of secrets in the key that no reference tells: which of their values it is."""
        versions = ((one.ref, self._version(one.ref)) for one in task.secrets if one.versioned)
        return tuple(
            # One that is not known is never compared: the task runs.
            KeyPart(SECRET + ref, "environment", "unknown" if isinstance(version, Reason) else version)
            for ref, version in versions
        )

    def _version(self, ref: str) -> str | Reason:
        assert self.secret_version is not None
        return self.secret_version(ref)


def _unreadable(uri: str, name: str, error: OSError) -> Missing:
    detail = f'the input "{name}" cannot be read: {error}'
    return Missing(uri, Reason("blocked", detail), told=told_as(error, "input_missing", "permanent"))


def _are_same(inputs: Sequence[Input], known: Sequence[Input]) -> bool:
    """Whether each input is the very one that was found before: then nothing of it has moved."""
    return len(inputs) == len(known) and all(map(is_, inputs, known))


def _is_pattern(uri: str) -> bool:
    """Whether storage has to look which files there are; a plain path is looked at once, for its content."""
    return "*" in uri or "?" in uri or "[" in uri


def relative(path: str, project: str) -> str:
    if not path.startswith(project + "/"):
        return path
    within = path[len(project) + 1 :]
    if within == os.path.normpath(within):  # nearly always, and a Path costs many times as much
        return within
    return Path(path).relative_to(project).as_posix()
