"""Which aggregates and windows have a value whatever rows they are over: a list of what is known to."""

from __future__ import annotations

from typing import Final

from trc.compiler.sql.constants import is_count
from trc.compiler.sql.expressions import Json
from trc.compiler.sql.kinds import BITS, FLOATS, kind_of, type_info
from trc.compiler.sql.ranges import magnitude

_TEXT: Final = frozenset({"VARCHAR"})
_OVER_ANY: Final = frozenset({"count", "count_star", "first", "last", "any_value", "min", "max", "list", "array_agg"})
_BOUNDS: Final = ("start_expr", "end_expr")
_RANKS: Final = frozenset(
    {
        "WINDOW_ROW_NUMBER",
        "WINDOW_RANK",
        "WINDOW_RANK_DENSE",
        "WINDOW_PERCENT_RANK",
        "WINDOW_CUME_DIST",
        "WINDOW_FIRST_VALUE",
        "WINDOW_LAST_VALUE",
    }
)
"""Window functions that take no numbers which could be wrong."""


def is_total_aggregate(expression: Json) -> bool:
    name, children = str(expression["name"]), expression["children"]
    told = [type_info(one) for one in children]
    kinds = {str(one["id"]) for one in told}
    if name in _OVER_ANY:
        return len(children) < 2
    if name in ("bool_and", "bool_or"):
        return True
    if name == "string_agg":
        return kinds <= _TEXT
    if name == "sum":
        # 2^63 rows are more than there are; what they sum up to has to fit 127 bits.
        return kinds <= FLOATS or (
            len(children) == 1 and magnitude(children[0]) <= 2**63 and kind_of(expression) in ("HUGEINT", "DECIMAL")
        )
    if name == "avg":
        return kinds <= FLOATS or (kinds <= BITS.keys() | {"DECIMAL"} and magnitude(children[0]) <= 2**63)
    if name in ("bit_and", "bit_or", "bit_xor"):
        return kinds <= BITS.keys()
    if name in ("median", "quantile_cont", "quantile_disc"):
        return kinds <= BITS.keys() | FLOATS
    return name in ("arg_min", "arg_max") and len(children) == 2


def is_total_window(expression: Json) -> bool:
    if not all(_is_total_bound(expression[part], str(expression[part.removesuffix("_expr")])) for part in _BOUNDS):
        return False
    if expression["type"] == "WINDOW_AGGREGATE":
        return is_total_aggregate(expression)
    if expression["type"] in ("WINDOW_LAG", "WINDOW_LEAD"):
        return expression["offset_expr"] is None or is_count(expression["offset_expr"])
    return expression["type"] in _RANKS


def _is_total_bound(bound: Json | None, kind: str) -> bool:
    """Whether the place where a window's frame starts or ends is always one: a number of rows that is written out."""
    if bound is None:
        return True
    return kind.endswith("_ROWS") and is_count(bound)
