"""Shows what a comparison of two revisions found: to people in few lines, to programs as one document."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from trc.cli.output import Colour, Screen
from trc.cli.quantities import count, names
from trc.compiler.compare.change import ABSENT, Absent, Change, FieldChange, Kind, PipelineChange, Side
from trc.compiler.diagnostics.render import json as as_json
from trc.compiler.diagnostics.render.cells import visible
from trc.revisions.report import CodeChange, DiffReport, NotCompared, Revision

_MARKS: Final[Mapping[Kind, tuple[str, Colour]]] = {
    "added": ("+", "green"),
    "removed": ("-", "red"),
    "renamed": (">", "cyan"),
    "changed": ("~", "yellow"),
}
_LINES: Final[Mapping[str, Colour]] = {"+": "green", "-": "red"}
_LONGEST: Final = 60
_MOST_LINES: Final = 40
"""How many lines of one query's difference people are shown; the document has them all."""


def tell_report(screen: Screen, report: DiffReport) -> None:
    """The differences, pipeline by pipeline, and how many there are."""
    for pipeline in report.pipelines:
        _tell_pipeline(screen, pipeline)
    for code in report.code:
        _tell_head(
            screen, code.kind, f"{code.file}: {code.kind} by its text; pipelines in Python are not run to be compared"
        )
    for broken in report.not_compared:
        where = {"base": _named(report.base), "head": _named(report.head), "both": "both revisions"}[broken.side]
        screen.say(
            screen.paint(visible(f"? {', '.join(broken.files)}: not compared, for the mistakes in {where}"), "red")
        )
    if report.pipelines or report.code or report.not_compared:
        screen.say()
    screen.say(visible(f"{_named(report.base)} -> {_named(report.head)}: {_summary(report)}"))


def _named(side: Revision) -> str:
    if side.name is None or side.commit is None:
        return "the working tree"
    return side.name if side.commit.startswith(side.name) else f"{side.name} ({side.commit[:9]})"


def _summary(report: DiffReport) -> str:
    of = f"{count(report.compared, 'pipeline')} compared"
    kinds = [*(one.kind for one in report.pipelines), *(one.kind for one in report.code)]
    told = [f"{count(kinds.count(kind))} {kind}" for kind in _MARKS if kind in kinds]
    if report.not_compared:
        told.append(f"{count(len(report.not_compared))} not compared")
    return f"{', '.join(told) or 'no differences'}, {of}"


def _tell_head(screen: Screen, kind: Kind, text: str, indent: str = "") -> None:
    mark, colour = _MARKS[kind]
    screen.say(f"{indent}{screen.paint(mark, colour)} {visible(text)}")


def _tell_pipeline(screen: Screen, change: PipelineChange) -> None:
    file = change.new_file or change.old_file or ""
    called = f"{change.old_name} -> {change.name}" if change.old_name else change.name
    if change.kind in ("added", "removed"):
        _tell_head(screen, change.kind, f"{called} ({file}): {change.kind}, {count(len(change.tasks), 'task')}")
        return
    _tell_head(screen, change.kind, f"{called} ({file})")
    for fields, changes in groupby(change.changes, key=_alike):
        _tell_changes(screen, list(changes), alike=bool(fields))


def _alike(change: Change) -> tuple[Any, ...]:
    """Equal for neighbours of one kind that changed in the same way: a default of all tasks is told once."""
    return (change.kind, change.what, repr(change.fields)) if change.kind == "changed" else (id(change),)


def _tell_changes(screen: Screen, changes: Sequence[Change], *, alike: bool) -> None:
    first = changes[0]
    called = names(tuple(one.name for one in changes)) if alike else first.name
    if first.kind == "renamed":
        called = f"{first.old_name} -> {first.name}"
    noun = f"{first.what}s" if len(changes) > 1 else first.what
    if first.what == "pipeline":
        noun, called = "the pipeline", ""
    is_new = first.kind in ("added", "removed")
    beside = f" ({_kind_of(first)})" if is_new and _kind_of(first) else ""
    _tell_head(screen, first.kind, f"{noun} {called}".rstrip() + beside, "  ")
    for field in _told(first.fields):
        _tell_field(screen, field)


