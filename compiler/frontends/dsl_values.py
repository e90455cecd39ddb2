"""Turns values and braces of a `.trc` file into nodes of the tree, and reports those that can stand nowhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from trc.compiler.diagnostics.collector import Collector
from trc.compiler.diagnostics.diagnostic import Diagnostic, Fix, Label
from trc.compiler.diagnostics.nearest import did_you_mean
from trc.compiler.diagnostics.wording import one_line
from trc.compiler.frontends.dsl_words import FORMATS, INNER, RUN_TIME, Words, spelling
from trc.compiler.frontends.dsl_written import (
    Block,
    Call,
    CheckItem,
    ColumnItem,
    Expression,
    Item,
    Items,
    Named,
    Need,
    Pair,
    Reference,
    RowSet,
    Section,
    Value,
)
from trc.compiler.frontends.syntax import Entry, Mapping, Node, Scalar, Sequence
from trc.compiler.source import ScalarMap, Segment, SourceFile, Span

_WRAPPERS: Final = ("secret", "webhook", "partition")
"""Calls that stand for a mapping with one key of that name."""


def word(text: str, span: Span) -> Scalar:
    """A key or a name that the language implies; it stands where the author wrote what implies it."""
    return Scalar(text, "double", ScalarMap(span))


def renamed(written: Scalar, key: str) -> Scalar:
    """The author's word under the name that the tree has for it."""
    return written if written.value == key else Scalar(key, written.style, ScalarMap(written.span))


