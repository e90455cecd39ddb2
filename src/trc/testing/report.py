"""What came of tests: values that the command line prints, and other programs read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.ir.dataset import Column
from trc.compiler.source import SourceFile, Span
from trc.testing.compare import Difference

State = Literal["passed", "failed", "wrong"]
"""`failed`: a query failed, or yielded other rows. `wrong`: the test itself, or the pipeline, has a mistake."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A dataset beside what was expected of it; `expected` and `found` count rows.

    Without `is_complete` it has too many rows to be compared, and there are no differences to tell.
    """

    dataset: str
    span: Span | None
    columns: tuple[Column, ...]
    ordered: bool
    expected: int
    found: int
    differences: tuple[Difference, ...] = ()
    is_complete: bool = True

    @property
    def is_as_expected(self) -> bool:
        return self.is_complete and not self.differences


@dataclass(frozen=True, slots=True)
class Tested:
    """One test, with the diagnostics that are its own."""

    file: str
    pipeline: str
    name: str
    span: Span | None
    seconds: float
    compared: tuple[Compared, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def state(self) -> State:
        errors = [one for one in self.diagnostics if one.severity == "error"]
        if any(one.code not in FINDINGS for one in errors):
            return "wrong"
        return "failed" if errors else "passed"


FINDINGS = frozenset({"TRC640", "TRC641"})
"""What a test is there to find."""


@dataclass(frozen=True, slots=True)
class TestReport:
    """All that was tested. `wrong` are the files that have mistakes, whose tests were not run."""

    tests: tuple[Tested, ...]
    wrong: tuple[str, ...]
    diagnostics: tuple[Diagnostic, ...]
    sources: Mapping[str, SourceFile]
    seconds: float

    def count(self, state: State) -> int:
        return sum(one.state == state for one in self.tests)
