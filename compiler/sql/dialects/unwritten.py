"""Clauses that change which rows a query yields, and that sqlglot leaves out or changes without saying so."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp


def unwritten(tree: exp.Expr, dialect: str) -> Iterator[tuple[exp.Expr, str]]:
    """Each with its node, and what it is in the reader's words."""
    for node in tree.find_all(exp.Fetch, exp.TableSample):
        if isinstance(node, exp.TableSample):
            if dialect == "clickhouse":
                yield node, "SAMPLE"
            continue
        options = node.args.get("limit_options")
        if options is not None and options.args.get("with_ties"):
            yield node, "FETCH … WITH TIES"
        if options is not None and options.args.get("percent"):
            yield node, "FETCH … PERCENT"
