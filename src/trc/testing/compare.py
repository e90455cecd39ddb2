"""Compares rows with those that are expected, and finds for each that differs the one that it may have been."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Final, Literal

Row = tuple[str | None, ...]
"""A row's values as DuckDB writes them; None is NULL."""

_MOST_PAIRED: Final = 500
"""How many rows are looked through for one that another may have been."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A row that is missing (only `expected`), one too many (only `found`), or one with other values (both)."""

    expected: Row | None
    found: Row | None

    @property
    def kind(self) -> Literal["missing", "unexpected", "changed"]:
        if self.found is None:
            return "missing"
        return "unexpected" if self.expected is None else "changed"

    @property
    def changed(self) -> frozenset[int]:
        """The columns in which a changed row differs."""
        if self.expected is None or self.found is None:
            return frozenset()
        pairs = enumerate(zip(self.expected, self.found, strict=True))
        return frozenset(index for index, (one, other) in pairs if one != other)


def compare_rows(expected: Sequence[Row], found: Sequence[Row], *, ordered: bool) -> tuple[Difference, ...]:
    """What differs: as lists if `ordered`, else as bags, in which equal rows count."""
    if ordered:
        return tuple(_in_order(expected, found))
    missing = _without(expected, found)
    unexpected = _without(found, expected)
    return tuple(_paired(missing, unexpected))


def _without(rows: Sequence[Row], others: Sequence[Row]) -> list[Row]:
    """The rows that the others do not have, or not as often."""
    left = Counter(others)
    kept: list[Row] = []
    for row in rows:
        if left[row] > 0:
            left[row] -= 1
        else:
            kept.append(row)
    return kept


def _in_order(expected: Sequence[Row], found: Sequence[Row]) -> Iterator[Difference]:
    for kind, start, end, start_found, end_found in SequenceMatcher(
        None, expected, found, autojunk=False
    ).get_opcodes():
        if kind != "equal":
            yield from _aligned(expected[start:end], found[start_found:end_found])


def _aligned(expected: Sequence[Row], found: Sequence[Row]) -> Iterator[Difference]:
    """Rows in the same place: each with the one that stands there, if they are alike."""
    if len(expected) != len(found):
        yield from _paired(expected, found)
        return
    for one, other in zip_longest(expected, found):
        if _alike(one, other) is None:
            yield Difference(one, None)
            yield Difference(None, other)
        else:
            yield Difference(one, other)


def _paired(missing: Sequence[Row], unexpected: Sequence[Row]) -> Iterator[Difference]:
    """The most alike first come together; the order stays that of the missing rows, then of those too many."""
    candidates = [
        (alike, -index, -other)
        for index, row in enumerate(missing[:_MOST_PAIRED])
        for other, found in enumerate(unexpected[:_MOST_PAIRED])
        if (alike := _alike(row, found)) is not None
    ]
    partner: dict[int, int] = {}
    for _alikeness, index, other in sorted(candidates, reverse=True):
        if -index not in partner and -other not in partner.values():
            partner[-index] = -other
    for index, row in enumerate(missing):
        yield Difference(row, unexpected[partner[index]] if index in partner else None)
    taken = set(partner.values())
    yield from (Difference(None, row) for index, row in enumerate(unexpected) if index not in taken)


def _alike(one: Row, other: Row) -> tuple[int, tuple[bool, ...]] | None:
    """How alike rows are: by equal values, then by those in front; None where less than half of them are equal."""
    equal = tuple(left == right for left, right in zip(one, other, strict=True))
    return (sum(equal), equal) if sum(equal) * 2 >= len(equal) > 1 else None
