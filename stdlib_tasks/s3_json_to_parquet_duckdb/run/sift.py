"""Parts the rows of a file that can be read from those that cannot, row by row: only where an engine has stumbled."""

from __future__ import annotations

import codecs
import csv
import gzip
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import IO, Any, NoReturn

from trc.stdlib_tasks.s3_json_to_parquet_duckdb.run.rejects import Rejects

_BLOCK = 1 << 20
_LONGEST = 128 << 20
"""Characters of one value that are held."""
_WHITE = " \t\r\n"


@dataclass(frozen=True)
class Source:
    """A file: where it is read, what it is called, and what parts its values."""

    path: str
    name: str
    delimiter: str = ","


class Unsiftable(Exception):  # noqa: N818 - what is the matter with a file
    """Its rows cannot be looked at one by one."""


def sifted(form: str, sources: Sequence[Source], folder: str, rejects: Rejects) -> list[Source]:
    """Files with the rows that can be read, in the folder; the others are told to `rejects`. Raises Unsiftable."""
    found: list[Source] = []
    for number, source in enumerate(sources):
        # Readers go by folders such as `day=2026-01-01`.
        parts = [part for part in os.path.dirname(source.path).split("/") if "=" in part]
        target = os.path.join(folder, str(number), *parts, f"rows.{form}")
        os.makedirs(os.path.dirname(target), exist_ok=True)
        kept = _sift_json(source, target, rejects) if form == "json" else _sift_csv(source, target, rejects)
        if kept:
            found.append(replace(source, path=target))
    return found


def _opened(source: Source) -> IO[bytes]:
    name = source.path.lower()
    if name.endswith(".zst"):
        raise Unsiftable(f'"{source.name}" is packed as zstd, and its rows cannot be looked at one by one')
    return gzip.open(source.path, "rb") if name.endswith(".gz") else open(source.path, "rb")  # type: ignore[return-value]


# JSON


