"""The world of an answer: another version of trc, another package, another Python is another world."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import trc
from trc.runtime.world import World, this_world

LATER = 10_000_000_000


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A trc of one module, and one installed package beside it."""
    for name in ("trc/__init__.py", "trc/compiler/judge.py", "site/shop-1.0.dist-info/entry_points.txt", "site/x.pth"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("1")
    monkeypatch.setattr(trc, "__file__", str(tmp_path / "trc/__init__.py"))
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site"), str(tmp_path / "nowhere")])
    return tmp_path


def seen(after_ns: int = LATER) -> World:
    world = this_world(time.time_ns() + after_ns)
    assert world is not None
    return world


MOVES: dict[str, Callable[[Path, pytest.MonkeyPatch], object]] = {
    "a module of trc": lambda home, _: (home / "trc/compiler/judge.py").write_text("2"),
    "a new module of trc": lambda home, _: (home / "trc/new.py").write_text("2"),
    "a package of another version": lambda home, _: (home / "site/shop-1.0.dist-info").rename(
        home / "site/shop-1.1.dist-info"
    ),
    "a package that is new": lambda home, _: (home / "site/lark-2.0.dist-info").mkdir(),
    "what a package offers": lambda home, _: (home / "site/shop-1.0.dist-info/entry_points.txt").write_text("22"),
    "where packages are linked to": lambda home, _: (home / "site/x.pth").write_text("22"),
    "where Python looks": lambda home, patch: patch.setattr(sys, "path", [*sys.path, str(home)]),
    "the version of trc": lambda _, patch: patch.setattr(trc, "__version__", "0.0.0"),
    "the version of Python": lambda _, patch: patch.setattr(sys, "version", "3"),
    "which Python": lambda _, patch: patch.setattr(sys, "executable", "/python"),
    "where zones lie": lambda _, patch: patch.setenv("PYTHONTZPATH", "/zones"),
}


@pytest.mark.parametrize("what", MOVES)
def test_what_moves_makes_another_world(home: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    before = seen()
    assert seen() == before
    MOVES[what](home, monkeypatch)
    assert seen().identity != before.identity


def test_what_moved_just_now_is_not_settled(home: Path) -> None:
    assert seen(LATER).settled
    (home / "trc/__init__.py").write_text("2")
    assert not seen(1_000_000_000).settled


def test_compiled_modules_are_no_part_of_it(home: Path) -> None:
    before = seen()
    (home / "trc/__pycache__").mkdir()
    (home / "trc/__pycache__/x.pyc").write_text("")
    assert seen().identity == before.identity


@pytest.mark.usefixtures("home")
def test_without_files_there_is_no_world(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trc, "__file__", os.devnull + "/nowhere.zip/trc/__init__.py")
    assert this_world(time.time_ns()) is None
