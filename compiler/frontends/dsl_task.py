"""Gives a `task` statement the shape that the tree has for it: its type, parameters and policies apart."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from trc.compiler.diagnostics.diagnostic import Label
from trc.compiler.diagnostics.nearest import did_you_mean
from trc.compiler.frontends.dsl_values import Values, renamed, word
from trc.compiler.frontends.dsl_words import CHECK_OPTIONS, ENVIRONMENT, FORMATS, HEADS, RESOURCES, TASK, spelling
from trc.compiler.frontends.dsl_written import (
    Block,
    Call,
    CheckItem,
    ColumnItem,
    Expression,
    Head,
    Item,
    Items,
    Named,
    Need,
    Pair,
    Reference,
    Section,
    Statement,
    Value,
)
from trc.compiler.frontends.syntax import Entry, Mapping, Node, Scalar, Sequence
from trc.compiler.ir.formats import format_of
from trc.compiler.source import ScalarMap, Segment, Span

_PARAMS_SPELLED: Final = {"output_uri": "output", "output_format": "output", "inputs": "inputs"}
_ENVIRONMENT_SPELLED: Final = spelling(ENVIRONMENT) | spelling(RESOURCES)


@dataclass(slots=True)
class _Parts:
    """What has been read of a task. `whole` is lost where something of it could not be."""

    own: list[Entry] = field(default_factory=list[Entry])
    params: list[Entry] = field(default_factory=list[Entry])
    environment: list[Entry] = field(default_factory=list[Entry])
    environment_key: Scalar | None = None
    whole: bool = True
    params_whole: bool = True


def task_node(statement: Statement, values: Values) -> Mapping:
    """The item of `nodes` that the statement stands for."""
    name, head = statement.name, statement.head
    assert name is not None
    assert head is not None
    if statement.is_named_only:
        return Mapping((Entry(word("id", statement.keyword), name),), statement.span, whole=False, language="trc")
    parts = _Parts(whole=statement.is_whole, params_whole=statement.is_whole)
    kind = _head(head, parts, values)
    for item in values.unique(statement.block.items if statement.block else ()):
        _item(item, parts, values)
    entries = [Entry(word("id", statement.keyword), name), Entry(word("type", head.word.span), kind), *parts.own]
    if parts.environment:
        key = parts.environment_key or parts.environment[0].key
        inner = Mapping(tuple(parts.environment), key.span, parts.whole, _ENVIRONMENT_SPELLED, "trc")
        entries.append(Entry(renamed(key, "environment"), inner))
    spelled = {**spelling(TASK), "id": "task", "environment": "environment"}
    params = Mapping(_without_doubles(parts.params, values), head.span, parts.params_whole, _PARAMS_SPELLED, "trc")
    if parts.params:
        entries.append(Entry(word("params", head.word.span), params))
    return Mapping(tuple(entries), statement.span, parts.whole and parts.params_whole, spelled, "trc")


def _without_doubles(entries: list[Entry], values: Values) -> tuple[Entry, ...]:
    """A parameter can be given behind the type, in the task's braces, and under `params`: once in all."""
    kept: dict[str, Entry] = {}
    for entry in entries:
        first = kept.setdefault(entry.key.value, entry)
        if first is not entry:
            values.error(
                "TRC107",
                f'the parameter "{entry.key.value}" is given twice',
                entry.key.span,
                "remove one of them",
                related=(Label(first.key.span, "first given here"),),
            )
    return tuple(kept.values())


# ── the type, and what stands right behind it ──


def _head(head: Head, parts: _Parts, values: Values) -> Scalar:
    """The type's name; arguments become parameters."""
    short = HEADS.get(head.word.value)
    for index, argument in enumerate(head.arguments):
        if isinstance(argument, Named):
            _put(parts, argument.name, values.node(argument.value, argument.name.value))
        elif short is None:
            _no_text(head, argument, parts, values)
        elif index:
            values.error(
                "TRC122",
                f'"{head.word.value}" takes one value, and this is a second one',
                argument.span,
                "write further parameters in braces",
            )
            parts.params_whole = False
        else:
            _put(parts, word(short[1], head.word.span), values.node(argument, head.word.value))
    return renamed(head.word, short[0]) if short else head.word


def _no_text(head: Head, argument: Value, parts: _Parts, values: Values) -> None:
    kind = head.word.value
    parts.params_whole = False
    if not did_you_mean(kind, HEADS):  # else it is the type that is told to be unknown
        remedy = f"name its parameters: {kind} {{ … = … }}"
        values.error("TRC122", f'"{kind}" takes no value right behind its name', argument.span, remedy)


