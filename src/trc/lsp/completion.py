"""Completion: keys by their place, words that a value may be, task types, datasets, and columns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lsprotocol import types

from trc.compiler.compile import Compiled
from trc.compiler.frontends.dsl_words import HEADS
from trc.compiler.frontends.shapes import TypeName
from trc.compiler.ir.types import Known
from trc.compiler.source import SourceFile
from trc.lsp.ask import Ask
from trc.lsp.cursor import MARK, Spot, typed_at
from trc.lsp.occurrences import schema_of
from trc.lsp.shapes import keys, words
from trc.lsp.spelling import embedded, in_file
from trc.lsp.sql_completion import complete_sql
from trc.lsp.trc_keys import STATEMENTS, keys_at, opening, place_of_item

_PREFIX = re.compile(r"[\w-]*$")


@dataclass(frozen=True, slots=True)
class Offer:
    """A word that may be what the author is about to type."""

    label: str
    kind: types.CompletionItemKind
    detail: str = ""
    doc: str = ""
    insert: str | None = None
    rank: int = 0


def complete(ask: Ask) -> types.CompletionList:
    """What may stand at the place, the likeliest first."""
    file = SourceFile(str(ask.checked.path), ask.text.content)
    start = ask.offset - len(_typed_before(ask))
    replaced = ask.text.range(start, ask.offset)
    offers: dict[str, Offer] = {}
    spots = typed_at(file, ask.offset, ask.workspace.types)
    for offer in (*_items_of_trc(ask), *(offer for spot in spots for offer in _offers(spot, ask))):
        offers.setdefault(offer.label, offer)
    items = [_item(offer, place, replaced) for place, offer in enumerate(offers.values())]
    return types.CompletionList(is_incomplete=False, items=items)


def _typed_before(ask: Ask) -> str:
    found = _PREFIX.search(ask.text.content[max(0, ask.offset - 200) : ask.offset])
    return found[0] if found else ""


def _item(offer: Offer, place: int, replaced: types.Range) -> types.CompletionItem:
    return types.CompletionItem(
        label=offer.label,
        kind=offer.kind,
        detail=offer.detail or None,
        documentation=offer.doc or None,
        sort_text=f"{offer.rank}{place:05}",
        text_edit=types.TextEdit(replaced, offer.insert if offer.insert is not None else offer.label),
    )


def _offers(spot: Spot, ask: Ask) -> Iterator[Offer]:
    if spot.role == "key":
        yield from _keys(spot, ask)
    elif _is_query(spot, ask.known):
        for offer in complete_sql(spot.scalar.value, ask.known):
            yield Offer(
                offer.label, offer.kind, offer.detail, "", embedded(offer.insert, spot.scalar.style), offer.rank
            )
    elif spot.scalar.value.endswith(MARK) and "\n" not in spot.scalar.value:
        yield from _values(spot, ask)


def _items_of_trc(ask: Ask) -> Iterator[Offer]:
    """What may begin an item of a `.trc` file: a statement, or a key of a block."""
    is_trc = ask.checked.path.suffix.lower() == ".trc"
    place = place_of_item(ask.text.content[: ask.offset]) if is_trc else None
    if place is None:
        return
    if not place.statement:
        for word, doc in STATEMENTS.items():
            yield Offer(word, types.CompletionItemKind.Keyword, "", doc, word + " ")
    for word, key in keys_at(place, ask.workspace.types).items():
        yield Offer(word, types.CompletionItemKind.Property, "", key.doc, word + opening(place, word, key))


def _is_query(spot: Spot, known: Compiled | None) -> bool:
    """Whether a value is a task's SQL."""
    if len(spot.path) < 4 or spot.path[0] != "nodes" or spot.path[2] != "params":
        return False
    task = known.pipeline.task(spot.task_name) if known and known.pipeline and spot.task_name else None
    return spot.path[3] == (task.query.param if task and task.query else "sql")


