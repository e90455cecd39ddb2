"""What sqlglot translates to something else than the author's dialect means, put right where DuckDB has the same thing.

Each is tried by a case of tests/cases/dialects: DuckDB answers what the dialect documents.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sqlglot import exp

from trc.compiler.sql.dialect import DIALECTS

Correction = Callable[[Any], exp.Expr | None]
"""What stands for a node, or None where it is right as it is."""

SPARK: Final = ("databricks", "hive", "spark", "spark2")
TRINO: Final = ("athena", "presto", "trino")
MYSQL: Final = ("doris", "mysql", "starrocks")
TSQL: Final = ("fabric", "tsql")


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


def _from_sunday_as_one(node: exp.Expr) -> exp.Expr | None:
    """DuckDB counts the days of the week from Sunday as 0."""
    if isinstance(node, exp.Extract) and node.name.upper() != "DAYOFWEEK":
        return None
    return exp.Paren(this=exp.Add(this=node.copy(), expression=exp.Literal.number(1)))


def _bytes(node: exp.Length) -> exp.Expr | None:
    return exp.Anonymous(this="STRLEN", expressions=[node.this.copy()]) if node.args.get("binary") else None


def _without_trailing_spaces(node: exp.Length) -> exp.Expr | None:
    return exp.Length(this=exp.Anonymous(this="RTRIM", expressions=[node.this.copy()]))


def _whole(node: exp.Div) -> exp.Expr | None:
    if not node.args.get("typed") or not (is_whole(node.this) and is_whole(node.expression)):
        return None
    return exp.IntDiv(this=node.this.copy(), expression=node.expression.copy())


def is_whole(node: exp.Expr) -> bool:
    """Whether an expression is seen to yield whole numbers."""
    node = node.unnest()
    if isinstance(node, exp.Cast):
        return node.to.this in exp.DataType.INTEGER_TYPES
    if isinstance(node, exp.Neg):
        return is_whole(node.this)
    if isinstance(node, exp.Add | exp.Sub | exp.Mul | exp.Mod):
        return is_whole(node.this) and is_whole(node.expression)
    return isinstance(node, exp.Count | exp.Length) or (isinstance(node, exp.Literal) and node.is_int)


def _double(node: exp.DataType) -> exp.Expr | None:
    """FLOAT without a width."""
    is_bare = node.this == exp.DType.FLOAT and not node.expressions
    return exp.DataType(this=exp.DType.DOUBLE, nested=False) if is_bare else None


def _joined_texts(node: exp.Add) -> exp.Expr | None:
    """`+` where one side is seen to be a text."""
    if not (_is_text(node.this) or _is_text(node.expression)):
        return None
    return exp.DPipe(this=node.this.copy(), expression=node.expression.copy(), safe=False)


def _is_text(node: exp.Expr) -> bool:
    if isinstance(node, exp.Cast):
        return node.to.this in exp.DataType.TEXT_TYPES
    return isinstance(node, exp.DPipe | exp.National) or (isinstance(node, exp.Literal) and node.is_string)


def _null_if_one_is(node: exp.Concat) -> exp.Expr | None:
    if not node.args.get("coalesce"):
        return None
    better = node.copy()
    better.set("coalesce", False)
    return better


def _without_dual(node: exp.From) -> exp.Expr | None:
    """The table of one row that every query of these dialects may read."""
    table = node.this
    if isinstance(table, exp.Table) and table.name.lower() == "dual" and not table.db and not table.alias:
        row = exp.Select(expressions=[exp.alias_(exp.Literal.string("X"), "dummy")])
        table.replace(exp.Subquery(this=row, alias=exp.TableAlias(this=exp.to_identifier("dual"))))
    return None


def _first_for_zeroth(node: exp.Substring) -> exp.Expr | None:
    start = node.args.get("start")
    if isinstance(start, exp.Literal) and not start.is_string and start.name == "0":
        start.replace(exp.Literal.number(1))
    return None


def _unquoted_json(node: exp.Cast) -> exp.Expr | None:
    """A text within JSON, without its quotes."""
    path = node.this
    if type(path) is not exp.JSONExtract or node.to.this not in exp.DataType.TEXT_TYPES:
        return None
    better = node.copy()
    inner = {name: value for name, value in better.this.args.items() if name in ("this", "expression")}
    better.this.replace(exp.JSONExtractScalar(**inner))
    return better


def _date(node: exp.Expr) -> exp.Expr | None:
    """A date and whole days are a date; DuckDB makes a timestamp of them."""
    if node.text("unit").upper() not in ("DAY", "WEEK", "MONTH", "QUARTER", "YEAR"):
        return None
    return exp.Cast(this=exp.Paren(this=node.copy()), to=exp.DataType(this=exp.DType.DATE, nested=False))


_DECIMALS: Final = {
    (10, 0): (*MYSQL, *SPARK),
    (18, 0): (*TSQL, "redshift"),
    (38, 0): TRINO,
    (38, 9): ("bigquery",),
}
"""What DECIMAL is without a width; DuckDB's own is DECIMAL(18, 3)."""


def _decimal(width: int, scale: int) -> Correction:
    def correction(node: exp.DataType) -> exp.Expr | None:
        if node.this != exp.DType.DECIMAL or node.expressions:
            return None
        better = node.copy()
        better.set("expressions", [exp.DataTypeParam(this=exp.Literal.number(one)) for one in (width, scale)])
        return better

    return correction


CORRECTIONS: Final[tuple[tuple[tuple[str, ...], Any, Correction], ...]] = (
    (DIALECTS, exp.Div, _whole),
    (("bigquery", *TSQL), exp.Extract, _from_sunday_as_one),
    ((*MYSQL, *SPARK), exp.DayOfWeek, _from_sunday_as_one),
    (MYSQL, exp.Length, _bytes),
    (TSQL, exp.Length, _without_trailing_spaces),
    (("redshift", *TSQL), exp.DataType, _double),
    (TSQL, exp.Add, _joined_texts),
    (("redshift",), exp.Concat, _null_if_one_is),
    (("oracle", *MYSQL), exp.From, _without_dual),
    (("bigquery", "oracle", *SPARK), exp.Substring, _first_for_zeroth),
    (("databricks", "snowflake"), exp.Cast, _unquoted_json),
    (("bigquery",), (exp.DateAdd, exp.DateSub), _date),
    (SPARK, exp.TsOrDsAdd, _date),
    *((dialects, exp.DataType, _decimal(*extent)) for extent, dialects in _DECIMALS.items()),
)
"""By the dialects that need it: the kinds of nodes, and what is to stand for them."""
