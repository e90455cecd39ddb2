"""A first look at a query: of most, all that a check needs to know are the tables that they name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from trc.compiler.sql.functions import BARE_FUNCTIONS, volatile_names
from trc.compiler.sql.parse import Parsed, parse
from trc.compiler.sql.problem import SqlProblem
from trc.compiler.sql.statements import only_statement, serialised

_CLOSER: Final = ("TABLE_FUNCTION", "SHOW_REF", "PIVOT")
"""Nodes that need a closer look: what they read is more than a table's name tells."""


@dataclass(frozen=True, slots=True)
class Plain:
    """A query that reads tables alone, takes no value from outside and gives one answer: `parse` would tell no more.

    `tables` holds each table once, ignoring case, as first written; `ctes` the names that the query defines.
    """

    text: str
    tables: tuple[str, ...]
    ctes: tuple[str, ...]


_skimmed: Final[dict[str, Plain | Parsed | SqlProblem]] = {}
"""What is known of queries, the longest known first. Two stages ask for all of a pipeline's: it has to hold a long one."""
_MOST: Final = 8192
_AT_ONCE: Final = 64


def skim(sql: str) -> Plain | Parsed | SqlProblem:
    """What the query reads if that is plain, else all that there is to know of it; see `parse`."""
    known = _skimmed.get(sql)
    return _look((sql,))[sql] if known is None else known


def learn(known: Iterable[Plain]) -> None:
    """Takes in what a first look told before."""
    for query in known:
        _skimmed.setdefault(query.text, query)


def skim_all(queries: Iterable[str]) -> None:
    """Skims queries together: DuckDB reads some at once in two thirds of the time that it takes one by one."""
    new = [sql for sql in dict.fromkeys(queries) if sql not in _skimmed]
    for start in range(0, len(new), _AT_ONCE):
        _look(new[start : start + _AT_ONCE])
    while len(_skimmed) > max(_MOST, len(new)):
        _skimmed.pop(next(iter(_skimmed)), None)


def _look(queries: Sequence[str]) -> dict[str, Plain | Parsed | SqlProblem]:
    answers = zip(queries, serialised(queries), strict=True)
    found = {sql: (_plain(sql, answer) if answer else None) or parse(sql) for sql, answer in answers}
    _skimmed.update(found)
    return found


def _plain(sql: str, answer: str) -> Plain | None:
    # These may be parameters, which are no part of the tree.
    if "?" in sql or "$" in sql:
        return None
    text = sql.encode()
    found = _glimpsed(answer, text) or _walked(answer, text)
    if found is None:
        return None
    tables, ctes = found
    names = [name for _, name in sorted(tables)]
    once = tuple({name.casefold(): name for name in reversed(names)}.values())[::-1]
    return Plain(sql, once, tuple(ctes))


_Found = tuple[list[tuple[int, str]], list[str]]
"""The tables, each with the byte where it is named, and the CTEs."""

# Within a text of the author's every quote is escaped: these are found nowhere but where DuckDB wrote them.
# Each is looked for by itself: one pattern for all takes ten times as long.
_ODD: Final = (
    '},{"node":',
    '"map":[{',
    '"sample":{',
    *(f'"type":"{kind}"' for kind in _CLOSER),
)
_BEGINNING: Final = '{"error":false,"statements":[{'
_FUNCTION: Final = re.compile(r'"function_name":"([^"]*)"')
_WORD: Final = re.compile(r'"column_names":\["([^"]*)"\]')
_TABLE: Final = re.compile(
    r'"type":"BASE_TABLE","alias":"(?:[^"\\]|\\.)*","sample":null,"query_location":(\d+),"schema_name":"",'
    r'"table_name":"([^"\\]*)","column_name_alias":\[[^\]]*\],"catalog_name":""'
)


def _glimpsed(answer: str, text: bytes) -> _Found | None:
    """What the tree holds, found in its JSON without reading it: most queries define no CTE, and tables have no scopes."""
    tables = [(int(start), name) for start, name in _TABLE.findall(answer)]
    is_odd = not answer.startswith(_BEGINNING) or any(odd in answer for odd in _ODD)
    if is_odd or len(tables) != answer.count('"type":"BASE_TABLE"'):
        return None
    functions = {name.lower() for name in _FUNCTION.findall(answer)}
    words = {name.lower() for name in _WORD.findall(answer)}
    # Which are volatile takes DuckDB a while to tell; a query that calls none does not ask.
    if "age" in functions or (functions and functions & volatile_names()) or words & BARE_FUNCTIONS:
        return None
    return (tables, []) if all(_is_word(text, start) for start, _ in tables) else None


def _walked(answer: str, text: bytes) -> _Found | None:
    tree = only_statement(answer)
    look = _Skim(text)
    return (look.tables, look.ctes) if tree is not None and look.run(tree) else None


def _is_word(text: bytes, start: int) -> bool:
    """Whether no text in quotes begins here: one that names a table is a file. It can have a letter or two before it."""
    begin = text[start : start + 3]
    return bool(begin) and b"'" not in begin and begin[:1] != b"$"


_INNER: Final = frozenset({dict, list})
"""The types of what JSON nests."""


class _Skim:
    """One pass over a tree that stops at the first thing that needs a closer look."""

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.tables: list[tuple[int, str]] = []
        self.ctes: list[str] = []

    def run(self, statement: dict[str, Any]) -> bool:
        """Whether nothing in the tree needs a closer look. `seen` are the CTEs in sight, case folded."""
        volatile = volatile_names()
        none: frozenset[str] = frozenset()
        pending: list[tuple[Any, frozenset[str]]] = [(statement, none)]
        while pending:
            node, seen = pending.pop()
            if isinstance(node, list):
                pending += [(item, seen) for item in node if item.__class__ in _INNER]
                continue
            if node.get("class") == "CONSTANT":
                continue
            if "cte_map" in node and node["cte_map"]["map"]:
                seen = self.with_ctes(node, seen, pending)
            kind = node.get("type")
            if kind == "COLUMN_REF":
                names = node["column_names"]
                if len(names) == 1 and names[0].lower() in BARE_FUNCTIONS:
                    return False
                continue
            if kind in _CLOSER or node.get("sample"):
                return False
            if kind == "BASE_TABLE":
                if not self.is_plain_table(node, seen):
                    return False
            elif node.get("class") == "FUNCTION":
                name = node["function_name"].lower()
                if name in volatile or name == "age":
                    return False
            pending += [
                (value, seen) for key, value in node.items() if value and value.__class__ in _INNER and key != "cte_map"
            ]
        return True

    def with_ctes(
        self, node: dict[str, Any], seen: frozenset[str], pending: list[tuple[Any, frozenset[str]]]
    ) -> frozenset[str]:
        """The CTEs in sight of a node that may define some; each of them sees those before it."""
        for entry in node["cte_map"]["map"]:
            name, query = entry["key"], entry["value"]["query"]
            self.ctes.append(name)
            recursive = query["node"]["type"] == "RECURSIVE_CTE_NODE"
            pending.append((query, seen | {name.casefold()} if recursive else seen))
            seen |= {name.casefold()}
        return seen

    def is_plain_table(self, node: dict[str, Any], seen: frozenset[str]) -> bool:
        """Notes a table; false for a file, and for a name with a dot, which can mean several things."""
        if node["catalog_name"] or node["schema_name"]:
            return False
        start: int = node["query_location"]
        if not _is_word(self.text, start):
            return False
        name: str = node["table_name"]
        if name.casefold() not in seen:
            self.tables.append((start, name))
        return True
