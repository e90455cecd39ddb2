"""Names the files of a revision as git does, `REVISION:path`, wherever a diagnostic names where they were written."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.source import SourceFile, Span

Rename = Callable[[str], str]


def renaming(root: Path, revision: str) -> Rename:
    """What turns the paths below `root` in a text into names such as `main:shop.yaml`."""
    prefixes = (f"{root}{os.sep}", f"{os.path.relpath(root)}{os.sep}")

    def rename(text: str) -> str:
        for prefix in prefixes:
            text = text.replace(prefix, f"{revision}:")
        return text

    return rename


def shown(diagnostics: Iterable[Diagnostic], rename: Rename) -> tuple[Diagnostic, ...]:
    """The diagnostics with the revision's names of files, and without fixes: nobody edits a revision."""
    return tuple(
        replace(
            one,
            message=rename(one.message),
            label=rename(one.label),
            help=tuple(map(rename, one.help)),
            span=_place(one.span, rename),
            related=tuple(replace(label, span=_span(label.span, rename)) for label in one.related),
            fix=None,
        )
        for one in diagnostics
    )


def shown_sources(sources: Mapping[str, SourceFile], rename: Rename) -> dict[str, SourceFile]:
    """The sources under the names that the diagnostics give them."""
    return {rename(name): SourceFile(rename(name), file.text) for name, file in sources.items()}


def _place(span: Span | None, rename: Rename) -> Span | None:
    return None if span is None else _span(span, rename)


def _span(span: Span, rename: Rename) -> Span:
    return replace(span, file=rename(span.file))
