"""Says in the `.trc` language what a syntax tree says, whichever language it was read from."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Mapping as MappingOf
from dataclasses import replace
from typing import Final

from trc.compiler.frontends.dsl_words import (
    CHECK_OPTIONS,
    ENVIRONMENT,
    FORMATS,
    HEADS,
    HOOKS,
    INCREMENTAL,
    PIPELINE_OWN,
    RESOURCES,
    RETRY,
    RUN_TIME,
    TASK,
)
from trc.compiler.frontends.layout import Atom, Braced, Call, Doc, Item, Listed, is_word, name, quoted, raw_text
from trc.compiler.frontends.syntax import Entry, Mapping, Node, Scalar, Sequence
from trc.compiler.frontends.typed import typed
from trc.compiler.ir.formats import format_of
from trc.compiler.ir.values import Cpus, Duration, Size

_TYPE_WORDS: Final = {kind: (word, param) for word, (kind, param) in HEADS.items()}
_ENVIRONMENT_WORDS: Final = {key: word for word, key in ENVIRONMENT.items()}
_RESOURCE_WORDS: Final = {key: word for word, key in RESOURCES.items()}
_RETRY_WORDS: Final = {key: word for word, key in RETRY.items()}
_POLICY_WORDS: Final = {key: word for word, key in TASK.items()}
_OWN_FORMS: Final = frozenset({*TASK, *RESOURCES, "params", "input", "output"})
"""Words that a task's braces know: a parameter of that name stands in "params"."""
_WORDLY: Final = frozenset(
    {"backoff", "jitter", "strategy", "state", "severity", "type", "backend", "fields", "checksum_fields"}
)
"""Keys whose values are words: names of things, or one of a few."""
_DOTTED: Final = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")
_REFERENCE: Final = re.compile(r"\{\{ ([^\W\d]\w*(?:\.[^\W\d]\w*)+) \}\}")
_COLUMN_TYPE: Final = re.compile(r"[^\W\d](?:[\w ]|\[\d*\]|\((?:[^()\"'\n]|\([^()\"'\n]*\))*\))*(?<! )")
_CONDITION: Final = re.compile(
    r"""(?:not\s+)*[^\W\d][\w.]*(?:\s*(?:==|!=|<=|>=|<|>)\s*(?:"[^"\\\n{}]*"|-?\d+|[^\W\d][\w.]*))?"""
)


def printed(tree: Mapping) -> list[Item]:
    """The statements that say what the tree says, in the usual order."""
    items = [*_imports(tree), *_pipeline(tree), *_params(tree), *_sources(tree), *_targets(tree), *_tasks(tree)]
    items += _tests(tree)
    return items


# ── pieces ──


def _item(docs: Iterable[Doc], owner: Entry | Node, *, apart: bool = False) -> Item:
    start = owner.key.span.start if isinstance(owner, Entry) else owner.span.start
    end = owner.value.span.end if isinstance(owner, Entry) else owner.span.end
    return Item(tuple(docs), start, max(start, end), apart)


def _pair(word: str, doc: Doc, owner: Entry) -> Item:
    return _item((Atom(name(word)), Atom("="), doc), owner)


def _section(word: str, items: Iterable[Item], owner: Entry, *, broken: bool = False) -> Item:
    inside = tuple(items)
    return _item((Atom(name(word)), Braced(inside, broken)), owner)


def _entries(node: Node | None) -> tuple[Entry, ...]:
    return node.entries if isinstance(node, Mapping) else ()


# ── values ──


def _value(node: Node, *, wordly: bool = False) -> Doc:
    match node:
        case Scalar():
            return _scalar(node, wordly=wordly)
        case Sequence():
            return Listed(tuple(_item((_value(item, wordly=wordly),), item) for item in node.items))
        case Mapping() if [entry.key.value for entry in node.entries] == ["secret"]:
            return _call("secret", node.entries[0])
        case Mapping():
            return Braced(tuple(_generic(entry) for entry in node.entries))


def _generic(entry: Entry) -> Item:
    return _pair(entry.key.value, _value(entry.value, wordly=entry.key.value in _WORDLY), entry)


def _call(word: str, entry: Entry) -> Doc:
    return Call(word, (_item((_value(entry.value),), entry.value),))


def _scalar(node: Scalar, *, wordly: bool = False) -> Doc:
    reading = typed(node)
    if reading.kind == "nothing":
        return Atom("null")
    if isinstance(reading.value, bool):
        return Atom("true" if reading.value else "false")
    if isinstance(reading.value, int | float):
        return Atom(_number(reading.value))
    text = node.value
    reference = _REFERENCE.fullmatch(text)
    if reference and reference[1].partition(".")[0] in RUN_TIME:
        return Atom(reference[1])
    if wordly and is_word(text):
        return Atom(text)
    return _text(text)


