"""Parses YAML into the syntax tree: bounded, with a place on every node, and nothing constructed.

Anchors and aliases are followed. Tags, merge keys, keys that are not plain or quoted text, and
several documents in one file are refused: pipelines do not need them, and each hides a surprise.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Final

import yaml

from trc.compiler.diagnostics.collector import Collector
from trc.compiler.diagnostics.diagnostic import Diagnostic, Label
from trc.compiler.diagnostics.wording import one_line
from trc.compiler.frontends.files import read
from trc.compiler.frontends.scalar_map import map_scalar
from trc.compiler.frontends.syntax import Entry, Mapping, Node, Scalar, Sequence, Style
from trc.compiler.frontends.yaml_errors import syntax_error, unprintable
from trc.compiler.source import ScalarMap, SourceFile, Span

__all__ = ["parse", "read"]

DEEPEST: Final = 64
MOST_NODES: Final = 500_000
MOST_CHARACTERS: Final = 32 * 1024 * 1024

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_STYLES: Final[dict[str | None, Style]] = {"'": "single", '"': "double", "|": "literal", ">": "folded"}
_UNPRINTABLE: Final = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_UNWRITABLE: Final = re.compile("[\0\ud800-\udfff]")
_PROPERTIES: Final = re.compile(r"(?:[&!]\S*+|\s++|#[^\n]*+)*+")
_END_OF_FLOW_NAME: Final = re.compile(r"[*&][\w-]*")


def parse(file: SourceFile, collect: Collector, loader: type = _LOADER) -> Node | None:
    """The file's tree, or None if it cannot be told what the file says; mistakes go to `collect`."""
    return _parsed(file, _Builder(file, collect), loader)


def parse_as_written(file: SourceFile, collect: Collector) -> tuple[Node, dict[int, str]] | None:
    """The tree with its aliases as they stand, and the anchors by where the nodes that have them begin."""
    builder = _Builder(file, collect, follows=False)
    root = _parsed(file, builder, _LOADER)
    return None if root is None else (root, builder.places)


def _parsed(file: SourceFile, builder: _Builder, loader: type) -> Node | None:
    collect = builder.collect
    character = _UNPRINTABLE.search(file.text)
    if character:
        collect.add(unprintable(file, character.start()))
        return None
    try:
        for event in yaml.parse(file.text, Loader=loader):
            if not builder.take(event):
                return None
    except yaml.YAMLError as error:
        collect.add(syntax_error(file, error))
        return None
    root = builder.root
    if root is None or (isinstance(root, Scalar) and root.style == "plain" and not root.value):
        collect.add(
            Diagnostic(
                "TRC103",
                f'"{file.name}" holds no pipeline: it is empty or all comments',
                file.span(0, 0),
                help=('begin with "name:" and "nodes:"',),
            )
        )
        return None
    return root


def _start(event: yaml.Event) -> int:
    return event.start_mark.index if event.start_mark else 0


def _end(event: yaml.Event) -> int:
    return event.end_mark.index if event.end_mark else 0


@dataclass(frozen=True, slots=True)
class _Measure:
    """What a node amounts to once its aliases are followed."""

    nodes: int = 1
    characters: int = 1
    height: int = 0


@dataclass(slots=True)
class _Open:
    """A collection whose end has not been read."""

    start: int
    is_mapping: bool
    is_flow: bool
    anchor: str | None
    end: int
    children: list[Node] = field(default_factory=list[Node])
    entries: list[Entry] = field(default_factory=list[Entry])
    key: Scalar | None = None
    awaits_value: bool = False
    keys: dict[str, Scalar] = field(default_factory=dict[str, Scalar])
    refused: bool = False
    nodes: int = 1
    characters: int = 1
    height: int = 0