def _keys(spot: Spot, ask: Ask) -> Iterator[Offer]:
    """The keys that the mapping does not have yet, those that it must have first."""
    mapping = spot.mapping
    present = {entry.key.value for entry in mapping.entries} if mapping else set[str]()
    mark = " = " if ask.checked.path.suffix.lower() == ".trc" else ": "
    for name, key in (keys(spot.shape) if spot.shape else {}).items():
        if name not in present:
            label = mapping.spell(name) if mapping else name
            detail = "required" if key.required else ""
            yield Offer(
                label, types.CompletionItemKind.Property, detail, key.doc, label + mark, 0 if key.required else 1
            )
    names: Iterable[str] = ()
    if spot.path[:1] == ("tests",) and spot.path[2:] in (("given",), ("values",), ("expect",)):
        names = _datasets(ask.known)
    elif spot.path[2:] == ("columns",) or (len(spot.path) == 4 and spot.path[2] == "expect"):
        names = _columns(ask.known, spot)
    for name in names:
        if name not in present:
            yield Offer(name, types.CompletionItemKind.Field, insert=name + mark)


def _values(spot: Spot, ask: Ask) -> Iterator[Offer]:
    file = ask.checked.path
    # What is typed between quotes stays there.
    is_bare = not ask.text.content[: ask.offset - len(_typed_before(ask))].endswith(('"', "'"))
    for word, doc in (words(spot.shape, ask.workspace.types) if spot.shape else {}).items():
        label = _head(word) if file.suffix.lower() == ".trc" and isinstance(spot.shape, TypeName) else word
        # A version is a text that YAML would read as a number.
        is_text = is_bare and word not in ("true", "false")
        yield Offer(label, types.CompletionItemKind.EnumMember, "", doc, in_file(label, file) if is_text else word)
    path = spot.path[2:] if spot.path[:1] == ("nodes",) else ()
    own = (spot.task_name or "").casefold()
    if path[:1] == ("needs",) and path[2:] in ((), ("task",)):
        yield from _named((task for task in _tasks(ask.known) if task.casefold() != own), ask)
    elif path[:2] == ("params", "inputs") or path == ("for_each", "rows"):
        yield from _named((name for name in _datasets(ask.known) if name.partition(".")[0].casefold() != own), ask)
    elif path[:1] == ("expect",) and len(path) >= 3:
        yield from (Offer(name, types.CompletionItemKind.Field) for name in _columns(ask.known, spot))


def _head(type_name: str) -> str:
    """How `.trc` begins a task of a type."""
    return next((word for word, (name, _) in HEADS.items() if name == type_name), type_name)


def _named(names: Iterable[str], ask: Ask) -> Iterator[Offer]:
    for name in names:
        schema = schema_of(ask.known, name) if ask.known else None
        detail = ", ".join(column.name for column in schema.columns) if isinstance(schema, Known) else ""
        yield Offer(name, types.CompletionItemKind.Reference, detail, "", _dataset(name, ask))


def _dataset(name: str, ask: Ask) -> str:
    """A dataset as a value: in `.trc`, a dotted name is a word like any other."""
    is_dotted = ask.checked.path.suffix.lower() == ".trc" and name.replace(".", "_").isidentifier()
    return name if is_dotted else in_file(name, ask.checked.path)


def _tasks(known: Compiled | None) -> list[str]:
    return [task.name for task in known.pipeline.tasks] if known and known.pipeline else []


def _datasets(known: Compiled | None) -> list[str]:
    """All names that a read can use."""
    if known is None or known.pipeline is None:
        return []
    names = [source.name for source in known.pipeline.sources]
    for task in known.pipeline.tasks:
        several = len(task.outputs) > 1
        names += [f"{task.name}.{output.name}" if several else task.name for output in task.outputs]
    return names


def _columns(known: Compiled | None, spot: Spot) -> list[str]:
    """The columns of the task that a place lies in."""
    schema = schema_of(known, spot.task_name) if known and spot.task_name else None
    return [column.name for column in schema.columns] if isinstance(schema, Known) else []
