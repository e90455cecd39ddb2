"""Renders a query of another dialect: it is translated first, and gets its values when it is DuckDB's SQL.

Only of DuckDB's own SQL is it known for sure what a value becomes where it stands. Words that nobody wrote stand for
the values until then.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, count

from trc.compiler.frontends.syntax import Scalar
from trc.compiler.ir.translated import Translated
from trc.compiler.queries import Queries
from trc.compiler.source import ScalarMap, TracedMap, TracedPart
from trc.compiler.sql.dialect import Translation
from trc.compiler.sql.memory import translation_of
from trc.compiler.sql.problem import SqlProblem
from trc.compiler.templates.joined import joined
from trc.compiler.templates.mistake import Mistake
from trc.compiler.templates.sqltext import put_sql, value_in_sql
from trc.compiler.templates.words import Ident, Raw
from trc.compiler.templates.world import Piece


@dataclass(frozen=True, slots=True)
class Foreign:
    """The query as its author wrote it, with values; `map` says where the characters that `problems` are about stand."""

    scalar: Scalar
    map: ScalarMap
    problems: tuple[SqlProblem, ...]


def translated(scalar: Scalar, pieces: Sequence[Piece], dialect: str, queries: Queries | None) -> Foreign:
    """The text of `scalar`, whose template came to `pieces`. Raises Mistake where a value cannot stand in it."""
    word = _unused_word(pieces)
    values = {f"{word}{index:04d}x": piece for index, piece in enumerate(pieces) if not _is_written(piece)}
    texts = {
        name for name, piece in values.items() if isinstance(piece.value, str) and not isinstance(piece.value, Ident)
    }
    words = {id(piece): name for name, piece in values.items()}
    shown = {id(piece): _shown(piece) for piece in values.values()}
    asked = joined(scalar, [(words.get(id(piece)) or str.__str__(piece.value), piece) for piece in pieces])
    told = joined(scalar, [(shown.get(id(piece)) or str.__str__(piece.value), piece) for piece in pieces])
    found = translation_of(queries, dialect, asked.value, frozenset(values) - texts, frozenset(texts))
    if found.sql is None:
        return Foreign(told, asked.map, found.problems)
    sql, places = _with_values(found, values, word)
    parts = tuple(
        TracedPart(
            places(one.start),
            places(one.end),
            asked.map.span(one.first, one.last),
            asked.map.span(*one.named) if one.named else None,
        )
        for one in found.origins
    )
    written = re.sub(rf"{word}\d+x", lambda match: shown[id(values[match[0]])], found.written)
    made = Translated(sql, written, TracedMap(scalar.span, parts))
    return Foreign(replace(told, translated=made), asked.map, found.problems)


def _is_written(piece: Piece) -> bool:
    return piece.is_text or isinstance(piece.value, Raw)


def _unused_word(pieces: Sequence[Piece]) -> str:
    """The beginning of a word that occurs nowhere in what is written."""
    text = "\n".join(str.__str__(piece.value) for piece in pieces if _is_written(piece)).casefold()
    tried = (f"trcvalue{number or ''}_" for number in count())
    return next(word for word in tried if word not in text)


def _shown(piece: Piece) -> str:
    """A value as SQL of DuckDB's: to be read and compared, and never to be run."""
    try:
        return value_in_sql(piece.value)
    except Mistake as mistake:
        mistake.start, mistake.end = piece.start, piece.end
        raise


def _with_values(found: Translation, values: Mapping[str, Piece], word: str) -> tuple[str, Callable[[int], int]]:
    """The translation with its values, and where each of its own places is in that."""
    assert found.sql is not None
    cut = re.split(rf"({word}\d+x)", found.sql, flags=re.IGNORECASE)
    pieces = [
        replace(values[part.lower()]) if index % 2 else Piece(part, 0, 0, is_text=True)
        for index, part in enumerate(cut)
    ]
    before = [0, *accumulate(map(len, cut))]
    begins: dict[int, int] = {}
    parts: list[str] = []
    length = 0
    for text, piece in put_sql(pieces):
        begins[id(piece)] = length
        parts.append(text)
        length += len(text)
    # What is empty is not put.
    starts: list[int] = []
    for piece in pieces:
        starts.append(begins.get(id(piece), starts[-1] if starts else 0))
    starts.append(length)

    def place(offset: int) -> int:
        index = bisect_right(before, offset) - 1
        return min(starts[index] + offset - before[index], starts[min(index + 1, len(starts) - 1)])

    return "".join(parts), place
