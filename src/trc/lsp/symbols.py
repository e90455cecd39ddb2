"""The outline of a pipeline: its parameters, sources, tasks, targets and tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lsprotocol.types import DocumentSymbol, SymbolKind

from trc.compiler.frontends.syntax import Entry, Mapping, Node, Scalar, Sequence
from trc.compiler.source import Span
from trc.lsp.ask import Ask

_NAMED: Final = {
    "params": SymbolKind.Variable,
    "sources": SymbolKind.File,
    "targets": SymbolKind.Namespace,
}
_LISTED: Final = {"nodes": ("id", SymbolKind.Function), "tests": ("name", SymbolKind.Event)}


def outline(ask: Ask) -> list[DocumentSymbol]:
    """What the text says, whether or not it is right; what it last said where it cannot be parsed."""
    tree = ask.compiled.tree or (ask.known.tree if ask.known else None)
    if not isinstance(tree, Mapping):
        return []
    symbols = [symbol for entry in tree.entries for symbol in _of_entry(entry, ask)]
    return sorted(symbols, key=lambda symbol: (symbol.range.start.line, symbol.range.start.character))


def _of_entry(entry: Entry, ask: Ask) -> Iterator[DocumentSymbol]:
    key, value = entry.key.value, entry.value
    if key in _NAMED and isinstance(value, Mapping):
        for one in value.entries:
            yield _symbol(one.key, one.value, _NAMED[key], key.removesuffix("s"), ask)
    elif key in _LISTED and isinstance(value, Sequence):
        naming, kind = _LISTED[key]
        for item in value.items:
            name = item.get(naming) if isinstance(item, Mapping) else None
            if isinstance(item, Mapping) and isinstance(name, Scalar) and name.value:
                said = item.get("type")
                detail = said.value if isinstance(said, Scalar) else "test"
                yield _symbol(name, item, kind, detail, ask)


def _symbol(name: Scalar, whole: Node, kind: SymbolKind, detail: str, ask: Ask) -> DocumentSymbol:
    """The name within all that is said of it: editors want the one inside the other."""
    spans = [name.span, *_spans(whole)]
    around = Span(name.span.file, min(span.start for span in spans), max(span.end for span in spans))
    return DocumentSymbol(
        name=name.value,
        kind=kind,
        range=ask.text.range_of(around),
        selection_range=ask.text.range_of(name.span),
        detail=detail,
    )


def _spans(node: Node) -> Iterator[Span]:
    """The places of what is written, without the space that follows it."""
    match node:
        case Scalar():
            yield node.span
        case Sequence():
            for item in node.items:
                yield from _spans(item)
        case Mapping():
            for entry in node.entries:
                yield entry.key.span
                yield from _spans(entry.value)