def _number(value: float) -> str:
    """As the language writes numbers: a fraction, or an exponent, of digits."""
    return repr(value) if isinstance(value, int) else repr(value).replace("e+", "e")


def _text(text: str) -> Doc:
    return (raw_text(text) if "\n" in text else None) or Atom(quoted(text))


def _with_unit(parse: Callable[[object], object]) -> Callable[[Node], Doc]:
    """Reads a number or a text, and prints the literal that has the unit."""

    def print_value(node: Node) -> Doc:
        if not isinstance(node, Scalar):
            return _value(node)
        try:
            return Atom(str(parse(typed(node).value)))
        except ValueError:
            return _scalar(node)

    return print_value


_duration: Final = _with_unit(Duration.parse)
_size: Final = _with_unit(Size.parse)
_cpus: Final = _with_unit(Cpus.parse)
_RESOURCE_DOCS: Final = {
    "memory_limit": _size,
    "cpu_limit": _cpus,
    "gpu": _value,
    "resources": _value,
    "node_labels": _value,
}
_TIMES: Final = frozenset(
    {"timeout", "heartbeat_timeout", "deadline", "initial_delay", "max_delay", "max_age", "interval", "window", "rest"}
)


def _known(entry: Entry, words: MappingOf[str, str]) -> Item:
    """A key with a word of its own, and a time with its unit."""
    key = entry.key.value.removesuffix("_seconds")
    if key in _TIMES:
        return _pair(words.get(key, key), _duration(entry.value), entry)
    return _pair(words.get(key, key), _value(entry.value, wordly=key in _WORDLY), entry)


# ── statements ──


def _imports(tree: Mapping) -> Iterator[Item]:
    imported = tree.get("imports")
    for item in imported.items if isinstance(imported, Sequence) else ():
        yield _item((Atom("import"), _value(item)), item)


def _pipeline(tree: Mapping) -> Iterator[Item]:
    named = tree.entry("name")
    if named is None or not isinstance(named.value, Scalar):
        return
    items: list[Item] = []
    for entry in tree.entries:
        if entry.key.value == "description":
            items.append(_pair("description", _value(entry.value), entry))
        elif entry.key.value == "schedule":
            items.append(_pair("schedule", _schedule(entry.value), entry))
        elif entry.key.value in PIPELINE_OWN:
            items.append(_known(entry, {}))
    defaults = _entries(tree.get("defaults"))
    items += _policies(entry for entry in defaults if entry.key.value not in HOOKS)
    items += _policies(entry for entry in tree.entries if entry.key.value in HOOKS)
    head = (Atom("pipeline"), Atom(quoted(named.value.value)))
    yield _item((*head, Braced(tuple(items), always_broken=True)), named)
    own_hooks = tuple(_policies(entry for entry in defaults if entry.key.value in HOOKS))
    owner = tree.entry("defaults")
    if own_hooks and owner is not None:
        yield _item((Atom("defaults"), Braced(own_hooks, always_broken=True)), owner, apart=True)


def _schedule(node: Node) -> Doc:
    entries = {entry.key.value.removesuffix("_seconds"): entry for entry in _entries(node)}
    said = [key for key in ("cron", "interval") if key in entries]
    if len(said) != 1:
        return Braced(tuple(_known(entry, {}) for entry in entries.values()))
    word = {"cron": "cron", "interval": "every"}[said[0]]
    entry = entries[said[0]]
    doc = _duration(entry.value) if said[0] == "interval" else _value(entry.value)
    arguments = [_item((doc,), entry)]
    if "timezone" in entries:
        zone = entries["timezone"]
        arguments.append(_item((Atom("timezone"), Atom("="), _value(zone.value)), zone))
    return Call(word, tuple(arguments))


def _params(tree: Mapping) -> Iterator[Item]:
    for index, entry in enumerate(_entries(tree.get("params"))):
        fields = {inner.key.value: inner for inner in _entries(entry.value)}
        kind = fields.get("type")
        shown = f"{name(entry.key.value)}: {kind.value.value}" if kind and isinstance(kind.value, Scalar) else ""
        docs: list[Doc] = [Atom("param"), Atom(shown or name(entry.key.value))]
        if "default" in fields:
            docs += [Atom("="), _value(fields["default"].value)]
        rest = tuple(_generic(inner) for key, inner in fields.items() if key not in ("type", "default"))
        if rest:
            docs.append(Braced(rest))
        yield _item(docs, entry, apart=not index)


