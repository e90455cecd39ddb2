"""Reads expectations: checks of a task's rows, each with arguments of its own kind."""

from __future__ import annotations

from typing import Any, Final

from trc.compiler.frontends.reading import (
    Held,
    Key,
    Subject,
    boolean,
    field_of,
    filled_text,
    json_value,
    known_entries,
    list_of,
    misplaced_secret,
    read_fields,
    reads,
    require,
    wrong_kind,
)
from trc.compiler.frontends.secrets import is_meant_as_secret
from trc.compiler.frontends.shapes import FILLED_TEXT, Either, Fields, Items, Single
from trc.compiler.frontends.syntax import Mapping, Node, Scalar, Sequence
from trc.compiler.frontends.typed import typed
from trc.compiler.ir.policy import Incremental
from trc.compiler.ir.task import Expectation

Arguments = dict[str, Any]


@reads(Items(FILLED_TEXT, alone=True))
def _columns(node: Node, here: Subject) -> Arguments | None:
    """A column, or several in a list."""
    if not isinstance(node, Sequence):
        name = filled_text(node, here)
        return {"columns": [name]} if name else None
    if not node.items:
        here.error("TRC205", f"{here.called} names no column", node.span, help=("name one, or remove the check",))
        return None
    names = [filled_text(item, here.item(index)) for index, item in enumerate(node.items)]
    return {"columns": names} if all(names) else None


@reads(Single({"type": "integer", "minimum": 0}))
def _count(node: Node, here: Subject) -> Held | None:
    """A number of rows."""
    reading = typed(node) if isinstance(node, Scalar) else None
    if reading is None or reading.kind != "whole number" or reading.otherwise:
        wrong_kind(node, "a whole number of rows", here)
        return None
    count = int(str(reading.value))
    if count < 0:
        here.error(
            "TRC418", f"{here.called} is {count}, and no data has so few rows", node.span, help=("write 0 or more",)
        )
        return None
    return Held(count)


_ACCEPTED: Final = {
    "column": Key("The column whose values are looked at", filled_text, required=True),
    "values": Key("The values that it may hold; rows without a value pass", list_of(json_value), required=True),
}
_RELATED: Final = {
    "column": Key("The column whose values are looked up; rows without a value pass", filled_text, required=True),
    "to": Key("The source or the task that holds each of them", filled_text, required=True),
    "field": Key("Its column there; by default one of the same name", filled_text),
}
_COUNTED: Final = {
    "min": Key("The fewest rows that pass", _count),
    "max": Key("The most rows that pass", _count),
}
_FRESH: Final = {
    "column": Key("The column of times; the newest counts", filled_text, required=True),
    "max_age": Key(
        "How old the newest may be at the run's logical time, such as 25h",
        field_of(Incremental, "max_age"),
        required=True,
    ),
}


@reads(Fields(_ACCEPTED))
def _accepted(node: Node, here: Subject) -> Arguments | None:
    """A column and the values that it may hold."""
    values = _all_of(node, _ACCEPTED, here)
    if values is None:
        return None
    accepted = [held.value for held in values["values"]]
    if not accepted:
        written = node.get("values") if isinstance(node, Mapping) else None
        help_line = ("list the values that pass",)
        here.error("TRC205", f"{here.called} lists no values", written.span if written else node.span, help=help_line)
        return None
    return {"column": values["column"], "values": accepted}


@reads(Fields(_RELATED))
def _related(node: Node, here: Subject) -> Arguments | None:
    """A column, and where its values are found."""
    values = _all_of(node, _RELATED, here)
    if values is None:
        return None
    return {"column": values["column"], "to": values["to"], "field": values.get("field", values["column"])}


