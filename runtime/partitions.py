"""The partitions of what tasks read: which of them have a part of the output that is kept, and which are to be computed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from trc.compiler.ir.uris import is_remote
from trc.compiler.passes.proofs import survives
from trc.compiler.sql.engine import literal, query
from trc.compiler.sql.facts import QueryFacts
from trc.runtime.fingerprint import INPUT, key_of
from trc.runtime.listing import Files, Input, Inputs, relative
from trc.runtime.readsets import SQL
from trc.runtime.spec import KeyPart, PartitionSpec, PipelineSpec, ReadSpec, TaskSpec
from trc.runtime.store.results import FileIdentity, Identity
from trc.runtime.taskside.parts import RECORD, OrderPart, OrderParts, PartRecord, read_record
from trc.runtime.taskside.records import record

EPOCH: Final = "1"
"""Counts the rules by which parts are made; it is in the key of each."""
NULL: Final = "__HIVE_DEFAULT_PARTITION__"
_NULLS: Final = (NULL.casefold(), "null")
SUFFIX: Final = ".parquet"
_STORED_AS: Final = {"HUGEINT": "DOUBLE", "UHUGEINT": "DOUBLE"}


@record(frozen=True, slots=True)
class Partition:
    """A partition as it is now: its value as text (None for NULL), its files, the key of its part, and what is kept of it."""

    label: str | None
    files: tuple[str, ...]
    key: str
    kept: PartRecord | None = None

    @property
    def shown(self) -> str:
        return shown(self.label)


@record(frozen=True, slots=True)
class Parted:
    """The partitions of what a task reads, in the order of their files."""

    column: str
    partitions: tuple[Partition, ...]
    folder: str
    code: str
    order: OrderParts
    identities: Mapping[str, Identity] = field(default_factory=dict[str, Identity])
    """The files of parts that are kept, as they were found."""

    @property
    def to_run(self) -> tuple[str, ...]:
        """The values of the partitions that are to be computed."""
        return tuple(one.shown for one in self.partitions if one.kept is None)


@record(frozen=True, slots=True)
class Entire:
    """Why a task that is to run by partition runs over all of them at once."""

    why: str


@record(frozen=True, slots=True)
class Manifest:
    """What a committed output was put together of, or why it was not."""

    column: str
    parts: tuple[PartRecord, ...] = ()
    why: str = ""


def shown(label: str | None) -> str:
    """The value of a partition in words."""
    return "NULL" if label is None else label


@dataclass(slots=True)
class Partitions:
    """Answers for the tasks of one pipeline. `now` is in seconds since the epoch, `run` the one that is going on."""

    spec: PipelineSpec
    state: Path
    files: Files
    queries: Mapping[str, QueryFacts]
    now: float
    run: str | None = None

    def of(
        self, task: TaskSpec, inputs: Inputs, *, anew: bool = False, again: frozenset[str | None] = frozenset()
    ) -> Parted | Entire:
        """What an attempt that reads these inputs would compute: all of it if `anew`, and those partitions `again`.

        What this very run has made is as new as that.
        """
        spec = task.partition
        assert spec is not None
        facts = self.queries.get(task.name)
        why = self.why_not(task)
        if why or facts is None:
            return Entire(why)
        one = next((one for one in inputs.inputs if one.read.name == spec.read), None)
        if one is None or not one.files:
            return Entire(f'"{spec.read}" has no files')
        if any(is_remote(file) for found in inputs.inputs for file in found.files):
            return Entire("it reads objects, of which it is given copies")
        groups = self.groups(spec, one.files)
        if isinstance(groups, Entire):
            return groups
        digests = {path: self.files.content(path) for path in one.files}
        if any(found is None or found[0] != one.identities[path] for path, found in digests.items()):
            return Entire(f'the files of "{spec.read}" are changing')
        common = (*_common(inputs, one), *_own_parts(spec, facts))
        folder, code = self.folder(task.name), key_of(task.key_parts)
        partitions: list[Partition] = []
        identities: dict[str, Identity] = {}
        for label, files in groups.items():
            named = {relative(path, self.spec.project): found[1] for path in files if (found := digests[path])}
            key = key_of((*common, *_members(spec, label, named)))
            kept = self._kept(folder, key, task.skip.max_age)
            is_wanted = kept is not None and (kept[0].run == self.run or not (anew or label in again))
            if kept is not None and is_wanted:
                identities[f"{folder}/{kept[0].file}"] = kept[1]
            partitions.append(Partition(label, files, key, kept[0] if kept is not None and is_wanted else None))
        order = replace(_order(spec, facts, inputs, partitions, folder), code=code)
        return Parted(spec.column, tuple(partitions), folder, code, order, identities)

    def groups(self, spec: PartitionSpec, files: Sequence[str]) -> dict[str | None, tuple[str, ...]] | Entire:
        """The files by the value of the partition that they lie in, as DuckDB reads it."""
        written: dict[str, str] = {}
        for path in files:
            found = [value for name, value in named_folders(path) if name.casefold() == spec.column.casefold()]
            if len(found) != 1:
                return Entire(f"{relative(path, self.spec.project)} lies in no folder {spec.column}=…")
            written[path] = found[0]
        kind = next(kind for name, kind in spec.columns if name == spec.column)
        values = _values(dict.fromkeys(written.values()), kind)
        groups: dict[str | None, tuple[str, ...]] = {}
        for path, text in written.items():
            value = values[text]
            if isinstance(value, Entire):
                return value
            groups[value] = (*groups.get(value, ()), path)
        return groups

    def why_not(self, task: TaskSpec) -> str:
        """Why a task that is to run by partition does not, whatever its files are; empty where it does."""
        assert task.partition is not None
        return _why_not(task, task.partition, self.queries.get(task.name))

    def folder(self, task: str) -> str:
        """Where the parts of a task's output are kept, with what is recorded of them."""
        return parts_folder(self.state, self.spec.name, task)

    def _kept(self, folder: str, key: str, max_age: float | None) -> tuple[PartRecord, Identity] | None:
        """A part whose bytes are those that were recorded, and that is not too old."""
        record = read_record(folder, key)
        if record is None:
            return None
        if max_age is not None and record.run != self.run and not 0 <= self.now - record.built_at <= max_age:
            return None
        try:
            content = self.files.content(f"{folder}/{record.file}")
        except OSError:
            return None
        return (record, content[0]) if content is not None and content[1] == record.digest else None


