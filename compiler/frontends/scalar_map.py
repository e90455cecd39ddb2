"""Where each character of a YAML scalar's value stands in its file."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import assert_never

from trc.compiler.frontends.syntax import Style
from trc.compiler.source import ScalarMap, Segment, Span

_BREAKS = "\n\r\x85\u2028\u2029"
_BREAK = re.compile(f"\r\n|[{_BREAKS}]")
_FOLD = f"(?P<fold>[ \t]*+(?:(?:\r\n|[{_BREAKS}])[ \t]*+)++)"
_PLAIN = re.compile(f"{_FOLD}|[ \t]+|[^ \t{_BREAKS}]+")
_SINGLE = re.compile(f"{_FOLD}|(?P<quote>'')|[ \t]+|[^ \t'{_BREAKS}]+")
_DOUBLE = re.compile(
    rf"{_FOLD}|\\(?P<joined>(?:\r\n|[{_BREAKS}])[ \t]*+)(?P<further>(?:(?:\r\n|[{_BREAKS}])[ \t]*+)*+)"
    rf"|\\(?P<code>x..|u....|U........|.)|[ \t]+|[^ \t\\{_BREAKS}]+"
)
_ESCAPES = {
    "0": "\0", "a": "\a", "b": "\b", "t": "\t", "\t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r",
    "e": "\x1b", "N": "\x85", "_": "\xa0", "L": "\u2028", "P": "\u2029",
}  # fmt: skip
_HEADER = re.compile(f"[|>]([0-9+-]*)[^{_BREAKS}]*")
_FIRST_LINE = re.compile(rf"(?:\A|(?<=[{_BREAKS}]))( *)[^ {_BREAKS}]")


def map_scalar(text: str, span: Span, end: int, value: str, style: Style) -> ScalarMap:
    """The map of the scalar at `span` that reads as `value`; `end` is where a block scalar's last line break ends.

    What the file says is read once more, character by character; should that give another value
    than the parser's, the map knows the whole only.
    """
    start = span.start
    margin = 1 if style in ("single", "double") else 0
    if value and text[start + margin : span.end - margin] == value:
        return ScalarMap(span, (Segment(0, start + margin, len(value)),))
    trace = _Trace(text)
    match style:
        case "plain":
            trace.flow(_PLAIN, start, span.end)
        case "single":
            trace.flow(_SINGLE, start + 1, span.end - 1)
        case "double":
            trace.flow(_DOUBLE, start + 1, span.end - 1)
        case "literal" | "folded":
            trace.block(start, end, value, folded=style == "folded")
        case "dollar" | "alias":
            trace.copy(start, span.end)
        case _:
            assert_never(style)
    return ScalarMap(span, tuple(trace.segments) if "".join(trace.parts) == value else ())


@dataclass(slots=True)
class _Trace:
    """Reads a scalar again and notes which characters of its value were copied from where."""

    text: str
    parts: list[str] = field(default_factory=list[str])
    segments: list[Segment] = field(default_factory=list[Segment])
    length: int = 0

    def copy(self, start: int, end: int) -> None:
        if end <= start:
            return
        last = self.segments[-1] if self.segments else None
        if last and last.value + last.length == self.length and last.source + last.length == start:
            self.segments[-1] = Segment(last.value, last.source, last.length + end - start)
        else:
            self.segments.append(Segment(self.length, start, end - start))
        self._append(self.text[start:end])

    def insert(self, characters: str) -> None:
        self._append(characters)

    def _append(self, characters: str) -> None:
        self.parts.append(characters)
        self.length += len(characters)

    def flow(self, tokens: re.Pattern[str], start: int, end: int) -> None:
        """A plain or quoted scalar: line breaks fold, quotes and escapes stand for other characters."""
        for token in tokens.finditer(self.text, start, end):
            match token.lastgroup:
                case "fold":
                    self._fold(token.start(), token.end())
                case "quote":
                    self.copy(token.start(), token.start() + 1)
                case "code":
                    self._escape(token)
                case "joined" | "further":
                    self._breaks(*token.span("further"))
                case _:
                    self.copy(token.start(), token.end())

    def _escape(self, token: re.Match[str]) -> None:
        code = token["code"]
        if len(code) > 1:
            self.insert(chr(int(code[1:], 16)))
        elif code in _ESCAPES:
            self.insert(_ESCAPES[code])
        else:
            self.copy(token.start() + 1, token.end())

    def _fold(self, start: int, end: int) -> None:
        """One line break is a space; of several, the first is dropped."""
        first = _BREAK.search(self.text, start, end)
        if first is None:
            return
        rest = _BREAK.search(self.text, first.end(), end)
        if first[0] in "\u2028\u2029":
            self._breaks(start, end)
        elif rest is None:
            self.insert(" ")
        else:
            self._breaks(first.end(), end)

    def _breaks(self, start: int, end: int) -> None:
        for match in _BREAK.finditer(self.text, start, end):
            self._break(match)

    def _break(self, match: re.Match[str]) -> None:
        """A line break is read as a line feed, however it is written."""
        if match[0][-1] in "\n\u2028\u2029":
            self.copy(match.end() - 1, match.end())
        else:
            self.insert("\n")

    def block(self, start: int, end: int, value: str, *, folded: bool) -> None:
        """A literal or folded block: indents are dropped, and in a folded one single line breaks become spaces."""
        header = _HEADER.match(self.text, start, end)
        if header is None:
            return
        first = _BREAK.match(self.text, header.end(), end)
        indent = _indent(self.text, header.end(), end, value)
        position, blank_lines, inside = self._next_line(first.end() if first else end, end, indent)
        line_break: re.Match[str] | None = None
        after_indented = False
        while inside:
            indented = self.text[position] in " \t"
            if folded and line_break and line_break[0] not in "\u2028\u2029" and not after_indented and not indented:
                if not blank_lines:
                    self.insert(" ")
            elif line_break:
                self._break(line_break)
            for blank in blank_lines:
                self._break(blank)
            after_indented = indented
            line_break = _BREAK.search(self.text, position, end)
            self.copy(position, line_break.start() if line_break else end)
            position, blank_lines, inside = self._next_line(line_break.end() if line_break else end, end, indent)
        self._chomp(header[1], line_break, blank_lines)

    def _next_line(self, position: int, end: int, indent: int) -> tuple[int, list[re.Match[str]], bool]:
        """Past blank lines and the indent; whether a line of the block stands there."""
        blank_lines: list[re.Match[str]] = []
        while True:
            begin = position
            while position < end and position - begin < indent and self.text[position] == " ":
                position += 1
            blank = _BREAK.match(self.text, position, end)
            if blank is None:
                return position, blank_lines, position < end and position - begin == indent
            blank_lines.append(blank)
            position = blank.end()

    def _chomp(self, header: str, line_break: re.Match[str] | None, blank_lines: list[re.Match[str]]) -> None:
        if "-" in header:
            return
        if line_break:
            self._break(line_break)
        if "+" in header:
            for blank in blank_lines:
                self._break(blank)


def _indent(text: str, start: int, end: int, value: str) -> int:
    """By how much a block is indented: its first line's spaces less those that are left in the value."""
    written = _FIRST_LINE.search(text[start:end])
    read = _FIRST_LINE.search(value)
    if written and read:
        return len(written[1]) - len(read[1])
    left = _widest(value)
    return _widest(text[start:end]) - left if left else end - start


def _widest(blank: str) -> int:
    """The most spaces that a line of a blank text holds."""
    return max(line.count(" ") for line in _BREAK.split(blank))
