"""What stops a command: a diagnostic for the user, and the exit code that goes with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.source import SourceFile


class Stopped(Exception):  # noqa: N818 - not an error of ours, but the end of a command
    """A command ends here. Exit codes: 1 a run failed, 2 the pipeline is wrong, 3 wrong usage or environment."""

    def __init__(
        self, diagnostics: Sequence[Diagnostic], exit_code: int, sources: Mapping[str, SourceFile] | None = None
    ) -> None:
        super().__init__("; ".join(diagnostic.message for diagnostic in diagnostics))
        self.diagnostics = tuple(diagnostics)
        self.exit_code = exit_code
        self.sources = dict(sources or {})

    def __reduce__(self) -> tuple[type[Stopped], tuple[object, ...]]:
        return Stopped, (self.diagnostics, self.exit_code, self.sources)


def stopped(code: str, message: str, *help_lines: str, exit_code: int = 3) -> Stopped:
    """A `Stopped` of one diagnostic without a place in a file."""
    return Stopped([Diagnostic(code, message, help=help_lines)], exit_code)
