"""A first look at a query: of most, all that a check needs to know are the tables that they name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from trc.compiler.sql.functions import BARE_FUNCTIONS, volatile_names
from trc.compiler.sql.parse import Parsed, parse
from trc.compiler.sql.problem import SqlProblem
from trc.compiler.sql.statements import plain_trees

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
    if known is None:
        skim_all((sql,))
        known = _skimmed[sql]
    return known


def skim_all(queries: Iterable[str]) -> None:
    """Skims queries together: DuckDB reads some at once in two thirds of the time that it takes one by one."""
    new = [sql for sql in dict.fromkeys(queries) if sql not in _skimmed]
    for start in range(0, len(new), _AT_ONCE):
        some = new[start : start + _AT_ONCE]
        for sql, tree in zip(some, plain_trees(some), strict=True):
            _skimmed[sql] = _plain(sql, tree) or parse(sql)
    while len(_skimmed) > max(_MOST, len(new)):
        del _skimmed[next(iter(_skimmed))]


def _plain(sql: str, tree: dict[str, Any] | None) -> Plain | None:
    # These may be parameters, which are no part of the tree.
    if tree is None or "?" in sql or "$" in sql:
        return None
    look = _Skim(sql.encode())
    if not look.run(tree):
        return None
    names = [name for _, name in sorted(look.tables)]
    once = tuple({name.casefold(): name for name in reversed(names)}.values())[::-1]
    return Plain(sql, once, tuple(look.ctes))


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
                pending += [(item, seen) for item in node if isinstance(item, dict | list)]
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
                (value, seen) for key, value in node.items() if isinstance(value, dict | list) and key != "cte_map"
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
        word = self.text[start : start + 3]
        # A text in quotes, or one after a letter that says how to read it, is a file.
        if not word or b"'" in word or word[:1] == b"$":
            return False
        name: str = node["table_name"]
        if name.casefold() not in seen:
            self.tables.append((start, name))
        return True