def named_folders(path: str) -> list[tuple[str, str]]:
    """The folders of a path that say `name=value`."""
    parts = (part.split("=") for part in os.path.dirname(path).split("/"))  # noqa: PTH120 - asked for each file
    return [(part[0], part[1]) for part in parts if len(part) == 2 and part[0]]


def in_range(labels: Iterable[str | None], kind: str, start: str | None, end: str | None) -> frozenset[str | None]:
    """Which of the values lie between two others, these included; None leaves a side open. NULL lies nowhere."""
    known = [label for label in labels if label is not None]
    if not known:
        return frozenset()
    listed = ", ".join(f"({literal(label)})" for label in known)
    bounds = [f"CAST(l AS {kind}) >= CAST({literal(start)} AS {kind})"] if start is not None else []
    bounds += [f"CAST(l AS {kind}) <= CAST({literal(end)} AS {kind})"] if end is not None else []
    rows = query(f"SELECT l FROM (VALUES {listed}) v(l) WHERE {' AND '.join(bounds) or 'true'}")  # noqa: S608
    return frozenset(str(label) for (label,) in rows)


def value_of(text: str, kind: str) -> str | None:
    """A value that a user wrote, as DuckDB tells it; None where it is no value of that type."""
    ((value,),) = query(f"SELECT CAST(TRY_CAST({literal(text)} AS {kind}) AS VARCHAR)")
    return None if value is None else str(value)


def is_in_order(start: str, end: str, kind: str) -> bool:
    ((answer,),) = query(f"SELECT CAST({literal(start)} AS {kind}) <= CAST({literal(end)} AS {kind})")
    return bool(answer)


def _values(written: Iterable[str], kind: str) -> dict[str, str | Entire | None]:
    """What DuckDB makes of the names of folders."""
    found: dict[str, str | Entire | None] = {}
    plain: list[str] = []
    for text in written:
        if text.casefold() in _NULLS:
            found[text] = None
        else:
            plain.append(text)
    if plain:
        listed = ", ".join(f"({number}, {literal(text)})" for number, text in enumerate(plain))
        value = f"CAST(TRY_CAST(url_decode(t) AS {kind}) AS VARCHAR)"
        rows = query(f"SELECT n, {value} FROM (VALUES {listed}) v(n, t)")  # noqa: S608
        for number, read in rows:
            text = plain[int(str(number))]
            found[text] = Entire(f'"{text}" is no {kind}') if read is None else str(read)
    return found


def _why_not(task: TaskSpec, spec: PartitionSpec, facts: QueryFacts | None) -> str:
    """Why the query is not proved to be the same part by part."""
    if spec.why_not:
        return spec.why_not
    if task.query is None or task.runs != SQL:
        return "it is not one query"
    if facts is None:
        return "nothing is proved of its query"
    if facts.undetermined:
        return f"it may answer differently each time: {facts.undetermined}"
    read = facts.read(spec.read)
    if read is None or spec.column not in read.apart_by:
        others = read.apart_by if read is not None else ()
        why = (
            read.together if read is not None and read.together else f"its parts would be those of {', '.join(others)}"
        )
        return f'it is not proved to be the same for each {spec.column} of "{spec.read}" by itself: {why}'
    # What becomes another type in Parquet becomes that once: it is the same if the output is Parquet, too.
    kept = _STORED_AS if task.outputs[0].format == "parquet" else {}
    unstored = next((name for name, kind in facts.columns if kind not in kept and not survives(kind)), None)
    if unstored is not None:
        return f'its column "{unstored}" is of a type that Parquet does not keep'
    names = [name.casefold() for name, _kind in facts.columns]
    return "two of its columns have one name" if len(set(names)) < len(names) else ""


