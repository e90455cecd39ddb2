"""What means something else in DuckDB than in the author's dialect, and translating it does not change that.

One function a difference; `DIFFERENCES` says for which dialects. docs/dialects.md has the same table in words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect

from trc.compiler.sql.dialects.corrections import MYSQL, SPARK, TRINO, TSQL, is_whole
from trc.compiler.sql.functions import scalar_names


class Difference(NamedTuple):
    """What is told of a node, or of the node `at` within it: how its dialect has it, how DuckDB has it, what to write."""

    there: str
    here: str
    remedy: str
    at: exp.Expr | None = None


Rule = Callable[[Any], Difference | None]


def differences(tree: exp.Expr, dialect: str) -> Iterator[tuple[exp.Expr, Difference]]:
    """What differs in a query, each with its node; what is true of all of a query's texts is told once."""
    told: set[Rule] = set()
    rules = [(kind, rule) for dialects, kind, rule in DIFFERENCES if dialects is None or dialect in dialects]
    for node in tree.dfs():
        for kind, rule in rules:
            found = rule(node) if isinstance(node, kind) and rule not in told else None
            if found is not None:
                told |= {rule} & _ONCE
                yield found.at or node, found
    yield from _names_of_one_spelling(tree, dialect)


def _whole_division(node: exp.Div) -> Difference | None:
    sides = (node.this, node.expression)
    if not node.args.get("typed") or any(map(_is_fraction, sides)) or all(map(is_whole, sides)):
        return None
    remedy = "cast both sides to INTEGER for a whole number, or one to a type with a fraction"
    return Difference("divides whole numbers without a rest", "gives a fraction", remedy)


def _is_fraction(node: exp.Expr) -> bool:
    node = node.unnest()
    if isinstance(node, exp.Cast):
        return node.to.this in exp.DataType.REAL_TYPES
    if isinstance(node, exp.Literal):
        return not node.is_string and not node.is_int
    if isinstance(node, exp.Neg | exp.Round):
        return _is_fraction(node.this)
    if isinstance(node, exp.Binary):
        return _is_fraction(node.this) or _is_fraction(node.expression)
    return isinstance(node, exp.Sqrt | exp.Ln | exp.Exp | exp.Pow)


def _complete_units(node: exp.Expr) -> Difference | None:
    if not node.args.get("unit"):
        return None
    remedy = "days between dates are the same in both; compute other units from days"
    return Difference("counts the whole units that have passed", "counts the borders between units", remedy)


def _comparison(node: exp.Expr) -> Difference | None:
    sides = [node.this, *([node.expression] if isinstance(node, exp.Binary) else node.expressions)]
    if not any(isinstance(one, exp.Literal) and one.is_string and re.search(r"[^\W\d]", one.name) for one in sides):
        return None
    if any(isinstance(one, exp.Lower | exp.Upper) for one in sides):
        return None
    remedy = "where case is not to count, compare lower(…)"
    return Difference("compares texts ignoring case, by default", "does not", remedy)


def _pattern(node: exp.Expr) -> Difference | None:
    pattern = node.args.get("expression")
    if not isinstance(pattern, exp.Literal | exp.RawString):
        return None
    odd = re.search(r"\(\?(?:[=!>]|<[=!])|\\[1-9]|[*+?}]\+", pattern.name)
    if odd is None:
        return None
    return Difference(f'may know "{odd[0]}" in patterns', "refuses it: its patterns are RE2's", "write it without")


def _sized_text(node: exp.Cast) -> Difference | None:
    if node.to.this not in exp.DataType.TEXT_TYPES or not node.to.expressions:
        return None
    return Difference(
        "holds texts to the length of their type", "takes any length", "cut it where that is meant: left(x, n)"
    )


def _bare_decimal(node: exp.Cast) -> Difference | None:
    if node.to.this != exp.DType.DECIMAL or node.to.expressions:
        return None
    return Difference("has a scale of its own for it", "takes it as DECIMAL(18, 3)", "write both: DECIMAL(p, s)")


def _cut_number(node: exp.Cast) -> Difference | None:
    value = node.this.unnest()
    if node.to.this not in exp.DataType.INTEGER_TYPES or not (
        _is_fraction(value) or isinstance(value, exp.Div | exp.Avg)
    ):
        return None
    return Difference("cuts the fraction off", "rounds", "write trunc(x) within the cast")


def _defaults_of_joins(node: exp.Join) -> Difference | None:
    if node.side not in ("LEFT", "RIGHT", "FULL"):
        return None
    return Difference(
        "fills what is missing with 0 or ''", "fills it with NULL", "write coalesce(x, 0) where that is meant"
    )


