"""A query cut into tokens and the gaps between them, for who changes its layout and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from trc.compiler.sql.tokens import Kind, comment_end, tokenize

Region = tuple[int, int]
_CLOSING: Final = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment in a gap. It is `apart` if a line break stands before it, and `ends_line` if one stands behind."""

    text: str
    apart: bool
    ends_line: bool
    after_blank_line: bool


@dataclass(frozen=True, slots=True)
class Piece:
    """A token with the gap before it. A template, or a token that one is part of, is `bound` to its neighbours."""

    kind: Kind
    text: str
    gap: str
    bound: bool = False

    @property
    def is_statement(self) -> bool:
        """Whether it is a statement of a template, such as `{% if … %}`."""
        return self.bound and self.text.startswith("{%")

    def is_word(self, *words: str) -> bool:
        return self.kind == "word" and not self.bound and self.text.lower() in words


@dataclass(frozen=True, slots=True)
class Cut:
    """The pieces of a query, and what stands behind the last one."""

    pieces: tuple[Piece, ...]
    rest: str


def cut(sql: str, opaque: Sequence[Region] = ()) -> Cut:
    """Cuts a query; what stands in `opaque` regions, given in their order, is taken for a word that only its reader knows.

    Such a region is a template: what it becomes is not known, so it makes one piece with all that touches it.
    """
    shadow = _shadow(sql, opaque)
    pieces: list[Piece] = []
    at = region = 0
    for token in tokenize(shadow):
        while region < len(opaque) and opaque[region][1] <= token.start:
            region += 1
        bound = region < len(opaque) and opaque[region][0] < token.end
        pieces.append(Piece(token.kind, sql[token.start : token.end], sql[at : token.start], bound))
        at = token.end
    return Cut(tuple(pieces), sql[at:])


def _shadow(sql: str, opaque: Iterable[Region]) -> str:
    """The query with words of the same lengths for its opaque regions."""
    parts: list[str] = []
    at = 0
    for start, end in opaque:
        parts += (sql[at:start], "x" * (end - start))
        at = end
    return "".join((*parts, sql[at:]))


def comments(gap: str) -> tuple[Comment, ...]:
    """The comments in a gap, in their order."""
    found: list[Comment] = []
    at = last = 0
    while at < len(gap):
        if gap.startswith("--", at):
            end = next((place for place in range(at, len(gap)) if gap[place] in "\r\n"), len(gap))
        elif gap.startswith("/*", at):
            end = comment_end(gap, at) or len(gap)
        else:
            at += 1
            continue
        before, behind = gap[last:at], gap[end:]
        space = behind[: len(behind) - len(behind.lstrip())]
        ends_line = gap.startswith("--", at) or "\n" in space
        found.append(Comment(gap[at:end].rstrip(), "\n" in before, ends_line, before.count("\n") > 1))
        at = last = end
    return tuple(found)


def partners(pieces: Sequence[Piece]) -> dict[int, int] | None:
    """The closing bracket of each opening one; None where they do not match."""
    found: dict[int, int] = {}
    opened: list[int] = []
    for index, piece in enumerate(pieces):
        if piece.kind != "operator":
            continue
        if piece.text in _CLOSING:
            opened.append(index)
        elif piece.text in _CLOSING.values():
            if not opened or _CLOSING[pieces[opened[-1]].text] != piece.text:
                return None
            found[opened.pop()] = index
    return None if opened else found


def depth(matched: Mapping[int, int]) -> int:
    """How deep brackets nest, given the closing one of each opening one."""
    deepest = 0
    open_now: list[int] = []
    for opening in sorted(matched):
        while open_now and open_now[-1] < opening:
            open_now.pop()
        open_now.append(matched[opening])
        deepest = max(deepest, len(open_now))
    return deepest