def _sources(tree: Mapping) -> Iterator[Item]:
    for entry in _entries(tree.get("sources")):
        docs: list[Doc] = [Atom("source"), Atom(name(entry.key.value)), Atom("=")]
        rest: list[Item] = []
        for inner in _entries(entry.value):
            if inner.key.value in FORMATS:
                docs.append(_call(inner.key.value, inner))
            elif inner.key.value == "columns":
                rest.append(_columns(inner))
            else:
                rest.append(_generic(inner))
        if rest:
            docs.append(Braced(tuple(rest), always_broken=True))
        yield _item(docs, entry, apart=True)


def _columns(entry: Entry, called: str = "columns") -> Item:
    items: list[Item] = []
    for column in _entries(entry.value):
        if isinstance(column.value, Mapping):
            items.append(_columns(column, column.key.value))
            continue
        kind = column.value.value if isinstance(column.value, Scalar) else ""
        spelled = kind if _COLUMN_TYPE.fullmatch(kind) else quoted(kind)
        items.append(_item((Atom(f"{name(column.key.value)}: {spelled}"),), column))
    is_by_output = any(isinstance(column.value, Mapping) for column in _entries(entry.value))
    return _section(called, items, entry, broken=is_by_output or len(items) > 4)


def _targets(tree: Mapping) -> Iterator[Item]:
    for entry in _entries(tree.get("targets")):
        items = tuple(
            _section(inner.key.value, map(_generic, inner.value.entries), inner)
            if isinstance(inner.value, Mapping)
            else _generic(inner)
            for inner in _entries(entry.value)
        )
        yield _item((Atom("target"), Atom(name(entry.key.value)), Braced(items)), entry, apart=True)


def _tests(tree: Mapping) -> Iterator[Item]:
    tests = tree.get("tests")
    for test in tests.items if isinstance(tests, Sequence) else ():
        named = test.get("name") if isinstance(test, Mapping) else None
        items: list[Item] = []
        for entry in _entries(test):
            if entry.key.value in ("given", "expect"):
                items += [_rows(entry.key.value, rows) for rows in _entries(entry.value)]
            elif entry.key.value != "name":
                items.append(_section(entry.key.value, map(_generic, _entries(entry.value)), entry))
        title = quoted(named.value if isinstance(named, Scalar) else "")
        yield _item((Atom("test"), Atom(title), Braced(tuple(items), always_broken=True)), test, apart=True)


def _rows(word: str, entry: Entry) -> Item:
    return _item((Atom(word), Atom(name(entry.key.value)), Atom("="), _value(entry.value)), entry)


# ── tasks ──


def _tasks(tree: Mapping) -> Iterator[Item]:
    nodes = tree.get("nodes")
    for node in nodes.items if isinstance(nodes, Sequence) else ():
        if isinstance(node, Mapping):
            yield replace(_item(_task(node), node), begins_paragraph=True)


def _task(node: Mapping) -> list[Doc]:
    written = {entry.key.value: entry for entry in node.entries}
    kind = _plain_text(node.get("type"))
    params = {entry.key.value: entry for entry in _entries(node.get("params"))}
    docs: list[Doc] = [Atom("task"), Atom(name(_plain_text(node.get("id")))), Atom("=")]
    word, main = _TYPE_WORDS.get(kind, (kind, ""))
    if main in params:
        docs += _head(word, params.pop(main).value)
    else:
        docs.append(Atom(kind))
    items = [*_parameters(params), *_policies(entry for key, entry in written.items() if key not in _IDENTITY)]
    if items:
        docs.append(Braced(tuple(items), always_broken=True))
    return docs


_IDENTITY: Final = ("id", "type", "params")


def _plain_text(node: Node | None) -> str:
    return node.value if isinstance(node, Scalar) else ""


def _head(word: str, main: Node) -> list[Doc]:
    """The short word for a type, with its main parameter: raw where it can be, else in parentheses."""
    if isinstance(main, Scalar) and word != "python" and typed(main).kind == "text":
        raw = raw_text(main.value)
        if raw is not None:
            return [Atom(word), raw]
    return [Call(word, (_item((_value(main),), main),))]


def _parameters(params: MappingOf[str, Entry]) -> Iterator[Item]:
    yield from _output(params)
    clashing: list[Entry] = []
    for key, entry in params.items():
        if key in ("output_uri", "output_format"):
            continue
        if key == "inputs":
            yield _inputs(entry)
        elif key == "outputs" and isinstance(entry.value, Mapping):
            yield _section("outputs", map(_one_output, entry.value.entries), entry)
        elif key in _OWN_FORMS:
            clashing.append(entry)
        else:
            yield _generic(entry)
    if clashing:
        yield _item((Atom("params"), Braced(tuple(map(_generic, clashing)))), clashing[0])


