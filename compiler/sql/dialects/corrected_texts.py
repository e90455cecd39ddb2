"""Texts and patterns that sqlglot translates to something else than the author's dialect means, put right."""

from __future__ import annotations

import re
from typing import Final

from sqlglot import exp

from trc.compiler.sql.dialects.seen import is_text, literal_text

_REFERENCE: Final = re.compile(r"\\(.)|\$(\d)|(\\)", re.DOTALL)
_OF_REGEX_ALONE: Final = re.compile(r"[.^$\\]")
VARYING: Final = frozenset({exp.DType.VARCHAR, exp.DType.NVARCHAR})


def bytes_of(node: exp.Length) -> exp.Expr | None:
    return exp.Anonymous(this="STRLEN", expressions=[node.this.copy()]) if node.args.get("binary") else None


def bytes_of_text(node: exp.ByteLength) -> exp.Expr | None:
    """DuckDB's OCTET_LENGTH takes no text."""
    return exp.Anonymous(this="STRLEN", expressions=[node.this.copy()]) if is_text(node.this) else None


def without_trailing_spaces(node: exp.Length) -> exp.Expr | None:
    return exp.Length(this=exp.Anonymous(this="RTRIM", expressions=[node.this.copy()]))


def joined_texts(node: exp.Add) -> exp.Expr | None:
    """`+` where one side is seen to be a text."""
    if not (is_text(node.this) or is_text(node.expression)):
        return None
    return exp.DPipe(this=node.this.copy(), expression=node.expression.copy(), safe=False)


def null_if_one_is(node: exp.Concat) -> exp.Expr | None:
    if not node.args.get("coalesce"):
        return None
    better = node.copy()
    better.set("coalesce", False)
    return better


def first_for_zeroth(node: exp.Substring) -> exp.Expr | None:
    start = node.args.get("start")
    if isinstance(start, exp.Literal) and not start.is_string and start.name == "0":
        start.replace(exp.Literal.number(1))
    return None


def unquoted_json(node: exp.Cast) -> exp.Expr | None:
    """A text within JSON, without its quotes."""
    path = node.this
    if type(path) is not exp.JSONExtract or node.to.this not in exp.DataType.TEXT_TYPES:
        return None
    better = node.copy()
    inner = {name: value for name, value in better.this.args.items() if name in ("this", "expression")}
    better.this.replace(exp.JSONExtractScalar(**inner))
    return better


def cut_text(node: exp.Cast | exp.Convert) -> exp.Expr | None:
    """A cast to a text of some length, which cuts longer ones; DuckDB's texts have any length."""
    name = "this" if isinstance(node, exp.Convert) else "to"
    kind = node.args[name]
    length = kind.expressions[0].this if kind.this in VARYING and len(kind.expressions) == 1 else None
    if not isinstance(length, exp.Literal):
        return None
    better = node.copy()
    better.set(name, exp.DataType(this=exp.DType.TEXT, nested=False))
    return exp.Left(this=better, expression=length.copy())


def every_match(node: exp.RegexpReplace) -> exp.Expr | None:
    better = node.copy()
    better.set("single_replace", None)
    return better


def backslashed_groups(node: exp.RegexpReplace) -> exp.Expr | None:
    """`$1` in what is put in place of a match, where DuckDB has a backslash."""
    text = literal_text(node.args.get("replacement"))
    if text is None or not re.search(r"[$\\]", text):
        return None
    better = node.copy()
    better.set("replacement", exp.Literal.string(_REFERENCE.sub(_group, text)))
    return better


def _group(found: re.Match[str]) -> str:
    if found[2] is not None:
        return f"\\{found[2]}"
    return "\\\\" if found[1] in ("\\", None) else found[1]


def as_regex(node: exp.SimilarTo) -> exp.Expr | None:
    """`SIMILAR TO` has LIKE's wildcards beside those of patterns; DuckDB's has patterns alone."""
    pattern = literal_text(node.expression)
    if pattern is None or "\\" in pattern or isinstance(node.parent, exp.Escape):
        return None
    better = node.copy()
    better.set("expression", exp.Literal.string(_likewise(pattern)))
    return better


def _likewise(pattern: str) -> str:
    made, is_class = [], False
    for one in pattern:
        is_class = (is_class or one == "[") and one != "]"
        if is_class:
            made.append("\\\\" if one == "\\" else one)
        else:
            made.append({"%": ".*", "_": "."}.get(one) or _OF_REGEX_ALONE.sub(r"\\\g<0>", one))
    return f"(?s){''.join(made)}" if made else ""
