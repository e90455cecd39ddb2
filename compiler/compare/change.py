"""What a comparison tells: values that say what was added, removed, renamed or changed, and in which field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from pydantic import JsonValue

Kind = Literal["added", "removed", "renamed", "changed"]
What = Literal["pipeline", "task", "source", "param", "target", "test", "macros"]


@dataclass(frozen=True, slots=True)
class Absent:
    """There is no such value on that side."""


ABSENT: Final = Absent()
Side = JsonValue | Absent


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field that differs: its path in the node, and its value on each side."""

    field: str
    old: Side
    new: Side
    diff: tuple[str, ...] = ()
    """For SQL: what differs, as lines of a unified diff without layout and comments."""


@dataclass(frozen=True, slots=True)
class Change:
    """One difference within a pipeline: `what` is of a kind, and has a name.

    A changed thing names its `fields`; a renamed one its `old_name`. The value of what was added or
    removed is in `value`, without what was left at its default.
    """

    kind: Kind
    what: What
    name: str
    fields: tuple[FieldChange, ...] = ()
    old_name: str | None = None
    value: JsonValue = None


@dataclass(frozen=True, slots=True)
class PipelineChange:
    """A pipeline that is on one side only, or differs; files are those of each side."""

    kind: Kind
    name: str
    old_file: str | None
    new_file: str | None
    changes: tuple[Change, ...] = ()
    old_name: str | None = None
    tasks: tuple[str, ...] = ()
    """The tasks of a pipeline that is on one side only."""
