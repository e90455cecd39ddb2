"""The catalogue says how grave each code can be, and nothing is told under another severity."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from trc.compiler.diagnostics.codes import BY_CODE, CODES, Code

ROOT: Final = Path(__file__).parents[3]
FOLDERS: Final = ("compiler", "runtime", "backends", "stdlib_tasks", "src/trc")
MADE_BY: Final = frozenset({"Diagnostic", "SqlProblem"})
"""What makes a diagnostic whose first argument is its code."""
TOLD: Final = re.compile(r"\b(error|warning|note)\[(TRC\d+)\]: ([^\n]*)")
MADE_UP: Final = {"diagnostics"}
"""Cases of rendering: what they tell is not what trc finds."""
ORDER: Final = ("error", "warning", "note")


@cache
def made() -> tuple[tuple[str, str, str], ...]:
    return tuple(_made())


def _made() -> Iterator[tuple[str, str, str]]:
    """Every code that is written where a diagnostic is made, with its severity (`?` where it is computed) and its place."""
    for path in (path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.func.id not in MADE_BY:
                continue
            for code in _codes(node.args[0]) if node.args else ():
                yield code, _severity(node), f"{path.relative_to(ROOT)}:{node.lineno}"


def _codes(code: ast.expr) -> Iterator[str]:
    """The code that is written there, or each of those between which a condition decides."""
    if isinstance(code, ast.IfExp):
        yield from _codes(code.body)
        yield from _codes(code.orelse)
    elif isinstance(code, ast.Constant):
        yield str(code.value)


def _severity(call: ast.Call) -> str:
    given = [word.value for word in call.keywords if word.arg == "severity"]
    if isinstance(call.func, ast.Name) and call.func.id == "SqlProblem":
        given.extend(call.args[6:7])
    if not given:
        return "error"
    return str(given[0].value) if isinstance(given[0], ast.Constant) else "?"


def test_code_makes_diagnostics_of_the_catalogue_alone() -> None:
    assert len(made()) > 100
    wrong = [
        one for one in made() if one[0] not in BY_CODE or (one[1] != "?" and one[1] not in BY_CODE[one[0]].severities)
    ]
    assert wrong == []


def test_computed_severities_are_of_codes_that_have_several() -> None:
    computed = {code for code, severity, _ in made() if severity == "?"}
    assert computed
    assert all(len(BY_CODE[code].severities) > 1 for code in computed)


def test_severities_stand_the_gravest_first() -> None:
    for row in CODES:
        assert row.severities
        assert list(row.severities) == sorted(set(row.severities), key=ORDER.index)


@pytest.mark.parametrize("row", [row for row in CODES if row.severities != ("error",)], ids=lambda row: row.code)
def test_what_is_no_error_is_made_somewhere(row: Code) -> None:
    severities = {severity for name, severity, _ in made() if name == row.code}
    assert "?" in severities or set(row.severities) <= severities


def test_snapshots_tell_no_other_severity() -> None:
    """What the cases of all areas were seen to tell, and what the pages show."""
    files = [path for path in (ROOT / "tests" / "cases").rglob("*.expected") if path.parent.name not in MADE_UP]
    seen = [
        (found[1], found[2])
        for path in (*files, *(ROOT / "docs").rglob("*.md"))
        for found in TOLD.finditer(path.read_text(encoding="utf-8"))
        if not found[3].endswith("(a denied warning)")
    ]
    assert len(seen) > 50
    assert [one for one in seen if one[0] not in BY_CODE[one[1]].severities] == []
