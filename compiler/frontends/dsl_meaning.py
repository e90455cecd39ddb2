"""Gives the statements of a `.trc` file the shape that all front ends share: the tree of the YAML format."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from collections.abc import Sequence as SequenceOf
from typing import Final

from trc.compiler.diagnostics.diagnostic import Label
from trc.compiler.diagnostics.nearest import did_you_mean
from trc.compiler.frontends.dsl_task import columns, task_node
from trc.compiler.frontends.dsl_values import Values, renamed, word
from trc.compiler.frontends.dsl_words import (
    DEFAULTS,
    ENVIRONMENT,
    FORMATS,
    HOOKS,
    PIPELINE,
    PIPELINE_OWN,
    RESOURCES,
    Words,
    spelling,
)
from trc.compiler.frontends.dsl_written import (
    Block,
    Call,
    Kind,
    Named,
    Pair,
    Reference,
    RowSet,
    Section,
    Statement,
    Value,
)
from trc.compiler.frontends.suggestions import suggestion
from trc.compiler.frontends.syntax import Entry, Mapping, Node, Scalar, Sequence
from trc.compiler.ir.formats import format_of
from trc.compiler.source import Span

_TOP: Final = {"name": "pipeline", "nodes": "task", "imports": "import"}
_OWN: Final = (*PIPELINE_OWN, *HOOKS)


def tree_of(statements: SequenceOf[Statement], whole: bool, file_span: Span, values: Values) -> Mapping:
    """The root of the tree; it is not `whole` where a part of the file could not be read."""
    entries = [
        *_pipeline(statements, values),
        *_group("imports", "import", statements, lambda some: _list(one.value for one in some)),
        *_group("params", "param", statements, lambda some: _named(some, _param, values)),
        *_group("sources", "source", statements, lambda some: _named(some, _source, values)),
        *_group("targets", "target", statements, lambda some: _named(some, _target, values)),
        *_group("nodes", "task", statements, lambda some: _list(task_node(one, values) for one in some)),
        *_group("tests", "test", statements, lambda some: _list(_test(one, values) for one in some)),
    ]
    return Mapping(tuple(entries), _extent(statements) if statements else file_span, whole, _TOP, "trc")


def _of(kind: Kind, statements: Iterable[Statement]) -> list[Statement]:
    return [statement for statement in statements if statement.kind == kind]


def _extent(statements: SequenceOf[Statement]) -> Span:
    return Span(statements[0].span.file, statements[0].span.start, statements[-1].span.end)


def _group(
    key: str, kind: Kind, statements: SequenceOf[Statement], build: Callable[[list[Statement]], Node]
) -> Iterator[Entry]:
    """All statements of a kind under one key of the tree."""
    some = _of(kind, statements)
    if some:
        yield Entry(word(key, some[0].keyword), build(some))


def _list(items: Iterable[Value | Node | None]) -> Sequence:
    nodes = tuple(item for item in items if isinstance(item, Scalar | Mapping | Sequence))
    return Sequence(nodes, Span(nodes[0].span.file, nodes[0].span.start, nodes[-1].span.end))


def _named(statements: list[Statement], build: Callable[[Statement, Values], Node], values: Values) -> Mapping:
    """Things by name; of those with one name, the first."""
    first: dict[str, Scalar] = {}
    entries: list[Entry] = []
    for statement in statements:
        name = statement.name
        assert name is not None
        earlier = first.setdefault(name.value.casefold(), name)
        if earlier is name:
            entries.append(Entry(name, build(statement, values)))
        else:
            values.error(
                "TRC206",
                f'two {statement.kind}s are called "{name.value}"',
                name.span,
                "give one of them another name",
                related=(Label(earlier.span, f"the {statement.kind} is named here"),),
            )
    return Mapping(tuple(entries), _extent(statements), language="trc")


# ── the pipeline itself ──


def _pipeline(statements: SequenceOf[Statement], values: Values) -> Iterator[Entry]:
    pipelines = _of("pipeline", statements)
    shared: list[Entry] = []
    if pipelines:
        statement = pipelines[0]
        assert statement.name is not None
        assert statement.block is not None
        _refuse_second(pipelines, values)
        yield Entry(word("name", statement.keyword), statement.name)
        for entry in _policies(statement.block, "the pipeline", PIPELINE, values):
            if entry.key.value in _OWN:
                yield entry
            else:
                shared.append(entry)
    for statement in _of("defaults", statements):
        if statement.block is not None:
            shared.extend(_policies(statement.block, "the block of defaults", DEFAULTS, values))
    if shared:
        span = Span(shared[0].key.span.file, shared[0].key.span.start, shared[-1].value.span.end)
        spelled = spelling(DEFAULTS)
        yield Entry(word("defaults", shared[0].key.span), Mapping(_merged(shared, values), span, True, spelled, "trc"))


def _refuse_second(pipelines: list[Statement], values: Values) -> None:
    for statement in pipelines[1:]:
        values.error(
            "TRC206",
            "a file holds one pipeline, and this is a second one",
            statement.keyword,
            "put it in a file of its own",
            related=(Label(pipelines[0].keyword, "the first one"),),
        )


def _policies(block: Block, called: str, words: Words, values: Values) -> Iterator[Entry]:
    """The entries of a pipeline's or the defaults' braces; resources go under "environment"."""
    for key, value in values.pairs(block, called):
        name = key.value
        if name in RESOURCES:
            node = values.node(value, name)
            if node is not None:
                inner = Mapping(
                    (Entry(renamed(key, RESOURCES[name]), node),), value.span, True, spelling(RESOURCES), "trc"
                )
                yield Entry(renamed(key, "environment"), inner)
        elif name == "schedule":
            node = _schedule(value, values)
            if node is not None:
                yield Entry(key, node)
        elif name not in words:
            known = dict.fromkeys((*words, *RESOURCES))
            values.error("TRC201", f'{called} has no key "{name}"', key.span, *suggestion(name, known, "the keys are"))
        elif (node := values.section(key, value)) is not None:
            yield Entry(renamed(key, words[name]), node)


def _merged(entries: list[Entry], values: Values) -> tuple[Entry, ...]:
    """One entry a key: environments and resources are put together, other keys stand once."""
    kept: dict[str, Entry] = {}
    for entry in entries:
        first = kept.setdefault(entry.key.value, entry)
        if first is entry:
            continue
        if entry.key.value == "environment" and isinstance(first.value, Mapping) and isinstance(entry.value, Mapping):
            both = (*first.value.entries, *entry.value.entries)
            spelled = spelling(ENVIRONMENT) | spelling(RESOURCES)
            kept["environment"] = Entry(first.key, Mapping(both, first.value.span, True, spelled, "trc"))
        else:
            values.error(
                "TRC107",
                f'the key "{entry.key.value}" is written twice',
                entry.key.span,
                "remove one of them",
                related=(Label(first.key.span, "first written here"),),
            )
    return tuple(kept.values())


_CRON_FIELDS = 5


def _schedule(value: Value, values: Values) -> Node | None:
    """`cron("…", timezone = "…")` or `every(1h)`."""
    if isinstance(value, Scalar | Reference):
        shown = value.value if isinstance(value, Scalar) else value.text
        is_cron = len(shown.split()) == _CRON_FIELDS
        example = f'cron("{shown}")' if is_cron else 'cron("0 2 * * *") or every(1h)'
        values.error("TRC122", "the schedule does not say of which kind it is", value.span, f"write {example}")
        return None
    if not isinstance(value, Call):
        return values.node(value, "schedule")
    keys = {"cron": "cron", "every": "interval"}
    name = value.name.value
    if name not in keys:
        remedy = did_you_mean(name, keys) or ('write cron("0 2 * * *") or every(1h)',)
        values.error("TRC122", f'"schedule" takes no call of "{name}"', value.name.span, *remedy)
        return None
    entries: list[Entry] = []
    for argument in value.arguments:
        key = argument.name if isinstance(argument, Named) else word(keys[name], value.name.span)
        node = values.node(argument.value if isinstance(argument, Named) else argument, key.value)
        if node is None:
            return None
        if any(entry.key.value == key.value for entry in entries):
            values.error("TRC122", f'"{name}" takes one value, and there are several here', value.span)
            return None
        entries.append(Entry(key, node))
    return Mapping(tuple(entries), value.span, language="trc")


# ── things by name ──


def _param(statement: Statement, values: Values) -> Node:
    entries: list[Entry] = []
    if statement.type is not None:
        entries.append(Entry(word("type", statement.type.span), statement.type))
    if statement.value is not None:
        node = values.node(statement.value, statement.name.value if statement.name else "param")
        if node is not None:
            entries.append(Entry(word("default", node.span), node))
    if statement.block is not None:
        entries.extend(values.mapping(statement.block, "param").entries)
    return Mapping(tuple(entries), statement.span, statement.is_whole, language="trc")


def _source(statement: Statement, values: Values) -> Node:
    """`{format: location, columns: …}`."""
    assert statement.name is not None
    name, value = statement.name.value, statement.value
    if statement.is_named_only:
        return Mapping((), statement.span, whole=False, language="trc")
    entries: list[Entry] = []
    whole = statement.is_whole
    match value:
        case Call() if value.name.value not in FORMATS:
            values.unknown_format(value)
            whole = False
        case Call():
            node = values.only_argument(value, name)
            whole = whole and node is not None
            entries = [Entry(value.name, node)] if node is not None else []
        case Scalar() | Reference():
            shown = value.value if isinstance(value, Scalar) else value.text
            values.error(
                "TRC122",
                f'the source "{name}" does not say its format',
                value.span,
                f'write its format too: {format_of(shown)}("{shown}")',
            )
            whole = False
        case _:
            assert value is not None
            values.error("TRC122", f'the source "{name}" lies at no location', value.span, 'write it like csv("a.csv")')
            whole = False
    for key, inner in values.pairs(statement.block, name) if statement.block else ():
        if key.value == "columns" and isinstance(inner, Block):
            entries.append(Entry(key, columns(inner, values)))
        elif (node := values.node(inner, key.value)) is not None:
            entries.append(Entry(key, node))
    return Mapping(tuple(entries), statement.span, whole, language="trc")


def _target(statement: Statement, values: Values) -> Node:
    assert statement.block is not None
    assert statement.name is not None
    inner = values.mapping(statement.block, statement.name.value)
    return Mapping(inner.entries, statement.span, inner.whole and statement.is_whole, language="trc")


def _test(statement: Statement, values: Values) -> Node:
    """`{name, params, given: {dataset: rows}, expect: {dataset: rows}}`."""
    assert statement.block is not None
    assert statement.name is not None
    entries = [Entry(word("name", statement.keyword), statement.name)]
    sets: dict[str, list[Entry]] = {"given": [], "expect": []}
    keys: dict[str, Scalar] = {}
    for item in values.unique(statement.block.items):
        match item:
            case RowSet() if item.key.value in sets:
                keys.setdefault(item.key.value, item.key)
                node = values.node(item.value, item.name.value)
                if node is not None:
                    _add_rows(sets[item.key.value], Entry(item.name, node), values)
            case RowSet():
                remedy = did_you_mean(item.key.value, sets) or ("a test says what is given and what to expect",)
                values.error("TRC201", f'a test has no "{item.key.value}"', item.key.span, *remedy)
            case Section() | Pair():
                value = item.block if isinstance(item, Section) else item.value
                node = values.node(value, item.key.value)
                if node is not None:
                    entries.append(Entry(item.key, node))
            case _:
                values.wrong_item(item, "the test")
    for name, rows in sets.items():
        if rows:
            entries.append(Entry(keys[name], Mapping(tuple(rows), keys[name].span, language="trc")))
    return Mapping(tuple(entries), statement.span, statement.is_whole, language="trc")


def _add_rows(rows: list[Entry], entry: Entry, values: Values) -> None:
    first = next((one for one in rows if one.key.value == entry.key.value), None)
    if first is None:
        rows.append(entry)
        return
    values.error(
        "TRC107",
        f'the rows of "{entry.key.value}" are given twice',
        entry.key.span,
        "put them in one list",
        related=(Label(first.key.span, "first given here"),),
    )
