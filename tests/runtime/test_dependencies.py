"""An answer holds while each thing that it depends on is as it was; each is moved alone here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from trc.runtime.answers import Answer, from_bytes, to_bytes
from trc.runtime.dependencies import Dependencies
from trc.runtime.looks import Looks, digest, listing_digest, stamps, text_digest
from trc.runtime.standing import boot

GIVEN = 1_000.0


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("common.yaml", "values.toml", "rows/a.csv", "code.py", "run.sh"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("1")
    return tmp_path


def depends(root: Path) -> Dependencies:
    return Dependencies(
        GIVEN,
        boot(),
        seen=(("common.yaml", digest(b"1")), ("gone.yaml", None)),
        listed=(("*.sh", listing_digest(("run.sh",))), ("*.sql", listing_digest(()))),
        texts=((str(root / "values.toml"), text_digest("1")),),
        columns=((f"{root}/rows/*.csv", stamps((f"{root}/rows/a.csv",))), (f"{root}/none.csv", ())),
        code=stamps((str(root / "code.py"),)),
        since=GIVEN - 10,
        until=GIVEN + 10,
    )


def holds(root: Path, made: Dependencies, now: float = GIVEN + 5) -> bool:
    return made.hold(str(root), Looks(), now)


MOVES: dict[str, Callable[[Path], object]] = {
    "a file that was seen": lambda root: (root / "common.yaml").write_text("2"),
    "a file that was seen is gone": lambda root: (root / "common.yaml").unlink(),
    "a file that was not there": lambda root: (root / "gone.yaml").write_text(""),
    "a name that a pattern covers": lambda root: (root / "more.sh").write_text(""),
    "a name that a pattern covered": lambda root: (root / "run.sh").unlink(),
    "a name where a pattern covered none": lambda root: (root / "a.sql").write_text(""),
    "a text": lambda root: (root / "values.toml").write_text("2"),
    "a text that is none any more": lambda root: (root / "values.toml").write_bytes(b"\xff"),
    "rows": lambda root: (root / "rows/a.csv").write_text("2"),
    "more rows": lambda root: (root / "rows/b.csv").write_text("1"),
    "rows that are gone": lambda root: (root / "rows/a.csv").unlink(),
    "rows where there were none": lambda root: (root / "none.csv").write_text("1"),
    "code": lambda root: (root / "code.py").write_text("2"),
}


@pytest.mark.parametrize("what", MOVES)
def test_answer_ends_when_something_moves(root: Path, what: str) -> None:
    made = depends(root)
    assert holds(root, made)
    MOVES[what](root)
    assert not holds(root, made)


@pytest.mark.parametrize(
    ("now", "expected"),
    [(GIVEN - 20, False), (GIVEN - 5, False), (GIVEN, True), (GIVEN + 9, True), (GIVEN + 10, False)],
)
def test_answer_holds_for_a_time(root: Path, now: float, expected: bool) -> None:
    assert holds(root, depends(root), now) == expected
    assert holds(root, replace(depends(root), given=0.0), now) == (expected or now == GIVEN - 5)


def test_stamps_hold_within_one_boot(root: Path) -> None:
    made = replace(depends(root), boot="another")
    assert not holds(root, made)
    assert not holds(root, replace(made, code=()))
    assert not holds(root, replace(made, columns=()))
    assert holds(root, replace(made, code=(), columns=()))


def test_what_is_written_is_what_is_read(root: Path) -> None:
    answer = Answer((), depends=depends(root))
    assert from_bytes(to_bytes(answer)) == answer