@dataclass(slots=True)
class _Builder:
    """Puts the parser's events together; iterative, so that nothing depends on the interpreter's stack."""

    file: SourceFile
    collect: Collector
    follows: bool = True
    """Whether an alias becomes what it stands for."""
    places: dict[int, str] = field(default_factory=dict[int, str])
    """Anchors by where their nodes begin."""
    root: Node | None = None
    stack: list[_Open] = field(default_factory=list[_Open])
    anchors: dict[str, tuple[Node, _Measure] | None] = field(default_factory=dict[str, "tuple[Node, _Measure] | None"])
    documents: int = 0
    nodes: int = 0
    characters: int = 0

    def take(self, event: yaml.Event) -> bool:
        """Takes in one event; False if the file is not to be read any further."""
        match event:
            case yaml.DocumentStartEvent():
                return self._begin_document(event)
            case yaml.ScalarEvent():
                return self._scalar(event)
            case yaml.AliasEvent():
                return self._alias(event)
            case yaml.CollectionStartEvent():
                return self._begin(event)
            case yaml.CollectionEndEvent():
                return self._end(event)
            case _:
                return True

    def _begin_document(self, event: yaml.DocumentStartEvent) -> bool:
        self.documents += 1
        if self.documents == 1:
            return True
        at = _start(event)
        self._error(
            "TRC109",
            "a second document begins here, and a file holds one pipeline",
            self.file.span(at, at + 3),
            "put it in a file of its own",
        )
        return False

    def _scalar(self, event: yaml.ScalarEvent) -> bool:
        start = self._content_start(event)
        end = _end(event)
        style = _STYLES.get(event.style, "plain")
        visible = start + len(self.file.text[start:end].rstrip()) if style in ("literal", "folded") else end
        span = self.file.span(start, max(start, visible))
        scalar = Scalar(event.value, style, map_scalar(self.file.text, span, end, event.value, style))
        if style == "double" and (unwritable := _UNWRITABLE.search(event.value)):
            name = f"U+{ord(unwritable[0]):04X}"
            self._error("TRC106", f"an escape stands for {name}, which no text can hold", span, "remove the escape")
            scalar = replace(scalar, value=_UNWRITABLE.sub("\ufffd", event.value))
        measure = _Measure(1, len(event.value) + 1)
        if event.anchor:
            self.anchors[event.anchor] = (scalar, measure)
            self.places[span.start] = event.anchor
        return self._add(scalar, measure, span, span.end)

    def _content_start(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> int:
        """Where a node begins after its anchor; a tag is refused on the way."""
        start = _start(event)
        if event.tag is not None:
            self._refuse_tag(start)
        if event.anchor is None and event.tag is None:
            return start
        match = _PROPERTIES.match(self.file.text, start, max(_end(event), start))
        return match.end() if match else start

    def _refuse_tag(self, start: int) -> None:
        at = self.file.text.find("!", start)
        match = re.compile(r"![^\s,\]}]*").match(self.file.text, at)
        end = match.end() if match else at + 1
        self._error(
            "TRC109",
            f'the tag "{self.file.text[at:end]}" is not used in pipelines',
            self.file.span(at, end),
            'remove it; put a text that begins with "!" in quotes',
        )

    def _alias(self, event: yaml.AliasEvent) -> bool:
        name = event.anchor or ""
        span = self._name_span(_start(event))
        if name not in self.anchors:
            self._error("TRC106", f'nothing is called "&{name}" before this point', span, f'write "&{name}" first')
            return False
        known = self.anchors[name]
        if known is None:
            self._error("TRC108", f'"*{name}" stands inside of what it stands for', span, "write the value out")
            return False
        node, measure = known
        if self._at_key():
            self._refuse_key(span, "an alias")
            return True
        if not self.follows:
            node = Scalar(f"*{name}", "alias", ScalarMap(span))
            measure = _Measure()
        return self._add(node, measure, span, span.end)

    def _name_span(self, at: int) -> Span:
        match = _END_OF_FLOW_NAME.match(self.file.text, at)
        return self.file.span(at, match.end() if match else at + 1)

    def _begin(self, event: yaml.CollectionStartEvent) -> bool:
        start = self._content_start(event) if event.anchor or event.tag else _start(event)
        if len(self.stack) >= DEEPEST:
            self._error(
                "TRC108",
                f"the file nests deeper than {DEEPEST} levels here",
                self.file.span(start, start + 1),
                "keep deeply nested data in a file of its own",
            )
            return False
        if event.anchor:
            self.anchors[event.anchor] = None
            self.places[start] = event.anchor
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        self.stack.append(_Open(start, is_mapping, bool(event.flow_style), event.anchor, start))
        return True

    def _end(self, event: yaml.CollectionEndEvent) -> bool:
        done = self.stack.pop()
        span = self.file.span(done.start, _end(event) if done.is_flow else done.end)
        node: Node = (
            Mapping(tuple(done.entries), span, not done.refused)
            if done.is_mapping
            else Sequence(tuple(done.children), span)
        )
        measure = _Measure(done.nodes, done.characters, done.height + 1)
        if done.anchor:
            self.anchors[done.anchor] = (node, measure)
        return self._add(node, measure, span, span.end, counted=True)

    def _add(self, node: Node, measure: _Measure, place: Span, end: int, *, counted: bool = False) -> bool:
        """Puts a node where it belongs: under the open key, into the open list, or at the root."""
        if not (self._count(_Measure() if counted else measure, place) and self._fits(measure, place)):
            return False
        if not self.stack:
            self.root = node
            return True
        parent = self.stack[-1]
        parent.end = max(parent.end, end)
        parent.nodes += measure.nodes
        parent.characters += measure.characters
        parent.height = max(parent.height, measure.height)
        if not parent.is_mapping:
            parent.children.append(node)
        elif parent.awaits_value:
            if parent.key is not None:
                parent.entries.append(Entry(parent.key, node))
            parent.awaits_value = False
        else:
            self._key(parent, node, place)
        return True

    def _count(self, measure: _Measure, place: Span) -> bool:
        self.nodes += measure.nodes
        self.characters += measure.characters
        if self.nodes <= MOST_NODES and self.characters <= MOST_CHARACTERS:
            return True
        self._error(
            "TRC108",
            f"the file holds more than {MOST_NODES:,} values or {MOST_CHARACTERS // 1024**2} MiB of text "
            "once its aliases are followed",
            place,
            "keep data in files of its own; an alias counts as all that it stands for",
        )
        return False

    def _fits(self, measure: _Measure, place: Span) -> bool:
        if len(self.stack) + measure.height <= DEEPEST:
            return True
        self._error("TRC108", f"this alias nests deeper than {DEEPEST} levels", place, "write the value out")
        return False

    def _at_key(self) -> bool:
        return bool(self.stack) and self.stack[-1].is_mapping and not self.stack[-1].awaits_value

    def _key(self, parent: _Open, node: Node, place: Span) -> None:
        parent.awaits_value = True
        parent.key = None
        if not isinstance(node, Scalar):
            self._collection_key(parent, place)
        elif node.style == "plain" and node.value == "<<":
            parent.refused = True
            self._error(
                "TRC109",
                'the merge key "<<" is not used in pipelines',
                place,
                'write what tasks share under "defaults", or write the keys out',
            )
        elif node.style == "plain" and not node.value:
            parent.refused = True
            self._error("TRC106", 'a key is missing before ":"', place, "write the key")
        elif node.value in parent.keys:
            self._duplicate(parent.keys[node.value], node)
        else:
            parent.keys[node.value] = node
            parent.key = node

    def _duplicate(self, first: Scalar, second: Scalar) -> None:
        self.collect.add(
            Diagnostic(
                "TRC107",
                f'the key "{second.value}" is written twice',
                second.span,
                label="and again here",
                related=(Label(first.span, "first written here"),),
                help=("remove one of them",),
            )
        )

    def _collection_key(self, parent: _Open, place: Span) -> None:
        if parent.is_flow and self.file.text.startswith("{{", parent.start):
            parent.refused = True
            self._error(
                "TRC109",
                "a template stands without quotes, and YAML reads braces as a mapping",
                self.file.span(parent.start, parent.start + 2),
                "put the whole value in quotes",
            )
        else:
            self._refuse_key(self.file.span(place.start, place.start + 1), "a list or a mapping")

    def _refuse_key(self, span: Span, what: str) -> None:
        parent = self.stack[-1]
        parent.awaits_value = True
        parent.key = None
        parent.refused = True
        self._error("TRC109", f"{what} stands as a key, and keys are texts", span, "write the key as a text")

    def _error(self, code: str, message: str, span: Span, remedy: str) -> None:
        self.collect.add(Diagnostic(code, message, span, help=(one_line(remedy),)))
