"""Numbers that sqlglot translates to something else than the author's dialect means, put right."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from sqlglot import exp

from trc.compiler.sql.dialects.families import MYSQL, SPARK, TRINO, TSQL
from trc.compiler.sql.dialects.places import is_called
from trc.compiler.sql.dialects.seen import is_fraction, is_whole, literal_text

BARE_DECIMALS: Final = {
    (10, 0): (*MYSQL, *SPARK),
    (18, 0): (*TSQL, "redshift"),
    (38, 0): TRINO,
    (38, 9): ("bigquery",),
}
"""What DECIMAL is without a width; DuckDB's own is DECIMAL(18, 3)."""
_WIDEST: Final = 38
_NUMBER: Final = re.compile(r"[+-]?[0-9]*\.?[0-9]*")
_KINDS: Final = {exp.DType.BIT: (exp.DType.BOOLEAN, ()), exp.DType.MONEY: (exp.DType.DECIMAL, (19, 4))}


def whole_division(node: exp.Div) -> exp.Expr | None:
    if not node.args.get("typed") or not (is_whole(node.this) and is_whole(node.expression)):
        return None
    return exp.IntDiv(this=node.this.copy(), expression=node.expression.copy())


def double(node: exp.DataType) -> exp.Expr | None:
    """FLOAT without a width."""
    is_bare = node.this == exp.DType.FLOAT and not node.expressions
    return exp.DataType(this=exp.DType.DOUBLE, nested=False) if is_bare else None


def bare_decimal(width: int, scale: int) -> Callable[[exp.DataType], exp.Expr | None]:
    def correction(node: exp.DataType) -> exp.Expr | None:
        return _decimal(width, scale) if node.this == exp.DType.DECIMAL and not node.expressions else None

    return correction


def decimal_literal(node: exp.DataType) -> exp.Expr | None:
    """`decimal '1.50'` has the digits that are written; `cast('1.50' as decimal)` has none after the point."""
    cast = node.parent
    text = literal_text(cast.this) if isinstance(cast, exp.Cast) else None
    if cast is None or text is None or node.this != exp.DType.DECIMAL or node.expressions or is_called(cast):
        return None
    if not _NUMBER.fullmatch(text.strip()):
        # A template's value, say, whose digits are not known here.
        raise ValueError(f"the digits of decimal '{text}' are not known")
    before, _, after = text.strip().lstrip("+-").partition(".")
    width = max(len(before.lstrip("0")) + len(after), 1)
    return _decimal(width, len(after)) if width <= _WIDEST else None


def cut_number(node: exp.Cast | exp.Convert) -> exp.Expr | None:
    """A cast that cuts off the fraction; DuckDB's rounds. A decimal of 18 places holds what is before the point of either."""
    kind, name = (node.this, "expression") if isinstance(node, exp.Convert) else (node.to, "this")
    value = node.args[name]
    if not isinstance(kind, exp.DataType) or kind.this not in exp.DataType.INTEGER_TYPES or is_whole(value):
        return None
    made = value.copy()
    if not is_fraction(value):
        cast = exp.Cast if type(node) is exp.Cast else exp.TryCast
        made = cast(this=made, to=_decimal(_WIDEST, 18))
    better = node.copy()
    better.set(name, exp.Trunc(this=made))
    return better


def other_kind(node: exp.DataType) -> exp.Expr | None:
    """Types that DuckDB lacks, or has under the name of something else."""
    found = _KINDS.get(node.this)
    if found is None:
        return None
    kind, extent = found
    return _decimal(*extent) if extent else exp.DataType(this=kind, nested=False)


def _decimal(width: int, scale: int) -> exp.DataType:
    extent = [exp.DataTypeParam(this=exp.Literal.number(one)) for one in (width, scale)]
    return exp.DataType(this=exp.DType.DECIMAL, expressions=extent, nested=False)
