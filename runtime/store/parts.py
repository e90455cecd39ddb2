"""The parts of a stored key, read from their text when somebody asks for them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import overload

from trc.runtime.plain_json import encode_plain
from trc.runtime.spec import KeyPart


def encode_parts(parts: Sequence[KeyPart]) -> str:
    """The parts as columns: fields, groups, values."""
    if isinstance(parts, StoredParts):
        return parts.text
    columns = [[part.field for part in parts], [part.group for part in parts], [part.value for part in parts]]
    return encode_plain(columns).decode()


class StoredParts(Sequence[KeyPart]):
    """Equal to the tuple that was stored. A run with nothing to do compares keys only, and never reads it."""

    __slots__ = ("_parts", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._parts: tuple[KeyPart, ...] | None = None

    def _read(self) -> tuple[KeyPart, ...]:
        if self._parts is None:
            self._parts = tuple(map(KeyPart, *json.loads(self.text)))
        return self._parts

    @overload
    def __getitem__(self, index: int) -> KeyPart: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[KeyPart, ...]: ...
    def __getitem__(self, index: int | slice) -> KeyPart | tuple[KeyPart, ...]:
        return self._read()[index]

    def __len__(self) -> int:
        return len(self._read())

    def __iter__(self) -> Iterator[KeyPart]:
        return iter(self._read())

    def __eq__(self, other: object) -> bool:
        if isinstance(other, StoredParts):
            return self.text == other.text or self._read() == other._read()
        return isinstance(other, tuple) and self._read() == other

    def __hash__(self) -> int:
        return hash(self._read())

    def __repr__(self) -> str:
        return repr(self._read())
