"""What `trc check` found, in the form that was asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Literal

import trc
from trc.cli.failures import tell_diagnostics
from trc.cli.output import Screen
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.source import SourceFile

Form = Literal["human", "json", "sarif", "github"]
FORMS: Final[tuple[Form, ...]] = ("human", "json", "sarif", "github")


def tell_findings(
    screen: Screen,
    form: Form,
    diagnostics: Sequence[Diagnostic],
    sources: Mapping[str, SourceFile],
    files: Sequence[str] | None = None,
) -> None:
    """The diagnostics; as JSON with the names of the files that were checked, if there are any to tell."""
    folder = str(Path.cwd())
    match form:
        case "human":
            tell_diagnostics(screen, diagnostics, sources)
        case "json":
            from trc.compiler.diagnostics.render import json as as_json  # noqa: PLC0415 - most commands have nothing to tell

            told = {"diagnostics": as_json.render(diagnostics, sources)}
            screen.document(told if files is None else {"files": files, **told})
        case "sarif":
            from trc.compiler.diagnostics.render import sarif  # noqa: PLC0415 - most commands have nothing to tell
            from trc.error_codes import page_of  # noqa: PLC0415 - most commands have nothing to tell

            screen.document(sarif.render(diagnostics, sources, folder, page_of, trc.__version__))
        case "github" if diagnostics:
            from trc.compiler.diagnostics.render import github  # noqa: PLC0415 - most commands have nothing to tell

            screen.say(github.render(diagnostics, sources, folder))
        case "github":
            pass