@dataclass(frozen=True, slots=True)
class Values:
    """Reads the values of one file; mistakes go to `collect`."""

    file: SourceFile
    collect: Collector

    def error(
        self,
        code: str,
        message: str,
        span: Span,
        *help_lines: str,
        related: tuple[Label, ...] = (),
        fix: Fix | None = None,
    ) -> None:
        lines = tuple(one_line(line) for line in help_lines)
        self.collect.add(Diagnostic(code, message, span, related=related, help=lines, fix=fix))

    def node(self, value: Value, called: str) -> Node | None:
        """The value as a node; None after reporting that it is no value. `called` is what it belongs to."""
        match value:
            case Scalar():
                return value
            case Reference():
                return self.reference(value)
            case Block():
                return self.mapping(value, called)
            case Items():
                return self._list(value, called)
            case Call():
                return self._call(value, called)
            case Expression():
                self.error(
                    "TRC122",
                    f'an expression stands where "{called}" wants a value',
                    value.span,
                    'expressions stand in "when"; in a text, write a template: "{{ … }}"',
                )
                return None

    def reference(self, value: Reference) -> Scalar:
        """A bare word is a text: a dataset, a task, one of the words that a key knows. `run.date` is a template."""
        head, dot, _ = value.text.partition(".")
        if dot and head in RUN_TIME:
            return Scalar(f"{{{{ {value.text} }}}}", "double", ScalarMap(value.span))
        segments = (Segment(0, value.span.start, len(value.text)),)
        exact = value.span.end - value.span.start == len(value.text)
        return Scalar(value.text, "double", ScalarMap(value.span, segments if exact else ()))

    def _list(self, value: Items, called: str) -> Sequence:
        nodes: list[Node] = []
        for item in value.items:
            if isinstance(item, Need):
                self.error(
                    "TRC122",
                    f'"{item.task.value} on {item.requires.value}" stands in "{called}", and only "needs" takes it',
                    item.span,
                    "write the value alone",
                )
                continue
            node = self.node(item, called)
            if node is not None:
                nodes.append(node)
        return Sequence(tuple(nodes), value.span)

    def _call(self, value: Call, called: str) -> Node | None:
        name = value.name.value
        if name not in _WRAPPERS:
            near = did_you_mean(name, _WRAPPERS)
            remedy = near or ("write a value; a text stands in double quotes",)
            self.error("TRC122", f'"{called}" takes no call of "{name}"', value.name.span, *remedy)
            return None
        node = self.only_argument(value, called)
        if node is None:
            return None
        return Mapping((Entry(value.name, node),), value.span, language="trc")

    def only_argument(self, value: Call, called: str) -> Node | None:
        """The one argument of a call that takes one."""
        given = value.arguments
        if len(given) == 1 and not isinstance(given[0], Named):
            return self.node(given[0], called)
        self.error(
            "TRC122",
            f'"{value.name.value}" takes one value, and {_counted(len(given))} here',
            value.span,
            f'write it like {value.name.value}("…")',
        )
        return None

    def mapping(self, block: Block, called: str, words: Words | None = None) -> Mapping:
        """Braces as a mapping, with the keys of the tree where `words` tells them."""
        entries: list[Entry] = []
        whole = True
        for key, value in self.pairs(block, called):
            known = self.key(key, called, words)
            node = self.node(value, key.value) if known else None
            if known is None or node is None:
                whole = False
            else:
                entries.append(Entry(known, node))
        return Mapping(tuple(entries), block.span, whole, spelling(words or {}), "trc")

    def section(self, key: Scalar, value: Value) -> Node | None:
        """The value of a key that may have words of its own in its braces."""
        if isinstance(value, Block) and key.value in INNER:
            return self.mapping(value, key.value, INNER[key.value])
        return self.node(value, key.value)

    def key(self, key: Scalar, called: str, words: Words | None) -> Scalar | None:
        """The tree's name for a key; a word of the YAML format that has another one here is reported."""
        if words is None:
            return key
        if key.value in words:
            return renamed(key, words[key.value])
        meant = next((one for one, name in words.items() if name == key.value.removesuffix("_seconds")), None)
        if meant is None:
            return key
        self.error("TRC201", f'"{called}" has no key "{key.value}"', key.span, f'did you mean "{meant}"?')
        return None

    def unknown_format(self, value: Call) -> None:
        """Reports a location whose format is none."""
        name = value.name.value
        remedy = did_you_mean(name, FORMATS) or (f"the formats are: {', '.join(FORMATS)}",)
        self.error("TRC122", f'"{name}" is no format', value.name.span, *remedy)

    def pairs(self, block: Block, called: str) -> Iterator[tuple[Scalar, Value]]:
        """Keys with their values, each key once; items of another form are reported."""
        for item in self.unique(block.items):
            match item:
                case Pair():
                    yield item.key, item.value
                case Section():
                    yield item.key, item.block
                case _:
                    self.wrong_item(item, called)

    def unique(self, items: Iterable[Item]) -> Iterator[Item]:
        """The items; of those with one key, the first."""
        seen: dict[str, Scalar] = {}
        for item in items:
            if isinstance(item, CheckItem | RowSet):
                yield item
                continue
            first = seen.setdefault(item.key.value, item.key)
            if first is item.key:
                yield item
            else:
                self.error(
                    "TRC107",
                    f'the key "{item.key.value}" is written twice',
                    item.key.span,
                    "remove one of them",
                    related=(Label(first.span, "first written here"),),
                )

    def wrong_item(self, item: Item, called: str) -> None:
        """Reports an item that has no meaning in these braces."""
        match item:
            case ColumnItem():
                colon = Span(item.span.file, item.key.span.end, item.type.span.start)
                self.error(
                    "TRC120",
                    f'":" stands behind "{item.key.value}", and "=" is wanted',
                    item.span,
                    f"write {item.key.value} = {item.type.value}",
                    fix=Fix(colon, " = ", 'write "="'),
                )
            case CheckItem():
                self.error(
                    "TRC122",
                    f'"{item.name.value}" reads like a check, and checks stand in "expect"',
                    item.name.span,
                    f"write {item.name.value} = … for a value",
                )
            case RowSet():
                self.error(
                    "TRC120",
                    f'"{item.name.value}" stands between "{item.key.value}" and "="',
                    item.name.span,
                    f"write {item.key.value} = …; given and expected rows stand in a test",
                )
            case Pair() | Section():
                self.error("TRC122", f'"{item.key.value}" cannot stand in "{called}"', item.key.span)


def _counted(count: int) -> str:
    return {0: "there is none", 1: "it has a name"}.get(count, f"there are {count}")