def _common(inputs: Inputs, divided: Input) -> tuple[KeyPart, ...]:
    """What the keys of all parts hold: all of the task's key but the files that are divided."""
    own = {part.field for part in divided.parts}
    return tuple(part for part in inputs.parts if part.field not in own)


def _own_parts(spec: PartitionSpec, facts: QueryFacts) -> tuple[KeyPart, ...]:
    """What decides how a part is made, beside what decides about the whole."""
    return (
        KeyPart("partition.epoch", "code", EPOCH),
        KeyPart("partition.by", "code", repr((spec.read, spec.column))),
        KeyPart("partition.source", "inputs", repr(spec.columns)),
        KeyPart("partition.columns", "outputs", repr(facts.columns)),
    )


def _members(spec: PartitionSpec, label: str | None, files: Mapping[str, str]) -> tuple[KeyPart, ...]:
    value = KeyPart("partition.value", "inputs", "NULL" if label is None else f"={label}")
    return (value, *(KeyPart(f"{INPUT}{spec.read}[{path}]", "inputs", digest) for path, digest in files.items()))


def _order(
    spec: PartitionSpec, facts: QueryFacts, inputs: Inputs, partitions: Sequence[Partition], folder: str
) -> OrderParts:
    named = {name.casefold() for name, _value in named_folders(partitions[0].files[0])}
    items = tuple(
        OrderPart(one.label, one.key, f"{folder}/{one.kept.file}")
        if one.kept is not None
        else OrderPart(one.label, one.key, "", one.files)
        for one in partitions
    )
    identities = {path: found for one in inputs.inputs for path, found in one.identities.items()}
    return OrderParts(
        spec.read,
        spec.column,
        tuple((name, kind) for name, kind in spec.columns if name.casefold() in named),
        ((spec.read, spec.columns), *spec.others),
        facts.columns,
        tuple((name, _STORED_AS.get(kind, kind)) for name, kind in facts.columns),
        items,
        tuple(
            (path, (one.size, one.mtime_ns, one.ctime_ns, one.inode, one.device))
            for path, one in identities.items()
            if isinstance(one, FileIdentity)
        ),
    )


def named_after(order: OrderParts, folder: str, token: str) -> OrderParts:
    """With the places of the parts that are to be made: each attempt has names of its own for them."""
    mark = sha256(token.encode()).hexdigest()[:12]
    items = tuple(
        one if one.path else OrderPart(one.label, one.key, f"{folder}/{one.key}-{mark}{SUFFIX}", one.files)
        for one in order.items
    )
    return replace(order, items=items)


MANIFESTS: Final = "outputs"


def write_manifest(folder: str, key: str, manifest: Manifest) -> None:
    """Records what the output under a key is put together of; raises OSError where that cannot be written."""
    path = Path(folder, MANIFESTS, f"{key}.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    staged = path.with_suffix(".staged")
    told = {"column": manifest.column, "why": manifest.why, "parts": [one.to_dict() for one in manifest.parts]}
    staged.write_text(json.dumps(told), encoding="utf-8")
    staged.replace(path)


def read_manifest(folder: str, key: str) -> Manifest | None:
    """What the output under a key was put together of; None where that is not recorded."""
    return manifest_at(Path(folder, MANIFESTS, f"{key}.json"))


def manifest_at(path: Path) -> Manifest | None:
    """What is recorded in a file; None where it is damaged, or there is none."""
    try:
        raw: Any = json.loads(path.read_text(encoding="utf-8"))
        return Manifest(raw["column"], tuple(PartRecord.from_dict(one) for one in raw["parts"]), raw["why"])
    except (OSError, ValueError, TypeError, KeyError):
        return None


def parts_folder(state: Path, pipeline: str, task: str) -> str:
    """Where the parts of a task's output are kept, with what is recorded of them."""
    return f"{state}/partitions/{pipeline}/{task}"


def manifests_of(folder: str) -> list[Path]:
    """What is recorded of a task's outputs, the newest first."""
    return [path for _, path in sorted(_dated(Path(folder, MANIFESTS)), reverse=True)]


def _dated(folder: Path) -> Iterator[tuple[float, Path]]:
    """The records in a folder with the time of each; another run may remove some meanwhile."""
    for path in folder.glob(f"*{RECORD}"):
        with suppress(OSError):
            yield path.stat().st_mtime, path


def records_of(folder: str) -> Iterator[PartRecord]:
    """The parts that are kept."""
    for path in Path(folder).glob(f"*{RECORD}"):
        record = read_record(folder, path.name.removesuffix(RECORD))
        if record is not None:
            yield record


def newer_parts(folder: str) -> list[PartRecord]:
    """The parts that were made after the newest output: those of an attempt that did not come to its end."""
    newest = max((when for when, _ in _dated(Path(folder, MANIFESTS))), default=0.0)
    return [record for record in records_of(folder) if record.built_at > newest]


def source_of(task: TaskSpec) -> ReadSpec | None:
    """What a task reads by partition."""
    assert task.partition is not None
    return next((one for one in task.reads if one.name == task.partition.read), None)
