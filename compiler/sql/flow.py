"""What a value may depend on, and how: the sets that lineage is computed with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

Value = Literal["identity", "transformed", "aggregated"]
Influence = Literal["filter", "join", "group", "order", "limit", "unnest", "rows"]
How = Value | Influence
"""How a column gets into a result.

As a value: unchanged (`identity`), through an expression (`transformed`), or from several rows at once
(`aggregated`). As an influence, without being seen itself: it decides which rows there are (`filter`, `join`,
`limit`), which of them are taken together (`group`), in which order they stand (`order`), or how many one row
becomes (`unnest`). `rows` is what the rows themselves bring: with other ones the result is another.
"""

VALUES: Final[tuple[Value, ...]] = ("identity", "transformed", "aggregated")
INFLUENCES: Final[tuple[Influence, ...]] = ("filter", "join", "group", "order", "limit", "unnest", "rows")
HOWS: Final[tuple[How, ...]] = (*VALUES, *INFLUENCES)


@dataclass(frozen=True, slots=True)
class Input:
    """A column that a query reads, or, where `column` is None, the rows of a dataset: how many there are, and which.

    `dataset` is what the query calls it: a table's name, or a file's location.
    """

    dataset: str
    column: str | None


Flow = Mapping[Input, frozenset[How]]
"""All that something may depend on. What is not in it has no effect: that is the promise that lineage makes."""

NOTHING: Final[Flow] = {}


def merged(flows: Iterable[Flow]) -> Flow:
    """All that one of several things depends on."""
    found: dict[Input, frozenset[How]] = {}
    for flow in flows:
        for key, hows in flow.items():
            before = found.get(key)
            found[key] = hows if before is None else before | hows
    return found


def through(how: How, flow: Flow) -> Flow:
    """What `how` makes of a flow: `through("transformed", …)` of a column is what an expression over it depends on."""
    return {key: frozenset(composed(how, inner) for inner in hows) for key, hows in flow.items()}


def composed(outer: How, inner: How) -> How:
    """How a thing depends on the source of its source.

    >>> composed("transformed", "aggregated"), composed("filter", "aggregated"), composed("identity", "join")
    ('aggregated', 'filter', 'join')
    """
    if outer == "rows":
        return inner if inner in INFLUENCES else "rows"
    if outer in INFLUENCES:
        return outer
    if inner in INFLUENCES:
        return outer if (outer, inner) == ("aggregated", "rows") else inner
    return outer if HOWS.index(outer) >= HOWS.index(inner) else inner


def rows_of(flow: Flow, how: How) -> Flow:
    """The rows that a flow depends on, as what something that looks at no column depends on."""
    return {key: frozenset((how,)) for key in flow if key.column is None}