def _output(params: MappingOf[str, Entry]) -> Iterator[Item]:
    uri, fmt = params.get("output_uri"), params.get("output_format")
    if uri is not None:
        yield _pair("output", _location(uri, fmt), uri)
        if fmt is not None and not _is_told(uri, fmt):
            yield _pair("output_format", _value(fmt.value, wordly=True), fmt)
    elif fmt is not None:
        word = _plain_text(fmt.value)
        yield _pair("output", Atom(word), fmt) if word in FORMATS else _pair("output_format", _value(fmt.value), fmt)


def _is_told(uri: Entry, fmt: Entry) -> bool:
    """Whether `format("uri")` says both: the format is one, and another than the suffix tells."""
    word = _plain_text(fmt.value)
    return word in FORMATS and isinstance(uri.value, Scalar) and format_of(uri.value.value) != word


def _location(uri: Entry, fmt: Entry | None) -> Doc:
    told = _plain_text(fmt.value) if fmt is not None and _is_told(uri, fmt) else ""
    if isinstance(uri.value, Scalar) and fmt is None:
        told = format_of(uri.value.value)
    return _call(told, uri) if told else _value(uri.value)


def _one_output(entry: Entry) -> Item:
    fields = {inner.key.value: inner for inner in _entries(entry.value)}
    if set(fields) == {"uri"}:
        return _pair(entry.key.value, _location(fields["uri"], None), entry)
    if set(fields) == {"format"} and _plain_text(fields["format"].value) in FORMATS:
        return _pair(entry.key.value, Atom(_plain_text(fields["format"].value)), entry)
    if set(fields) == {"uri", "format"} and _is_told(fields["uri"], fields["format"]):
        return _pair(entry.key.value, _location(fields["uri"], fields["format"]), entry)
    return _generic(entry)


def _inputs(entry: Entry) -> Item:
    value = entry.value
    if isinstance(value, Sequence) and len(value.items) == 1:
        return _pair("input", _dataset(value.items[0]), entry)
    if isinstance(value, Sequence):
        return _pair("inputs", Listed(tuple(_item((_dataset(one),), one) for one in value.items)), entry)
    if isinstance(value, Mapping):
        return _section("inputs", (_pair(one.key.value, _dataset(one.value), one) for one in value.entries), entry)
    return _generic(entry)


def _dataset(node: Node) -> Doc:
    """A dataset's name, bare where it can be; anything else as a text."""
    if isinstance(node, Scalar) and typed(node).kind == "text" and _DOTTED.fullmatch(node.value):
        parts = node.value.split(".")
        if all(map(is_word, parts)) and (len(parts) == 1 or parts[0] not in RUN_TIME):
            return Atom(node.value)
    return _value(node)


# ── policies ──


def _policies(entries: Iterable[Entry]) -> Iterator[Item]:
    for entry in entries:
        key = entry.key.value
        match key:
            case "environment":
                yield from _environment(entry)
            case "retries":
                yield _section("retry", (_known(one, _RETRY_WORDS) for one in _entries(entry.value)), entry)
            case "incremental":
                yield _section(key, map(_incremental, _entries(entry.value)), entry)
            case "breaker":
                yield _section(key, (_known(one, {}) for one in _entries(entry.value)), entry)
            case "needs":
                yield _pair("needs", _needs(entry.value), entry)
            case "columns":
                yield _columns(entry)
            case "expect":
                checks = entry.value.items if isinstance(entry.value, Sequence) else ()
                yield _section("expect", map(_check, checks), entry, broken=True)
            case "when":
                yield _pair("when", _condition(entry.value), entry)
            case "for_each":
                yield _pair("for_each", _for_each(entry.value), entry)
            case "reads" if isinstance(entry.value, Mapping):
                yield _section(
                    key, (_pair(one.key.value, _dataset(one.value), one) for one in entry.value.entries), entry
                )
            case "metadata":
                yield _section(key, map(_generic, _entries(entry.value)), entry)
            case _ if key in HOOKS:
                yield _pair(key, _hooks(entry.value), entry)
            case _:
                yield _known(entry, _POLICY_WORDS)


