"""SQL's tokens as DuckDB cuts them, and the canonical text that goes into a task's key.

Nothing here may depend on a library: a key has to be the same whatever is installed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

Kind = Literal["word", "quoted", "string", "number", "parameter", "operator", "unclosed"]

_RESERVED: Final = """
all analyse analyze and any array as asc asymmetric both case cast check collate column constraint create default
deferrable desc describe distinct do else end except false fetch for foreign from group having in initially
intersect into lambda lateral leading limit not null offset on only or order pivot pivot_longer pivot_wider placing
primary qualify references returning select show some summarize symmetric table then to trailing true union unique
unpivot using variadic when where window with
"""
RESERVED: Final = frozenset(_RESERVED.split())

UNICODE_SPACES: Final = "\u00a0\u2000-\u200d\u202f\u205f\u2060\u3000\ufeff"
"""What DuckDB takes for a space between tokens beyond ASCII, as a range of a regular expression."""

_SKIPPED: Final = re.compile(rf"(?:[ \t\r\n\f\v{UNICODE_SPACES}]+|--[^\r\n]*)+")
OPERATOR: Final = r"[~!@#^&|`+\-*/%<>=]"
LONGEST_OPERATOR: Final = 100
"""How many such characters are looked at together; a longer run is no SQL."""
_COMMENT_MARK: Final = re.compile(r"/\*|\*/")
_WORD_START: Final = rf"[^\x00-\x40\x5b-\x5e\x60\x7b-\x7f{UNICODE_SPACES}]"
_TOKEN: Final = re.compile(
    rf"""
      (?P<string>   [eE]'(?:[^'\\]|\\.|'')*' | (?:[xXbB]|[uU]&)?'[^']*(?:''[^']*)*' )
    | (?P<dollar>   \$(?P<tag>(?:{_WORD_START}(?:{_WORD_START}|\d)*)?)\$.*?\$(?P=tag)\$ )
    | (?P<quoted>   (?:[uU]&)?"[^"]*(?:""[^"]*)*" )
    | (?P<unclosed> (?:[eExXbB]|[uU]&)?' | (?:[uU]&)?" | \$(?:{_WORD_START}(?:{_WORD_START}|\d)*)?\$ )
    | (?P<word>     {_WORD_START}(?:{_WORD_START}|[\d$])* )
    | (?P<number>   (?: \d+(?:_\d+)*(?:\.(?!\.)(?:\d+(?:_\d+)*)?)? | \.\d+(?:_\d+)* )(?:[eE][+-]?\d+)? )
    | (?P<parameter> \$\d+ | \?\d* )
    | (?P<operator> ::|:=|\.\. | {OPERATOR}{{1,{LONGEST_OPERATOR}}} | . )
    """,
    re.VERBOSE | re.DOTALL,
)
_OPENING: Final = re.compile(rf"""(?:[eExXbB]|[uU]&)?'|(?:[uU]&)?"|\$(?:{_WORD_START}(?:{_WORD_START}|\d)*)?\$""")
# What lets an operator of several characters end in a sign, as in PostgreSQL's grammar.
_MAY_END_IN_SIGN: Final = frozenset("~!@#^&|`?%")


@dataclass(frozen=True, slots=True)
class Token:
    """A token, `[start, end)` in characters. Comments and white space are not tokens."""

    kind: Kind
    text: str
    start: int
    end: int

    @property
    def name(self) -> str | None:
        """The name that a word or a quoted identifier spells, or None for other tokens."""
        if self.kind == "word":
            return self.text
        return self.text[1:-1].replace('""', '"') if self.kind == "quoted" else None

    def is_word(self, *words: str) -> bool:
        """Whether the token is one of these words (given in lower case), unquoted."""
        return self.kind == "word" and self.text.lower() in words


# As for the trees: each stage asks for all queries of a pipeline.
@lru_cache(maxsize=2048)
def tokenize(sql: str) -> tuple[Token, ...]:
    """The tokens of `sql`. A quote or comment that never closes makes a last token, `unclosed`."""
    return tuple(_tokens(sql))


def open_at_end(sql: str) -> tuple[str, int] | None:
    """What a text that goes on after `sql` would stand in: how a quote or a comment opens, and where; None for nothing."""
    probe = None
    for token in _tokens(sql + " a "):
        probe = token
    if probe is None:
        return "--", sql.rindex("--")
    if probe.kind != "unclosed":
        return None if probe.end == len(sql) + 2 else ("--", sql.rindex("--"))
    if probe.text.startswith("/*"):
        marks = [mark[0] for mark in _COMMENT_MARK.finditer(probe.text)]
        return "/*" * (2 * marks.count("/*") - len(marks)), probe.start
    opening = _OPENING.match(probe.text)
    assert opening is not None
    return opening[0], probe.start


def canonical(sql: str) -> str:
    """The query as keys hold it: its tokens, one space apart, reserved words in lower case.

    Equal for texts that differ in comments, layout and the case of reserved words only. A reserved
    word after AS or a dot is a label that its reader sees, and stays as written.
    """
    tokens = list(tokenize(sql))
    while tokens and tokens[-1].text == ";":
        tokens.pop()
    return " ".join(_folded(token, before) for token, before in zip(tokens, [None, *tokens]))


def _folded(token: Token, before: Token | None) -> str:
    lower = token.text.lower()
    is_label = before is not None and (before.text == "." or before.is_word("as"))
    return lower if token.kind == "word" and lower in RESERVED and not is_label else token.text


def _tokens(sql: str) -> Iterator[Token]:
    position = 0
    while position < len(sql):
        skipped = _SKIPPED.match(sql, position)
        if skipped is not None:
            position = skipped.end()
        elif sql.startswith("/*", position):
            end = comment_end(sql, position)
            if end is None:
                yield Token("unclosed", sql[position:], position, len(sql))
                return
            position = end
        else:
            token = _token(sql, position)
            yield token
            position = token.end


def comment_end(sql: str, start: int) -> int | None:
    """Where the comment that begins at `start` ends: comments nest."""
    depth = 0
    for mark in _COMMENT_MARK.finditer(sql, start):
        depth += 1 if mark[0] == "/*" else -1
        if depth == 0:
            return mark.end()
    return None


_KINDS: Final[dict[str, Kind]] = {
    "string": "string",
    "dollar": "string",
    "quoted": "quoted",
    "unclosed": "unclosed",
    "word": "word",
    "number": "number",
    "parameter": "parameter",
    "operator": "operator",
}


def _token(sql: str, start: int) -> Token:
    match = _TOKEN.match(sql, start)
    assert match is not None
    group = match.lastgroup or "operator"
    kind, end = _KINDS["dollar" if group == "tag" else group], match.end()
    if kind == "unclosed":
        end = len(sql)
    elif kind == "operator":
        end = start + _operator_length(match[0])
    return Token(kind, sql[start:end], start, end)


def _operator_length(run: str) -> int:
    """How much of a run of operator characters is one operator: no comment, and no sign of what follows."""
    for comment in ("/*", "--"):
        if comment in run[1:]:
            run = run[: run.index(comment, 1)]
    if not _MAY_END_IN_SIGN.isdisjoint(run):
        return len(run)
    return max(len(run.rstrip("+-")), 1)
