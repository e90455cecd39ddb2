"""Reads the texts of a `.trc` file: what a quoted or raw one says, and where each of its characters stands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from trc.compiler.frontends.syntax import Scalar
from trc.compiler.source import ScalarMap, Segment, SourceFile, Span

_PIECE: Final = re.compile(r"[^\\]+|\\(?:u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", re.DOTALL)
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\"}
_LINE: Final = re.compile(r"[^\r\n]*(?:\r\n|[\r\n]|\Z)")
_BLANK: Final = " \t\r\n"
_LARGEST: Final = 0x10FFFF


@dataclass(slots=True)
class _Copied:
    """A value as it is put together, with the places of what was copied."""

    parts: list[str] = field(default_factory=list[str])
    segments: list[Segment] = field(default_factory=list[Segment])
    length: int = 0

    def copy(self, text: str, source: int) -> None:
        if text:
            self.segments.append(Segment(self.length, source, len(text)))
            self.insert(text)

    def insert(self, text: str) -> None:
        self.parts.append(text)
        self.length += len(text)

    @property
    def value(self) -> str:
        return "".join(self.parts)


@dataclass(frozen=True, slots=True)
class WrongEscape:
    """A backslash that begins nothing, at `span`."""

    span: Span
    text: str


def quoted(file: SourceFile, start: int, end: int) -> tuple[Scalar, tuple[WrongEscape, ...]]:
    """The text in double quotes at `[start, end)`, and the escapes in it that stand for nothing."""
    span = file.span(start, end)
    inner = file.text[start + 1 : end - 1]
    if "\\" not in inner:
        segments = (Segment(0, start + 1, len(inner)),) if inner else ()
        return Scalar(inner, "double", ScalarMap(span, segments)), ()
    copied, wrong = _Copied(), list[WrongEscape]()
    for piece in _PIECE.finditer(inner):
        at = start + 1 + piece.start()
        text = piece[0]
        if text[0] != "\\":
            copied.copy(text, at)
        elif (character := _unescaped(text)) is not None:
            copied.insert(character)
        else:
            wrong.append(WrongEscape(file.span(at, at + len(text)), text))
    return Scalar(copied.value, "double", ScalarMap(span, tuple(copied.segments))), tuple(wrong)


def _unescaped(escape: str) -> str | None:
    if len(escape) == 2:
        return _ESCAPES.get(escape[1])
    code = int(escape[2:], 16)  # noqa: FURB166 - the escape's letter is no prefix of Python's
    is_half = 0xD800 <= code < 0xE000
    return chr(code) if 0 < code <= _LARGEST and not is_half else None


def raw(file: SourceFile, start: int, end: int) -> Scalar:
    """The text between two `$$` (or `$tag$`) at `[start, end)`: without the indent that all its lines share.

    A text that begins on a line of its own ends, as a literal block of YAML does, with one line break;
    one that begins right behind the mark is taken without the space around it.
    """
    text = file.text
    mark = text.index("$", start + 1) + 1 - start
    low, high = start + mark, end - mark
    first_break = re.compile(r"[ \t]*(?:\r\n|\r|\n)").match(text, low, high)
    copied = _Copied()
    if first_break is None:
        stripped = text[low:high]
        low += len(stripped) - len(stripped.lstrip(_BLANK))
        high -= len(stripped) - len(stripped.rstrip(_BLANK))
        for at, line in _lines(text, low, high):
            _copy_line(copied, line, at)
    else:
        lines = list(_lines(text, first_break.end(), high))
        if lines and not lines[-1][1].strip(" \t"):
            lines.pop()  # the indent of the closing mark
        margin = _margin([line for _, line in lines])
        for at, line in lines:
            cut = min(margin, len(line) - len(line.lstrip(" \t")))
            _copy_line(copied, line[cut:], at + cut)
    return Scalar(copied.value, "dollar", ScalarMap(file.span(start, end), tuple(copied.segments)))


def _lines(text: str, start: int, end: int) -> Iterator[tuple[int, str]]:
    while start < end:
        match = _LINE.match(text, start, end)
        assert match is not None
        yield start, match[0]
        start = match.end()


def _margin(lines: list[str]) -> int:
    """How many blanks all lines begin with that say something."""
    indents = [line[: len(line) - len(line.lstrip(" \t"))] for line in lines if line.strip(_BLANK)]
    shortest, longest = min(indents, default=""), max(indents, default="")
    return next((at for at, (one, other) in enumerate(zip(shortest, longest)) if one != other), len(shortest))


def _copy_line(copied: _Copied, line: str, at: int) -> None:
    """Line breaks are read as line feeds, however they are written."""
    body = line.rstrip("\r\n")
    if len(body) == len(line) or line == f"{body}\n":
        copied.copy(line, at)
        return
    copied.copy(body, at)
    if line[-1] == "\n":
        copied.copy("\n", at + len(line) - 1)
    else:
        copied.insert("\n")
