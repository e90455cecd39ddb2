"""What a commit's key tells of what the attempt read: by what name, and with which content."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Literal

from trc.compiler.ir.uris import normalise
from trc.runtime.fingerprint import INPUT, PARAM, UPSTREAM
from trc.runtime.passed import EXPECT
from trc.runtime.repeated import WHOLE
from trc.runtime.shapes import ShapeTask
from trc.runtime.spec import KeyPart
from trc.runtime.store.results import StoredOutput
from trc.runtime.taskside.records import record

Told = Literal["all", "declared", "no"]
"""How much of what an attempt read is recorded: all of it, what its author declares, or nothing."""

_DECLARED: Final = frozenset({PARAM + "inputs", PARAM + "files"})
_READS: Final = "reads."
_KIND: Final = ".kind"
_MANY: Final = "*"
_OF_TUPLES: Final = re.compile(r": in (\S+) \([0-9a-f]{32}\)$")


@record(frozen=True, slots=True)
class FileRead:
    """A file that no task of the pipeline wrote: its absolute path, and the digest of its bytes.

    One that `is_checked` was read by expectations alone, to look values up in it.
    """

    name: str
    path: str
    digest: str
    is_checked: bool = False


@record(frozen=True, slots=True)
class FilesRead:
    """Files that were too many to be recorded one by one: how many, and one digest of them all."""

    name: str
    count: int
    digest: str
    is_checked: bool = False


@record(frozen=True, slots=True)
class TaskRead:
    """An output of a task of the pipeline, and the `digest` by which the reader knew it: of its bytes, of some of its tuples, or of its key.

    `producer` are the task and the output, or None where it is not recorded which they were.
    """

    name: str
    digest: str
    producer: tuple[str, str] | None
    is_checked: bool = False


Read = FileRead | FilesRead | TaskRead


def reads_of(parts: Sequence[KeyPart], shape: ShapeTask | None, project: str) -> tuple[Read, ...]:
    """What the parts of a key say was read, in their order; `shape` is the task as it was run, if that was kept."""
    producers = {} if shape is None else {one.name: one.producer for one in shape.reads}
    names = [
        part.field[len(_READS) : -len(_KIND)]
        for part in parts
        if part.field.startswith(_READS) and part.field.endswith(_KIND)
    ]
    return tuple(_reads(parts, producers, sorted(names, key=len, reverse=True), project))


def _reads(
    parts: Sequence[KeyPart], producers: dict[str, tuple[str, str] | None], names: Sequence[str], project: str
) -> Iterator[Read]:
    told = {part.field for part in parts}
    for part in parts:
        is_checked = part.field.startswith(EXPECT)
        field = part.field.removeprefix(EXPECT)
        if field.startswith(UPSTREAM):
            name = field[len(UPSTREAM) :]
            if not any(one.startswith(f"{part.field}[") for one in told):
                yield TaskRead(name, part.value, _producer(name, producers), is_checked)
        elif field.startswith(INPUT) and field.endswith("]"):
            name, place = _split(field[len(INPUT) : -1], names)
            if place == _MANY:
                number, _, digest = part.value.partition(" files ")
                yield FilesRead(name, int(number), digest, is_checked)
            else:
                yield FileRead(name, normalise(place, project), part.value, is_checked)


def _producer(name: str, producers: dict[str, tuple[str, str] | None]) -> tuple[str, str] | None:
    """Who wrote what the reader calls so; of what the items of a task have written, the item."""
    read, bracket, label = name.partition("[")
    found = producers.get(read)
    return found if found is None or not bracket else (found[0] + bracket + label, found[1])


def _split(text: str, names: Iterable[str]) -> tuple[str, str]:
    """What the input is called and which file of it is meant; either may hold brackets."""
    known = next((name for name in names if text.startswith(f"{name}[")), None)
    name = text.partition("[")[0] if known is None else known
    return name, text[len(name) + 1 :]


def told(parts: Iterable[KeyPart]) -> Told:
    """How much of what an attempt read its key tells: queries and expectations read what they name, code may read what it likes."""
    fields = {part.field for part in parts}
    if "sql" in fields or WHOLE in fields:
        return "all"
    return "declared" if _DECLARED & fields else "no"


def is_content(output: StoredOutput, digest: str) -> bool:
    """Whether a reader that knew what it read by this digest may have read this output."""
    within = _OF_TUPLES.search(digest)
    if within is not None:
        alike = output.tuples.alike if output.tuples is not None else ()
        return within[1] in (output.digest, *output.also, *(earlier for _, earlier in alike))
    if digest in (output.digest, *output.also):
        return True
    taken = output.tuples.digests if output.tuples is not None else ()
    return any(digest.endswith(f": {one}") for _, one in taken)