def _kind_of(change: Change) -> str:
    """What is worth a word about a thing that is on one side only."""
    value = change.value if isinstance(change.value, dict) else {}
    return str(value.get("type") or value.get("uri") or value.get("backend") or "")


def _told(fields: Sequence[FieldChange]) -> list[FieldChange]:
    """The fields that people are told: some follow from others that have changed, too."""
    changed = {_root(one) for one in fields}
    following = {"outputs": {"type", "params"}, "engines": {"type", "params"}, "has_default": {"default"}}
    return [one for one in fields if not following.get(_root(one), set()) & changed]


def _root(field: FieldChange) -> str:
    return field.field.partition("[")[0].partition(".")[0]


def _tell_field(screen: Screen, field: FieldChange) -> None:
    if field.diff:
        screen.say(f"      {field.field}:")
        _tell_lines(screen, field.diff)
        return
    screen.say(visible(f"      {_in_words(field)}"))


def _in_words(field: FieldChange) -> str:
    if _root(field) in ("content", "code", "text"):
        end = "is new" if field.old is ABSENT else "is gone" if field.new is ABSENT else "differs"
        path = field.field.removesuffix(".digest").replace('["', " of ").removesuffix('"]')
        return f"{path} {end}"
    if _root(field) == "reads" and ABSENT in (field.old, field.new):
        return f"reads {'more' if field.old is ABSENT else 'no more'}: {field.field.removeprefix('reads').lstrip('.')}"
    if isinstance(field.old, Absent):
        return f"{field.field}: + {_value(field.new)}"
    if isinstance(field.new, Absent):
        return f"{field.field}: - {_value(field.old)}"
    return f"{field.field}: {_value(field.old)} -> {_value(field.new)}"


def _value(value: Side) -> str:
    if isinstance(value, Absent):
        return "nothing"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _tell_lines(screen: Screen, lines: Sequence[str]) -> None:
    """The lines of a difference; their numbers would be those of no file."""
    for index, line in enumerate(lines[:_MOST_LINES]):
        if line.startswith("@@"):
            if index:
                screen.say("        …")
            continue
        colour = _LINES.get(line[:1])
        text = visible(line)
        screen.say(f"        {screen.paint(text, colour) if colour else text}".rstrip())
    if len(lines) > _MOST_LINES:
        screen.say(f"        … {count(len(lines) - _MOST_LINES)} more lines; --json has them all")


def document(report: DiffReport) -> dict[str, Any]:
    """The report as plain values; a value that one side does not have is left out."""
    return {
        "base": _side(report.base),
        "head": _side(report.head),
        "differs": report.differs,
        "complete": report.is_complete,
        "pipelines": [_pipeline(one) for one in report.pipelines],
        "code": [_code(one) for one in report.code],
        "not_compared": [_broken(one) for one in report.not_compared],
        "diagnostics": as_json.render(report.diagnostics, report.sources),
    }


def _side(side: Revision) -> dict[str, str | None]:
    return {"revision": side.name, "commit": side.commit}


def _pipeline(change: PipelineChange) -> dict[str, Any]:
    return {
        "kind": change.kind,
        "name": change.name,
        **_given(old_name=change.old_name),
        "old_file": change.old_file,
        "new_file": change.new_file,
        **_given(tasks=list(change.tasks) or None),
        "changes": [_change(one) for one in change.changes],
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "kind": change.kind,
        "what": change.what,
        "name": change.name,
        **_given(old_name=change.old_name, value=change.value),
        "fields": [_field(one) for one in change.fields],
    }


def _field(field: FieldChange) -> dict[str, Any]:
    sides = {"old": field.old, "new": field.new}
    held = {name: value for name, value in sides.items() if not isinstance(value, Absent)}
    return {"field": field.field, **held, **_given(diff=list(field.diff) or None)}


def _code(change: CodeChange) -> dict[str, str]:
    return {"kind": change.kind, "file": change.file}


def _broken(one: NotCompared) -> dict[str, Any]:
    return {"files": list(one.files), "side": one.side}


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
