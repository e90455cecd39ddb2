"""Which casts have a value for every value that they are given."""

from __future__ import annotations

from trc.compiler.sql.expressions import Json
from trc.compiler.sql.kinds import BITS, DAYS, FLOATS, NUMBERS, SHOWN, is_plain, kind_of, scale, type_info
from trc.compiler.sql.ranges import magnitude


def is_total_cast(expression: Json) -> bool:
    source, target = type_info(expression["child"]), type_info(expression)
    if source == target or source["id"] == "NULL":
        return True
    if not all(map(is_plain, (source, target))):
        # An enum's values are known texts.
        return source["id"] == "ENUM" and is_plain(target) and target["id"] == "VARCHAR"
    if expression["try_cast"]:
        return source["id"] in SHOWN and target["id"] in NUMBERS | DAYS | {"VARCHAR", "BOOLEAN"}
    one, other = str(source["id"]), str(target["id"])
    if other == "VARCHAR":
        return one in SHOWN
    if one == "BOOLEAN":
        return other in BITS or other in FLOATS
    if one in BITS or one == "DECIMAL":
        if other in FLOATS:
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
        is_below = kind_of(source) == "DECIMAL"
        return grown - is_below < 10 ** int(target["type_info"]["width"]) or _is_narrower(source, target)
    if kind_of(source) in BITS and BITS[kind_of(source)] <= BITS[kind]:
        return True
    return bool(grown < 2 ** BITS[kind])


def _is_narrower(source: Json, target: Json) -> bool:
    info = type_info(source).get("type_info") or {}
    return "width" in info and int(info["width"]) - int(info["scale"]) <= int(target["type_info"]["width"]) - int(
        target["type_info"]["scale"]
    )
