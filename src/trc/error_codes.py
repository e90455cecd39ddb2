"""The use cases that deal with the codes of diagnostics: what each means, in a page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trc.compiler.diagnostics.codes import BY_CODE
from trc.compiler.diagnostics.diagnostic import Severity
from trc.compiler.diagnostics.nearest import did_you_mean
from trc.runtime.errors import stopped

_PAGES: Final = Path(__file__).parent / "error_pages"


@dataclass(frozen=True, slots=True)
class CodePage:
    """A code with its page, as Markdown; it can be as grave as `severities` say, the gravest first."""

    code: str
    title: str
    severities: tuple[Severity, ...]
    page: str


def explain_code(code: str) -> CodePage:
    """What a code means, however its letters are written. Raises `Stopped` where there is no such code."""
    row = BY_CODE.get(code.upper())
    if row is None:
        remedies = did_you_mean(code, BY_CODE) or ("codes look like TRC204; docs/errors lists them",)
        task = f"write task:{code} if it is a task"
        raise stopped("TRC609", f'"{code}" is not a diagnostic code', *remedies, task)
    return CodePage(row.code, row.title, row.severities, page_of(row.code))


def page_of(code: str) -> str:
    """The page of a code that exists."""
    return (_PAGES / f"{code}.md").read_text(encoding="utf-8")
