"""Whether a query says itself in which order its rows come."""

from __future__ import annotations

from typing import Any

from trc.compiler.sql.problem import SqlProblem
from trc.compiler.sql.statements import read_tree


def is_ordered(sql: str) -> bool:
    """Whether the query as a whole has an ORDER BY; one in a part of it decides about no order of the result."""
    tree = read_tree(sql)
    if isinstance(tree, SqlProblem) or tree.statement is None:
        return False
    node: dict[str, Any] = tree.statement["node"]
    while node.get("type") == "CTE_NODE":
        node = node["child"]
    return any(modifier.get("type") == "ORDER_MODIFIER" for modifier in node.get("modifiers", ()))
