"""What a comparison of two revisions found: values for the command line and for programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from trc.compiler.compare.change import Kind, PipelineChange
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.source import SourceFile

Where = Literal["base", "head", "both"]


@dataclass(frozen=True, slots=True)
class Revision:
    """One side: a revision as the user wrote it with its commit, or the working tree."""

    name: str | None = None
    commit: str | None = None


@dataclass(frozen=True, slots=True)
class NotCompared:
    """A pipeline that nothing can be said about, for the mistakes that one side has; `files` are where it stands."""

    files: tuple[str, ...]
    side: Where


@dataclass(frozen=True, slots=True)
class CodeChange:
    """A pipeline that is code: it is not run, so that its text alone is compared."""

    kind: Kind
    file: str


@dataclass(frozen=True, slots=True)
class DiffReport:
    """All that differs between two sides. `compared` counts the pipelines that were."""

    base: Revision
    head: Revision
    pipelines: tuple[PipelineChange, ...]
    code: tuple[CodeChange, ...]
    not_compared: tuple[NotCompared, ...]
    compared: int
    diagnostics: tuple[Diagnostic, ...]
    sources: dict[str, SourceFile]

    @property
    def differs(self) -> bool:
        return bool(self.pipelines or self.code)

    @property
    def is_complete(self) -> bool:
        """Whether everything could be compared."""
        return not self.not_compared and all(one.severity != "error" for one in self.diagnostics)
