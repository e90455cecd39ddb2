"""What means something else in DuckDB than in the author's dialect, and translating it does not change that.

One function a difference; `DIFFERENCES` says for which dialects. docs/dialects.md has the same table in words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect

from trc.compiler.sql.dialect import DIALECTS
from trc.compiler.sql.dialects.corrected_texts import VARYING
from trc.compiler.sql.dialects.corrected_times import DAYS
from trc.compiler.sql.dialects.families import MYSQL, POSTGRES, TRINO, TSQL
from trc.compiler.sql.dialects.seen import is_fraction, is_whole, literal_text, unit_of
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
    if not node.args.get("typed") or any(map(is_fraction, sides)) or all(map(is_whole, sides)):
        return None
    remedy = "cast both sides to INTEGER for a whole number, or one to a type with a fraction"
    return Difference("divides whole numbers without a rest", "gives a fraction", remedy)


def _ends_of_months(node: exp.Expr) -> Difference | None:
    if unit_of(node) not in ("MONTH", "QUARTER", "YEAR"):
        return None
    there = "counts a month from its 31st to the last day of a shorter one as no whole month"
    return Difference(there, "counts it as one", "compute with days where the ends of months matter")


def _weeks(node: exp.Expr) -> Difference | None:
    if unit_of(node) != "WEEK":
        return None
    return Difference("may begin weeks on Sundays", "begins them on Mondays", "divide a difference in days by 7")


def _comparison(node: exp.Expr) -> Difference | None:
    sides = [node.this, *([node.expression] if node.args.get("expression") else node.expressions)]
    if not any(re.search(r"[^\W\d]", literal_text(one) or "") for one in sides):
        return None
    if any(isinstance(one, exp.Lower | exp.Upper) for one in sides):
        return None
    remedy = "where case is not to count, compare lower(…)"
    return Difference("compares texts ignoring case, by default", "does not", remedy)


def _pattern(node: exp.Expr) -> Difference | None:
    odd = re.search(r"\(\?(?:[=!>]|<[=!])|\\[1-9]|[*+?}]\+", literal_text(node.args.get("expression")) or "")
    if odd is None:
        return None
    return Difference(f'may know "{odd[0]}" in patterns', "refuses it: its patterns are RE2's", "write it without")


def _classes_in_like(node: exp.Like) -> Difference | None:
    if "[" not in (literal_text(node.expression) or ""):
        return None
    return Difference("has classes such as [a-f] in LIKE", "has not", "write it with several LIKE")


def _sized_text(node: exp.Cast) -> Difference | None:
    if node.to.this not in exp.DataType.TEXT_TYPES or not node.to.expressions:
        return None
    return Difference(
        "holds texts to the length of their type", "takes any length", "cut it where that is meant: left(x, n)"
    )


def _padded_text(node: exp.Cast) -> Difference | None:
    return None if node.to.this in VARYING else _sized_text(node)


def _bare_decimal(node: exp.Cast) -> Difference | None:
    if node.to.this != exp.DType.DECIMAL or node.to.expressions or is_whole(node.this):
        return None
    digits = node.this.name.partition(".")[2] if isinstance(node.this, exp.Literal) else None
    if digits is not None and len(digits) <= _OWN_SCALE:
        return None
    return Difference("has a scale of its own for it", "takes it as DECIMAL(18, 3)", "write both: DECIMAL(p, s)")


_OWN_SCALE: Final = 3


def _quoted_json(node: exp.Cast) -> Difference | None:
    path = node.this
    if not isinstance(path, exp.Bracket) or node.to.this not in exp.DataType.TEXT_TYPES:
        return None
    if not any(literal_text(one) is not None for one in path.expressions):
        return None
    return Difference("gives a text in JSON without its quotes", "gives it with them", "write v:key, and not v['key']")


def _defaults_of_joins(node: exp.Join) -> Difference | None:
    if node.side not in ("LEFT", "RIGHT", "FULL") or node.kind in ("ANTI", "SEMI"):
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


def _percent_of_rows(node: exp.Limit | exp.Fetch) -> Difference | None:
    options = node.args.get("limit_options")
    if not options or not options.args.get("percent"):
        return None
    return Difference("rounds a percentage of rows up", "rounds it down", "write a number of rows")


def _empty_text(node: exp.Expr) -> Difference | None:
    if isinstance(node, exp.DPipe | exp.Concat):
        return Difference("takes NULL as an empty text here", "gives NULL", "write coalesce(x, '')")
    if node.args.get("is_string") and node.name == "":
        return Difference("takes '' as NULL", "does not", "write NULL where that is meant")
    return None


def _timestamp(node: exp.Expr) -> Difference | None:
    above = node.parent.parent if isinstance(node.parent, exp.Paren) else node.parent
    value = node.this
    is_time = isinstance(value, exp.Cast) and value.to.this in exp.DataType.TEMPORAL_TYPES - {exp.DType.DATE}
    is_whole_unit = isinstance(node, exp.DateTrunc | exp.TimestampTrunc) or _unit(node) in DAYS
    if isinstance(above, exp.Cast) or is_time or not is_whole_unit:
        return None
    return Difference("gives a date where it is given one", "gives a timestamp", "cast it to the type that is meant")


def _timestamp_unless_week(node: exp.DateTrunc) -> Difference | None:
    """Weeks from Sundays are made dates by sqlglot."""
    return None if unit_of(node) in ("", "WEEK") or unit_of(node).startswith("WEEK(") else _timestamp(node)


def _unit(node: exp.Expr) -> str:
    return unit_of(node) or (unit_of(node.expression) if isinstance(node.expression, exp.Interval) else "")


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


def _by_name_unless_shared(node: exp.Anonymous) -> Difference | None:
    return None if node.name.lower() in _OF_POSTGRES else _by_name(node)


_OF_POSTGRES: Final = frozenset(
    {
        *("age", "cbrt", "concat_ws", "factorial", "gcd", "isfinite", "lcm", "make_date", "make_time"),
        *("make_timestamp", "now", "pi", "regexp_split_to_array", "unnest"),
    }
)
"""Functions that DuckDB has from PostgreSQL."""


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
_CUTTING: Final = ("mysql", "oracle", "redshift", "teradata", *POSTGRES, *TRINO, *TSQL)
"""Their casts to VARCHAR(n) are translated to ones that cut."""

DIFFERENCES: Final[tuple[tuple[tuple[str, ...] | None, Any, Rule], ...]] = (
    (None, exp.Div, _whole_division),
    (("databricks", "spark", *MYSQL), (exp.DateDiff, exp.TimestampDiff), _ends_of_months),
    (("redshift",), exp.TsOrDsDiff, _weeks),
    (("mysql", *TSQL), (exp.EQ, exp.NEQ, exp.In, exp.Like), _comparison),
    (("mysql",), exp.RegexpLike, _comparison),
    (("sqlite",), exp.Like, _comparison),
    (TSQL, exp.Like, _classes_in_like),
    (None, _MATCHING, _pattern),
    (_CUTTING, exp.Cast, _padded_text),
    (tuple(one for one in DIALECTS if one not in _CUTTING), exp.Cast, _sized_text),
    (("clickhouse", "materialize", "oracle", "postgres", "risingwave", "teradata"), exp.Cast, _bare_decimal),
    (("snowflake",), exp.Cast, _quoted_json),
    (("clickhouse",), exp.Join, _defaults_of_joins),
    (("bigquery",), exp.Unnest, _offset),
    (TSQL, (exp.Fetch, exp.Limit), _percent_of_rows),
    (("oracle",), (exp.Concat, exp.DPipe, exp.Literal), _empty_text),
    (("databricks", "mysql", "snowflake", *TRINO, *TSQL), (exp.DateAdd, exp.DateSub), _timestamp),
    (("bigquery",), exp.DateTrunc, _timestamp_unless_week),
    (("snowflake", *TRINO), (exp.DateTrunc, exp.TimestampTrunc), _timestamp),
    (("bigquery", "mysql", *TSQL), (exp.Week, exp.Extract), _week),
    ((*MYSQL, *TRINO), exp.Substring, _zeroth),
    (("redshift", *POSTGRES), exp.Anonymous, _by_name_unless_shared),
    (tuple(one for one in DIALECTS if one not in ("redshift", *POSTGRES)), exp.Anonymous, _by_name),
)
"""By the dialects (None for all): the kinds of nodes, and what is told of them."""
