"""Makes what is written in a `.trc` file from the tree that the grammar's parser gives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from lark import Token
from lark.tree import Meta
from lark.visitors import Transformer, v_args

from trc.compiler.frontends.dsl_written import (
    Block,
    Call,
    CheckItem,
    ColumnItem,
    Expression,
    Head,
    Items,
    Kind,
    Making,
    Named,
    Need,
    Pair,
    Reference,
    RowSet,
    Section,
    Statement,
)
from trc.compiler.frontends.syntax import Scalar
from trc.compiler.source import Span


@v_args(meta=True)
class Build(Making, Transformer[Token, tuple[Statement, ...]]):
    """Makes statements of the parser's tree."""

    # ── values ──

    def literal(self, _meta: Meta, children: list[Token]) -> Scalar:
        return self._scalar(children[0])

    def raw(self, _meta: Meta, children: list[Token]) -> Scalar:
        return self._raw(*self._range(children[0]))

    def reference(self, meta: Meta, children: list[Token]) -> Reference:
        return Reference(".".join(children), self._span(meta))

    def arguments(self, _meta: Meta, children: list[Any]) -> tuple[Any, ...]:
        return tuple(child for child in children if child is not None and not _is_comma(child))

    def named(self, _meta: Meta, children: list[Any]) -> Named:
        return Named(self._word(children[0]), children[1])

    def call(self, meta: Meta, children: list[Any]) -> Call:
        return Call(self._word(children[0]), children[1], self._span(meta))

    def items(self, meta: Meta, children: list[Any]) -> Items:
        return Items(self._separated(_without_commas(children)), self._span(meta))

    def need(self, meta: Meta, children: list[Any]) -> Need:
        return Need(self._word(children[0]), self._word(children[2]), self._span(meta))

    def _expression(self, meta: Meta, _children: list[Any]) -> Expression:
        span = self._span(meta)
        return Expression(self._file.text[span.start : span.end], span)

    disjunction = conjunction = negation = comparison = group = _expression

    # ── items ──

    def block(self, meta: Meta, children: list[Any]) -> Block:
        return Block(self._separated(_without_commas(children)), self._span(meta))

    def key(self, _meta: Meta, children: list[Token]) -> Scalar:
        return self._word(children[0])

    def pair(self, meta: Meta, children: list[Any]) -> Pair:
        return Pair(children[0], children[1], self._span(meta))

    def section(self, meta: Meta, children: list[Any]) -> Section:
        return Section(children[0], children[1], self._span(meta))

    def column(self, _meta: Meta, children: list[Any]) -> ColumnItem:
        key, token = children
        kind = self._column_type(token, *self._range(token))
        return ColumnItem(key, kind, self._file.span(key.span.start, kind.span.end))

    def row_set(self, meta: Meta, children: list[Any]) -> RowSet:
        return RowSet(children[0], children[1], children[2], self._span(meta))

    def check(self, meta: Meta, children: list[Any]) -> CheckItem:
        given = children[1]
        return CheckItem(self._word(children[0]), given if isinstance(given, tuple) else (given,), self._span(meta))

    # ── statements ──

    def name(self, _meta: Meta, children: list[Token]) -> Scalar:
        return self._word(children[0])

    type_name = name

    def head(self, meta: Meta, children: list[Any]) -> Head:
        given = children[1] if len(children) > 1 else None
        if isinstance(given, Token):
            given = self._scalar(given)
        arguments = given if isinstance(given, tuple) else () if given is None else (given,)
        return Head(self._word(children[0]), arguments, self._span(meta))

    def pipeline(self, meta: Meta, children: list[Any]) -> Statement:
        return self._statement(meta, "pipeline", children[0], name=children[1], block=children[2])

    def import_(self, meta: Meta, children: list[Any]) -> Statement:
        return self._statement(meta, "import", children[0], value=self._scalar(children[1]))

    def defaults(self, meta: Meta, children: list[Any]) -> Statement:
        return self._statement(meta, "defaults", children[0], block=children[1])

    def param(self, meta: Meta, children: list[Any]) -> Statement:
        keyword, name, kind, value, block = children
        return self._statement(meta, "param", keyword, name=name, type=kind, value=value, block=block)

    def source(self, meta: Meta, children: list[Any]) -> Statement:
        keyword, name, value, block = children
        return self._statement(meta, "source", keyword, name=name, value=value, block=block)

    def task(self, meta: Meta, children: list[Any]) -> Statement:
        keyword, name, head, block = children
        return self._statement(meta, "task", keyword, name=name, head=head, block=block)

    def target(self, meta: Meta, children: list[Any]) -> Statement:
        return self._statement(meta, "target", children[0], name=children[1], block=children[2])

    def test(self, meta: Meta, children: list[Any]) -> Statement:
        return self._statement(meta, "test", children[0], name=children[1], block=children[2])

    def file(self, _meta: Meta, children: list[Statement]) -> tuple[Statement, ...]:
        return tuple(children)

    # ── places ──

    def _statement(self, meta: Meta, kind: Kind, keyword: Token, **parts: Any) -> Statement:
        return Statement(kind, self._file.span(*self._range(keyword)), self._span(meta), **parts)

    def _scalar(self, token: Token) -> Scalar:
        return self._literal(token.type, token, *self._range(token))

    def _word(self, token: Token) -> Scalar:
        if token.type == "STRING":
            return self._scalar(token)
        start, _ = self._range(token)
        return self._text(token, start, "double")

    def _range(self, token: Token) -> tuple[int, int]:
        assert token.start_pos is not None
        assert token.end_pos is not None
        return token.start_pos + self._base, token.end_pos + self._base

    def _span(self, meta: Meta) -> Span:
        return self._file.span(meta.start_pos + self._base, meta.end_pos + self._base)


def _without_commas(children: Iterable[Any]) -> Iterator[Any]:
    return (None if _is_comma(child) else child for child in children)


def _is_comma(child: object) -> bool:
    return isinstance(child, Token)
