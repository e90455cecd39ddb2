"""A run with nothing to do is answered at a glance, and never when anything has moved."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.quick import few

PIPELINE = """
name: p
sources:
  parts: {csv: "data/*.csv"}
nodes:
  - id: joined
    type: duckdb_sql
    params: {sql: select sum(n) as n from parts, output_uri: out/joined.csv}
  - id: report
    type: python
    params:
      entrypoint: tasks/report.py:report
      inputs: {joined: joined}
      files: ["notes/*.txt"]
      output_uri: out/report.txt
      output_format: file
"""
REPORT = """
from words import GREETING


def report(context):
    with open(context.output.path, "w") as file:
        file.write(GREETING + open(context.inputs["joined"].path).read())
"""
NOTHING = "nothing to do"
_TRIES = 30


def _until_it_stands(space: Any) -> None:
    """Runs until the answer stands, which takes until the files are two seconds old."""
    for _ in range(_TRIES):
        if NOTHING in space.trc("run", "p.yaml").out:
            return
    raise AssertionError("no run was answered at a glance")


def _edit_unseen(path: Path, text: str) -> None:
    stat = path.stat()
    assert len(text) == stat.st_size
    path.write_text(text)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


MOVES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a source's bytes, with its size and time kept": (
        lambda root: _edit_unseen(root / "data/a.csv", "n\n7\n"),
        "HELLO n\n9\n",
    ),
    "a file that a glob now matches": (lambda root: (root / "data/c.csv").write_text("n\n4\n"), "HELLO n\n7\n"),
    "a file that a glob no longer matches": (lambda root: (root / "data/b.csv").unlink(), "HELLO n\n1\n"),
    "code that a task imports": (
        lambda root: (root / "tasks/words.py").write_text("GREETING = 'BYE '\n"),
        "BYE n\n3\n",
    ),
    "an output that is gone": (lambda root: (root / "out/report.txt").unlink(), "HELLO n\n3\n"),
    "an output that was edited": (lambda root: (root / "out/report.txt").write_text("x"), "HELLO n\n3\n"),
    "the pipeline": (
        lambda root: (root / "p.yaml").write_text(PIPELINE.replace("sum(n)", "max(n)")),
        "HELLO n\n2\n",
    ),
}


QUICK = ("a source's bytes, with its size and time kept", "a file that a glob now matches", "the pipeline")


@pytest.mark.parametrize("what", few(MOVES, QUICK))
def test_what_moves_is_seen(space: Any, what: str) -> None:
    move, expected = MOVES[what]
    space.write("p.yaml", PIPELINE)
    space.write("data/a.csv", "n\n1\n")
    space.write("data/b.csv", "n\n2\n")
    space.write("notes/a.txt", "a")
    space.write("tasks/report.py", REPORT)
    space.write("tasks/words.py", "GREETING = 'HELLO '\n")
    _until_it_stands(space)
    assert space.read("out/report.txt") == "HELLO n\n3\n"
    assert NOTHING in space.trc("run", "p.yaml").out
    move(space.root)
    done = space.trc("run", "p.yaml")
    assert NOTHING not in done.out
    assert space.read("out/report.txt") == expected


def test_what_was_shadowed_is_seen(space: Any) -> None:
    """A module that appears where the import looks first, and a project file that moves the project."""
    space.write("p.yaml", PIPELINE)
    space.write("data/a.csv", "n\n1\n")
    space.write("notes/a.txt", "a")
    space.write("tasks/report.py", REPORT)
    space.write("words.py", "GREETING = 'FAR '\n")
    _until_it_stands(space)
    space.write("tasks/words.py", "GREETING = 'NEAR '\n")
    assert NOTHING not in space.trc("run", "p.yaml").out
    assert space.read("out/report.txt") == "NEAR n\n1\n"
    _until_it_stands(space)
    space.write("trc.toml", "")
    assert NOTHING not in space.trc("run", "p.yaml").out


def test_what_always_runs_is_never_answered_at_a_glance(space: Any) -> None:
    space.write(
        "p.yaml",
        """
        name: p
        nodes:
          - {id: a, type: shell, params: {command: "echo x >> ran"}}
        """,
    )
    for _ in range(3):
        assert NOTHING not in space.trc("run", "p.yaml").out
    assert space.read("ran") == "x\nx\nx\n"


def test_other_words_are_not_answered_at_a_glance(space: Any) -> None:
    space.write("p.yaml", PIPELINE.split("  - id: report", maxsplit=1)[0])
    space.write("data/a.csv", "n\n1\n")
    _until_it_stands(space)
    assert space.states("--force") == {"joined": "success"}
    assert NOTHING not in space.trc("run", "p.yaml").out


WARNED = """
name: p
nodes:
  - id: one
    type: duckdb_sql
    params: {sql: select 1 as one, output_uri: out/one.csv}
    incremental: {checksum_fields: [nothing]}
"""


@pytest.mark.long
def test_warning_is_told_by_each_run(space: Any) -> None:
    """A pipeline that is warned about has no answer that stands: it would tell no warning."""
    space.write("p.yaml", WARNED)
    for _ in range(_TRIES // 2):
        done = space.trc("run", "p.yaml")
        assert "warning[TRC211]" in done.err
        assert NOTHING not in done.out
