"""Lays out what a `.trc` file says: its values as they are written, its lines as everybody's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from trc.compiler.frontends.dsl_written import (
    Block,
    Call,
    CheckItem,
    ColumnItem,
    Expression,
    Head,
    Items,
    Named,
    Need,
    Pair,
    Reference,
    RowSet,
    Section,
    Statement,
    Value,
)
from trc.compiler.frontends.dsl_written import Item as Written
from trc.compiler.frontends.layout import Atom, Braced, Doc, Item, Listed, name, quoted, raw_text
from trc.compiler.frontends.layout import Call as CallDoc
from trc.compiler.frontends.syntax import Scalar
from trc.compiler.source import SourceFile, Span

_BROKEN: Final = frozenset({"pipeline", "task", "test"})
"""Statements whose braces always take several lines."""
QUOTED: Final = frozenset({"pipeline", "test"})
"""Statements whose names read like titles: they always stand in quotes."""
_EMPTY_LINE: Final = re.compile(r"\n[ \t\r]*\n")
_OPENED: Final = re.compile(r"[{\[(][ \t]*(?:#[^\n]*)?\r?\n")


def statement_items(file: SourceFile, statements: Sequence[Statement]) -> list[Item]:
    """The statements in the author's order, an empty line between those that take several lines or differ in kind."""
    layout = _Layout(file)
    items: list[Item] = []
    for before, statement in zip((None, *statements), statements, strict=False):
        item = layout.statement(statement)
        close = (
            before is not None and before.kind == statement.kind and not layout.is_apart(before.span, statement.span)
        )
        items.append(replace(item, begins_paragraph=not close, stays_close=close))
    return items


@dataclass(frozen=True, slots=True)
class _Layout:
    file: SourceFile

    def is_apart(self, first: Span, second: Span) -> bool:
        """Whether the author left an empty line between two things."""
        return _EMPTY_LINE.search(self.file.text, first.end, second.start) is not None

    # ── statements ──

    def statement(self, statement: Statement) -> Item:
        docs: list[Doc] = [Atom(statement.kind)]
        if statement.name is not None:
            spell = quoted if statement.kind in QUOTED else name
            docs.append(Atom(spell(statement.name.value)))
        if statement.type is not None:
            docs[-1] = Atom(f"{name(statement.name.value if statement.name else '')}: {statement.type.value}")
        if statement.head is not None:
            docs += [Atom("="), *self._head(statement.head)]
        if statement.value is not None:
            docs += (
                [self._value(statement.value)]
                if statement.kind == "import"
                else [Atom("="), self._value(statement.value)]
            )
        if statement.block is not None:
            is_broken = statement.kind in _BROKEN and bool(statement.block.items)
            docs.append(self._block(statement.block, is_broken))
        return self._item(docs, statement.span)

    def _head(self, head: Head) -> list[Doc]:
        is_plain = len(head.arguments) == 1 and isinstance(head.arguments[0], Scalar)
        argument = head.arguments[0] if head.arguments else None
        if is_plain and isinstance(argument, Scalar) and argument.style == "dollar":
            return [Atom(head.word.value), self._value(argument)]
        if not head.arguments:
            return [Atom(head.word.value)]
        return [CallDoc(head.word.value, tuple(self._argument(one) for one in head.arguments))]

    # ── items ──

    def _block(self, block: Block, always_broken: bool = False) -> Braced:
        is_broken = always_broken or self._was_opened(block.span)
        items: list[Item] = []
        for before, written in zip((None, *block.items), block.items, strict=False):
            item = self._item(self._written(written), written.span)
            apart = before is not None and is_broken and self.is_apart(before.span, written.span)
            items.append(replace(item, begins_paragraph=apart))
        return Braced(tuple(items), is_broken)

    def _was_opened(self, span: Span) -> bool:
        """Whether the author broke the line right behind the bracket."""
        return _OPENED.match(self.file.text, span.start) is not None

    def _written(self, item: Written) -> list[Doc]:
        match item:
            case Pair():
                return [Atom(name(item.key.value)), Atom("="), self._value(item.value)]
            case Section():
                return [Atom(name(item.key.value)), self._block(item.block, item.key.value == "expect")]
            case ColumnItem():
                return [Atom(f"{name(item.key.value)}: {self._source(item.type.span)}")]
            case RowSet():
                return [Atom(item.key.value), Atom(name(item.name.value)), Atom("="), self._value(item.value)]
            case CheckItem() if len(item.arguments) == 1 and self._is_raw(item.arguments[0]):
                return [Atom(item.name.value), self._value(item.arguments[0])]  # type: ignore[arg-type]
            case CheckItem():
                return [CallDoc(item.name.value, tuple(self._argument(one) for one in item.arguments))]

    def _is_raw(self, value: Value | Named) -> bool:
        return isinstance(value, Scalar) and value.style == "dollar"

    # ── values ──

    def _value(self, value: Value) -> Doc:
        match value:
            case Scalar() if value.style == "dollar":
                return raw_text(value.value) or Atom(self._source(value.span))
            case Scalar() | Expression():
                return Atom(self._source(value.span))
            case Reference():
                return Atom(value.text)
            case Call():
                return CallDoc(value.name.value, tuple(self._argument(one) for one in value.arguments))
            case Items():
                return self._items(value)
            case Block():
                return self._block(value)

    def _items(self, value: Items) -> Doc:
        items = tuple(self._element(one) for one in value.items)
        return Listed(items, self._was_opened(value.span))

    def _element(self, element: Value | Need) -> Item:
        if isinstance(element, Need):
            text = f"{name(element.task.value)} on {element.requires.value}"
            return self._item([Atom(text)], element.span)
        return self._item([self._value(element)], element.span)

    def _argument(self, argument: Value | Named) -> Item:
        if isinstance(argument, Named):
            span = Span(argument.name.span.file, argument.name.span.start, argument.value.span.end)
            return self._item([Atom(argument.name.value), Atom("="), self._value(argument.value)], span)
        return self._item([self._value(argument)], argument.span)

    def _source(self, span: Span) -> str:
        return self.file.text[span.start : span.end]

    def _item(self, docs: list[Doc], span: Span) -> Item:
        return Item(tuple(docs), span.start, span.end)
