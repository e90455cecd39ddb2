"""What DuckDB's binder makes of subqueries and the like: forms that no query has by itself, and that do more than they show."""

from __future__ import annotations

from trc.compiler.sql.expressions import Json
from trc.compiler.sql.kinds import is_exact, type_info
from trc.compiler.sql.plans import Above, every_expression, expressions_of, place_of


def is_scalar_check(expression: Json) -> bool:
    """Whether an expression is an error if there is more than one row, else the value in the first: of a subquery."""
    if expression.get("expression_class") != "BOUND_CASE" or len(expression["case_checks"]) != 1:
        return False
    when, then = (expression["case_checks"][0][part] for part in ("when_expr", "then_expr"))
    return (
        when.get("type") == "COMPARE_GREATERTHAN"
        and place_of(when["left"]) == 1
        and when["right"].get("value", {}).get("value") == 1
        and place_of(expression["else_expr"]) == 0
        and any(one.get("name") == "error" for one in every_expression(then))
    )


def is_scalar_first(expression: Json, plan: Json, above: Above) -> bool:
    """Whether `first` is the value of a subquery that an error stands for if it yields several."""
    if not above or plan["groups"] or above[-1]["type"] != "LOGICAL_PROJECTION" or len(above[-1]["expressions"]) != 1:
        return False
    names = [str(one.get("name")) for one in plan["expressions"]]
    is_checked = is_scalar_check(above[-1]["expressions"][0])
    return names == ["first", "count_star"] and plan["expressions"][0] is expression and is_checked


def is_only_counted(above: Above) -> bool:
    """Whether all that is done with rows is to count them, as EXISTS does."""
    if not above or above[-1]["type"] != "LOGICAL_AGGREGATE_AND_GROUP_BY":
        return False
    asked = above[-1]["expressions"]
    return not above[-1]["groups"] and all(one.get("name") == "count_star" and not one.get("filter") for one in asked)


def is_number_of_lists(expression: Json, plan: Json, above: Above) -> bool:
    """Whether rows are numbered to be found again after their lists were unnested.

    A window of the query's own never stands directly in such a join: there is a projection above it.
    """
    is_plain = expression["type"] == "WINDOW_ROW_NUMBER" and not expression["partitions"] and not expression["orders"]
    is_left = bool(above) and above[-1]["type"] == "LOGICAL_DELIM_JOIN" and above[-1]["children"][0] is plan
    return is_plain and is_left and above[-1]["join_type"] in ("INNER", "LEFT") and len(plan["expressions"]) == 1


def is_sorted_list(expression: Json, plan: Json, above: Above) -> bool:
    """Whether nothing is done with a list but to sort it, as with `list(x ORDER BY x)`."""
    if not above or above[-1]["type"] != "LOGICAL_PROJECTION" or not is_exact(type_info(expression)):
        return False
    place = next((at for at, one in enumerate(plan["expressions"]) if one is expression), None)
    if place is None:
        return False
    place += len(plan["groups"])
    shown = [one for one in expressions_of(above[-1]) if place_of(one) == place]
    sorts = [one for one in expressions_of(above[-1]) if one.get("name") == "list_sort"]
    return len(shown) == sum(1 for one in sorts if place_of(one["children"][0]) == place)
