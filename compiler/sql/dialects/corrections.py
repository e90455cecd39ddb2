"""What sqlglot translates to something else than the author's dialect means, put right where DuckDB has the same thing.

Each is tried by a case of tests/cases/dialects: DuckDB answers what the dialect documents.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sqlglot import exp

from trc.compiler.sql.dialect import DIALECTS
from trc.compiler.sql.dialects import corrected_clauses as clauses
from trc.compiler.sql.dialects import corrected_numbers as numbers
from trc.compiler.sql.dialects import corrected_texts as texts
from trc.compiler.sql.dialects import corrected_times as times
from trc.compiler.sql.dialects.families import MYSQL, POSTGRES, SPARK, TRINO, TSQL

Correction = Callable[[Any], exp.Expr | None]
"""What stands for a node, or None where it is right as it is, or has been put right in place."""


def correct(tree: exp.Expr, dialect: str) -> exp.Expr:
    """The tree with all corrections made that the dialect needs; what is made anew keeps its place."""
    wanted = [(kind, correction) for dialects, kind, correction in CORRECTIONS if dialect in dialects]
    for node in reversed(list(tree.bfs())):
        for kind, correction in wanted:
            better = correction(node) if isinstance(node, kind) else None
            if better is not None:
                better.meta.update(node.meta)
                node.replace(better)
                break
    return tree


CORRECTIONS: Final[tuple[tuple[tuple[str, ...], Any, Correction], ...]] = (
    (DIALECTS, exp.Div, numbers.whole_division),
    (("bigquery", *TSQL), exp.Extract, times.from_sunday_as_one),
    (("bigquery",), exp.Extract, times.iso_week),
    ((*MYSQL, *SPARK), exp.DayOfWeek, times.from_sunday_as_one),
    (MYSQL, exp.Length, texts.bytes_of),
    (DIALECTS, exp.ByteLength, texts.bytes_of_text),
    (TSQL, exp.Length, texts.without_trailing_spaces),
    (TSQL, exp.DataType, numbers.double),
    (TSQL, exp.DataType, numbers.other_kind),
    (TSQL, exp.Add, texts.joined_texts),
    (("redshift",), exp.Concat, texts.null_if_one_is),
    (("oracle", *MYSQL), exp.From, clauses.without_dual),
    (("clickhouse",), exp.Select, clauses.where_before),
    (TSQL, exp.Join, clauses.applied),
    (("bigquery", "oracle", *SPARK), exp.Substring, texts.first_for_zeroth),
    (("databricks", "snowflake"), exp.Cast, texts.unquoted_json),
    (TRINO, exp.DataType, numbers.decimal_literal),
    (("clickhouse", "sqlite", *SPARK, *TSQL), (exp.Cast, exp.Convert), numbers.cut_number),
    (("mysql", "oracle", "redshift", "teradata", *POSTGRES, *TRINO, *TSQL), (exp.Cast, exp.Convert), texts.cut_text),
    (("bigquery",), (exp.DateAdd, exp.DateSub), times.date),
    (SPARK, exp.TsOrDsAdd, times.date),
    (SPARK, exp.AddMonths, times.date_of_months),
    (("databricks", "spark", *MYSQL, *TRINO), exp.TimestampDiff, times.complete_units),
    (("databricks", "spark", *TRINO), exp.DateDiff, times.complete_units),
    (("clickhouse", "redshift"), (exp.DateDiff, exp.TsOrDsDiff), times.weeks_from_monday),
    (TSQL, exp.DateDiff, times.weeks_from_sunday),
    (SPARK, exp.DateTrunc, times.truncated_date),
    (("oracle", *SPARK), (exp.DateTrunc, exp.TimestampTrunc), times.whole_unit),
    (("redshift",), exp.TsOrDsAdd, times.last_days),
    (("redshift",), exp.RegexpReplace, texts.every_match),
    ((*SPARK, *TRINO), exp.RegexpReplace, texts.backslashed_groups),
    (("redshift", "snowflake", *POSTGRES), exp.SimilarTo, texts.as_regex),
    *((dialects, exp.DataType, numbers.bare_decimal(*extent)) for extent, dialects in numbers.BARE_DECIMALS.items()),
)
"""By the dialects that need it: the kinds of nodes, and what is to stand for them. The first that does is the one."""
