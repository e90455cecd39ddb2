"""What a check has to say of one file, as a value and as bytes: plain tuples, which run nothing when they are read."""

from __future__ import annotations

import marshal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trc.compiler.checks.project import Outline, Written
from trc.compiler.diagnostics.diagnostic import Diagnostic, Fix, Label
from trc.compiler.source import SourceFile, Span
from trc.runtime.dependencies import Dependencies
from trc.runtime.errors import Stopped


@dataclass(frozen=True, slots=True)
class Text:
    """A file that places are in: under the name that diagnostics show, where it lies, and what its text was."""

    name: str
    path: str
    digest: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The diagnostics about one file, and what the checks across files have to know of its pipeline.

    `depends` is what the answer depends on beside the file's own text; None where nobody can tell.
    """

    diagnostics: tuple[Diagnostic, ...]
    texts: tuple[Text, ...] = ()
    outline: Outline | None = None
    depends: Dependencies | None = None


SHAPE = repr(tuple((cls.__name__, cls.__slots__) for cls in (Answer, Text, Diagnostic, Outline, Written, Dependencies)))
"""Answers of another shape are of no use."""


def to_bytes(answer: Answer) -> bytes:
    return marshal.dumps(_plain(answer))


def from_bytes(data: bytes) -> Answer:
    """The answer that was written; raises ValueError where the bytes hold none."""
    try:
        return _answer(marshal.loads(data))  # noqa: S302 - plain values of ours; whose they are is seen before
    except (ValueError, EOFError, TypeError, IndexError) as error:
        raise ValueError("these bytes hold no answer") from error


def stop_to_bytes(stop: Stopped) -> bytes:
    """What ends a check, as bytes."""
    sources = tuple((name, source.text) for name, source in stop.sources.items())
    return marshal.dumps((_plain(stop.diagnostics), stop.exit_code, sources))


def stop_from_bytes(data: bytes) -> Stopped:
    diagnostics, code, texts = marshal.loads(data)  # noqa: S302 - from a process of ours
    sources: Mapping[str, SourceFile] = {name: SourceFile(name, text) for name, text in texts}
    return Stopped([_diagnostic(one) for one in diagnostics], code, sources)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_plain, value))
    slots = getattr(value, "__slots__", None)
    return value if slots is None else tuple(_plain(getattr(value, name)) for name in slots)


def _answer(raw: Any) -> Answer:
    diagnostics, texts, outline, depends = raw
    return Answer(
        tuple(map(_diagnostic, diagnostics)),
        tuple(Text(*one) for one in texts),
        None if outline is None else _outline(*outline),
        None if depends is None else Dependencies(*depends),
    )


def _diagnostic(raw: Any) -> Diagnostic:
    fields: dict[str, Any] = dict(zip(Diagnostic.__slots__, raw, strict=True))
    fields["span"] = _span(fields["span"])
    fields["related"] = tuple(Label(Span(*span), text) for span, text in fields["related"])
    if fields["fix"] is not None:
        span, replacement, title = fields["fix"]
        fields["fix"] = Fix(Span(*span), replacement, title)
    return Diagnostic(**fields)


def _outline(project: str, name: str, span: Any, writes: Any) -> Outline:
    return Outline(
        project,
        name,
        _span(span),
        tuple(Written(uri, normal, task, _span(place)) for uri, normal, task, place in writes),
    )


def _span(raw: Any) -> Span | None:
    return None if raw is None else Span(*raw)
