"""One thing to tell the author of a pipeline, with its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from trc.compiler.diagnostics.wording import one_line
from trc.compiler.source import Span

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Label:
    """A further place that a diagnostic points to, such as "first defined here"."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Fix:
    """An edit that mends the mistake: put `replacement` where `span` is."""

    span: Span
    replacement: str
    title: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """A message in the reader's words, with the place it is about.

    `message` is one line in lower case that names the thing in quotes, whatever the names in it hold:
    line breaks are made escapes, and what is too long is cut. `label` stands beside the underlined
    span; `help` is the remedy. `span` is absent only where no file is concerned.
    `task` names the task that it is about: errors of one task do not hide another's.
    """

    code: str
    message: str
    span: Span | None = None
    label: str = ""
    related: tuple[Label, ...] = ()
    help: tuple[str, ...] = ()
    fix: Fix | None = None
    severity: Severity = "error"
    task: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", one_line(self.message))
