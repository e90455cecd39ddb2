"""Answers about plain queries from what was found before, where their text and what they read are the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import astuple
from hashlib import sha256

from trc.compiler.ir.dataset import Column, column
from trc.compiler.ir.types import Known
from trc.compiler.queries import Found, Kept, Queries
from trc.compiler.sql.dialect import Origin, Translation, translate
from trc.compiler.sql.problem import SqlProblem
from trc.compiler.sql.skim import Plain

Columns = tuple[Column, ...]


def plain_before(queries: Queries | None, texts: Iterable[str]) -> Iterator[Plain]:
    """What a first look at these texts would tell, of those that were looked at before."""
    if queries is not None and queries.before:
        for text in texts:
            found = queries.before.get(_digest(text))
            if found is not None:
                yield Plain(text, found.tables, found.ctes)


def columns_of(
    queries: Queries | None, query: Plain, read: Mapping[str, Known], ask: Callable[[], Columns | None]
) -> Columns | None:
    """The columns of a query over tables of these schemas: found before, else asked for; None where that tells none."""
    if queries is None:
        return ask()
    key, mark = _digest(query.text), _digest(repr([(name, *_plain(schema)) for name, schema in sorted(read.items())]))
    found = queries.before.get(key)
    if found is not None and found.read == mark:
        queries.now[key] = found
        return tuple([column(name, kind) for name, kind in found.columns])
    columns = ask()
    if columns is not None:
        queries.now[key] = Found(query.tables, query.ctes, mark, _plain(Known(columns)))
    return columns


def translation_of(
    queries: Queries | None, dialect: str, text: str, values: frozenset[str], texts: frozenset[str]
) -> Translation:
    """A translation that was made before, else a new one; see `translate`."""
    if queries is None:
        return translate(dialect, text, values, texts)
    key = _digest(repr((dialect, text, sorted(values), sorted(texts))))
    kept = queries.translated_before.get(key) or _as_kept(translate(dialect, text, values, texts))
    queries.translated_now[key] = kept
    sql, written, origins, problems = kept
    return Translation(
        sql, written, tuple(Origin(*one) for one in origins), tuple(SqlProblem(*one) for one in problems)
    )


def _as_kept(made: Translation) -> Kept:
    problems = tuple(astuple(one) for one in made.problems)
    return made.sql, made.written, tuple(map(tuple, made.origins)), problems


def _plain(schema: Known) -> tuple[tuple[str, str], ...]:
    return tuple((column.name, column.type) for column in schema.columns)


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