def _put(parts: _Parts, key: Scalar, node: Node | None) -> None:
    if node is None:
        parts.params_whole = False
    else:
        parts.params.append(Entry(key, node))


# ── the braces ──


def _item(item: Item, parts: _Parts, values: Values) -> None:
    match item:
        case Pair():
            _keyed(item.key, item.value, parts, values)
        case Section():
            _keyed(item.key, item.block, parts, values)
        case _:
            values.wrong_item(item, "the task")
            parts.whole = parts.params_whole = False


def _keyed(key: Scalar, value: Value, parts: _Parts, values: Values) -> None:
    name = key.value
    if name in RESOURCES:
        node = values.node(value, name)
        if node is not None:
            parts.environment.append(Entry(renamed(key, RESOURCES[name]), node))
    elif name == "environment" and isinstance(value, Block):
        parts.environment_key = key
        inner = values.mapping(value, name, ENVIRONMENT)
        parts.environment.extend(inner.entries)
        parts.whole = parts.whole and inner.whole
    elif name in TASK:
        _policy(key, value, parts, values)
    elif name == "params" and isinstance(value, Block):
        inner = values.mapping(value, "params")
        parts.params.extend(inner.entries)
        parts.params_whole = parts.params_whole and inner.whole
    else:
        _parameter(key, value, parts, values)


def _policy(key: Scalar, value: Value, parts: _Parts, values: Values) -> None:
    name = key.value
    match name:
        case "needs":
            node: Node | None = _needs(value, values)
        case "columns" if isinstance(value, Block):
            node = columns(value, values)
        case "expect" if isinstance(value, Block):
            node = _expectations(value, values)
        case "when":
            node = _condition(value, values)
        case "for_each":
            node = _for_each(value, values)
        case _:
            node = values.section(key, value)
    if node is None:
        parts.whole = False
    else:
        parts.own.append(Entry(renamed(key, TASK[name]), node))


def _needs(value: Value, values: Values) -> Node | None:
    """A list of tasks; a single one may stand without brackets."""
    if not isinstance(value, Items):
        node = values.node(value, "needs")
        return Sequence((node,), value.span) if isinstance(node, Scalar) else node
    nodes: list[Node] = []
    for item in value.items:
        if isinstance(item, Need):
            task, requires = (
                Entry(word("task", item.task.span), item.task),
                Entry(word("requires", item.requires.span), item.requires),
            )
            nodes.append(Mapping((task, requires), item.span, language="trc"))
        elif (node := values.node(item, "needs")) is not None:
            nodes.append(node)
    return Sequence(tuple(nodes), value.span)


def columns(block: Block, values: Values) -> Mapping:
    """Columns with their types: `name: type`, or `name = "type"`; those of an output in a block of its name."""
    entries: list[Entry] = []
    for item in values.unique(block.items):
        match item:
            case ColumnItem():
                entries.append(Entry(item.key, item.type))
            case Section():
                entries.append(Entry(item.key, columns(item.block, values)))
            case Pair(value=Scalar() | Reference()):
                node = values.node(item.value, item.key.value)
                if node is not None:
                    entries.append(Entry(item.key, node))
            case _:
                values.error(
                    "TRC122", "a column is a name and a type", item.span, "write it like amount: decimal(18, 2)"
                )
    return Mapping(tuple(entries), block.span, language="trc")


def _condition(value: Value, values: Values) -> Node | None:
    """The text of an expression; what it means is found out later."""
    match value:
        case Expression() | Reference():
            text = value.text if isinstance(value, Expression) else _source(value, values)
            return Scalar(text, "double", ScalarMap(value.span, (Segment(0, value.span.start, len(text)),)))
        case Scalar() if value.style == "plain":
            return Scalar(value.value, "double", value.map)
        case _:
            return values.node(value, "when")


def _source(value: Reference, values: Values) -> str:
    return values.file.text[value.span.start : value.span.end]


def _for_each(value: Value, values: Values) -> Node | None:
    """A list, or the rows of a dataset: `regions.rows`."""
    if not isinstance(value, Reference) or not value.text.endswith(".rows"):
        return values.section(word("for_each", value.span), value)
    name = value.text.removesuffix(".rows")
    span = Span(value.span.file, value.span.start, value.span.start + len(name))
    dataset = Scalar(name, "double", ScalarMap(span, (Segment(0, span.start, len(name)),)))
    return Mapping((Entry(word("rows", value.span), dataset),), value.span, language="trc")


