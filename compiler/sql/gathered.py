"""Which aggregates and windows give one answer for the same rows, in whatever order they come."""

from __future__ import annotations

from typing import Final

from trc.compiler.sql.constants import is_constant, is_count
from trc.compiler.sql.expressions import Json
from trc.compiler.sql.kinds import is_exact, is_float, type_info
from trc.compiler.sql.order import Keys
from trc.compiler.sql.own_forms import is_number_of_lists, is_scalar_first, is_sorted_list
from trc.compiler.sql.plans import Above, ordered_by, place_of

_COUNTS: Final = frozenset({"count", "count_star", "count_if", "countif", "bool_and", "bool_or"})
_BY_VALUE: Final = frozenset(
    {
        "avg",
        "bit_and",
        "bit_or",
        "bit_xor",
        "max",
        "median",
        "min",
        "quantile_cont",
        "quantile_disc",
        "sum",
        "sum_no_overflow",
    }
)
"""Aggregates of which only the values count that they are given, and not their order."""
_ROUNDING: Final = frozenset(
    {
        "corr",
        "covar_pop",
        "covar_samp",
        "entropy",
        "favg",
        "fsum",
        "geomean",
        "kahan_sum",
        "kurtosis",
        "kurtosis_pop",
        "product",
        "sem",
        "skewness",
        "stddev",
        "stddev_pop",
        "stddev_samp",
        "sumkahan",
        "var_pop",
        "var_samp",
        "variance",
    }
)
"""Aggregates that compute in floating point whatever they are given."""
_IN_ORDER: Final = frozenset(
    {"any_value", "arbitrary", "array_agg", "first", "group_concat", "last", "list", "listagg", "string_agg"}
)
"""Aggregates that an order settles."""
_PEERS: Final = frozenset({"WINDOW_RANK", "WINDOW_RANK_DENSE", "WINDOW_PERCENT_RANK", "WINDOW_CUME_DIST"})
"""Window functions that treat rows alike which the order does not tell apart."""
_OPEN_FRAMES: Final = frozenset({"UNBOUNDED_PRECEDING", "UNBOUNDED_FOLLOWING", "CURRENT_ROW_RANGE"})
"""Ends of frames that never fall between rows which the order does not tell apart."""


def why_open(expression: Json, plan: Json, above: Above, keys: Keys, width: int) -> str | None:
    """Why an aggregate or a window may answer differently for the same rows; `width` is how many columns it is over."""
    if expression["expression_class"] == "BOUND_WINDOW":
        return _why_window_open(expression, plan, above, keys, width)
    return _why_aggregate_open(expression, plan, above, keys, width)


def has_computed_frame(window: Json) -> bool:
    """Whether a frame ends at a place that is computed: where that is NULL, DuckDB takes any place that comes."""
    return any(window[end] is not None and not is_count(window[end]) for end in ("start_expr", "end_expr"))


def why_rounded(expression: Json) -> str | None:
    """Why the answer of an aggregate, or of one over a window, may differ in the last digits of floating-point numbers."""
    name = str(expression.get("name", ""))
    if name in _ROUNDING:
        return f"{name}() adds up roundings"
    if name in _BY_VALUE and any(is_float(type_info(one)) for one in expression["children"]):
        picks = name in ("min", "max")
        return f"{name}() takes zeros for equal, whatever their sign" if picks else f"{name}() adds up roundings"
    return None


def _why_aggregate_open(expression: Json, plan: Json, above: Above, keys: Keys, width: int) -> str | None:
    name, values = str(expression["name"]), expression["children"]
    if name in _COUNTS or name in _ROUNDING:
        return None
    told = [type_info(one) for one in values]
    # How many values `max(x, n)` takes, the first row says that comes.
    is_settled = all(map(is_constant, values[1:]))
    if name in _BY_VALUE and is_settled and all(is_exact(one) or is_float(one) for one in told):
        return None
    order = ordered_by(expression.get("order_bys"))
    if name in _IN_ORDER and order and _is_same_list(values, order, plan["children"][0], keys, width):
        return None
    if name == "first" and is_scalar_first(expression, plan, above):
        return None
    if name == "list" and not order and is_sorted_list(expression, plan, above):
        return None
    return f"{name}() depends on the order of rows"


def _is_same_list(values: list[Json], order: list[Json], child: Json, keys: Keys, width: int) -> bool:
    """Whether values in an order are the same list whatever order the rows come in."""
    if not all(is_exact(type_info(one)) for one in order):
        return False
    places = set(map(place_of, order)) - {None}
    return all(place_of(one) in places for one in values) or keys.settles(order, child, width)


def _why_window_open(expression: Json, plan: Json, above: Above, keys: Keys, width: int) -> str | None:
    kind = str(expression["type"])
    if is_number_of_lists(expression, plan, above) or (kind in _PEERS and not expression["arg_orders"]):
        return None
    is_whole = kind == "WINDOW_AGGREGATE" and {expression["start"], expression["end"]} <= _OPEN_FRAMES
    is_plain = expression["exclude_clause"] == "NO_OTHER" and not expression["arg_orders"]
    order = [*expression["partitions"], *ordered_by(expression["orders"])]
    if not is_plain or not (is_whole or keys.settles(order, plan["children"][0], width)):
        return "a window's order does not tell all rows apart"
    return _why_aggregate_open(expression, plan, (), keys, width) if kind == "WINDOW_AGGREGATE" else None