@reads(Either((_count.shape, Fields(_COUNTED))))
def _counted(node: Node, here: Subject) -> Arguments | None:
    """A number of rows, or the fewest and the most."""
    if isinstance(node, Scalar) and node.value:
        count = _count(node, here)
        return {"min": count.value, "max": count.value} if count else None
    values = read_fields(node, _COUNTED, here)
    if values is None or not isinstance(node, Mapping):
        return None
    bounds = {key: held.value for key, held in values.items()}
    if not bounds:
        if not node.entries:
            here.error("TRC202", f"{here.called} has no bound", node.head, help=("add min, max or both",))
        return None
    if bounds.get("min", 0) > bounds.get("max", bounds.get("min", 0)):
        message = f"no data has at least {bounds['min']} and at most {bounds['max']} rows"
        written = node.get("max")
        here.error("TRC418", message, written.span if written else node.head, help=("swap the two",))
        return None
    return bounds


@reads(Fields(_FRESH))
def _fresh(node: Node, here: Subject) -> Arguments | None:
    """A column of times, and how old the newest may be."""
    values = _all_of(node, _FRESH, here)
    if values is None:
        return None
    seconds = values["max_age"].seconds
    if seconds <= 0:
        written = node.get("max_age") if isinstance(node, Mapping) else None
        help_line = ("write how old the newest row may be, such as 25h",)
        here.error("TRC418", '"max_age" is no time at all', written.span if written else node.span, help=help_line)
        return None
    return {"column": values["column"], "max_age": seconds}


def _all_of(node: Node, keys: dict[str, Key], here: Subject) -> Arguments | None:
    """The fields, if each that is written is right and each that must be there is."""
    values = read_fields(node, keys, here)
    if values is None or not isinstance(node, Mapping):
        return None
    has_all = [require(node, key, here, known=keys) for key, one in keys.items() if one.required]
    is_right = all(entry.key.value in values for entry in node.entries if entry.key.value in keys)
    return values if all(has_all) and is_right else None


@reads(FILLED_TEXT)
def _condition(node: Node, here: Subject) -> Arguments | None:
    """A condition of SQL."""
    condition = filled_text(node, here)
    return {"condition": condition} if condition else None


_CHECKS: Final = {
    "not_null": Key("Each row has a value in this column, or in each of these", _columns),
    "unique": Key("No two rows have the same value in this column, or the same values in all of these", _columns),
    "accepted_values": Key("A column holds these values and no others", _accepted),
    "relationships": Key("Each value of a column is found in a column of another dataset", _related),
    "row_count": Key("How many rows there are: a number, or the fewest and the most", _counted),
    "freshness": Key("The newest time of a column is not too long ago", _fresh),
    "check": Key("A condition of SQL that each row meets; one that is unknown, for a null, counts as met", _condition),
}
_OPTIONS: Final = {
    "severity": Key(
        "What becomes of the task where the check fails: error publishes nothing, warn reports it",
        field_of(Expectation, "severity"),
    ),
    "store_failures": Key("Whether rows that break the check are kept in .trc/failures", boolean),
}
_KEYS: Final = {**_CHECKS, **_OPTIONS}


@reads(Fields(_KEYS))
def expectation(node: Node, here: Subject) -> Expectation | None:
    """One check with its arguments, such as `not_null: customer_id`, perhaps with a severity."""
    if not isinstance(node, Mapping):
        wrong_kind(node, "a mapping", here)
        return None
    if is_meant_as_secret(node):
        misplaced_secret(node, here)
        return None
    entries = known_entries(node, _KEYS, here)
    options = {
        key: value
        for key, one in _OPTIONS.items()
        if key in entries and (value := one.read(entries[key].value, here.at(key))) is not None
    }
    checks = [entry for key, entry in entries.items() if key in _CHECKS]
    for entry in checks[1:]:
        here.error(
            "TRC201", f"{here.called} holds a second check", entry.key.span, help=("make it an item of its own",)
        )
    if not checks:
        if len(entries) == len(node.entries):
            here.error("TRC202", f"{here.called} holds no check", node.head, help=("add one: not_null: a_column",))
        return None
    name = checks[0].key.value
    arguments = _CHECKS[name].read(checks[0].value, here.at(name))
    if arguments is None:
        return None
    return Expectation.model_validate({"check": name, "arguments": arguments, **options})
