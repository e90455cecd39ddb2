"""Dates and times that sqlglot translates to something else than the author's dialect means, put right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sqlglot import exp

from trc.compiler.sql.dialects.places import WORD
from trc.compiler.sql.dialects.seen import literal_text, unit_of

DAYS: Final = frozenset({"DAY", "WEEK", "MONTH", "QUARTER", "YEAR"})
"""Units that leave a date a date."""
_SHORT: Final = {
    **dict.fromkeys(("YYYY", "YYY", "YY", "Y", "SYYYY", "SYEAR"), "YEAR"),
    **dict.fromkeys(("MM", "MON"), "MONTH"),
    "Q": "QUARTER",
    "IW": "WEEK",
    **dict.fromkeys(("DD", "DDD", "J"), "DAY"),
    **dict.fromkeys(("HH", "HH12", "HH24"), "HOUR"),
    "MI": "MINUTE",
}
"""Units as formats have them; DuckDB knows only their whole names."""


def from_sunday_as_one(node: exp.Expr) -> exp.Expr | None:
    """DuckDB counts the days of the week from Sunday as 0."""
    if isinstance(node, exp.Extract) and node.name.upper() != "DAYOFWEEK":
        return None
    return exp.Paren(this=exp.Add(this=node.copy(), expression=exp.Literal.number(1)))


def iso_week(node: exp.Extract) -> exp.Expr | None:
    """DuckDB's own weeks are those of ISO 8601."""
    if node.name.upper() != "ISOWEEK":
        return None
    return exp.Extract(this=exp.var("WEEK"), expression=node.expression.copy())


def date(node: exp.Expr) -> exp.Expr | None:
    """A date and whole days are a date; DuckDB makes a timestamp of them."""
    return _as_date(node) if unit_of(node) in DAYS else None


def date_of_months(node: exp.Expr) -> exp.Expr | None:
    return None if isinstance(node.parent, exp.Cast) else _as_date(node)


def _as_date(node: exp.Expr) -> exp.Expr:
    return exp.Cast(this=exp.Paren(this=node.copy()), to=exp.DataType(this=exp.DType.DATE, nested=False))


def complete_units(node: exp.Expr) -> exp.Expr | None:
    """The whole units that have passed, where DuckDB's DATE_DIFF counts the borders between them."""
    unit = unit_of(node)
    if not unit:
        return None
    first, last = (_as_time(one) for one in (node.expression, node.this))
    return exp.Anonymous(this="DATE_SUB", expressions=[exp.Literal.string(unit), first, last])


def _as_time(node: exp.Expr) -> exp.Expr:
    if literal_text(node) is None:
        return node.copy()
    return exp.Cast(this=node.copy(), to=exp.DataType(this=exp.DType.TIMESTAMP, nested=False))


def weeks_from_monday(node: exp.Expr) -> exp.Expr | None:
    """The Mondays between two dates; DuckDB's DATE_DIFF counts the times that seven days have passed."""
    return _weeks(node, lambda one: one)


def weeks_from_sunday(node: exp.Expr) -> exp.Expr | None:
    """The Sundays between two dates: the Mondays between the days after them."""
    return _weeks(node, _next_day)


def _weeks(node: exp.Expr, moved: Callable[[exp.Expr], exp.Expr]) -> exp.Expr | None:
    if unit_of(node) != "WEEK":
        return None
    better = node.copy()
    for name in ("this", "expression"):
        began = exp.TimestampTrunc(this=moved(_as_time(node.args[name])), unit=exp.var("WEEK"))
        better.set(name, began)
    return better


def _next_day(node: exp.Expr) -> exp.Expr:
    day = exp.Interval(this=exp.Literal.string("1"), unit=exp.var("DAY"))
    return exp.Paren(this=exp.Add(this=node, expression=day))


def whole_unit(node: exp.Expr) -> exp.Expr | None:
    unit = _SHORT.get(unit_of(node))
    if unit is None:
        return None
    better = node.copy()
    better.set("unit", exp.Literal.string(unit) if isinstance(node, exp.DateTrunc) else exp.var(unit))
    return better


def truncated_date(node: exp.DateTrunc) -> exp.Expr | None:
    """`trunc` of Spark always gives a date."""
    return None if isinstance(node.parent, exp.Cast) else _as_date(whole_unit(node) or node)


def last_days(node: exp.TsOrDsAdd) -> exp.Expr | None:
    """Months after the last day of one is the last day of another."""
    if node.meta.get(WORD) != "add_months":
        return None
    return exp.AddMonths(this=node.this.copy(), expression=node.expression.copy(), preserve_end_of_month=True)
