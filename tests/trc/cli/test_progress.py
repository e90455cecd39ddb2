"""The lines of a run where nothing can be drawn again."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from trc.cli.output import Screen
from trc.cli.progress import SINGLE_SKIPS, Lines
from trc.cli.tally import Tally
from trc.runtime.observe import TaskProgressed, Ticked, Waiting
from trc.runtime.reasons import Reason


@pytest.fixture
def told() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def lines(told: io.StringIO) -> Lines:
    return Lines(Screen(io.StringIO(), told), Path("/project"))


def test_a_line_for_each_finished_task(lines: Lines, told: io.StringIO, happenings: Any) -> None:
    lines(happenings.opened(["orders", "revenue", "page", "chart", "audit"]))
    lines(happenings.moved("orders", "running", 0))
    lines(TaskProgressed("orders", 1, 2))
    lines(happenings.moved("orders", "success", 0, 1.234, attempt=1, outputs=[happenings.output(3_400_000, 336_776)]))
    lines(happenings.moved("revenue", "skipped", reason=Reason("up_to_date")))
    lines(happenings.moved("page", "pending", attempt=1, error={"message": "no luck\nat all"}))
    lines(happenings.moved("page", "failure", 2, 3, attempt=2, error={"message": "'a'\x1b[2J", "type": "KeyError"}))
    lines(happenings.moved("chart", "upstream_failed", blocked_by="page", reason=Reason("upstream_failed", "page")))
    lines(happenings.moved("audit", "success", 3, 3.04, attempt=3))
    lines(Ticked(happenings.began + 4))
    lines(happenings.finished("failure"))
    lines.close()
    assert told.getvalue().splitlines() == [
        "running shop, 5 tasks, run 0190c1",
        "done     orders     1.2s  336,776 rows  3.4 MB",
        "skipped  revenue  up to date: inputs, parameters, code, environment and outputs are unchanged",
        "retry    page     attempt 1 failed: no luck",
        "failed   page     KeyError: 'a'␛[2J",
        "blocked  chart    needs page, which failed",
        "done     audit      40ms  attempt 3",
    ]


def test_tasks_that_end_together_are_told_at_once_and_before_time_passes(
    lines: Lines, told: io.StringIO, happenings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines(happenings.opened(["orders", "page"]))
    writes: list[str] = []
    monkeypatch.setattr(told, "write", writes.append)
    for name in ("orders", "page"):
        lines(happenings.moved(name, "success", 0, 1, attempt=1))
    assert writes == []
    lines(Ticked(happenings.began + 1))
    assert writes == ["done     orders    1.0s\ndone     page      1.0s\n"]
    lines(Ticked(happenings.began + 2))
    assert len(writes) == 1


def test_many_skips_are_told_by_reason(lines: Lines, told: io.StringIO, happenings: Any) -> None:
    names = [f"t{number}" for number in range(SINGLE_SKIPS + 1)]
    lines(happenings.opened(names))
    for name in names[1:]:
        lines(happenings.moved(name, "skipped", reason=Reason("up_to_date")))
    lines(happenings.moved(names[0], "skipped", reason=Reason("vouched", "strategy etag")))
    assert len(told.getvalue().splitlines()) == 1
    lines(happenings.finished())
    assert told.getvalue().splitlines()[1:] == [
        "skipped  50 tasks  up to date: inputs, parameters, code, environment and outputs are unchanged",
        "skipped  1 task    up to date on the author's word: strategy etag",
    ]


def test_skips_for_very_many_reasons_are_counted(lines: Lines, told: io.StringIO, happenings: Any) -> None:
    names = [f"task{number}" for number in range(60)]
    lines(happenings.opened(names))
    for name in names:
        lines(happenings.moved(name, "skipped", reason=Reason("vouched", name)))
    lines(happenings.finished())
    assert len(told.getvalue().splitlines()) == 12
    assert told.getvalue().splitlines()[-1].split() == ["skipped", "50", "tasks", "for", "other", "reasons"]


def test_a_wait_is_told_once(lines: Lines, told: io.StringIO) -> None:
    for _ in range(3):
        lines(Waiting("/project/out/a.csv", "0190aa"))
    assert told.getvalue() == "waiting for run 0190aa to be done with out/a.csv\n"


def test_a_resumed_run_says_so(lines: Lines, told: io.StringIO, happenings: Any) -> None:
    lines(happenings.opened(["a"], resumed=True))
    assert told.getvalue() == "resuming shop, 1 task, run 0190c1\n"


def test_a_note_of_a_signal_handler_waits_for_its_turn(lines: Lines, told: io.StringIO, happenings: Any) -> None:
    lines.note("canceling")
    assert told.getvalue() == ""
    lines(Ticked(happenings.began))
    assert told.getvalue() == "canceling\n"


def test_the_tally_counts_each_task_where_it_is(happenings: Any) -> None:
    tally = Tally()
    tally.take(happenings.opened(["a", "b", "c", "d", "e", "f"]))
    assert tally.totals() == "6 left"
    for name, state in [("a", "success"), ("b", "skipped"), ("c", "failure"), ("d", "running"), ("e", "omitted")]:
        tally.take(happenings.moved(name, state))
    assert tally.totals() == "1 done · 1 skipped · 1 failed · 1 not run · 1 running · 1 left"
    tally.take(happenings.moved("d", "pending"))
    assert tally.totals() == "1 done · 1 skipped · 1 failed · 1 not run · 2 left"
