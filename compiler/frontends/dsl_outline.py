"""The outline of a `.trc` text, without parsing it: its brackets, and where its statements begin."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

DEEPEST: Final = 64

KEYWORDS: Final = ("pipeline", "import", "defaults", "param", "source", "task", "target", "test")

# A text that is not closed goes to the end of its line: to look for its end from each of its quotes would take for ever.
_TOKEN: Final = re.compile(
    r"""
    (?P<skip> \#[^\n]* | "(?:[^"\\\n]|\\.)*+"? | \$\$(?:[^$]|\$(?!\$))*\$\$
        | \$(?P<tag>[^\W\d]\w*)\$[\s\S]*?\$(?P=tag)\$ )
    | (?P<open>[\[{(])
    | (?P<close>[\]})])
    | ^(?P<indent>[ \t]*)(?P<word>[^\W\d]\w*)
    """,
    re.VERBOSE | re.MULTILINE,
)
_SURE: Final = re.compile(
    rf'(?:{"|".join(KEYWORDS)})[ \t]+(?:"[^"\n]*"|[^\W\d]\w*)[ \t]*(?:[={{:]|\n|\Z)|(?:import)[ \t]+"|defaults[ \t]*\{{'
)


@dataclass(frozen=True, slots=True)
class Bracket:
    """A bracket and how many are open around it."""

    offset: int
    opens: bool
    depth: int


class Outline:
    """Brackets and statements of a text; strings, raw texts and comments are passed over."""

    def __init__(self, text: str, start: int = 0, end: int | None = None) -> None:
        self._text = text
        self.start = start
        self.end = len(text) if end is None else end

    @property
    def deepest(self) -> int | None:
        """Where brackets nest deeper than `DEEPEST` levels, if they do."""
        text = self._text
        if text.count("{") + text.count("[") + text.count("(") <= DEEPEST:
            return None
        return next((one.offset for one in self.brackets if one.opens and one.depth >= DEEPEST), None)

    @cached_property
    def brackets(self) -> list[Bracket]:
        found: list[Bracket] = []
        depth = 0
        for token in _TOKEN.finditer(self._text, self.start, self.end):
            if token["open"]:
                found.append(Bracket(token.start(), True, depth))
                depth += 1
            elif token["close"]:
                depth = max(depth - 1, 0)
                found.append(Bracket(token.start(), False, depth))
        return found

    def open_at(self, offset: int) -> list[int]:
        """The brackets that are open at `offset`, the outermost first."""
        stack: list[int] = []
        for bracket in self.brackets:
            if bracket.offset >= offset:
                break
            if bracket.opens:
                stack.append(bracket.offset)
            elif stack:
                stack.pop()
        return stack

    def statements(self) -> Iterator[tuple[int, int]]:
        """Where each statement begins and ends.

        A word at the start of a line begins one where no bracket is open. Inside of brackets, what can only
        be a statement does, if it is not indented: then a bracket before it was not closed.
        """
        starts: list[int] = []
        depth = 0
        for token in _TOKEN.finditer(self._text, self.start, self.end):
            if token["open"]:
                depth += 1
            elif token["close"]:
                depth = max(depth - 1, 0)
            elif token["word"] is not None and self._begins(token, depth, bool(starts)):
                starts.append(token.start("word"))
                depth = 0
        if not starts or self._text[: starts[0]].strip():
            starts = [self.start, *(start for start in starts if start != self.start)]
        yield from zip(starts, [*starts[1:], self.end], strict=True)

    def _begins(self, token: re.Match[str], depth: int, is_later: bool) -> bool:
        at = token.start("word")
        if depth:
            return not token["indent"] and _SURE.match(self._text, at) is not None
        is_keyword = token["word"] in KEYWORDS
        return is_keyword or not token["indent"] or not is_later


def comment_spans(text: str) -> Iterator[tuple[int, int]]:
    """Where the comments of a text begin and end."""
    for token in _TOKEN.finditer(text):
        if token["skip"] and token["skip"][0] == "#":
            yield token.span("skip")
