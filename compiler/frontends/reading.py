"""Readers of syntax nodes: each gives a value of the kind that is wanted, or reports why there is none."""

from __future__ import annotations

import json
from collections.abc import Callable
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Final, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from trc.compiler.diagnostics.collector import Collector
from trc.compiler.diagnostics.diagnostic import Diagnostic, Fix, Label
from trc.compiler.diagnostics.wording import one_line
from trc.compiler.frontends.problems import problems
from trc.compiler.frontends.secrets import ALLOWED, is_meant_as_secret, is_secret, secret_beside
from trc.compiler.frontends.shapes import (
    ANY,
    BOOLEAN,
    FILLED_TEXT,
    SECONDS,
    TEXT,
    Either,
    Fields,
    FieldValue,
    Items,
    Named,
    Shape,
    Single,
)
from trc.compiler.frontends.suggestions import is_meant_by, suggestion
from trc.compiler.frontends.syntax import Entry, Mapping, Node, Scalar, Sequence
from trc.compiler.frontends.typed import Typed, typed
from trc.compiler.ir.node import Node as IrNode
from trc.compiler.ir.secrets import KEY, BadReference, SecretRef, read_reference
from trc.compiler.source import Span

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Subject:
    """What is being read: how messages name it, and the task that it belongs to."""

    collect: Collector
    called: str
    task: str | None = None

    def at(self, key: str) -> Subject:
        return Subject(self.collect, f'"{key}"', self.task)

    def item(self, index: int) -> Subject:
        return Subject(self.collect, f"item {index + 1} of {self.called}", self.task)

    def error(
        self,
        code: str,
        message: str,
        span: Span,
        *,
        help: tuple[str, ...] = (),  # noqa: A002 - the field's name in a diagnostic
        label: str = "",
        related: tuple[Label, ...] = (),
        fix: Fix | None = None,
    ) -> None:
        self.collect.add(
            Diagnostic(
                code,
                message,
                span,
                label=label,
                related=related,
                help=tuple(one_line(line) for line in help),
                fix=fix,
                task=self.task,
            )
        )


@dataclass(frozen=True, slots=True)
class Reader(Generic[T]):
    """Gives the value, or None after reporting what is wrong with it; `shape` tells what may stand there."""

    read: Callable[[Node, Subject], T | None]
    shape: Shape

    def __call__(self, node: Node, here: Subject) -> T | None:
        return self.read(node, here)


def reads(shape: Shape) -> Callable[[Callable[[Node, Subject], T | None]], Reader[T]]:
    """Makes a function the reader of what `shape` tells."""
    return lambda read: Reader(read, shape)


@dataclass(frozen=True, slots=True)
class Key:
    """A key that a mapping may have: what it is for, and how its value is read."""

    doc: str
    read: Reader[Any]
    required: bool = False

    @property
    def shape(self) -> Shape:
        return self.read.shape


@dataclass(frozen=True, slots=True)
class Held:
    """A value of JSON, wrapped so that a null is told from nothing at all."""

    value: Any


def known_entries(node: Mapping, known: MappingOf[str, object], here: Subject) -> dict[str, Entry]:
    """The entries whose keys are known; the others are reported with the nearest known key."""
    entries: dict[str, Entry] = {}
    for entry in node.entries:
        key = entry.key.value
        if key in known:
            entries[key] = entry
        else:
            here.error(
                "TRC201",
                f'{here.called} has no key "{key}"',
                entry.key.span,
                help=suggestion(key, {node.spell(one): None for one in known}, "the keys are"),
            )
    return entries


def record(keys: MappingOf[str, Key]) -> Reader[dict[str, Any]]:
    """A mapping with fixed keys, as values by key."""

    def read(node: Node, here: Subject) -> dict[str, Any] | None:
        if isinstance(node, Mapping):
            check_one_spelling(node, here)
        return read_fields(node, keys, here)

    return Reader(read, Fields(keys))


def read_fields(node: Node, keys: MappingOf[str, Key], here: Subject) -> dict[str, Any] | None:
    """The values of a mapping's keys, each by its reader; what could not be read is left out."""
    if not isinstance(node, Mapping):
        wrong_kind(node, "a mapping", here)
        return None
    if is_meant_as_secret(node):
        misplaced_secret(node, here)
        return None
    values: dict[str, Any] = {}
    for key, entry in known_entries(node, keys, here).items():
        value = keys[key].read(entry.value, here.at(node.spell(key)))
        if value is not None:
            values[key] = value
    return values


