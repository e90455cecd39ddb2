"""Whether a run is optimised: as the command line says, else the target, else as trc does; a task's own word stands above."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from trc import api
from trc.compiler.choices import Choices
from trc.runtime import standing
from trc.settings import OPTIMISE, settings_for

PIPELINE = """
pipeline "p" { }
task numbers = sql $$ select unnest([1, 2]) as n, 3 as m $$
task large = sql $$ select n from numbers where n > 1 $$ { output = csv("large.csv") }
target fast { backend = local, optimise = true }
target plain { backend = local, optimise = false }
target open { backend = local }
"""
PROJECT = """
[targets.shared]
backend = "local"
optimise = true
"""


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    # Files count as settled at once.
    monkeypatch.setattr(standing, "_SETTLED_NS", -1_000_000_000_000)
    (tmp_path / "trc.toml").write_text(PROJECT)
    (tmp_path / "p.trc").write_text(PIPELINE)
    return tmp_path / "p.trc"


@pytest.mark.parametrize(
    ("target", "asked", "expected"),
    [
        (None, None, OPTIMISE),
        ("open", None, OPTIMISE),
        ("fast", None, True),
        ("shared", None, True),
        ("plain", None, False),
        (None, True, True),
        ("plain", True, True),
        ("fast", False, False),
        ("shared", False, False),
    ],
)
def test_the_command_line_decides_then_the_target(
    path: Path, target: str | None, *, asked: bool | None, expected: bool
) -> None:
    choices = Choices(target=target)
    for is_compiled in (True, False):
        ready = api.prepare(path, settings_for(path), choices, datetime.now(UTC), optimise=asked)
        assert (ready.optimise, ready.compiled is not None) == (expected, is_compiled)
    assert bool(api.plan(path, choices, optimise=asked).plan.notes) == expected
    assert ("not stored" in api.emit(path, "sql", choices, optimise=asked)) == expected


def test_a_task_that_is_not_to_be_optimised_stays_so(path: Path) -> None:
    path.write_text(PIPELINE.replace("3 as m $$", "3 as m $$ { optimise = false }"))
    for choices, asked in ((Choices(target="fast"), None), (Choices(), True)):
        notes = api.plan(path, choices, optimise=asked).plan.notes
        assert {note.text for note in notes if note.task == "numbers"} == {"it is not to be optimised"}


def test_what_is_no_boolean_is_told(path: Path) -> None:
    path.write_text(PIPELINE.replace("optimise = true", 'optimise = "often"'))
    report = api.check([path])
    assert [one.code for one in report.diagnostics] == ["TRC203"]
