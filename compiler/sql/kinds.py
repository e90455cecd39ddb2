"""Types as a bound plan tells them, and which of them are alike."""

from __future__ import annotations

from typing import Final

from trc.compiler.sql.expressions import Json

BITS: Final = {
    "TINYINT": 7,
    "SMALLINT": 15,
    "INTEGER": 31,
    "BIGINT": 63,
    "HUGEINT": 127,
    "UTINYINT": 8,
    "USMALLINT": 16,
    "UINTEGER": 32,
    "UBIGINT": 64,
    "UHUGEINT": 128,
}
"""By type of whole numbers, the bits that their magnitudes have."""

FLOATS: Final = frozenset({"FLOAT", "DOUBLE"})
DAYS: Final = frozenset({"DATE", "TIMESTAMP"})
NUMBERS: Final = BITS.keys() | FLOATS | {"DECIMAL"}
SHOWN: Final = NUMBERS | DAYS | {"BOOLEAN", "VARCHAR", "ENUM", "UUID", "TIME", "BLOB"}
"""Types of which every value can be written as text."""

_EXACT: Final = BITS.keys() | {
    "BOOLEAN",
    "DECIMAL",
    "VARCHAR",
    "BLOB",
    "DATE",
    "TIME",
    "TIMESTAMP",
    "TIMESTAMP_S",
    "TIMESTAMP_MS",
    "TIMESTAMP_NS",
    "TIMESTAMP WITH TIME ZONE",
    "UUID",
    "ENUM",
    "NULL",
}
"""Types of which equal values are the same: no zero with a sign, no interval of 30 days that equals a month."""

_TRUTHS: Final = frozenset({"BOUND_COMPARISON", "BOUND_CONJUNCTION", "BOUND_BETWEEN"})
"""Expressions of which the plan does not tell the type, since it is always the same."""


def type_info(expression: Json) -> Json:
    """An expression's type as the plan has it."""
    if expression.get("expression_class") in _TRUTHS:
        return {"id": "BOOLEAN", "type_info": None}
    told: Json = expression.get("return_type") or (expression.get("value") or {}).get("type") or {"id": "?"}
    return told


def kind_of(expression: Json) -> str:
    """The name of an expression's type."""
    return str(type_info(expression)["id"])


def scale(expression: Json) -> int:
    info = type_info(expression).get("type_info") or {}
    return int(info.get("scale", 0))


def is_plain(told: Json) -> bool:
    """Whether a type is all that its name says: none that is made of others, and none with a name of its own."""
    return told.get("type_info") is None or (told["id"] == "DECIMAL" and not told["type_info"].get("alias"))


def is_whole(expression: Json) -> bool:
    """Whether the values are whole numbers, or decimal numbers, which are whole numbers with a scale."""
    kind = kind_of(expression)
    return kind in BITS or kind == "DECIMAL"


def is_exact(told: Json) -> bool:
    """Whether equal values of a type are the same."""
    info = told.get("type_info") or {}
    match told["id"]:
        case "LIST" | "ARRAY":
            return is_exact(info["child_type"])
        case "STRUCT":
            return all(is_exact(one["second"]) for one in info["child_types"])
        case kind:
            return kind in _EXACT


def is_exact_kind(kind: str) -> bool:
    """Whether equal values of a type are the same, by its name alone: one that is made of others may hold any."""
    return kind in _EXACT


def is_float(told: Json) -> bool:
    return told["id"] in FLOATS