def check_one_spelling(node: Mapping, here: Subject) -> None:
    """`max_age: 1h` and `max_age_seconds: 3600` say one thing; only one of them can stand."""
    for entry in node.entries:
        first = node.entry(entry.key.value.removesuffix("_seconds"))
        if first is None or first is entry:
            continue
        here.error(
            "TRC107",
            f'"{first.key.value}" and "{entry.key.value}" say the same',
            entry.key.span,
            related=(Label(first.key.span, "first said here"),),
            help=("remove one of them",),
        )


def require(
    node: Mapping,
    key: str,
    here: Subject,
    *,
    known: MappingOf[str, object],
    at: Span | None = None,
    example: str = "",
) -> bool:
    """Whether a key that must be there is; says so if it is not, unless an unknown key was meant to be it."""
    if node.entry(key):
        return True
    unknown = [entry.key.value for entry in node.entries if entry.key.value not in known]
    if node.whole and not is_meant_by(unknown, key):
        spelled = node.spell(key)
        assigns = ": " if node.language == "yaml" else " = "
        remedy = f"add {spelled}{assigns}{example}" if example else f'add "{spelled}"'
        here.error("TRC202", f'{here.called} lacks the key "{spelled}"', at or node.head, help=(remedy,))
    return False


@reads(TEXT)
def text(node: Node, here: Subject) -> str | None:
    """A text; an unquoted word that YAML reads as something else is reported, and taken as written."""
    if not isinstance(node, Scalar):
        wrong_kind(node, "a text", here)
        return None
    reading = typed(node)
    if reading.kind != "text" or reading.otherwise:
        if not node.value:
            wrong_kind(node, "a text", here)
            return None
        unquoted(node, reading, here)
    return node.value


@reads(FILLED_TEXT)
def filled_text(node: Node, here: Subject) -> str | None:
    """A text that says something."""
    value = text(node, here)
    if value is not None and not value.strip():
        here.error("TRC205", f"{here.called} is empty", node.span, help=("write a text, or leave the key out",))
        return None
    return value


_SECRET: Final = {
    KEY: Key(
        "Where the secret lies: env:NAME, file:path, aws-secretsmanager:name, aws-ssm:/path", filled_text, required=True
    )
}


@reads(Either((TEXT, Fields(_SECRET))))
def text_or_secret(node: Node, here: Subject) -> str | SecretRef | None:
    """A text, or the secret that gives it."""
    if isinstance(node, Mapping) and is_secret(node):
        return secret(node, here)
    return text(node, here)


@reads(BOOLEAN)
def boolean(node: Node, here: Subject) -> bool | None:
    """`true` or `false`."""
    reading = typed(node) if isinstance(node, Scalar) else None
    if reading is not None and isinstance(reading.value, bool):
        return reading.value
    if isinstance(node, Scalar) and reading is not None and reading.otherwise in ("true", "false"):
        here.error(
            "TRC204",
            f"{here.called} is {node.value}, which some readers of YAML take for {reading.otherwise}, others for a text",
            node.span,
            help=(f"write {reading.otherwise}",),
            fix=Fix(node.span, reading.otherwise, f"write {reading.otherwise}"),
        )
        return reading.otherwise == "true"
    wrong_kind(node, "true or false", here)
    return None


@reads(SECONDS)
def seconds(node: Node, here: Subject) -> Held | None:
    """A number of seconds, as keys that end in `_seconds` hold."""
    if isinstance(node, Scalar):
        reading = typed(node)
        if reading.otherwise:
            unquoted(node, reading, here, remedy="write the number of seconds")
            return None
        if reading.kind in ("whole number", "number"):
            return Held(reading.value)
    wrong_kind(node, "a number of seconds", here)
    return None


@reads(ANY)
def json_value(node: Node, here: Subject) -> Held | None:
    """Any value; what readers of YAML disagree on has to be quoted."""
    match node:
        case Scalar():
            return Held(_json_scalar(node, here))
        case Sequence():
            items = [json_value(item, here.item(index)) for index, item in enumerate(node.items)]
            return Held([item.value for item in items if item])
        case Mapping() if is_secret(node):
            misplaced_secret(node, here)
            return Held(None)
        case Mapping():
            return _json_entries(node, here)


