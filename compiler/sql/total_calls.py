"""Which calls of functions and operators have a value for all that they can be given: a list of what is known to."""

from __future__ import annotations

import re
from typing import Final

from trc.compiler.sql.constants import constant_text, evaluates, is_constant
from trc.compiler.sql.expressions import Json
from trc.compiler.sql.kinds import BITS, DAYS, FLOATS, SHOWN, is_plain, kind_of, scale, type_info
from trc.compiler.sql.ranges import fits, magnitude
from trc.compiler.sql.spelling import CannotSpell, spell
from trc.compiler.sql.total_casts import is_total_cast

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
_CUTTING: Final = frozenset({"array_extract", "left", "right", "substr", "substring"})
"""These fail only where a place is beyond 2^32."""

_OVER_FLOATS: Final = frozenset({"+", "-", "*", "/", "%", "abs", "exp", "isfinite", "isinf", "isnan", "pow", "sign"})
_OVER_DAYS: Final = frozenset(
    {"dayname", "monthname", "year", "quarter", "month", "day", "dayofweek", "isodow", "dayofyear"}
)
_OVER_TIMES: Final = _OVER_DAYS | {"hour", "minute", "second"}
_PARTS: Final = frozenset(
    {"year", "quarter", "month", "day", "dow", "isodow", "doy", "dayofweek", "dayofyear", "hour", "minute", "second"}
)

_WHOLE_PARTS: Final = frozenset({"year", "quarter", "month", "day"})
_OVER_BITS: Final = frozenset({"&", "|", "xor"})
_FORMAT: Final = re.compile(r"([^%]|%[YmdHMSbBy])*")
_PATTERNS: Final = frozenset({"regexp_matches", "regexp_full_match"})

_OVER_NESTED: Final = frozenset({"array_extract", "len", "list_extract", "row", "struct_extract", "struct_pack"})
_GATHERING: Final = frozenset(
    {"concat", "concat_ws", "greatest", "least", "list_value", "row", "struct_pack", "unpivot_list"}
)
_ROUNDING: Final = frozenset({"ceil", "floor", "round", "trunc"})


def is_total_call(expression: Json) -> bool:
    name, children = str(expression["name"]), expression["children"]
    told = [type_info(one) for one in children]
    kinds = {str(one["id"]) for one in told}
    if not all(map(is_plain, told)):
        return name in _OVER_NESTED or (name == "list_sort" and all(map(is_constant, children[1:])))
    if name in _OVER_TEXT and kinds <= _TEXT:
        return True
    if name in _GATHERING and kinds <= SHOWN:
        return True
    if name in _CUTTING and kinds == {"VARCHAR", "BIGINT"}:
        return kind_of(children[0]) == "VARCHAR" and all(magnitude(one) < 2**32 for one in children[1:])
    if name in _OVER_FLOATS and kinds <= FLOATS and kinds:
        return True
    if name in ("abs", "-") and len(children) == 1 and kinds == {"DECIMAL"}:
        return True
    if (name == "-" and kinds == {"DATE"}) or (name in _OVER_BITS and kinds <= BITS.keys()):
        return True
    if name in ("+", "-", "*") and len(children) == 2:
        return fits(expression)
    if (name in _OVER_DAYS and kinds == {"DATE"}) or (name in _OVER_TIMES and kinds == {"TIMESTAMP"}):
        return True
    if name in _ROUNDING:
        return _is_total_rounding(children)
    if name in ("%", "//") and len(children) == 2:
        return kinds <= BITS.keys() and _is_positive(children[1])
    if name in ("date_part", "date_diff", "datediff"):
        return _is_total_part(children)
    if name in _PATTERNS and kinds <= _TEXT:
        return _has_good_pattern(name, children)
    return name == "strftime" and len(children) == 2 and _has_good_format(children)


def _is_total_rounding(children: list[Json]) -> bool:
    """A decimal number that loses a digit has room for what it is rounded up to."""
    value, *digits = children
    if kind_of(value) in FLOATS:
        return all(kind_of(one) == "INTEGER" for one in digits)
    return kind_of(value) == "DECIMAL" and scale(value) > 0 and all(map(_is_positive, digits))


def _is_positive(expression: Json) -> bool:
    """Whether an expression is a whole number above zero that is written out."""
    held = expression["child"] if expression.get("expression_class") == "BOUND_CAST" else expression
    is_number = held.get("expression_class") == "BOUND_CONSTANT" and kind_of(held) in BITS
    value = held["value"].get("value") if is_number else None
    return isinstance(value, int) and value > 0 and (held is expression or is_total_cast(expression))


def _is_total_part(children: list[Json]) -> bool:
    part, *of = children
    named = constant_text(part).lower()
    if len(of) == 2:
        return named in _WHOLE_PARTS and {kind_of(one) for one in of} == {"DATE"}
    is_time = named in ("hour", "minute", "second")
    return named in _PARTS and all(kind_of(one) in (DAYS - {"DATE"} if is_time else DAYS) for one in of)


def _has_good_pattern(name: str, children: list[Json]) -> bool:
    """Whether a regular expression is one that is written out, and right: then it matches a text or does not."""
    _, *given = children
    try:
        return all(map(is_constant, given)) and evaluates(f"{name}('', {', '.join(spell(one, str) for one in given)})")
    except CannotSpell:
        return False


def _has_good_format(children: list[Json]) -> bool:
    of, form = children
    return kind_of(of) in DAYS and bool(_FORMAT.fullmatch(constant_text(form)))
