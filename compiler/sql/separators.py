"""Where the lines of a query are broken: each clause on a line of its own, and what is too long one level deeper."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from trc.compiler.sql.pieces import Piece, comments

WIDTH: Final = 88
STEP: Final = 2
Separator = str | int
"""What stands before a piece: a text, or a line break with so many spaces behind it."""

_JOINS: Final = ("natural", "asof", "left", "right", "full", "inner", "outer", "cross", "semi", "anti", "positional")
_ALONE: Final = ("from", "where", "having", "qualify", "limit", "offset", "window", "values")
_SETS: Final = ("union", "intersect", "except")
_QUERIES: Final = ("select", "with", "from", "values", "pivot", "unpivot", "describe", "summarize")
_BEFORE_NAMES: Final = ("as",)
_LOOSE: Final = {"||": "||", "+": "+", "-": "+", "*": "*", "/": "*", "//": "*", "%": "*"}
"""Operators by how loosely they bind."""


@dataclass(frozen=True, slots=True)
class Separators:
    """What stands before each piece; before those that `may_be_apart`, an empty line stays where there is one."""

    chosen: Sequence[Separator]
    may_be_apart: frozenset[int]


def separators(pieces: Sequence[Piece], partners: Mapping[int, int]) -> Separators:
    """Where the lines of a query are broken."""
    plan = _Plan(pieces, partners)
    if pieces:
        plan.query(0, len(pieces), 0)
        plan.chosen[0] = ""
    return Separators(plan.chosen, frozenset(plan.may_be_apart))


class _Plan:
    def __init__(self, pieces: Sequence[Piece], partners: Mapping[int, int]) -> None:
        self.pieces = pieces
        self.partners = partners
        self.chosen: list[Separator] = [self.natural(index) for index in range(len(pieces))]
        self.told = [comments(piece.gap) for piece in pieces]
        self.may_be_apart: set[int] = set()

    # ── on one line ──

    def natural(self, index: int) -> str:
        """What stands before a piece that goes on with its line."""
        piece, before = self.pieces[index], self.pieces[index - 1] if index else None
        if before is None:
            return ""
        if _may_grow_together(before, piece):
            # A comment's own line break is kept with it.
            return " " if comments(piece.gap) else piece.gap
        if piece.bound or before.bound:
            return " " if piece.gap else ""
        if before.text in ("(", "[") or piece.text in (")", "]", ",", ";"):
            return ""
        return " " if piece.gap or before.text == "," else ""

    def length(self, low: int, high: int) -> int:
        """How long the pieces are on one line."""
        inner = sum(len(self.natural(index)) for index in range(low + 1, high))
        told = sum(len(one.text) + 1 for index in range(low + 1, high) for one in self.told[index])
        return inner + told + sum(len(self.pieces[index].text) for index in range(low, high))

    def fits(self, low: int, high: int, column: int) -> bool:
        """Whether the pieces stand on one line, and may stay there."""
        if high - low > WIDTH:  # each of them takes a column
            return False
        if any("\n" in piece.gap for piece in self.pieces[low + 1 : high]):
            return False
        if any("\n" in piece.text for piece in self.pieces[low:high]):
            return False
        return column + self.length(low, high) <= WIDTH

    # ── over several ──

    def query(self, low: int, high: int, indent: int) -> None:
        """A query whose first piece stands at `indent`: each clause on a line of its own."""
        if self.fits(low, high, indent):
            return
        starts = list(self.clauses(low, high))
        for number, (start, head) in enumerate(starts):
            end = starts[number + 1][0] if number + 1 < len(starts) else high
            if start > low:
                self.chosen[start] = indent
                self.may_be_apart.add(start)
            self.clause(start, head, end, indent)

    def clauses(self, low: int, high: int) -> Iterator[tuple[int, int]]:
        """Where each clause begins, and how many pieces its head has."""
        index = low
        if not self.head(low, low, high):
            yield low, 0
        while index < high:
            head = self.head(index, low, high)
            if head:
                yield index, head
            index = self.partners.get(index, index) + 1 if not head else index + head

    def head(self, index: int, low: int, high: int) -> int:
        piece, before = self.pieces[index], self.pieces[index - 1] if index > low else None
        if piece.kind != "word" or (before is not None and (before.text == "." or before.is_word(*_BEFORE_NAMES))):
            return 0
        after = self.pieces[index + 1] if index + 1 < high else None
        if piece.is_word("with") and index == low:
            return 2 if after is not None and after.is_word("recursive") else 1
        if piece.is_word("select"):
            return self.select_head(index, high)
        if (
            piece.is_word("from")
            and before is not None
            and before.is_word("distinct")
            and not self.is_select(index - 2)
        ):
            return 0
        if piece.is_word(*_ALONE):
            return 1
        if piece.is_word("on", "using") and self.pieces[low].is_word("pivot", "unpivot"):
            return 1
        if piece.is_word("group", "order", "partition"):
            return 2 if after is not None and after.is_word("by") else 0
        if piece.is_word(*_SETS):
            return self.set_head(index, high)
        if piece.is_word("using"):
            return 2 if after is not None and after.is_word("sample") else 0
        end = index
        while end < high and self.pieces[end].is_word(*_JOINS):
            end += 1
        return end + 1 - index if end < high and self.pieces[end].is_word("join") else 0

    def is_select(self, index: int) -> bool:
        return index >= 0 and self.pieces[index].is_word("select")

    def select_head(self, index: int, high: int) -> int:
        end = index + 1
        if end < high and self.pieces[end].is_word("distinct", "all"):
            end += 1
            if end + 1 < high and self.pieces[end].is_word("on") and end + 1 in self.partners:
                end = self.partners[end + 1] + 1
        return end - index

    def set_head(self, index: int, high: int) -> int:
        end = index + 1
        while end < high and self.pieces[end].is_word("all", "distinct", "by", "name"):
            end += 1
        is_list = end in self.partners and not self.is_query(end + 1)
        return 0 if is_list or end == high else end - index

    def is_query(self, index: int) -> bool:
        while index in self.partners:
            index += 1
        return index < len(self.pieces) and self.pieces[index].is_word(*_QUERIES)

    def clause(self, start: int, head: int, end: int, indent: int) -> None:
        if self.fits(start, end, indent):
            return
        first = start + head
        items = self.items(first, end)
        if self.pieces[start].is_word("with") and head:
            for low, high in items:
                if low > first:
                    self.chosen[low] = indent
                    self.may_be_apart.add(low)
                column = indent if low > first else indent + self.length(start, first) + 1
                self.expression(low, high, indent, indent + STEP, column)
        elif len(items) > 1 and head:
            for low, high in items:
                self.chosen[low] = indent + STEP
                self.expression(low, high, indent + STEP, indent + 2 * STEP, indent + STEP)
        else:
            column = indent + self.length(start, first) + 1 if head else indent
            self.expression(first, end, indent, indent + STEP, column)

    def items(self, low: int, high: int) -> list[tuple[int, int]]:
        """The parts of a list, each with the comma behind it."""
        parts: list[tuple[int, int]] = []
        begin = index = low
        while index < high:
            index = self.partners.get(index, index) + 1
            if index < high and self.pieces[index].text == ",":
                parts.append((begin, index + 1))
                begin = index = index + 1
        return [*parts, (begin, high)] if begin < high else parts

    def expression(self, low: int, high: int, line: int, deeper: int, column: int) -> None:
        """Pieces whose line begins at `line`; what goes on on further lines stands at `deeper`."""
        if low >= high or self.fits(low, high, column):
            return
        index = low
        between = 0
        cases: list[int] = []
        broken_at = self.chain(low, high)
        while index < high:
            piece = self.pieces[index]
            if index > low:
                if piece.is_word("and") and between:
                    between -= 1
                elif self.was_apart(index):
                    self.chosen[index] = line
                elif (piece.is_word("and", "or") or index in broken_at) and not cases:
                    self.chosen[index] = line = deeper
                elif cases and piece.is_word("when", "else"):
                    self.chosen[index] = line = cases[-1] + STEP
                elif cases and piece.is_word("end"):
                    self.chosen[index] = line = cases.pop()
            between += piece.is_word("between")
            separator = self.chosen[index]
            if isinstance(separator, int):
                column = separator + len(piece.text)
            else:
                column += (len(separator) if index > low else 0) + len(piece.text)
            if piece.is_word("case"):
                end = self.case_end(index, high)
                if not self.fits(index, end, column - len(piece.text)):
                    cases.append(line)
                else:
                    column += self.length(index, end) - len(piece.text)
                    index = end - 1
            elif index in self.partners:
                closing = self.partners[index]
                if self.fits(index, closing + 1, column - 1):
                    column += self.length(index, closing + 1) - 1
                else:
                    self.bracket(index, closing, line)
                    column = line + 1
                index = closing
            index += 1

    def chain(self, low: int, high: int) -> frozenset[int]:
        """The operators of the loosest kind that a long computation is broken before, if no AND or OR stands there."""
        found: dict[str, list[int]] = {}
        index = low
        while index < high:
            piece, before = self.pieces[index], self.pieces[index - 1]
            if piece.is_word("and", "or", "case"):
                return frozenset()
            is_between = index > low and (before.kind != "operator" or before.text in (")", "]", "}"))
            if is_between and piece.kind == "operator":
                found.setdefault(_LOOSE.get(piece.text, ""), []).append(index)
            index = self.partners.get(index, index) + 1
        return frozenset(next((found[kind] for kind in ("||", "+", "*") if kind in found), ()))

    def was_apart(self, index: int) -> bool:
        """Whether a template's statement has a line of its own: there it stays."""
        is_statement = self.pieces[index].is_statement or self.pieces[index - 1].is_statement
        return is_statement and "\n" in self.pieces[index].gap

    def case_end(self, index: int, high: int) -> int:
        """Where a CASE ends; one that cannot fit on a line is not followed to its end."""
        depth = 0
        far = index + WIDTH
        while index < high and index <= far:
            depth += self.pieces[index].is_word("case") - self.pieces[index].is_word("end")
            if depth == 0:
                return index + 1
            index = self.partners.get(index, index) + 1
        return min(index, high)

    def bracket(self, opening: int, closing: int, line: int) -> None:
        """What stands in brackets, a level deeper than the line that they open on."""
        first, inner = opening + 1, line + STEP
        if first == closing:
            return
        if not _may_grow_together(self.pieces[closing - 1], self.pieces[closing]):
            self.chosen[closing] = self.broken(closing, line)
        if self.is_query(first) or self.pieces[first].is_word("partition", "order"):
            self.chosen[first] = self.broken(first, inner)
            self.query(first, closing, inner)
            return
        for low, high in self.items(first, closing):
            self.chosen[low] = self.broken(low, inner)
            self.expression(low, high, inner, inner if high == closing and low == first else inner + STEP, inner)

    def broken(self, index: int, indent: int) -> Separator:
        """A line break, where one may stand."""
        piece, before = self.pieces[index], self.pieces[index - 1]
        return indent if piece.gap or not (piece.bound or before.bound) else ""


def _may_grow_together(before: Piece, piece: Piece) -> bool:
    """Texts side by side make one if a line break stands between them; what a template becomes is not known."""
    return all(one.kind == "string" or one.bound for one in (before, piece))