def _json_entries(node: Mapping, here: Subject) -> Held:
    held = ((entry.key.value, json_value(entry.value, here.at(entry.key.value))) for entry in node.entries)
    return Held({key: value.value for key, value in held if value})


def named_values(node: Node, here: Subject) -> Held | None:
    """As `json_value`, of a mapping with names of the author's choice: one of them can be `secret`."""
    if not isinstance(node, Mapping):
        return json_value(node, here)
    if is_meant_as_secret(node):
        misplaced_secret(node, here)
        return None
    return _json_entries(node, here)


def values_with_secrets(node: Node, here: Subject) -> Held | None:
    """As `named_values`, with secrets at any depth below the names."""
    if not isinstance(node, Mapping):
        return json_value(node, here)
    if is_meant_as_secret(node):
        misplaced_secret(node, here)
        return None
    held = ((entry.key.value, _with_secrets(entry.value, here.at(entry.key.value))) for entry in node.entries)
    return Held({key: value.value for key, value in held if value})


def _with_secrets(node: Node, here: Subject) -> Held | None:
    match node:
        case Scalar():
            return json_value(node, here)
        case Sequence():
            items = [_with_secrets(item, here.item(index)) for index, item in enumerate(node.items)]
            return Held([item.value for item in items if item])
        case Mapping() if is_secret(node):
            found = secret(node, here)
            return Held(found.model_dump() if found else None)
        case Mapping():
            beside = secret_beside(node)
            if beside is not None:
                here.error(
                    "TRC220",
                    f"{here.called} is a secret with further keys beside it",
                    beside.key.span,
                    help=('a secret is a mapping with the one key "secret": move the others out of it',),
                )
                return None
            held = ((entry.key.value, _with_secrets(entry.value, here.at(entry.key.value))) for entry in node.entries)
            return Held({key: value.value for key, value in held if value})


def secret(node: Mapping, here: Subject) -> SecretRef | None:
    """The secret that a mapping with the key `secret` refers to."""
    value = node.entries[0].value
    if not isinstance(value, Scalar) or typed(value).kind != "text":
        here.error(
            "TRC222",
            f"{here.called} is a secret, and what it refers to is {found(value) if value else 'nothing'}",
            value.head if isinstance(value, Mapping) else value.span,
            help=('write a text that says where it lies, such as "env:NAME"',),
        )
        return None
    try:
        return read_reference(value.value)
    except BadReference as bad:
        here.error(bad.code, bad.message, value.span, help=bad.help)
        return None


def misplaced_secret(node: Node, here: Subject) -> None:
    """Reports a secret where none may stand."""
    here.error("TRC220", f"{here.called} cannot be a secret", node.span, help=(ALLOWED,))


def _json_scalar(node: Scalar, here: Subject) -> Any:
    reading = typed(node)
    if reading.otherwise:
        unquoted(node, reading, here)
        return node.value
    if not reading.is_json:
        here.error("TRC205", f"{here.called} is a number that JSON cannot hold", node.span, help=("put it in quotes",))
        return 0
    return reading.value


@reads(Named(ANY))
def json_mapping(node: Node, here: Subject) -> dict[str, Any] | None:
    """A mapping of any values."""
    if not isinstance(node, Mapping):
        wrong_kind(node, "a mapping", here)
        return None
    held = named_values(node, here)
    return held.value if held else None


def list_of(reader: Reader[T]) -> Reader[tuple[T, ...]]:
    """A list whose items `reader` reads; items that are wrong are reported and left out."""

    def read(node: Node, here: Subject) -> tuple[T, ...] | None:
        if not isinstance(node, Sequence):
            wrong_kind(node, "a list", here)
            return None
        values = (reader(item, here.item(index)) for index, item in enumerate(node.items))
        return tuple(value for value in values if value is not None)

    return Reader(read, Items(reader.shape))


