"""Which expressions of a bound plan have a value for every row: what is not known to have one may fail."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from trc.compiler.sql.engine import query
from trc.compiler.sql.expressions import Json, expressions_in, type_of
from trc.compiler.sql.ranges import BITS, fits, magnitude, scale, type_info
from trc.compiler.sql.spelling import CannotSpell, spell

_FLOATS: Final = frozenset({"FLOAT", "DOUBLE"})
_DAYS: Final = frozenset({"DATE", "TIMESTAMP"})
_NUMBERS: Final = BITS.keys() | _FLOATS | {"DECIMAL"}
_SHOWN: Final = (
    _NUMBERS
    | _DAYS
    | {"BOOLEAN", "VARCHAR", "ENUM", "UUID", "TIME", "BLOB", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"}
)
"""Types of which every value can be written as text."""

_OPERATORS: Final = frozenset(
    {
        "OPERATOR_NOT",
        "OPERATOR_IS_NULL",
        "OPERATOR_IS_NOT_NULL",
        "OPERATOR_COALESCE",
        "COMPARE_IN",
        "COMPARE_NOT_IN",
        "GROUPING_FUNCTION",
    }
)
_TOTAL_KINDS: Final = frozenset(
    {
        "BOUND_REF",
        "BOUND_COLUMN_REF",
        "BOUND_CONSTANT",
        "BOUND_COMPARISON",
        "BOUND_CONJUNCTION",
        "BOUND_BETWEEN",
        "BOUND_CASE",
        "BOUND_UNNEST",
    }
)

_TEXT: Final = frozenset({"VARCHAR"})
_OVER_TEXT: Final = frozenset(
    {
        "ascii",
        "concat",
        "contains",
        "ends_with",
        "instr",
        "length",
        "levenshtein",
        "lower",
        "ltrim",
        "md5",
        "prefix",
        "replace",
        "reverse",
        "rtrim",
        "starts_with",
        "strlen",
        "strpos",
        "suffix",
        "trim",
        "unicode",
        "upper",
        "||",
        "~~",
        "!~~",
        "~~*",
        "!~~*",
    }
)
_CUTTING: Final = frozenset({"left", "right", "substr", "substring"})
"""These fail only where a place is beyond 2^32."""

_OVER_FLOATS: Final = frozenset(
    {"+", "-", "*", "/", "%", "abs", "ceil", "floor", "isfinite", "isinf", "isnan", "round", "sign"}
)
_OVER_DAYS: Final = frozenset({"year", "quarter", "month", "day", "dayofweek", "isodow", "dayofyear"})
_OVER_TIMES: Final = _OVER_DAYS | {"hour", "minute", "second"}
_PARTS: Final = frozenset(
    {"year", "quarter", "month", "day", "dow", "isodow", "doy", "dayofweek", "dayofyear", "hour", "minute", "second"}
)

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


def why_fails(expression: Json) -> str | None:
    """Why an expression may fail although those that it is made of do not; None where it cannot."""
    if _is_total(expression) or _is_settled(expression):
        return None
    return f"{_called(expression)} may fail"


def why_any_fails(expression: Json) -> str | None:
    """Why an expression, or one that it is made of, may fail."""
    own = why_fails(expression)
    if own is not None:
        return own
    if (
        _is_constant(expression)
        and expression.get("expression_class") != "BOUND_CONSTANT"
        and _evaluates_constant(expression)
    ):
        return None
    return next((why for part in parts_of(expression) if (why := why_any_fails(part)) is not None), None)


def parts_of(expression: Json) -> tuple[Json, ...]:
    """The expressions that one is directly made of."""
    return tuple(inner for key, part in expression.items() if key != "function_data" for inner in expressions_in(part))


def _called(expression: Json) -> str:
    match expression.get("expression_class"):
        case "BOUND_CAST":
            return f"a cast from {type_of(expression['child'])} to {type_of(expression)}"
        case "BOUND_FUNCTION" | "BOUND_AGGREGATE":
            name = str(expression["name"])
            types = ", ".join(map(type_of, expression["children"]))
            return f"{name}({types})" if name.isidentifier() else f'"{name}" of {types}'
        case "BOUND_WINDOW":
            return "a window function"
        case _:
            return str(expression.get("type"))


def _is_total(expression: Json) -> bool:
    match expression.get("expression_class"):
        case "BOUND_OPERATOR":
            return expression["type"] in _OPERATORS
        case "BOUND_CAST":
            return _is_total_cast(expression)
        case "BOUND_FUNCTION":
            return _is_total_call(expression)
        case "BOUND_AGGREGATE":
            return _is_total_aggregate(expression)
        case "BOUND_WINDOW":
            return _is_total_window(expression)
        case kind:
            return kind in _TOTAL_KINDS


def _is_total_cast(expression: Json) -> bool:
    source, target = type_info(expression["child"]), type_info(expression)
    if source == target or source["id"] == "NULL":
        return True
    if not all(map(_is_plain, (source, target))):
        # An enum's values are known texts.
        return source["id"] == "ENUM" and _is_plain(target) and target["id"] == "VARCHAR"
    if expression["try_cast"]:
        return source["id"] in _SHOWN and target["id"] in _NUMBERS | _DAYS | {"VARCHAR", "BOOLEAN"}
    one, other = str(source["id"]), str(target["id"])
    if other == "VARCHAR":
        return one in _SHOWN
    if one == "BOOLEAN":
        return other in BITS or other in _FLOATS
    if one in BITS or one == "DECIMAL":
        if other in _FLOATS:
            return one != "UHUGEINT"
        is_exact = scale(expression) >= scale(expression["child"])
        is_negative_lost = other.startswith("U") and not one.startswith("U")
        return (other in BITS or other == "DECIMAL") and is_exact and not is_negative_lost and _holds(expression)
    return (one, other) in {("FLOAT", "DOUBLE"), ("TIMESTAMP", "DATE")}


def _holds(cast: Json) -> bool:
    """Whether a type of whole numbers holds all values that are cast to it."""
    source, target = cast["child"], type_info(cast)
    kind = str(target["id"])
    grown = magnitude(source) * 10 ** (scale(cast) - scale(source))
    if kind == "DECIMAL":
        # The largest magnitude of a decimal type is not one of its values, nor 2^31 one of an INTEGER's.
        is_below = type_of(source) == "DECIMAL"
        return grown - is_below < 10 ** int(target["type_info"]["width"]) or _is_narrower(source, target)
    if type_of(source) in BITS and BITS[type_of(source)] <= BITS[kind]:
        return True
    return bool(grown < 2 ** BITS[kind])


def _is_narrower(source: Json, target: Json) -> bool:
    info = type_info(source).get("type_info") or {}
    return "width" in info and int(info["width"]) - int(info["scale"]) <= int(target["type_info"]["width"]) - int(
        target["type_info"]["scale"]
    )


def _is_plain(told: Json) -> bool:
    return told.get("type_info") is None or (told["id"] == "DECIMAL" and not told["type_info"].get("alias"))


def _is_total_call(expression: Json) -> bool:
    name, children = str(expression["name"]), expression["children"]
    told = [type_info(one) for one in children]
    kinds = {str(one["id"]) for one in told}
    if not all(map(_is_plain, told)):
        return name in ("struct_extract", "len", "struct_pack", "row")
    if name in _OVER_TEXT and kinds <= _TEXT:
        return True
    if name in ("concat", "struct_pack", "row", "list_value") and kinds <= _SHOWN:
        return True
    if name in _CUTTING and kinds <= {"VARCHAR", "BIGINT"}:
        return type_of(children[0]) == "VARCHAR" and all(magnitude(one) < 2**32 for one in children[1:])
    if name in _OVER_FLOATS and kinds <= _FLOATS and kinds:
        return True
    if name in ("abs", "-") and len(children) == 1 and kinds == {"DECIMAL"}:
        return True
    if name in ("+", "-", "*") and len(children) == 2:
        return fits(expression)
    if (name in _OVER_DAYS and kinds == {"DATE"}) or (name in _OVER_TIMES and kinds == {"TIMESTAMP"}):
        return True
    if name == "round" and len(children) == 2:
        return type_of(children[0]) in _FLOATS and type_of(children[1]) == "INTEGER"
    return name == "date_part" and len(children) == 2 and _is_total_part(children)


def _is_total_part(children: list[Json]) -> bool:
    part, of = children
    named = str(part["value"].get("value")) if part.get("expression_class") == "BOUND_CONSTANT" else ""
    is_time = named in ("hour", "minute", "second")
    return named.lower() in _PARTS and type_of(of) in (_DAYS - {"DATE"} if is_time else _DAYS)


def _is_total_aggregate(expression: Json) -> bool:
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
        return kinds <= _FLOATS or (
            len(children) == 1 and magnitude(children[0]) <= 2**63 and type_of(expression) in ("HUGEINT", "DECIMAL")
        )
    if name == "avg":
        return kinds <= _FLOATS or (kinds <= BITS.keys() | {"DECIMAL"} and magnitude(children[0]) <= 2**63)
    return name in ("arg_min", "arg_max") and len(children) == 2


def _is_total_window(expression: Json) -> bool:
    if not all(_is_total_bound(expression[part], str(expression[part.removesuffix("_expr")])) for part in _BOUNDS):
        return False
    if expression["type"] == "WINDOW_AGGREGATE":
        return _is_total_aggregate(expression)
    if expression["type"] in ("WINDOW_LAG", "WINDOW_LEAD"):
        return expression["offset_expr"] is None or not expressions_in(expression["offset_expr"])
    return expression["type"] in _RANKS


def _is_total_bound(bound: Json | None, kind: str) -> bool:
    """Whether the place where a window's frame starts or ends is always one: a number of rows that is written out."""
    if bound is None:
        return True
    inner = bound["child"] if bound.get("expression_class") == "BOUND_CAST" else bound
    count = inner["value"].get("value") if inner.get("expression_class") == "BOUND_CONSTANT" else None
    return kind.endswith("_ROWS") and isinstance(count, int) and 0 <= count < 2**31


def _is_constant(expression: Json) -> bool:
    kind = expression.get("expression_class")
    if kind in ("BOUND_CAST", "BOUND_FUNCTION", "BOUND_OPERATOR"):
        return all(map(_is_constant, parts_of(expression)))
    return kind == "BOUND_CONSTANT"


def _is_settled(expression: Json) -> bool:
    """Whether an expression is a constant that has a value, as it is with `DATE '2020-01-01'`."""
    return _is_constant(expression) and _evaluates_constant(expression)


def _evaluates_constant(expression: Json) -> bool:
    try:
        return _evaluates(spell(expression, str))
    except CannotSpell:
        return False


@lru_cache(maxsize=4096)
def _evaluates(sql: str) -> bool:
    import duckdb

    try:
        query(f"SELECT {sql}")
    except duckdb.Error:
        return False
    return True
