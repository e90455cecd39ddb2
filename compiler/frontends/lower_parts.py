"""Reads what belongs to the pipeline as a whole: schedule, params, sources, targets and tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from trc.compiler.diagnostics.diagnostic import Label
from trc.compiler.diagnostics.nearest import nearest
from trc.compiler.frontends.names import is_name
from trc.compiler.frontends.reading import (
    Held,
    Key,
    Reader,
    Subject,
    boolean,
    check_one_spelling,
    field_of,
    filled_text,
    found,
    json_mapping,
    json_value,
    list_of,
    mapping_of,
    read_fields,
    reads,
    require,
    seconds,
    text,
    wrong_kind,
)
from trc.compiler.frontends.shapes import ANY, Fields, Named
from trc.compiler.frontends.syntax import Entry, Mapping, Node, Scalar
from trc.compiler.ir.dataset import Column, Source
from trc.compiler.ir.formats import Format
from trc.compiler.ir.pipeline import Param, PipelineTest, Target
from trc.compiler.ir.policy import Schedule

T = TypeVar("T")

FORMATS: Final[dict[str, Format]] = {"parquet": "parquet", "csv": "csv", "json": "json", "file": "file"}

_SCHEDULE: Final = {
    "cron": Key(
        "When to run, as five cron fields: minute, hour, day, month, weekday", field_of(Schedule, "cron", filled_text)
    ),
    "interval": Key("How long from one run to the next, such as 90s or 1h30m", field_of(Schedule, "interval")),
    "interval_seconds": Key("Seconds from one run to the next", field_of(Schedule, "interval", seconds)),
    "timezone": Key(
        "The time zone of the cron expression; UTC if none is given", field_of(Schedule, "timezone", filled_text)
    ),
}
_PARAM: Final = {
    "type": Key("The kind of its values; string if none is given", field_of(Param, "type")),
    "default": Key("Its value where a run gives none", json_value),
    "description": Key("What it is for, for people", text),
}
_ROWS: Final = mapping_of(list_of(json_mapping))
_TEST: Final = {
    "name": Key("What the test shows, in words", filled_text, required=True),
    "params": Key("Values of the pipeline's parameters", json_mapping),
    "given": Key("Rows by dataset: what sources and tasks are taken to hold", _ROWS),
    "values": Key("Values by task: what tasks are taken to return", mapping_of(json_mapping)),
    "expect": Key("Rows by dataset: what tasks must then yield", _ROWS, required=True),
}


@reads(mapping_of(filled_text).shape)
def columns(node: Node, here: Subject) -> tuple[Column, ...] | None:
    """Declared columns: names with DuckDB types, in order."""
    values = mapping_of(filled_text)(node, here)
    return None if values is None else tuple(Column(name=name, type=kind) for name, kind in values.items())


_SOURCE: Final = {
    "parquet": Key("The location of Parquet files: a path, a pattern or an address", filled_text),
    "csv": Key("The location of CSV files: a path, a pattern or an address", filled_text),
    "json": Key("The location of JSON files: a path, a pattern or an address", filled_text),
    "file": Key("The location of files without rows, read as they are", filled_text),
    "columns": Key("Its columns: names with DuckDB types, in order; without it the file itself tells", columns),
}


_WHEN: Final = frozenset({"cron", "interval", "interval_seconds"})


@reads(Fields(_SCHEDULE))
def schedule(node: Node, here: Subject) -> Schedule | None:
    if isinstance(node, Scalar):
        wrong_kind(node, "a mapping", here, remedy='write it as {cron: "0 2 * * *"} or {interval_seconds: 3600}')
        return None
    values = read_fields(node, _SCHEDULE, here)
    if values is None or not isinstance(node, Mapping):
        return None
    check_one_spelling(node, here)
    if not values.keys() & _WHEN and any(entry.key.value in _WHEN for entry in node.entries):
        return None  # what says when has a mistake, which is reported
    names = {"interval_seconds": "interval"}
    return Schedule(**{names.get(key, key): value for key, value in values.items()})


@reads(Named(Fields(_PARAM)))
def params(node: Node, here: Subject) -> tuple[Param, ...] | None:
    """The pipeline's parameters."""
    return _named(node, here, _param)


def _param(name: str, node: Node, here: Subject) -> Param | None:
    values = read_fields(node, _PARAM, here)
    if values is None or not isinstance(node, Mapping):
        return None
    default = values.pop("default", None)
    param = Param(name=name, **values)
    if not isinstance(default, Held):
        return param
    entry = node.entry("default")
    if entry and not fits(default.value, param.type):
        here.error(
            "TRC209",
            f'the default of "{name}" is {found(entry.value)}, and its type is {param.type}',
            entry.value.span,
            help=(f"write a default that fits {param.type}, or change the type",),
        )
    return param.model_copy(update={"default": default.value, "has_default": True})


