"""Renders diagnostics as SARIF 2.1.0, which code hosts and editors read."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from trc.compiler.diagnostics.codes import BY_CODE
from trc.compiler.diagnostics.diagnostic import Diagnostic, Fix
from trc.compiler.diagnostics.render.paths import absolute, relative
from trc.compiler.diagnostics.render.text import in_full
from trc.compiler.source import SourceFile, Span

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_ROOT: Final = "%SRCROOT%"
"""What code hosts call the checkout: the folder that the command runs in."""


def render(
    diagnostics: Iterable[Diagnostic],
    sources: Mapping[str, SourceFile],
    folder: str,
    page: Callable[[str], str],
    version: str,
) -> dict[str, Any]:
    """One log with one run; files are relative to `folder`, and `page` gives the page of a code as Markdown."""
    told = list(diagnostics)
    codes = sorted({diagnostic.code for diagnostic in told})
    log = _Log(sources, folder, codes)
    driver = {"name": "trc", "version": version, "rules": [_rule(code, page(code)) for code in codes]}
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "columnKind": "utf16CodeUnits",
                "originalUriBaseIds": {_ROOT: {"uri": _uri(folder).rstrip("/") + "/"}},
                "results": [log.result(diagnostic) for diagnostic in told],
            }
        ],
    }


def _rule(code: str, page: str) -> dict[str, Any]:
    row = BY_CODE[code]
    return {
        "id": code,
        "shortDescription": {"text": row.title},
        "help": {"text": page, "markdown": page},
        "defaultConfiguration": {"level": row.severities[0]},
    }


class _Log:
    """What the results of one log share."""

    def __init__(self, sources: Mapping[str, SourceFile], folder: str, codes: Sequence[str]) -> None:
        self._sources = sources
        self._folder = folder
        self._codes = codes
        self._seen: Counter[str] = Counter()

    def result(self, diagnostic: Diagnostic) -> dict[str, Any]:
        found: dict[str, Any] = {
            "ruleId": diagnostic.code,
            "ruleIndex": self._codes.index(diagnostic.code),
            "level": diagnostic.severity,
            "message": {"text": in_full(diagnostic)},
            "partialFingerprints": {"primaryLocationLineHash": self._fingerprint(diagnostic)},
        }
        if diagnostic.span is not None:
            found["locations"] = [{"physicalLocation": self._place(diagnostic.span)}]
        if diagnostic.related:
            found["relatedLocations"] = [
                {"id": number, "message": {"text": label.text}, "physicalLocation": self._place(label.span)}
                for number, label in enumerate(diagnostic.related, 1)
            ]
        if diagnostic.fix is not None and diagnostic.fix.span.file in self._sources:
            found["fixes"] = [self._fix(diagnostic.fix)]
        return found

    def _place(self, span: Span) -> dict[str, Any]:
        place: dict[str, Any] = {"artifactLocation": self._file(span.file)}
        region = self._region(span)
        return place if region is None else {**place, "region": region}

    def _file(self, name: str) -> dict[str, str]:
        inside = relative(name, self._folder)
        if inside is None:
            return {"uri": _uri(absolute(name, self._folder))}
        return {"uri": _quoted(inside), "uriBaseId": _ROOT}

    def _region(self, span: Span) -> dict[str, int] | None:
        """The place in lines and in columns of UTF-16, ends exclusive; None in a file whose text is not there."""
        source = self._sources.get(span.file)
        if source is None:
            return None
        (line, column), (end_line, end_column) = (_in_utf16(source, offset) for offset in (span.start, span.end))
        return {"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column}

    def _fix(self, fix: Fix) -> dict[str, Any]:
        replacement: dict[str, Any] = {"deletedRegion": self._region(fix.span)}
        if fix.replacement:
            replacement["insertedContent"] = {"text": fix.replacement}
        change = {"artifactLocation": self._file(fix.span.file), "replacements": [replacement]}
        return {"description": {"text": fix.title}, "artifactChanges": [change]}

    def _fingerprint(self, diagnostic: Diagnostic) -> str:
        """Stays as it is while other lines of the file come and go: made of the code and of the line's text."""
        span, line = diagnostic.span, diagnostic.message
        file = "" if span is None else relative(span.file, self._folder) or absolute(span.file, self._folder)
        if span is not None and span.file in self._sources:
            source = self._sources[span.file]
            line = source.line(source.position(span.start).line).strip()
        hashed = hashlib.sha256(f"{file}\0{diagnostic.code}\0{line}".encode(errors="surrogatepass")).hexdigest()[:16]
        self._seen[hashed] += 1
        return f"{hashed}:{self._seen[hashed]}"


def _in_utf16(source: SourceFile, offset: int) -> tuple[int, int]:
    position = source.position(offset)
    offset = min(max(offset, 0), len(source.text))
    before = source.text[offset - position.column + 1 : offset]
    return position.line, position.column + sum(char > "\uffff" for char in before)


def _uri(path: str) -> str:
    return f"file://{_quoted(path)}"


def _quoted(path: str) -> str:
    """A path as part of a URI; a name whose bytes are no UTF-8 keeps them."""
    return quote(path.encode(errors="surrogateescape"), safe="/")
