"""A verdict on one pipeline file, and its form in plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

from trc.compiler.checks.project import Summary, Written
from trc.compiler.diagnostics.diagnostic import Diagnostic, Fix, Label
from trc.compiler.source import SourceFile, Span


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found in a file.

    `sources` are the files that diagnostics point into; `summary` is for its project. `brought` are the names of the
    files that it was read with; whether it `is_part` of a pipeline only, and declares none, counts where others bring it.
    """

    diagnostics: tuple[Diagnostic, ...]
    sources: Mapping[str, SourceFile] = field(default_factory=dict[str, SourceFile])
    summary: Summary | None = None
    brought: tuple[str, ...] = ()
    is_part: bool = False


_SHAPE: Final = tuple(
    (cls.__name__, *(one.name for one in fields(cls)))
    for cls in (Verdict, Diagnostic, Label, Fix, Span, Summary, Written)
)
"""A verdict whose parts have another shape is of no use."""


def plain(verdict: Verdict) -> tuple[object, ...]:
    """The verdict as tuples, texts and numbers, which can be written and read without running anything."""
    texts = {name: source.text for name, source in verdict.sources.items()}
    found = [_plain(one) for one in verdict.diagnostics]
    return (_SHAPE, found, texts, _plain(verdict.summary), verdict.brought, verdict.is_part)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(_plain(item) for item in value)
    slots = getattr(value, "__slots__", None)
    return value if slots is None else tuple(_plain(getattr(value, name)) for name in slots)


def told(raw: Any) -> Verdict | None:
    """The verdict that `plain` made; None for anything else."""
    if not isinstance(raw, tuple) or not raw or raw[0] != _SHAPE:
        return None
    _, diagnostics, texts, summary, brought, is_part = raw
    return Verdict(
        tuple(_diagnostic(*one) for one in diagnostics),
        {name: SourceFile(name, text) for name, text in texts.items()},
        None if summary is None else _summary(*summary),
        brought,
        is_part,
    )


def _diagnostic(  # noqa: PLR0917 - the fields of a diagnostic, in their order
    code: str, message: str, span: Any, label: str, related: Any, help_lines: Any, fix: Any, *rest: Any
) -> Diagnostic:
    labels = tuple(Label(Span(*place), text) for place, text in related)
    mended = None if fix is None else Fix(Span(*fix[0]), *fix[1:])
    return Diagnostic(code, message, _span(span), label, labels, help_lines, mended, *rest)


def _summary(project: str, name: str, span: Any, outputs: Any) -> Summary:
    written = tuple(Written(task, uri, place, _span(at)) for task, uri, place, at in outputs)
    return Summary(project, name, _span(span), written)


def _span(raw: Any) -> Span | None:
    return None if raw is None else Span(*raw)