_CLASSES: Final[dict[str, tuple[type, ...]]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "date": (str,),
    "timestamp": (str,),
    "duration": (str, int, float),
    "size": (str, int),
    "list": (list,),
    "map": (dict,),
}


def fits(value: object, kind: str) -> bool:
    """Whether a default is of the declared kind; what a template will yield is not known yet."""
    if isinstance(value, str) and "{{" in value:
        return True
    if isinstance(value, bool):
        return kind == "boolean"
    return value is None or isinstance(value, _CLASSES[kind])


@reads(Named(Fields(_SOURCE)))
def sources(node: Node, here: Subject) -> tuple[Source, ...] | None:
    """The datasets that no task writes."""
    return _named(node, here, _source)


def _source(name: str, node: Node, here: Subject) -> Source | None:
    if isinstance(node, Scalar):
        wrong_kind(node, "a mapping", here, remedy="write its format too: {csv: data/orders.csv}")
        return None
    values = read_fields(node, _SOURCE, here)
    if values is None or not isinstance(node, Mapping):
        return None
    written = [entry for entry in node.entries if entry.key.value in FORMATS]
    unknown = [entry.key.value for entry in node.entries if entry.key.value not in _SOURCE]
    if node.whole and not written and not any(nearest(word, FORMATS) for word in unknown):
        here.error(
            "TRC202",
            f'"{name}" does not say where it lies',
            node.head,
            help=(f"add its location under one of: {', '.join(FORMATS)}",),
        )
    if not written:
        return None
    for entry in written[1:]:
        _second_location(name, written[0], entry, here)
    key = written[0].key.value
    if key not in values:
        return None
    return Source(name=name, uri=values[key], format=FORMATS[key], columns=values.get("columns"))


def _second_location(name: str, first: Entry, second: Entry, here: Subject) -> None:
    here.error(
        "TRC205",
        f'"{name}" lies in one place, and this is a second one',
        second.key.span,
        related=(Label(first.key.span, "first written here"),),
        help=("declare a source of its own for it",),
    )


_TARGET: Final = {
    # Its value decides which further key is known, so it is read before the others.
    "backend": Key("The backend that tasks run on there", Reader(lambda *_: None, filled_text.shape), required=True),
    "state": Key("Where the state of runs is kept", filled_text),
    "params": Key("Values of the pipeline's parameters there", json_mapping),
    "optimise": Key("Whether runs there keep no more of intermediates than is read of them", boolean),
}


@reads(Named(Fields(_TARGET, others=Named(ANY))))
def targets(node: Node, here: Subject) -> tuple[Target, ...] | None:
    """The named deployment environments."""
    return _named(node, here, _target)


def _target(name: str, node: Node, here: Subject) -> Target | None:
    if not isinstance(node, Mapping):
        wrong_kind(node, "a mapping", here)
        return None
    written = node.get("backend")
    backend = filled_text(written, here.at("backend")) if written else None
    keys = dict(_TARGET)
    if backend:
        keys.setdefault(backend, Key("Settings of the backend", json_mapping))
    values = read_fields(node, keys, here) or {}
    if not require(node, "backend", here, known=keys, example="local") or backend is None:
        return None
    settings = values.pop(backend, {}) if backend not in _TARGET else {}
    return Target(name=name, backend=backend, settings=settings, **values)


@reads(Fields(_TEST))
def test(node: Node, here: Subject) -> PipelineTest | None:
    """Given rows, and the rows that are expected of them."""
    values = read_fields(node, _TEST, here)
    if values is None or not isinstance(node, Mapping) or not require(node, "name", here, known=_TEST):
        return None
    require(node, "expect", here, known=_TEST)
    return PipelineTest.model_validate(values) if "name" in values else None


def _named(node: Node, here: Subject, reader: Callable[[str, Node, Subject], T | None]) -> tuple[T, ...] | None:
    """Things by name, in the author's order; what is wrong with one hides none of the others."""
    if not isinstance(node, Mapping):
        wrong_kind(node, "a mapping", here)
        return None
    things = [
        reader(entry.key.value, entry.value, here.at(entry.key.value))
        for entry in node.entries
        if is_name(entry.key, here)
    ]
    return tuple(thing for thing in things if thing is not None)