def _offset(node: exp.Unnest) -> Difference | None:
    offset = node.args.get("offset")
    if not offset:
        return None
    remedy = "write the offset minus 1 where it is used"
    return Difference(
        "counts offsets from 0", "counts them from 1", remedy, at=offset if isinstance(offset, exp.Expr) else None
    )


def _empty_text(node: exp.Expr) -> Difference | None:
    if isinstance(node, exp.DPipe):
        return Difference("takes NULL as an empty text here", "gives NULL", "write coalesce(x, '')")
    if node.args.get("is_string") and node.name == "":
        return Difference("takes '' as NULL", "does not", "write NULL where that is meant")
    return None


def _timestamp(node: exp.Expr) -> Difference | None:
    above = node.parent.parent if isinstance(node.parent, exp.Paren) else node.parent
    value = node.this
    is_time = isinstance(value, exp.Cast) and value.to.this in exp.DataType.TEMPORAL_TYPES - {exp.DType.DATE}
    if isinstance(above, exp.Cast) or is_time:
        return None
    return Difference("gives a date where it is given one", "gives a timestamp", "cast it to the type that is meant")


def _week(node: exp.Expr) -> Difference | None:
    if isinstance(node, exp.Extract) and not node.name.upper().startswith("WEEK"):
        return None
    return Difference("numbers weeks in its own way", "numbers them as ISO 8601 has it", "see which of them is meant")


def _zeroth(node: exp.Substring) -> Difference | None:
    start = node.args.get("start")
    if not isinstance(start, exp.Literal) or start.name != "0":
        return None
    return Difference("gives an empty text from 0 on", "counts a place before the first", "begin at 1")


def _by_name(node: exp.Anonymous) -> Difference | None:
    if node.name.lower() not in scalar_names():
        return None
    there = "has a function here that sqlglot does not know"
    return Difference(there, "is asked for its own of that name", "make sure that both answer alike")


def _names_of_one_spelling(tree: exp.Expr, dialect: str) -> Iterator[tuple[exp.Expr, Difference]]:
    """Names that differ in nothing but case, where the dialect tells them apart."""
    judge = Dialect.get_or_raise(dialect)
    names: dict[str, str] = {}
    for node in tree.dfs():
        if not isinstance(node, exp.Identifier) or "start" not in node.meta:
            continue
        meant = judge.normalize_identifier(node.copy()).name
        before = names.setdefault(node.name.casefold(), meant)
        if before != meant:
            names[node.name.casefold()] = meant
            yield (
                node,
                Difference(
                    f'tells "{meant}" from "{before}"', "takes them for one name", "give one of them another name"
                ),
            )


_ONCE: Final[frozenset[Rule]] = frozenset({_comparison, _empty_text})

_MATCHING: Final = (
    exp.RegexpLike,
    exp.RegexpILike,
    exp.RegexpExtract,
    exp.RegexpExtractAll,
    exp.RegexpReplace,
    exp.RegexpSplit,
)

DIFFERENCES: Final[tuple[tuple[tuple[str, ...] | None, Any, Rule], ...]] = (
    (None, exp.Div, _whole_division),
    ((*TRINO, "databricks", "spark"), (exp.DateDiff, exp.TimestampDiff), _complete_units),
    (MYSQL, exp.TimestampDiff, _complete_units),
    (("mysql", *TSQL), (exp.EQ, exp.NEQ, exp.In, exp.Like), _comparison),
    (("sqlite",), exp.Like, _comparison),
    (None, _MATCHING, _pattern),
    (None, exp.Cast, _sized_text),
    (("clickhouse", "materialize", "oracle", "postgres", "risingwave", "teradata"), exp.Cast, _bare_decimal),
    (("clickhouse", "sqlite", *SPARK, *TSQL), exp.Cast, _cut_number),
    (("clickhouse",), exp.Join, _defaults_of_joins),
    (("bigquery",), exp.Unnest, _offset),
    (("oracle",), (exp.DPipe, exp.Literal), _empty_text),
    (("databricks", "mysql", "snowflake", "spark", *TRINO, *TSQL), (exp.DateAdd, exp.DateSub), _timestamp),
    (("bigquery", "mysql", *TSQL), (exp.Week, exp.WeekOfYear, exp.Extract), _week),
    ((*MYSQL, *TRINO), exp.Substring, _zeroth),
    (None, exp.Anonymous, _by_name),
)
"""By the dialects (None for all): the kinds of nodes, and what is told of them."""
