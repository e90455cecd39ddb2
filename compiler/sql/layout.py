"""Lays a query out: line breaks and indents change, and nothing else does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from trc.compiler.sql.pieces import Comment, Cut, Piece, Region, comments, cut, depth, partners
from trc.compiler.sql.separators import Separator, Separators, separators

DEEPEST: Final = 64
_MOST_ROUNDS: Final = 4


@dataclass(frozen=True, slots=True)
class LeftAsItIs:
    """Why a query keeps its layout."""

    why: str


def lay_out(sql: str, opaque: Sequence[Region] = ()) -> str | LeftAsItIs:
    r"""The query in the canonical layout, without a line break at its end.

    Its tokens and comments are the same, in the same order, and so are the `opaque` regions, which
    hold templates. A layout that is laid out again stays as it is.

    >>> print(lay_out("select a,\n  sum(b) as b from t group by a"))
    select
      a,
      sum(b) as b
    from t
    group by a
    """
    text, regions = sql, tuple(_visible(sql, opaque))
    before = cut(text, regions)
    for _ in range(_MOST_ROUNDS):
        cut_now = cut(text, regions)
        if any(piece.kind == "unclosed" for piece in cut_now.pieces):
            return LeftAsItIs("a quote or a comment in it is never closed")
        matched = partners(cut_now.pieces)
        if matched is None:
            return LeftAsItIs("its brackets do not match")
        if depth(matched) > DEEPEST:
            return LeftAsItIs(f"its brackets nest deeper than {DEEPEST} levels")
        written = _Writer()
        written.write(cut_now, separators(cut_now.pieces, matched))
        laid_out = written.text()
        moved = _moved(text, regions, laid_out)
        if moved is None or _said(cut(laid_out, moved)) != _said(before):
            return LeftAsItIs("its layout means something")
        if laid_out == text:
            return laid_out
        text, regions = laid_out, moved
    return LeftAsItIs("it has no layout that stays")


def is_same_query(one: str, other: str) -> bool:
    """Whether two queries have the same tokens and comments."""
    return _said(cut(one)) == _said(cut(other))


def _visible(sql: str, regions: Sequence[Region]) -> Iterator[Region]:
    """The regions without the white space at their ends, which a template drops."""
    for start, end in regions:
        text = sql[start:end]
        if text.strip():
            yield start + len(text) - len(text.lstrip()), end - len(text) + len(text.rstrip())


def _said(found: Cut) -> tuple[object, ...]:
    """All that is not layout: tokens, and the comments between them."""
    return (
        *((piece.kind, piece.text, _texts(piece.gap), piece.bound) for piece in found.pieces),
        _texts(found.rest),
    )


def _texts(gap: str) -> tuple[str, ...]:
    return tuple(one.text for one in comments(gap))


def _moved(before: str, regions: Sequence[Region], after: str) -> tuple[Region, ...] | None:
    """Where the regions, which begin and end with something visible, stand in a text of other white space."""
    if not regions:
        return ()
    places = [place for place, char in enumerate(after) if not char.isspace()]
    numbers: dict[int, int] = {}
    count = 0
    for place, char in enumerate(before):
        if not char.isspace():
            numbers[place] = count
            count += 1
    if count != len(places):
        return None
    moved = tuple((places[numbers[start]], places[numbers[end - 1]] + 1) for start, end in regions)
    same = all(before[start:end] == after[to:upto] for (start, end), (to, upto) in zip(regions, moved, strict=True))
    return moved if same else None


@dataclass(slots=True)
class _Writer:
    lines: list[str] = field(default_factory=lambda: [""])
    indent: int = 0

    def text(self) -> str:
        return "\n".join(line.rstrip(" ") for line in self.lines)

    def write(self, found: Cut, separators: Separators) -> None:
        for index, (piece, separator) in enumerate(zip(found.pieces, separators.chosen, strict=True)):
            self.piece(piece, separator, may_be_apart=index in separators.may_be_apart)
        self.told(comments(found.rest), 0)

    def piece(self, piece: Piece, separator: Separator, *, may_be_apart: bool) -> None:
        told = comments(piece.gap)
        indent = separator if isinstance(separator, int) else self.indent
        must_break = self.told(told, indent)
        if isinstance(separator, int) or must_break:
            blank = piece.gap.rpartition(told[-1].text)[2] if told else piece.gap
            self.line(indent, is_apart=may_be_apart and blank.count("\n") > 1)
        elif self.lines[-1].strip() or separator.strip(" "):
            self.add(separator or (" " if told else ""))
        self.add(piece.text)

    def told(self, told: Sequence[Comment], indent: int) -> bool:
        """Writes comments; whether what follows has to begin a line."""
        must_break = False
        for comment in told:
            if (comment.apart or must_break) and self.lines != [""]:
                self.line(indent, is_apart=comment.after_blank_line)
            elif self.lines[-1].strip():
                self.add("  " if comment.text.startswith("--") else " ")
            self.add(comment.text)
            must_break = comment.ends_line
        return must_break

    def line(self, indent: int, *, is_apart: bool) -> None:
        if self.lines == [""]:
            return
        if is_apart:
            self.lines.append("")
        self.lines.append(" " * indent)
        self.indent = indent

    def add(self, text: str) -> None:
        self.lines[-1] += text
