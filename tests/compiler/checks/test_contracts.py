"""Expectations and promised columns that cannot be right, as `trc check` tells them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from trc import api
from trc.compiler.diagnostics.render import human

CASES = Path(__file__).parents[2] / "cases" / "contracts"


@pytest.mark.parametrize("case", sorted([*CASES.glob("*.yaml"), *CASES.glob("*.trc")]), ids=lambda case: case.name)
def test_mistake_is_told(
    case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    shutil.copy(case, tmp_path)
    monkeypatch.chdir(tmp_path)
    report = api.check([Path(case.name)])
    told = human.render(report.diagnostics, report.sources, colour=False)
    twin = case.with_suffix(".expected")
    if request.config.getoption("--update", default=False):
        twin.write_text(told, encoding="utf-8")
    assert told == twin.read_text(encoding="utf-8")
