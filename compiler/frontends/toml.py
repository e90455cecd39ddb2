"""Reads TOML into the syntax tree that every front end gives: each key with its place."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from datetime import date, datetime, time
from typing import Any, Final

from trc.compiler.diagnostics.collector import Collector
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.frontends.syntax import Entry, Mapping, Node, Scalar, Sequence
from trc.compiler.source import ScalarMap, Segment, SourceFile, Span

_Path = tuple[str, ...]
_KEY: Final = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')"""
_KEYS: Final = re.compile(rf"{_KEY}(?:[ \t]*\.[ \t]*{_KEY})*")
_SKIPPED: Final = re.compile(r"(?:[ \t\r\n]++|#[^\n]*+)*+")
_STRING: Final = re.compile(r'"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'', re.DOTALL)
_WORD: Final = re.compile(r"[^,\]}#\n]+")
_AT: Final = re.compile(r"\(at line (\d+), column (\d+)\)")


def parse(file: SourceFile, collect: Collector, code: str = "TRC106") -> Mapping | None:
    """The tree of a TOML file; None where it is no TOML, which goes to `collect` as `code`."""
    try:
        written = tomllib.loads(file.text)
    except (ValueError, RecursionError) as error:
        collect.add(_unreadable(file, str(error), code))
        return None
    places = _Places(file)
    try:
        places.read()
    except (AssertionError, RecursionError):
        places.found.clear()
    return _mapping(written, (), places)


def _unreadable(file: SourceFile, message: str, code: str) -> Diagnostic:
    place = _AT.search(message)
    last = max(len(file.text.rstrip()) - 1, 0)
    if "recursion" in message:
        remedy = ("keep deeply nested data in a file of its own",)
        return Diagnostic(code, f'"{file.name}" nests too deep', file.span(last, last + 1), help=remedy)
    line, column = (int(place[1]) - 1, int(place[2]) - 1) if place else (0, len(file.text))
    begin = sum(len(one) + 1 for one in file.text.split("\n")[:line])
    start = min(begin + column, last)
    span = file.span(start, min(start + 1, len(file.text)))
    words = _AT.sub("", message).replace("(at end of document)", "").strip()
    if place and any(one in words for one in ("overwrite", "twice", "immutable")):
        key = _KEYS.search(file.text, begin)
        span = file.span(key.start(), key.end()) if key else span
        return Diagnostic(code, "this is written twice", span, help=("keep one of the two",))
    if file.text[last : last + 1] in _OPEN and begin + column > last:
        words = "ends within a value"
    told = next((ours for theirs, ours in _WORDS if theirs in words.lower()), f"{words[:1].lower()}{words[1:]}")
    return Diagnostic(code, f'"{file.name}" is not TOML: {told}', span, help=(_REMEDY,))


_OPEN: Final = frozenset("[{,=")
_REMEDY: Final = "texts need quotes in TOML, lists need brackets"
_WORDS: Final = (
    ("invalid value", "here stands none of its values"),
    ("invalid statement", "here begins neither a key nor a table"),
    ("unclosed array", "a list is never closed"),
    ("unclosed inline table", "braces are never closed"),
    ("unterminated string", "a text is never closed"),
    ("illegal character", "a character that cannot stand in a text"),
    ("expected '=' after a key", 'a "=" is wanted behind the key'),
    ("expected newline or end of document", "something stands behind the value"),
    ("unescaped '\\' in a string", "a backslash in a text is not doubled"),
    ("integer string conversion", "a number is too long"),
)
"""What the reader of TOML says, in words for people who do not write it every day."""


class _Places:
    """Finds where keys and values stand. The text is TOML: its parser has read it."""

    def __init__(self, file: SourceFile) -> None:
        self.file = file
        self.text = file.text
        self.found: dict[_Path, tuple[Span, Span]] = {}
        self.counts: dict[_Path, int] = {}

    def read(self) -> None:
        position = 0
        table: _Path = ()
        while (position := self.skip(position)) < len(self.text):
            if self.text[position] == "[":
                brackets = 2 if self.text.startswith("[[", position) else 1
                start = self.skip(position + brackets)
                keys = self.keys(start)
                table = tuple(key for key, _ in keys)
                if brackets == 2:
                    number = self.counts[table] = self.counts.get(table, -1) + 1
                    table = (*table, str(number))
                self.note(table, keys, keys[-1][1])
                position = self.text.index("]", keys[-1][1].end) + brackets
            else:
                position = self.pair(position, table)

    def pair(self, position: int, table: _Path) -> int:
        keys = self.keys(position)
        path = (*table, *(key for key, _ in keys))
        start = self.skip(self.text.index("=", keys[-1][1].end) + 1)
        end = self.value(start, path)
        self.note(path, keys, self.file.span(start, end))
        return end

    def note(self, path: _Path, keys: list[tuple[str, Span]], value: Span) -> None:
        self.found[path] = (keys[-1][1], value)
        for index in range(1, len(keys)):
            self.found.setdefault(path[: len(path) - index], (keys[-1 - index][1], keys[-1 - index][1]))

    def keys(self, position: int) -> list[tuple[str, Span]]:
        match = _KEYS.match(self.text, position)
        assert match is not None
        return [
            (_spelled(one[0]), self.file.span(one.start(), one.end()))
            for one in re.compile(_KEY).finditer(self.text, match.start(), match.end())
        ]

    def value(self, position: int, path: _Path) -> int:
        """The end of the value that begins here, its parts noted."""
        if self.text[position] == "[":
            index = 0
            position = self.skip(position + 1)
            while self.text[position] != "]":
                start, position = position, self.value(position, (*path, str(index)))
                span = self.file.span(start, position)
                self.found[(*path, str(index))] = (span, span)
                index += 1
                position = self.comma(position)
            return position + 1
        if self.text[position] == "{":
            position = self.skip(position + 1)
            while self.text[position] != "}":
                position = self.comma(self.pair(position, path))
            return position + 1
        match = _STRING.match(self.text, position) or _WORD.match(self.text, position)
        assert match is not None
        return match.start() + len(match[0].rstrip())

    def comma(self, position: int) -> int:
        position = self.skip(position)
        return self.skip(position + 1) if self.text[position] == "," else position

    def skip(self, position: int) -> int:
        match = _SKIPPED.match(self.text, position)
        return match.end() if match else position


def _spelled(key: str) -> str:
    return next(iter(tomllib.loads(f"{key} = 0"))) if key[0] in "\"'" else key


def _mapping(written: dict[str, Any], path: _Path, places: _Places) -> Mapping:
    entries = tuple(_entries(written, path, places))
    _, span = places.found.get(path, (None, places.file.span(0, 0)))
    return Mapping(entries, span)


def _entries(written: dict[str, Any], path: _Path, places: _Places) -> Iterator[Entry]:
    for key, value in written.items():
        inner = (*path, key)
        whole = places.file.span(0, 0)
        span, _ = places.found.get(inner, (whole, whole))
        yield Entry(Scalar(key, "plain", ScalarMap(span)), _node(value, inner, places))


def _node(value: Any, path: _Path, places: _Places) -> Node:
    whole = places.file.span(0, 0)
    _, span = places.found.get(path, (whole, whole))
    match value:
        case dict():
            return _mapping(value, path, places)
        case list():
            return Sequence(tuple(_node(one, (*path, str(index)), places) for index, one in enumerate(value)), span)
        case str():
            exact = places.text[span.start + 1 : span.end - 1] == value
            return Scalar(value, "double", _within_quotes(span) if exact else ScalarMap(span))
        case bool():
            return Scalar("true" if value else "false", "plain", ScalarMap(span))
        case date() | datetime() | time():
            return Scalar(value.isoformat(), "double", ScalarMap(span))
        case _:
            return Scalar(_number(value), "plain", ScalarMap(span))


def _within_quotes(span: Span) -> ScalarMap:
    """The map of a text without escapes, between its quotes."""
    return ScalarMap(
        span, (Segment(0, span.start + 1, span.end - span.start - 2),) if span.end - span.start > 2 else ()
    )


def _number(value: float) -> str:
    text = repr(value)
    return {"inf": ".inf", "-inf": "-.inf", "nan": ".nan"}.get(text, text)
