from __future__ import annotations

import io
import json
import os
import pty
from pathlib import Path
from typing import TextIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trc.cli.cells import cut, pad, visible_lines
from trc.cli.output import Screen, paint, shown_path, table
from trc.compiler.diagnostics.render.cells import visible, width
from trc.runtime.store.results import StoredOutput


def test_columns_are_aligned_by_width_not_by_length() -> None:
    lines = table([("a", "1", "x"), ("表格", "22", "y"), ("e\u0301t", "333", "z")], right=frozenset({1}))
    assert lines == ["a       1  x", "表格   22  y", "e\u0301t    333  z"]


def test_only_the_last_column_is_cut_to_the_limit() -> None:
    lines = table([("name", "a reason that is far too long")], limit=20)
    assert lines == ["name  a reason that…"]
    assert width(lines[0]) == 20


def test_a_table_without_rows_has_no_lines() -> None:
    assert table([]) == []


def test_a_cell_cannot_steer_the_terminal() -> None:
    assert "\x1b" not in "".join(table([("\x1b[2Jgone", "a\nb")]))


@given(st.text(), st.integers(1, 40), st.booleans())
def test_padding_makes_exactly_the_width(text: str, columns: int, right: bool) -> None:
    assert columns - 1 <= width(pad(visible(text), columns, right=right)) <= columns
    assert width(cut(visible(text), columns)) <= columns


def test_cut_takes_a_wide_character_whole_or_not_at_all() -> None:
    assert cut("表格", 4) == "表格"
    assert cut("表格", 3) == "表…"
    assert cut("表格", 2) == "…"
    assert cut("abc", 0) == ""


def test_log_lines_lose_their_escapes_and_show_other_controls() -> None:
    assert visible_lines("\x1b[31mred\x1b[0m\r\n\x1b]0;title\x07a\tb\x08\n") == ["red", "a       b␈"]


def terminal() -> tuple[int, TextIO]:
    leader, follower = pty.openpty()
    return leader, os.fdopen(follower, "w", encoding="utf-8")


@pytest.mark.parametrize(
    ("environ", "colour", "expected"),
    [
        ({"TERM": "xterm"}, True, True),
        ({"TERM": "xterm"}, False, False),
        ({"TERM": "xterm", "NO_COLOR": "1"}, True, False),
        ({"TERM": "xterm", "NO_COLOR": ""}, True, True),
        ({"TERM": "dumb"}, True, False),
        ({}, True, False),
    ],
)
def test_colour_needs_a_terminal_that_is_willing(environ: dict[str, str], colour: bool, expected: bool) -> None:
    leader, err = terminal()
    with err:
        screen = Screen.of(io.StringIO(), err, environ, colour=colour)
        assert (screen.colour_out, screen.colour_err) == (False, expected)
        assert screen.is_live is (environ.get("TERM", "dumb") != "dumb")
        assert screen.paint("x", "red") == "x"
        assert screen.paint_err("x", "red") == ("\x1b[31mx\x1b[0m" if expected else "x")
    os.close(leader)


def test_a_file_gets_neither_colour_nor_frames(tmp_path: Path) -> None:
    with (tmp_path / "out").open("w") as out:
        screen = Screen.of(out, out, {"TERM": "xterm"}, colour=True)
        assert [screen.colour_out, screen.colour_err, screen.is_live] == [False, False, False]
        assert screen.columns() is None


def test_paint_leaves_empty_text_empty() -> None:
    assert paint("", "red") == ""
    assert paint("x", "red", "bold") == "\x1b[31;1mx\x1b[0m"


def test_a_path_with_bytes_of_no_encoding_can_be_printed(tmp_path: Path) -> None:
    with (tmp_path / "out").open("w", encoding="utf-8") as out:
        Screen.of(out, out, {}, colour=False).say(os.fsdecode(b"caf\xe9.csv"))
    assert (tmp_path / "out").read_text() == "caf\\udce9.csv\n"


def test_a_document_holds_values_as_plain_json() -> None:
    out = io.StringIO()
    screen = Screen(out, io.StringIO())
    screen.document({"output": StoredOutput("output", "/x", "sha256:0", 1, None), "path": Path("a/b"), "names": ("é",)})
    assert json.loads(out.getvalue()) == {
        "output": {
            "name": "output",
            "path": "/x",
            "digest": "sha256:0",
            "size": 1,
            "rows": None,
            "columns": None,
            "where": None,
            "also": [],
            "tuples": None,
            "home": "",
            "members": None,
        },
        "path": "a/b",
        "names": ["é"],
    }


def test_paths_are_shown_as_the_user_would_write_them(tmp_path: Path) -> None:
    assert shown_path(tmp_path / "out" / "a.csv", tmp_path) == "out/a.csv"
    assert shown_path("/elsewhere/a.csv", tmp_path) == "/elsewhere/a.csv"
