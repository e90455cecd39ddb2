"""The drawn progress, as a terminal of a given size shows it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from trc.cli.live import Live
from trc.cli.output import Screen
from trc.runtime.observe import TaskProgressed, Ticked


class Terminal:
    """A pseudo-terminal and the rows that it shows: knows what `Live` uses, and wraps long lines."""

    def __init__(self, columns: int, rows: int) -> None:
        self.leader, follower = pty.openpty()
        self.err = os.fdopen(follower, "w", encoding="utf-8")
        self.rows = [""]
        self.row = self.column = 0
        self.cursor_shown = True
        self.resize(columns, rows)

    def resize(self, columns: int, rows: int) -> None:
        self.columns = columns
        fcntl.ioctl(self.leader, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def reflow(self, columns: int, rows: int) -> None:
        """Becomes narrower as terminals do it: lines that no longer fit are wrapped."""
        self.rows = [row[at : at + columns] for row in self.rows for at in range(0, max(len(row), 1), columns)]
        self.row = len(self.rows) - 1
        self.resize(columns, rows)

    def shown(self) -> list[str]:
        """The rows on the screen after all that was written."""
        self.err.flush()
        os.write(self.err.fileno(), b"\x00")
        read = b""
        while not read.endswith(b"\x00"):
            read += os.read(self.leader, 65536)
        for piece in re.findall(r"\x1b\[\??[\d;]*[A-Za-z]|[^\x1b]", read[:-1].decode()):
            self._obey(piece)
        return [row.rstrip() for row in self.rows]

    def _obey(self, piece: str) -> None:
        if piece == "\n":
            self.row += 1
            if self.row == len(self.rows):
                self.rows.append("")
        elif piece == "\r":
            self.column = 0
        elif piece == "\x1b[J":
            self.rows[self.row :] = [self.rows[self.row][: self.column]]
        elif piece in {"\x1b[?25l", "\x1b[?25h"}:
            self.cursor_shown = piece.endswith("h")
        elif up := re.fullmatch(r"\x1b\[(\d+)A", piece):
            self.row = max(self.row - int(up[1]), 0)
        elif len(piece) == 1:
            self._put(piece)
        else:
            assert piece.endswith("m"), piece

    def _put(self, char: str) -> None:
        if self.column == self.columns:
            self.column = 0
            self._obey("\n")
        row = self.rows[self.row].ljust(self.column)
        self.rows[self.row] = row[: self.column] + char + row[self.column + 1 :]
        self.column += 1


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    made = Terminal(60, 24)
    yield made
    made.err.close()
    os.close(made.leader)


@pytest.fixture
def live(terminal: Terminal) -> Live:
    screen = Screen.of(terminal.err, terminal.err, {"TERM": "xterm-256color"}, colour=True)
    assert screen.is_live
    return Live(screen, Path("/project"))


def test_running_tasks_stand_below_finished_ones(live: Live, terminal: Terminal, happenings: Any) -> None:
    live(happenings.opened(["orders", "revenue", "page"]))
    assert terminal.shown() == ["running shop, 3 tasks, run 0190c1", "  3 left  0ms", ""]
    live(happenings.moved("orders", "running", 0, attempt=1))
    live(TaskProgressed("orders", 1200, 5000))
    live(happenings.moved("revenue", "running", 1, attempt=2))
    live(Ticked(happenings.began))
    live(Ticked(happenings.began + 2.5))
    assert terminal.shown() == [
        "running shop, 3 tasks, run 0190c1",
        "⠹ orders       2.5s  1,200/5,000 (24%)",
        "⠹ revenue      1.5s    attempt 2",
        "  2 running · 1 left  2.5s",
        "",
    ]
    assert not terminal.cursor_shown
    live(happenings.moved("orders", "success", 0, 3, attempt=1, outputs=[happenings.output(812, 5000)]))
    live(Ticked(happenings.began + 3))
    assert terminal.shown() == [
        "running shop, 3 tasks, run 0190c1",
        "done     orders     3.0s  5,000 rows  812 B",
        "⠸ revenue      2.0s    attempt 2",
        "  1 done · 1 running · 1 left  3.0s",
        "",
    ]


def test_the_end_leaves_the_story_and_gives_the_cursor_back(live: Live, terminal: Terminal, happenings: Any) -> None:
    live(happenings.opened(["a"]))
    live(happenings.moved("a", "running", 0))
    live(Ticked(happenings.began + 1))
    live(happenings.moved("a", "success", 0, 1.5))
    live(happenings.finished())
    live.close()
    assert terminal.shown() == ["running shop, 1 task, run 0190c1", "done     a    1.5s", ""]
    assert terminal.cursor_shown


def test_an_interrupted_run_gives_the_cursor_back(live: Live, terminal: Terminal, happenings: Any) -> None:
    live(happenings.opened(["a"]))
    live.close()
    assert terminal.shown() == ["running shop, 1 task, run 0190c1", ""]
    assert terminal.cursor_shown


def test_lines_are_cut_to_the_width(live: Live, terminal: Terminal, happenings: Any) -> None:
    terminal.resize(20, 24)
    live(happenings.opened(["a" * 40]))
    live(happenings.moved("a" * 40, "running", 0))
    for second in range(1, 4):
        live(Ticked(happenings.began + second))
    shown = terminal.shown()
    assert shown[-3:] == ["⠸ aaaaaaaaaaaaaaaa…", "  1 running  2.0s", ""]
    assert sum("aaaa" in row for row in shown) == 1


@pytest.mark.parametrize("columns", [59, 31, 17, 9])
def test_a_terminal_made_narrower_shows_one_block(
    live: Live, terminal: Terminal, happenings: Any, columns: int
) -> None:
    live(happenings.opened(["first_of_two_tasks", "second_of_two_tasks"]))
    for name in ("first_of_two_tasks", "second_of_two_tasks"):
        live(happenings.moved(name, "running", 0))
        live(TaskProgressed(name, 123_456_789, 1_234_567_890))
    live(Ticked(happenings.began + 1))
    terminal.shown()
    terminal.reflow(columns, 24)
    live(Ticked(happenings.began + 2))
    shown = terminal.shown()
    assert sum(row.startswith("⠹") for row in shown) == 2
    assert sum(row.startswith("⠙") for row in shown) == 0
    assert "".join(shown).replace(" ", "").startswith("runningshop,2tasks,run0190c1")


def test_a_low_terminal_shows_as_many_tasks_as_fit(live: Live, terminal: Terminal, happenings: Any) -> None:
    terminal.resize(60, 6)
    names = [f"task{number}" for number in range(1500)]
    live(happenings.opened(names))
    for name in names:
        live(happenings.moved(name, "running", 0))
    live(Ticked(happenings.began + 1))
    assert [row.split("  ")[0] for row in terminal.shown()[1:]] == ["⠙ task0", "⠙ task1", "⠙ task2", "", "", ""]
    assert terminal.shown()[4:6] == ["  and 1,497 more", "  1,500 running  0ms"]


def test_frames_are_not_drawn_faster_than_an_eye_follows(live: Live, terminal: Terminal, happenings: Any) -> None:
    live(happenings.opened(["a"]))
    live(happenings.moved("a", "running", 0))
    for hundredth in range(100):
        live(Ticked(happenings.began + hundredth / 100))
    assert 9 <= live.turn <= 12
    terminal.shown()


def test_a_terminal_without_unicode_gets_a_plain_spinner(terminal: Terminal, happenings: Any) -> None:
    with os.fdopen(os.dup(terminal.err.fileno()), "w", encoding="ascii", errors="backslashreplace") as err:
        live = Live(Screen(err, err, is_live=True), Path("/project"))
        live(happenings.opened(["a"]))
        live(happenings.moved("a", "running", 0))
        live(Ticked(happenings.began + 1))
        assert terminal.shown()[1].startswith("/ a")
