"""What is seen of an expression's type without knowing the types of columns."""

from __future__ import annotations

from sqlglot import exp


def is_whole(node: exp.Expr) -> bool:
    """Whether an expression is seen to yield whole numbers."""
    node = node.unnest()
    if isinstance(node, exp.Cast):
        return node.to.this in exp.DataType.INTEGER_TYPES
    if isinstance(node, exp.Neg):
        return is_whole(node.this)
    if isinstance(node, exp.Add | exp.Sub | exp.Mul | exp.Mod):
        return is_whole(node.this) and is_whole(node.expression)
    return isinstance(node, exp.Count | exp.Length | exp.IntDiv) or (isinstance(node, exp.Literal) and node.is_int)


def is_fraction(node: exp.Expr) -> bool:
    """Whether an expression is seen to yield numbers that may have a fraction."""
    node = node.unnest()
    if isinstance(node, exp.Cast):
        return node.to.this in exp.DataType.REAL_TYPES
    if isinstance(node, exp.Literal):
        return not node.is_string and not node.is_int
    if isinstance(node, exp.Neg | exp.Round):
        return is_fraction(node.this)
    if isinstance(node, exp.Binary):
        return is_fraction(node.this) or is_fraction(node.expression)
    return isinstance(node, exp.Sqrt | exp.Ln | exp.Exp | exp.Pow)


def is_text(node: exp.Expr) -> bool:
    """Whether an expression is seen to yield a text."""
    if isinstance(node, exp.Cast):
        return node.to.this in exp.DataType.TEXT_TYPES
    return isinstance(node, exp.DPipe | exp.National) or (isinstance(node, exp.Literal) and node.is_string)


def is_date(node: exp.Expr) -> bool:
    """Whether an expression is seen to yield a date, which has no time of day."""
    return (isinstance(node, exp.Cast) and node.to.this == exp.DType.DATE) or isinstance(node, exp.TsOrDsToDate)


def unit_of(node: exp.Expr) -> str:
    """The unit of time that a function is about, in upper case; nothing where it has none, or a computed one."""
    unit = node.args.get("unit")
    return unit.name.upper() if isinstance(unit, exp.Var | exp.Literal) else ""


def literal_text(node: object) -> str | None:
    """What a literal text says; None for anything else."""
    is_written = isinstance(node, exp.RawString) or (isinstance(node, exp.Literal) and node.is_string)
    return node.name if isinstance(node, exp.Expr) and is_written else None
