"""A standing answer stands only while every fact behind it does."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from trc.runtime import standing

LATER = 4e9


@dataclass
class Given:
    """An answer that was remembered, about a file, a folder and something that is not there."""

    root: Path

    @property
    def pipeline(self) -> str:
        return str(self.root / "p.yaml")

    @property
    def path(self) -> str:
        return standing.answer_path(str(self.root / ".trc"), self.pipeline)

    def remember(self, *, began_ns: int | None = None, expires: float = LATER, version: str = "1") -> bool:
        return standing.remember(
            self.path,
            self.pipeline,
            version,
            began_ns=began_ns or time.time_ns() + 3_000_000_000,
            present=frozenset({self.pipeline, str(self.root / "data")}),
            absent=frozenset({str(self.root / "trc.toml")}),
            expires=expires,
            answer="nothing to do",
        )

    def recall(self, version: str = "1") -> object:
        return standing.recall(self.path, self.pipeline, version)


@pytest.fixture
def given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Given:
    (tmp_path / "p.yaml").write_text("name: p")
    (tmp_path / "data").mkdir()
    monkeypatch.setattr("sys.path", [str(tmp_path / "data")])
    return Given(tmp_path)


def test_answer_stands_while_nothing_moves(given: Given) -> None:
    assert given.recall() is None
    assert given.remember()
    assert given.recall() == "nothing to do"


def _edit(root: Path) -> None:
    (root / "p.yaml").write_text("name: q")


def _edit_in_the_past(root: Path) -> None:
    stat = (root / "p.yaml").stat()
    (root / "p.yaml").write_text("name: q")
    os.utime(root / "p.yaml", ns=(stat.st_atime_ns, stat.st_mtime_ns))


def _replace(root: Path) -> None:
    (root / "other").write_text("name: p")
    (root / "other").replace(root / "p.yaml")


MOVES: dict[str, Callable[[Path], object]] = {
    "edited": _edit,
    "edited, its time put back": _edit_in_the_past,
    "replaced by equal bytes": _replace,
    "removed": lambda root: (root / "p.yaml").unlink(),
    "a file more in a folder": lambda root: (root / "data" / "new").touch(),
    "what was absent is there": lambda root: (root / "trc.toml").touch(),
}


@pytest.mark.parametrize("move", MOVES)
def test_answer_falls_with_any_fact(given: Given, move: str) -> None:
    assert given.remember()
    MOVES[move](given.root)
    assert given.recall() is None


def test_answer_falls_with_another_version_or_after_its_time(given: Given) -> None:
    assert given.remember()
    assert given.recall(version="2") is None
    assert given.remember(expires=time.time() - 1)
    assert given.recall() is None


def test_answer_falls_if_the_clock_was_set_back(given: Given, monkeypatch: pytest.MonkeyPatch) -> None:
    assert given.remember()
    past = time.time() - 60
    monkeypatch.setattr("time.time", lambda: past)
    assert given.recall() is None


def test_answer_falls_with_another_search_path(given: Given, monkeypatch: pytest.MonkeyPatch) -> None:
    assert given.remember()
    monkeypatch.setattr("sys.path", [str(given.root)])
    assert given.recall() is None


def test_answer_of_another_pipeline_is_not_taken(given: Given) -> None:
    assert given.remember()
    assert standing.recall(given.path, str(given.root / "q.yaml"), "1") is None


def test_nothing_is_remembered_of_what_has_just_changed(given: Given) -> None:
    assert not given.remember(began_ns=time.time_ns())
    assert given.recall() is None


def test_answer_that_cannot_be_written_is_none(given: Given) -> None:
    """An answer that is lost costs time; it must not end a run that went well."""
    Path(given.path).parent.parent.mkdir()
    Path(given.path).parent.touch()
    assert not given.remember()
    assert given.recall() is None


def test_answer_that_is_cut_off_while_it_is_written_leaves_nothing(
    given: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr("os.replace", full)
    assert not given.remember()
    assert list(Path(given.path).parent.iterdir()) == []


def test_damaged_answer_is_none(given: Given) -> None:
    assert given.remember()
    whole = Path(given.path).read_bytes()
    for cut in range(len(whole)):
        Path(given.path).write_bytes(whole[:cut])
        assert given.recall() is None


def test_state_lies_beside_the_nearest_project_file(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    pipeline = str(tmp_path / "a/b/p.yaml")
    assert standing.find_state(pipeline) == str(tmp_path / "a/b/.trc")
    (tmp_path / "trc.toml").touch()
    assert standing.find_state(pipeline) == str(tmp_path / ".trc")
    (tmp_path / "a/trc.toml").touch()
    assert standing.find_state(pipeline) == str(tmp_path / "a/.trc")
