"""Conditions that constants settle: no sink tells that they are not asked."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.end_to_end.conftest import Space
from tests.end_to_end.test_optimising import ORDERS

from trc.compiler.choices import Choices
from trc.verifying.usecase import verify

FOLDING = Path(__file__).parents[1] / "cases/passes/folding.trc"


@pytest.mark.parametrize(
    ("full", "told"),
    [
        ("false", {"s01": "always", "s02": "never", "s06": "never", "s12": "never", "s13": "never"}),
        ("true", {"s01": "always", "s02": "never", "s03": "always", "s06": "never", "s12": "never", "s13": "never"}),
    ],
)
def test_no_settled_condition_changes_a_sink(space: Space, full: str, told: dict[str, str]) -> None:
    space.write("orders.csv", ORDERS)
    report, _ = verify(space.write("p.trc", FOLDING.read_text()), Choices(params=(("full", full),)))
    verdicts = {one.task: one.verdict for one in report.sinks}
    assert verdicts == {task: "not_verifiable" if task.startswith("open_") else "equal" for task in verdicts}
    notes = [
        part
        for note in report.notes
        if note.by == "constant_folding" and note.applied
        for part in note.text.split("; ")
    ]
    found = {
        task: word
        for task in verdicts
        for word in ("always", "never")
        for part in notes
        if f'"{task}"' in part and word in part
    }
    assert {task: word for task, word in found.items() if task != "s08"} == told
    # A task of which no reader needs a row is computed by nobody.
    assert any(note.task == "never" and "its rows have no effect" in note.text for note in report.notes)