def mapping_of(reader: Reader[T]) -> Reader[dict[str, T]]:
    """A mapping with keys of the author's choice."""

    def read(node: Node, here: Subject) -> dict[str, T] | None:
        if not isinstance(node, Mapping):
            wrong_kind(node, "a mapping", here)
            return None
        if is_meant_as_secret(node):
            misplaced_secret(node, here)
            return None
        values = {entry.key.value: reader(entry.value, here.at(entry.key.value)) for entry in node.entries}
        return {key: value for key, value in values.items() if value is not None}

    return Reader(read, Named(reader.shape))


@reads(Single({"type": ["string", "number", "boolean"]}))
def single_value(node: Node, here: Subject) -> Held | None:
    """A number, a word or a text; what readers of YAML disagree on is reported."""
    if not isinstance(node, Scalar) or not node.value:
        wrong_kind(node, "a single value", here)
        return None
    reading = typed(node)
    if reading.otherwise:
        unquoted(node, reading, here, remedy="write it without leading zeros, underscores and colons")
        return None
    return Held(_json_scalar(node, here))


def field_of(model: type[IrNode], name: str, reader: Reader[Any] = single_value) -> Reader[Any]:
    """The value of an IR field, with the field's own bounds; what breaks them is told in plain words."""

    def read(node: Node, here: Subject) -> Any:
        value = reader(node, here)
        if value is None:
            return None
        try:
            return field_adapter(model, name).validate_python(
                value.value if isinstance(value, Held) else value, strict=True
            )
        except ValidationError as error:
            for problem in problems(error, node):
                if problem.wanted:
                    wrong_kind(node, problem.wanted, here)
                else:
                    here.error("TRC205", problem.told(here.called), node.span, help=problem.help)
            return None

    # A number of seconds stands for a duration; all else is spelled as the field reads it.
    return Reader(read, reader.shape if reader is seconds else FieldValue(model, name))


@cache
def field_adapter(model: type[IrNode], name: str) -> TypeAdapter[Any]:
    """Judges values of one field, as the field itself does."""
    field = model.model_fields[name]
    annotation: Any = field.annotation
    for marking in field.metadata:
        annotation = Annotated[annotation, marking]
    return TypeAdapter(annotation)


def unquoted(node: Scalar, reading: Typed, here: Subject, remedy: str = "put it in quotes") -> None:
    """Reports an unquoted word that YAML takes for something else than a text."""
    quoted = json.dumps(node.value, ensure_ascii=False)
    if reading.otherwise:
        reads = f"which some readers of YAML take for {reading.otherwise}"
    else:
        reads = f"which YAML reads as {spelled(reading)}, not as a text"
    here.error(
        "TRC204",
        f"{here.called} is {node.value}, {reads}",
        node.span,
        help=(f"{remedy}: {quoted}" if remedy == "put it in quotes" else remedy,),
        fix=Fix(node.span, quoted, remedy) if remedy == "put it in quotes" else None,
    )


def spelled(reading: Typed) -> str:
    """A value as a sentence names it."""
    match reading.kind:
        case "text":
            return f'the text "{_shortened(str(reading.value))}"'
        case "nothing":
            return "nothing"
        case "boolean":
            return "true" if reading.value else "false"
        case "whole number" | "number":
            return f"the number {reading.value}"


def found(node: Node) -> str:
    """What stands at a node, as a sentence names it."""
    match node:
        case Scalar():
            return spelled(typed(node))
        case Sequence():
            return "a list"
        case Mapping():
            return "a mapping"


def wrong_kind(node: Node, wanted: str, here: Subject, code: str = "TRC203", remedy: str = "") -> None:
    """Reports a value of another kind than is wanted."""
    if is_secret(node):
        misplaced_secret(node, here)
        return
    if isinstance(node, Scalar) and not node.value and node.style == "plain":
        here.error(
            code,
            f"{here.called} has no value, and {wanted} is wanted",
            node.span,
            help=("write one, or remove the key",),
        )
        return
    help_line = (remedy,) if remedy else ()
    if wanted == "a list" and isinstance(node, Scalar):
        help_line = (f"write it as a list: [{json.dumps(_shortened(node.value), ensure_ascii=False)}]",)
    span = node.head if isinstance(node, Mapping) else node.span
    here.error(code, f"{here.called} is {found(node)}, and {wanted} is wanted", span, help=help_line)


def _shortened(value: str) -> str:
    line = " ".join(value.split())
    return line if len(line) <= 40 else f"{line[:37]}..."