def _sift_json(source: Source, target: str, rejects: Rejects) -> int:
    kept = 0
    with _opened(source) as file, open(target, "w", encoding="utf-8") as good:
        try:
            values = _lines(source, file, rejects) if _is_lines(source) else _values(source, file, rejects)
            for line, value, row in values:
                if isinstance(value, dict):
                    good.write(json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n")
                    kept += 1
                else:
                    rejects.add(source.name, line, "it is no object", row)
        except (EOFError, gzip.BadGzipFile) as error:
            raise Unsiftable(f'"{source.name}" cannot be unpacked: {error}') from None
    return kept


def _is_lines(source: Source) -> bool:
    """Whether each line is a value of its own: the first does not open a list, and either it is one or the second begins one."""
    with _opened(source) as file:
        heads = [line for line in (file.readline(_BLOCK).strip() for _ in range(64)) if line][:2]
    if not heads or heads[0].startswith(b"["):
        return False
    return _is_json(heads[0]) or (len(heads) > 1 and heads[1].startswith(b"{"))


def _is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _lines(source: Source, file: IO[bytes], rejects: Rejects) -> Iterator[tuple[int, Any, str]]:
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            yield number, json.loads(text, parse_constant=_no_number), text.rstrip("\r\n")
        except UnicodeDecodeError:
            rejects.add(source.name, number, "it is not UTF-8", line.decode(errors="replace").rstrip("\r\n"))
        except (ValueError, RecursionError) as error:
            rejects.add(source.name, number, _told(error), line.decode(errors="replace").rstrip("\r\n"))


def _values(source: Source, file: IO[bytes], rejects: Rejects) -> Iterator[tuple[int, Any, str]]:
    """The values of a list, or those that follow one another. What comes after a broken one cannot be told apart from it."""
    decoder = json.JSONDecoder(parse_constant=_no_number)
    text = _Text(file)
    line = 1
    is_list = text.peek() == "["
    if is_list:
        text.skip(1)
    while True:
        character = text.peek()
        if (character in ",]" and is_list) or not character:
            if not character:
                return
            text.skip(1)
            continue
        line = text.line
        try:
            value, row = text.value(decoder)
        except (ValueError, RecursionError) as error:
            why = _told(error).partition(", at character")[0]
            rejects.add(source.name, line, f"{why}; what follows in this file is lost with it", text.rest())
            return
        yield line, value, row


class _Text:
    """A file's text, of which as much is held as the next value takes."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._held = ""
        self._place = 0
        self._decode = _decoder()
        self._is_over = False
        self.line = 1

    def peek(self) -> str:
        """The next character that is not white; nothing at the end."""
        while True:
            while self._place < len(self._held):
                character = self._held[self._place]
                if character not in _WHITE:
                    return character
                self.line += character == "\n"
                self._place += 1
            if not self._more():
                return ""

    def skip(self, count: int) -> None:
        self._place += count

    def value(self, decoder: json.JSONDecoder) -> tuple[Any, str]:
        """The value that begins here; raises ValueError."""
        while True:
            try:
                value, end = decoder.raw_decode(self._held, self._place)
                # A number may go on where the text that is held ends.
                if end < len(self._held) or not self._more():
                    row = self._held[self._place : end]
                    self.line += row.count("\n")
                    self._place = end
                    return value, row
            except ValueError:
                if not self._more():
                    raise

    def rest(self) -> str:
        return self._held[self._place : self._place + 4096]

    def _more(self) -> bool:
        """Reads as much again as is held; False at the end."""
        if self._is_over:
            return False
        self._held = self._held[self._place :]
        self._place = 0
        if len(self._held) > _LONGEST:
            raise ValueError(f"one value has more than {_LONGEST:,} characters")
        block = self._file.read(max(_BLOCK, len(self._held)))
        self._is_over = not block
        self._held += self._decode.decode(block, final=not block)
        return True


def _decoder() -> Any:
    return codecs.getincrementaldecoder("utf-8-sig")()


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number of JSON")


def _told(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg}, at character {error.pos + 1:,}".replace("Expecting", "expecting")
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error)


# CSV


def _sift_csv(source: Source, target: str, rejects: Rejects) -> int:
    kept = 0
    with _opened(source) as file, open(target, "w", encoding="utf-8", newline="") as good:
        pending = _Pending(file)
        width = 0
        while True:
            pending.begin()
            try:
                row = next(csv.reader(pending, delimiter=source.delimiter, strict=True), None)
            except (csv.Error, UnicodeDecodeError) as error:
                # It may have taken in rows that are fine: one line is given up, and the others are looked at again.
                number, line = pending.give_up()
                why = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
                rejects.add(source.name, number, why, line)
                continue
            except (EOFError, gzip.BadGzipFile) as error:
                raise Unsiftable(f'"{source.name}" cannot be unpacked: {error}') from None
            if row is None:
                return kept
            number, text = pending.taken()
            if not text.strip("\r\n"):
                continue
            if not width:
                width = len(row)
                good.write(text)
            elif len(row) != width:
                rejects.add(
                    source.name, number, f"it has {len(row)} values, and the header {width}", text.rstrip("\r\n")
                )
            else:
                good.write(text if text.endswith("\n") else text + "\n")
                kept += 1


class _Pending:
    """The lines of a file, of which those of the row that is being read can be had again."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._again: list[bytes] = []
        self._row: list[bytes] = []
        self._number = 1

    def begin(self) -> None:
        self._row = []

    def taken(self) -> tuple[int, str]:
        """The number of the row's first line, and its text."""
        number = self._number
        self._number += len(self._row)
        return number, b"".join(self._row).decode("utf-8-sig" if number == 1 else "utf-8")

    def give_up(self) -> tuple[int, str]:
        """The first line of the row; the others are read again."""
        number = self._number
        self._number += 1
        self._again = self._row[1:] + self._again
        return number, self._row[0].decode(errors="replace").rstrip("\r\n")

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.pop(0) if self._again else self._file.readline()
        if not line:
            raise StopIteration
        self._row.append(line)
        return line.decode("utf-8-sig" if self._number == 1 and len(self._row) == 1 else "utf-8")
