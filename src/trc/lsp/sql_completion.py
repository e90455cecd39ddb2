"""Completion in SQL that is being typed: datasets where a table stands, columns of the query's tables elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from lsprotocol.types import CompletionItemKind

from trc.compiler.compile import Compiled
from trc.compiler.ir.types import Known
from trc.compiler.sql.tokens import RESERVED, Token, tokenize
from trc.lsp.cursor import MARK
from trc.lsp.occurrences import schema_of
from trc.lsp.spelling import in_sql

# Words that follow a table and are no alias of it, though they may be names elsewhere.
_NO_ALIAS: Final = RESERVED | frozenset(
    [
        "anti",
        "asof",
        "cross",
        "full",
        "inner",
        "join",
        "left",
        "natural",
        "outer",
        "positional",
        "right",
        "sample",
        "semi",
        "tablesample",
        "window",
    ]
)


@dataclass(frozen=True, slots=True)
class SqlOffer:
    label: str
    kind: CompletionItemKind
    detail: str
    insert: str
    rank: int = 0


@dataclass(frozen=True, slots=True)
class _Table:
    """A table of the query: what it is called there, and the dataset that it is."""

    alias: str
    dataset: str


def complete_sql(sql: str, known: Compiled | None) -> Iterator[SqlOffer]:
    """What may stand where `MARK` stands in a query that need not be whole."""
    tokens = tokenize(sql)
    here = next((index for index, token in enumerate(tokens) if MARK in token.text), None)
    if here is None or tokens[here].kind not in ("word", "quoted"):
        return
    if here > 1 and tokens[here - 1].text == ".":
        yield from _after_dot(tokens, here, known)
    elif _stands_as_table(tokens, here):
        yield from _tables(tokens, known)
    else:
        tables = list(_tables_around(tokens, here))
        yield from _columns(tables, known)
        yield from (
            SqlOffer(one.alias, CompletionItemKind.Variable, one.dataset, in_sql(one.alias), 1) for one in tables
        )


def _after_dot(tokens: tuple[Token, ...], here: int, known: Compiled | None) -> Iterator[SqlOffer]:
    qualifier = (tokens[here - 2].name or "").casefold()
    if _stands_as_table(tokens, here - 2):
        task = known.pipeline.task(qualifier) if known and known.pipeline else None
        for output in task.outputs if task else ():
            yield SqlOffer(output.name, CompletionItemKind.Reference, output.format, in_sql(output.name))
        return
    yield from _columns([one for one in _tables_around(tokens, here) if one.alias.casefold() == qualifier], known)


def _stands_as_table(tokens: tuple[Token, ...], index: int) -> bool:
    """Whether a table's name is wanted at a token: after FROM or JOIN, or after a comma of a FROM list."""
    depth = 0
    for token in reversed(tokens[:index]):
        if depth == 0 and token.is_word("from", "join"):
            return token is tokens[index - 1] or tokens[index - 1].text == ","
        if depth == 0 and token.is_word("select", "where", "on", "using", "group", "order", "having", "limit", "by"):
            return False
        depth += (token.text in ")]}") - (token.text in "([{")
        if depth < 0:
            return False
    return False


def _tables(tokens: tuple[Token, ...], known: Compiled | None) -> Iterator[SqlOffer]:
    for token, after in pairwise(tokens):
        if token.name is not None and after.is_word("as") and tokens[0].is_word("with"):
            yield SqlOffer(token.name, CompletionItemKind.Variable, "defined in this query", token.text)
    pipeline = known.pipeline if known else None
    if known is None or pipeline is None:
        return
    for source in pipeline.sources:
        yield SqlOffer(source.name, CompletionItemKind.Reference, f"source, {source.format}", in_sql(source.name))
    for task in pipeline.tasks:
        for output in task.outputs:
            several = len(task.outputs) > 1
            label = f"{task.name}.{output.name}" if several else task.name
            insert = f"{in_sql(task.name)}.{in_sql(output.name)}" if several else in_sql(task.name)
            yield SqlOffer(label, CompletionItemKind.Reference, task.type, insert)


def _columns(tables: list[_Table], known: Compiled | None) -> Iterator[SqlOffer]:
    for table in tables:
        schema = schema_of(known, table.dataset) if known else None
        for column in schema.columns if isinstance(schema, Known) else ():
            detail = f"{column.type} · {table.dataset}"
            yield SqlOffer(column.name, CompletionItemKind.Field, detail, in_sql(column.name))


def _tables_around(tokens: tuple[Token, ...], here: int) -> Iterator[_Table]:
    """The tables of the SELECT that a token stands in, and of those around it."""
    start, end = 0, len(tokens)
    levels = [(start, end)]
    opened: list[int] = []
    for index, token in enumerate(tokens):
        if token.text == "(":
            opened.append(index)
        elif token.text == ")" and opened:
            first = opened.pop()
            if first < here < index:
                levels.append((first + 1, index))
    levels += [(first + 1, len(tokens)) for first in opened if first < here]
    for first, last in sorted(set(levels), key=lambda level: level[0], reverse=True):
        yield from _tables_between(tokens, first, last)


def _tables_between(tokens: tuple[Token, ...], first: int, last: int) -> Iterator[_Table]:
    """The tables after FROM and JOIN on one level of brackets."""
    depth = 0
    in_list = False
    for index in range(first, last):
        token = tokens[index]
        depth += (token.text in "([{") - (token.text in ")]}")
        if depth:
            continue
        begins = token.is_word("from", "join")
        if begins or (in_list and token.text == ","):
            in_list = True
            table = _table_at(tokens, index + 1, last)
            if table is not None:
                yield table
        elif token.is_word("where", "on", "using", "group", "order", "having", "limit", "select", "union"):
            in_list = False


def _table_at(tokens: tuple[Token, ...], index: int, last: int) -> _Table | None:
    """The table that begins at a token, with the name that the query gives it."""
    names: list[str] = []
    while index < last and tokens[index].name is not None and tokens[index].text.lower() not in RESERVED:
        names.append(tokens[index].name or "")
        index += 1
        if index >= last or tokens[index].text != ".":
            break
        index += 1
    if not names or MARK in names[-1]:
        return None
    if index < last and tokens[index].is_word("as"):
        index += 1
    alias = tokens[index] if index < last else None
    is_alias = alias is not None and alias.name is not None and alias.text.lower() not in _NO_ALIAS
    return _Table(alias.name if is_alias and alias and alias.name else names[-1], ".".join(names))
