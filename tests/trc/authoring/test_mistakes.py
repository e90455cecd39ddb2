"""What an author is told: one file a mistake in tests/cases/python/mistakes, with the answer beside it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from trc import api
from trc.compiler.diagnostics.render.human import render

CASES = Path(__file__).parents[2] / "cases" / "python" / "mistakes"


@pytest.mark.parametrize("case", sorted(CASES.glob("*.case")), ids=lambda case: case.stem)
def test_mistake_is_told(
    case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, snapshot: Callable[[Path, str], None]
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(case, "p.py")
    Path("orders.csv").write_text("id,customer,amount\n1,ada,2.5\n")
    Path("helper.py").write_text("def load():\n    raise ValueError('no rate for XYZ')\n")
    Path("broken.py").write_text("def load(:\n")
    report = api.check([Path("p.py")])
    assert report.diagnostics
    snapshot(case.with_suffix(".expected"), render(report.diagnostics, report.sources) + "\n")
