"""The file of an export: lines of JSON, with what it is in the first, and how to tell that it is whole in the last."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import IO, Any, Final

from trc.runtime.errors import Stopped, stopped
from trc.runtime.store.statements import load
from trc.runtime.taskside.records import record

VERSION: Final = 1
"""Of what the lines hold: a column more or less is another version."""

Values = dict[str, Any]
_HEADER: Final = {"trc": "state"}
_LONGEST: Final = 1 << 26
"""Bytes of a line."""
_encode: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


@record(frozen=True, slots=True)
class Kind:
    """A kind of lines, `{name: {column: value}}`; `statements` is how its statements in `queries/state.sql` begin."""

    name: str
    statements: str


RUN: Final = Kind("run", "runs")
LETTER: Final = Kind("letter", "letters")
DIGEST: Final = Kind("digest", "digests")
RECORDS: Final = (
    RUN,
    Kind("task", "tasks"),
    Kind("attempt", "attempts"),
    LETTER,
    Kind("result", "results"),
    Kind("latest", "latest"),
)
"""In their order in the file, what others refer to first; digests of files come after them."""
_KINDS: Final = {one.name: one for one in (*RECORDS, DIGEST)}


@cache
def columns(kind: Kind) -> frozenset[str]:
    """What each line of a kind tells."""
    return frozenset(re.findall(r":(\w+)", load("state")[f"{kind.statements}_in"]))


class Writer:
    """Writes the lines of a file, and counts them."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._seen = sha256()
        self._lines = 0
        self._line({**_HEADER, "version": VERSION})

    def put(self, kind: Kind, values: Values) -> None:
        self._line({kind.name: values})

    def end(self) -> None:
        """The last line: how many are before it, and the digest of their bytes."""
        self._line({"end": {"lines": self._lines, "sha256": self._seen.hexdigest()}})

    def _line(self, value: Values) -> None:
        text = f"{_encode(value)}\n".encode("ascii")
        self._file.write(text)
        self._seen.update(text)
        self._lines += 1


def read(path: Path) -> Iterator[tuple[Kind, Values]]:
    """The lines of a file, with their kinds. Whoever has read to the end knows that all of it was there as it was written.

    Raises `Stopped` for a file that is damaged or none of ours, and OSError.
    """
    with path.open("rb") as file:
        seen, number = sha256(), 0
        for number, (text, value) in enumerate(_values(path, file), start=1):
            if number == 1:
                _check_header(path, value)
            elif "end" in value:
                _check_end(path, value["end"], number, seen.hexdigest(), file)
                return
            else:
                yield _record(path, number, value)
            seen.update(text)
    raise damaged(path, f"it ends after line {number}, and says nowhere that this is its end")


def damaged(path: Path, what: str) -> Stopped:
    """The end of a command whose file cannot be trusted."""
    return stopped(
        "TRC637", f'"{path}" is no whole export of a state: {what}', "export it again with `trc state export`"
    )


def _values(path: Path, file: IO[bytes]) -> Iterator[tuple[bytes, Values]]:
    number = 0
    while text := file.readline(_LONGEST):
        number += 1
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            raise damaged(path, f"line {number} is no JSON") from None
        if not isinstance(value, dict):
            raise damaged(path, f"line {number} is no object")
        yield text, value


def _check_header(path: Path, value: Values) -> None:
    version = value.get("version")
    if value != {**_HEADER, "version": version}:
        raise damaged(path, "its first line does not say that it is one")
    if version != VERSION:
        raise stopped(
            "TRC637",
            f'"{path}" is an export of version {version}, and this trc knows {VERSION}',
            "import it with the trc that wrote it; a store of that one is brought forward when this trc opens it",
        )


def _check_end(path: Path, end: Any, number: int, digest: str, file: IO[bytes]) -> None:
    if end != {"lines": number - 1, "sha256": digest}:
        raise damaged(path, "its last line tells of other lines than there are")
    if file.read(1):
        raise damaged(path, f"something follows on line {number}, which ends it")


def _record(path: Path, number: int, value: Values) -> tuple[Kind, Values]:
    (name, values) = next(iter(value.items()), ("", None))
    kind = _KINDS.get(name)
    if kind is None or len(value) != 1 or not isinstance(values, dict) or values.keys() != columns(kind):
        raise damaged(path, f"line {number} tells of nothing that is known")
    if not all(one is None or isinstance(one, str | int | float) for one in values.values()):
        raise damaged(path, f"line {number} holds more than texts and numbers")
    return kind, values
