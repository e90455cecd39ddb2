"""What a query's parameters can change of its columns: nothing, where their values stay within it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, Literal

from trc.compiler.sql.engine import literal
from trc.compiler.sql.problem import SqlProblem
from trc.compiler.sql.statements import read_tree

_FILTERS: Final = frozenset({"where_clause", "having", "qualify", "condition"})
"""The parts of a SELECT and of a join that say which rows there are, and nothing of their columns."""
_LIMITS: Final = frozenset({"LIMIT_MODIFIER", "LIMIT_PERCENT_MODIFIER"})
_NEVER_NULL: Final = frozenset({"+", "-", "*", "||"})
"""Operators that yield a value of any two values."""
_CHOOSING: Final = frozenset({"COMPARISON", "CONJUNCTION", "CASE"})
_TESTING: Final = frozenset(
    {"OPERATOR_COALESCE", "OPERATOR_IS_NULL", "OPERATOR_IS_NOT_NULL", "OPERATOR_NOT", "COMPARE_IN", "COMPARE_NOT_IN"}
)
Reach = Literal["operated", "looked_into"]
_INTEGERS: Final = (("INTEGER", 31), ("BIGINT", 63))


@lru_cache(maxsize=512)
def shown(sql: str) -> frozenset[str]:
    """The parameters of a query whose types may be those of its columns; in one case.

    Of the others each stands in a condition, in a LIMIT, or below a cast. A query whose tree is not known shows all.
    """
    tree = read_tree(sql)
    if isinstance(tree, SqlProblem) or tree.statement is None:
        return frozenset({"*"})
    return frozenset(_shown(tree.statement))


@lru_cache(maxsize=512)
def reached(sql: str) -> Mapping[str, Reach]:
    """How far into the columns of a query the values of its parameters reach, by their names in one case.

    `operated`: a column is made of it by operators, and may have another type where a value of it is NULL. `looked_into`: the
    value itself may tell the type, as `round(amount, $digits)` has one by the digits. The values of others tell nothing of types.
    """
    tree = read_tree(sql)
    if isinstance(tree, SqlProblem) or tree.statement is None:
        return {"*": "looked_into"}
    found: dict[str, Reach] = {}
    for name, reach in _reached(tree.statement):
        if found.get(name) != "looked_into":
            found[name] = reach
    return found


@lru_cache(maxsize=512)
def unnamed(sql: str) -> str:
    """A parameter that stands in a column without a name of its own, which is then called by DuckDB's text of it; else nothing."""
    tree = read_tree(sql)
    if isinstance(tree, SqlProblem) or tree.statement is None:
        return ""
    for node in _nodes(tree.statement):
        for column in node["select_list"] if node.get("type") == "SELECT_NODE" else ():
            if not column.get("alias"):
                found = next((one["identifier"] for one in _nodes(column) if one.get("class") == "PARAMETER"), "")
                if found:
                    return f"${found}"
    return ""


def as_sql(value: Any) -> str | None:
    """An expression of the value and the type that DuckDB gives to it as a parameter from Python; None where that is not plain."""
    if value is None:
        return "NULL"
    kind = _type_of(value)
    return None if kind is None else f"CAST({_written(value)} AS {kind})"


def _shown(node: Any) -> Iterator[str]:
    pending = [node]
    while pending:
        one = pending.pop()
        if isinstance(one, list):
            pending.extend(one)
        elif isinstance(one, dict):
            if one.get("class") == "PARAMETER":
                yield str(one["identifier"]).casefold()
            elif one.get("class") != "CAST" and str(one.get("type")) not in _LIMITS:
                pending.extend(part for name, part in one.items() if name not in _FILTERS)


def _reached(node: Any) -> Iterator[tuple[str, Reach]]:
    pending: list[tuple[Any, Reach | None]] = [(node, "looked_into")]
    while pending:
        one, reach = pending.pop()
        if isinstance(one, list):
            pending.extend((part, reach) for part in one)
        elif isinstance(one, dict):
            if one.get("class") == "PARAMETER":
                if reach is not None:
                    yield str(one["identifier"]).casefold(), reach
            elif str(one.get("type")) not in _LIMITS and not (one.get("class") == "CAST" and reach is None):
                inner = _reach_within(one, reach) if "class" in one else reach
                is_select = one.get("type") == "SELECT_NODE"
                pending.extend(
                    (part, None if is_select and name == "select_list" else inner)
                    for name, part in one.items()
                    if name not in _FILTERS
                )


def _reach_within(node: Mapping[str, Any], reach: Reach | None) -> Reach | None:
    """How far the parts of an expression reach that itself reaches so far; None for no further than their types.

    Of a constant that is NULL, DuckDB makes a NULL without a type: a function has it, a cast has not, and of operators these have it
    only where a part of theirs is NULL.
    """
    kind = node["class"]
    if reach != "looked_into" and kind == "FUNCTION":
        is_plain = node.get("is_operator") and node.get("function_name") in _NEVER_NULL
        return "operated" if is_plain else "looked_into"
    if reach == "operated" and kind == "CAST" and not node.get("try_cast"):
        return reach
    if reach is None and (kind in _CHOOSING or str(node.get("type")) in _TESTING):
        return None
    return "looked_into"


def _nodes(node: Any) -> Iterator[dict[str, Any]]:
    pending = [node]
    while pending:
        one = pending.pop()
        if isinstance(one, list):
            pending.extend(one)
        elif isinstance(one, dict):
            yield one
            pending.extend(one.values())


def _type_of(value: Any) -> str | None:
    match value:
        case bool():
            return "BOOLEAN"
        case int():
            return next((name for name, bits in _INTEGERS if -(2**bits) <= value < 2**bits), None)
        case float():
            return "DOUBLE"
        case str():
            return "VARCHAR"
        case list() | tuple():
            kinds = {_type_of(one) for one in value}
            if kinds == {"INTEGER", "BIGINT"}:
                return "BIGINT[]"
            (kind,) = kinds if len(kinds) == 1 else (None,)
            return None if kind is None else f"{kind}[]"
        case dict():
            fields = {name: _type_of(one) for name, one in value.items()}
            if not fields or None in fields.values():
                return None
            return "STRUCT(" + ", ".join(f"{_quoted(str(name))} {kind}" for name, kind in fields.items()) + ")"
        case _:
            return None


def _written(value: Any) -> str:
    match value:
        case str():
            return literal(value)
        case list() | tuple():
            return "[" + ", ".join(map(_written, value)) + "]"
        case dict():
            return "{" + ", ".join(f"{literal(str(name))}: {_written(one)}" for name, one in value.items()) + "}"
        case float():
            return f"{literal(repr(value))}::DOUBLE"
        case _:
            return json.dumps(value)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
