"""What a task's key is made of, and what differs between two keys: one list of parts serves both.

The parts that the pipeline itself determines are read off the IR's field markings; those of the
inputs are added when their content is known.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

from trc.runtime.reasons import Change
from trc.runtime.spec import KeyPart, SkipSpec

EPOCH = 1
"""Counts the rules of keys, and is part of each: raising it is a visible event, never a silent re-run."""

UPSTREAM = "upstream."
INPUT = "inputs."
PARAM = "params."
METADATA = "metadata."
SECRET = "secrets."  # noqa: S105 - the beginning of a field's name
"""Before the reference of a secret whose provider numbers its values: the part is that number, never the value."""


def key_of(parts: Iterable[KeyPart]) -> str:
    """The key of these parts, in any order: 64 hexadecimal digits."""
    ordered = sorted(parts, key=_field)
    text = "".join([f"{len(one.field)} {one.field} {len(one.value)} {one.value}\n" for one in ordered])
    # Lengths are those of bytes: where all is ASCII, as nearly always, they are those of the text.
    lines = [text.encode()] if text.isascii() else map(_line, ordered)
    return hashlib.sha256(b"".join(lines)).hexdigest()


def _line(part: KeyPart) -> bytes:
    field, value = part.field.encode(), part.value.encode()
    return b"%d %b %d %b\n" % (len(field), field, len(value), value)


def _field(part: KeyPart) -> str:
    return part.field


def changes(old: Sequence[KeyPart], new: Sequence[KeyPart], skip: SkipSpec) -> tuple[Change, ...]:
    """The parts that differ and count under the task's incremental strategy, in order of their fields."""
    before = {part.field: part for part in old}
    after = {part.field: part for part in new}
    found: list[Change] = []
    for field in sorted(before.keys() | after.keys()):
        was, now = before.get(field), after.get(field)
        if was is not None and now is not None and was.value == now.value:
            continue
        if _counts(was or now, skip):
            found.append(Change(field, was.value if was else None, now.value if now else None))
    return tuple(found)


def is_narrowed(skip: SkipSpec) -> bool:
    """Whether the author asked for less than everything to be compared."""
    return skip.strategy != "hybrid" or bool(skip.checksum_fields) or not skip.dependency_check


def _counts(part: KeyPart | None, skip: SkipSpec) -> bool:
    if part is None or part.group == "checks":
        return False
    if part.group == "inputs":
        if part.field.startswith(UPSTREAM) and not skip.dependency_check:
            return False
        return skip.strategy in ("etag", "hybrid")
    if part.group == "parameters":
        if skip.strategy == "etag":
            return False
        return not skip.checksum_fields or part.field in skip.checksum_fields
    return True


_MANY = 100


def input_parts(name: str, files: Mapping[str, str]) -> tuple[KeyPart, ...]:
    """The parts of an input's files (path as written in keys → digest): one each, or one for very many."""
    if len(files) <= _MANY:
        return tuple(KeyPart(f"{INPUT}{name}[{path}]", "inputs", digest) for path, digest in sorted(files.items()))
    combined = hashlib.sha256()
    for path, digest in sorted(files.items()):
        combined.update(f"{path}\0{digest}\n".encode())
    return (KeyPart(f"{INPUT}{name}[*]", "inputs", f"{len(files)} files {combined.hexdigest()}"),)
