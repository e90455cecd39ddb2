"""Clauses that sqlglot leaves out or writes as DuckDB cannot read them, put right."""

from __future__ import annotations

from sqlglot import exp


def without_dual(node: exp.From) -> exp.Expr | None:
    """The table of one row that every query of these dialects may read."""
    table = node.this
    if isinstance(table, exp.Table) and table.name.lower() == "dual" and not table.db and not table.alias:
        row = exp.Select(expressions=[exp.alias_(exp.Literal.string("X"), "dummy")])
        table.replace(exp.Subquery(this=row, alias=exp.TableAlias(this=exp.to_identifier("dual"))))
    return None


def where_before(node: exp.Select) -> exp.Expr | None:
    """`PREWHERE` filters, too."""
    before = node.args.get("prewhere")
    if before is None:
        return None
    after = node.args.get("where")
    wanted = [exp.Paren(this=one.this.copy()) for one in (before, after) if one is not None]
    node.set("prewhere", None)
    node.set("where", exp.Where(this=exp.and_(*wanted)))
    return None


def applied(node: exp.Join) -> exp.Expr | None:
    """`CROSS APPLY` and `OUTER APPLY` are joins with what may name the left side."""
    lateral = node.this
    if not isinstance(lateral, exp.Lateral) or lateral.args.get("cross_apply") is None:
        return None
    is_cross = bool(lateral.args["cross_apply"])
    lateral.set("cross_apply", None)
    node.set("kind" if is_cross else "side", "CROSS" if is_cross else "LEFT")
    node.set("on", None if is_cross else exp.true())
    return None