def _environment(entry: Entry) -> Iterator[Item]:
    """Resources and the timeout stand beside the environment here, and in it there."""
    rest: list[Item] = []
    for inner in _entries(entry.value):
        key = inner.key.value
        if key in _RESOURCE_WORDS and isinstance(inner.value, Mapping):
            yield _section(_RESOURCE_WORDS[key], map(_generic, inner.value.entries), inner)
        elif key in _RESOURCE_WORDS:
            yield _pair(_RESOURCE_WORDS[key], _RESOURCE_DOCS[key](inner.value), inner)
        elif key == "timeout_seconds":
            yield _pair("timeout", _duration(inner.value), inner)
        elif isinstance(inner.value, Mapping):
            rest.append(_section(_ENVIRONMENT_WORDS.get(key, key), map(_generic, inner.value.entries), inner))
        else:
            rest.append(_pair(_ENVIRONMENT_WORDS.get(key, key), _value(inner.value), inner))
    if rest:
        yield _item((Atom("environment"), Braced(tuple(rest))), entry)


def _incremental(entry: Entry) -> Item:
    """A key of `incremental`; `{partition: day}` as `partition(day)`."""
    inner = _entries(entry.value)
    if entry.key.value == "by" and [one.key.value for one in inner] == ["partition"]:
        return _pair("by", Call("partition", (_item((_dataset(inner[0].value),), inner[0].value),)), entry)
    return _known(entry, {word: word for word in INCREMENTAL})


def _needs(node: Node) -> Doc:
    if not isinstance(node, Sequence):
        return _value(node)
    items: list[Item] = []
    for need in node.items:
        if isinstance(need, Mapping):
            requires = _plain_text(need.get("requires"))
            task = name(_plain_text(need.get("task")))
            items.append(_item((Atom(f"{task} on {requires}" if requires else task),), need))
        else:
            items.append(_item((Atom(name(_plain_text(need))),), need))
    return Listed(tuple(items))


def _check(node: Node) -> Item:
    """`{not_null: x, severity: warn}` as `not_null(x, severity = warn)`."""
    entries = _entries(node)
    check = next((entry for entry in entries if entry.key.value not in CHECK_OPTIONS), None)
    options = [entry for entry in entries if entry.key.value in CHECK_OPTIONS]
    if check is None:
        return _item((Atom("check()"),), node)
    word = check.key.value
    is_text = isinstance(check.value, Scalar) and typed(check.value).kind == "text"
    if not options and isinstance(check.value, Scalar) and is_text and word == "check":
        raw = raw_text(check.value.value)
        if raw is not None:
            return _item((Atom(word), raw), node)
    arguments = _arguments(check)
    for one in options:
        arguments.append(_item((Atom(one.key.value), Atom("="), _value(one.value, wordly=True)), one))
    return _item((Call(word, tuple(arguments)),), node)


def _arguments(check: Entry) -> list[Item]:
    value = check.value
    match value:
        case Scalar() if typed(value).kind == "nothing":
            return []
        case Sequence() if len(value.items) > 1 and not all(isinstance(one, Mapping) for one in value.items):
            return [_item((_value(one, wordly=True),), one) for one in value.items]
        case Mapping() if value.entries and all(is_word(one.key.value) for one in value.entries):
            named = [one for one in value.entries if one.key.value not in CHECK_OPTIONS]
            if len(named) == len(value.entries):
                return [_item((Atom(one.key.value), Atom("="), _value(one.value)), one) for one in named]
        case _:
            pass
    return [_item((_value(value, wordly=True),), value)]


def _condition(node: Node) -> Doc:
    """An expression without quotes where it is of a simple form that reads back as the same text."""
    if isinstance(node, Scalar) and _CONDITION.fullmatch(node.value):
        words = re.findall(r"[^\W\d][\w.]*", re.sub(r'"[^"]*"', "", node.value))
        if not any(word in ("and", "or", "in", "on", "true", "false", "null") for word in words):
            return Atom(node.value)
    return Atom(quoted(node.value)) if isinstance(node, Scalar) else _value(node)


def _for_each(node: Node) -> Doc:
    rows = node.get("rows") if isinstance(node, Mapping) else None
    if (
        isinstance(rows, Scalar)
        and all(map(is_word, rows.value.split(".")))
        and rows.value.split(".")[0] not in RUN_TIME
    ):
        return Atom(f"{rows.value}.rows")
    return _value(node)


def _hooks(node: Node) -> Doc:
    if isinstance(node, Sequence):
        return Listed(tuple(_item((_hook(one),), one) for one in node.items))
    return _hook(node)


def _hook(node: Node) -> Doc:
    entries = _entries(node)
    return _call("webhook", entries[0]) if [one.key.value for one in entries] == ["webhook"] else _value(node)