# ── expectations ──


def _expectations(block: Block, values: Values) -> Sequence:
    checks: list[Node] = []
    for item in block.items:
        if isinstance(item, CheckItem):
            checks.append(_expectation(item, values))
        else:
            values.error("TRC122", "a check is wanted here", item.span, "write it like not_null(customer_id)")
    return Sequence(tuple(checks), block.span)


def _expectation(item: CheckItem, values: Values) -> Mapping:
    """`{name: arguments}`, with a severity and other options beside it where they are given."""
    positional = [one for one in item.arguments if not isinstance(one, Named)]
    named = [one for one in item.arguments if isinstance(one, Named)]
    for index, one in enumerate(named):
        if one.name.value in [before.name.value for before in named[:index]]:
            message = f'"{one.name.value}" is given twice'
            values.error("TRC107", message, one.name.span, "remove one of them")
    options = [one for one in named if one.name.value in CHECK_OPTIONS]
    rest = [one for one in named if one.name.value not in CHECK_OPTIONS]
    if positional and rest:
        values.error(
            "TRC122",
            f'"{item.name.value}" mixes values with and without names',
            rest[0].name.span,
            "give all of them names, or none",
        )
    nodes = [node for one in positional if (node := values.node(one, item.name.value)) is not None]
    entries = [Entry(item.name, _arguments(item, nodes, rest, values))]
    for one in options:
        node = values.node(one.value, one.name.value)
        if node is not None:
            entries.append(Entry(one.name, node))
    return Mapping(tuple(entries), item.span, language="trc")


def _arguments(item: CheckItem, nodes: list[Node], named: list[Named], values: Values) -> Node:
    if named:
        pairs = [(one.name, values.node(one.value, one.name.value)) for one in named]
        entries = tuple(Entry(key, node) for key, node in pairs if node is not None)
        return Mapping(entries, item.span, whole=not nodes and len(entries) == len(pairs), language="trc")
    if len(nodes) == 1:
        return nodes[0]
    if not nodes:
        return Scalar("", "plain", ScalarMap(item.name.span))  # nothing
    return Sequence(tuple(nodes), item.span)


# ── parameters that have a form of their own ──


def _parameter(key: Scalar, value: Value, parts: _Parts, values: Values) -> None:
    match key.value:
        case "output":
            _output(key, value, parts, values)
        case "outputs" if isinstance(value, Block):
            _put(parts, key, _outputs(value, values))
        case "input":
            node = values.node(value, "input")
            single = isinstance(node, Scalar)
            _put(parts, renamed(key, "inputs"), Sequence((node,), value.span) if single and node else node)
        case _ if isinstance(value, Call) and value.name.value in FORMATS:
            remedy = did_you_mean(key.value, ("output",)) or (
                f'an output is written: output = {value.name.value}("…")',
            )
            values.error("TRC201", f'"{key.value}" takes no location with a format', key.span, *remedy)
            parts.params_whole = False
        case _:
            _put(parts, key, values.node(value, key.value))


def _output(key: Scalar, value: Value, parts: _Parts, values: Values) -> None:
    """`parquet("uri")`, a location whose suffix tells the format, or a format alone."""
    for name, node in _location(value, "output", values):
        _put(parts, renamed(key, f"output_{name}"), node)


def _outputs(block: Block, values: Values) -> Mapping:
    """Several outputs by name."""
    entries: list[Entry] = []
    for key, value in values.pairs(block, "outputs"):
        fields = tuple(
            Entry(word(name, value.span), node) for name, node in _location(value, key.value, values) if node
        )
        entries.append(Entry(key, Mapping(fields, value.span, language="trc")))
    return Mapping(tuple(entries), block.span, language="trc")


def _location(value: Value, called: str, values: Values) -> list[tuple[str, Node | None]]:
    """What is said of an output: its `uri`, and its `format` where the URI does not tell it."""
    match value:
        case Reference() if value.text in FORMATS:
            return [("format", values.reference(value))]
        case Call() if value.name.value in FORMATS:
            node = values.only_argument(value, called)
            told = format_of(node.value) if isinstance(node, Scalar) else value.name.value
            said: list[tuple[str, Node | None]] = [("uri", node)]
            if told != value.name.value:
                said.append(("format", value.name))
            return said
        case Call():
            values.unknown_format(value)
            return [("uri", None)]
        case Block():
            inner = values.mapping(value, called)
            return [(entry.key.value, entry.value) for entry in inner.entries]
        case _:
            return [("uri", values.node(value, called))]
