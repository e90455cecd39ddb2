"""What skips spared, from the records of runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import pytest

from trc.runtime.savings import Tally, savings_of, total
from trc.runtime.store.journal import AttemptRecord, RunRecord, TaskRecord, TaskState
from trc.runtime.store.memory import MemoryStore

Ran = tuple[float, int]
"""Seconds and bytes of a successful attempt."""


def recorded(*runs: Mapping[str, tuple[TaskState, str, Ran | None]]) -> MemoryStore:
    """A journal of runs, oldest first: of each task the state, the reason's code, and its successful attempt."""
    store = MemoryStore()
    for number, tasks in enumerate(runs):
        run, at = f"r{number}", 1000.0 * number
        with store.transaction() as change:
            change.put_run(RunRecord(run, "p", "p.yaml", "", "", "d", at, "success", at + 1))
            change.put_tasks(
                [TaskRecord(run, name, state, reason={"code": code}) for name, (state, code, _) in tasks.items()]
            )
            for name, (state, _, ran) in tasks.items():
                if ran is not None:
                    end: Literal["failure", "success"] = "failure" if state == "failure" else "success"
                    result = {"outputs": [{"size": ran[1] - 1}, {"size": 1}]}
                    first = AttemptRecord(run, name, 1, "t", "failure", "", at, at, at + 900.0, None)
                    change.put_attempts(
                        [first, first._replace(number=2, state=end, ended_at=at + ran[0], result=result)]
                    )
    return store


RAN: tuple[TaskState, str, Ran | None] = ("success", "first", (2.0, 10))
AGAIN: tuple[TaskState, str, Ran | None] = ("success", "changed", (5.0, 30))
SKIPPED: tuple[TaskState, str, Ran | None] = ("skipped", "up_to_date", None)
CHECKED: tuple[TaskState, str, Ran | None] = ("success", "unchecked", (0.5, 1))
KEPT: tuple[TaskState, str, Ran | None] = ("skipped", "kept", None)
FAILED: tuple[TaskState, str, Ran | None] = ("failure", "changed", (7.0, 70))
BLOCKED: tuple[TaskState, str, Ran | None] = ("upstream_failed", "upstream_failed", None)

HISTORIES: dict[str, tuple[list[tuple[TaskState, str, Ran | None]], int, Tally]] = {
    "each skip has the last success before it": (
        [RAN, SKIPPED, SKIPPED, AGAIN, SKIPPED],
        20,
        Tally(ran=2, skipped=3, seconds=2 + 2 + 5, bytes=10 + 10 + 30),
    ),
    "a success before the window counts": ([RAN, AGAIN, SKIPPED, SKIPPED], 2, Tally(skipped=2, seconds=10, bytes=60)),
    "a later success does not": ([RAN, SKIPPED, AGAIN], 2, Tally(ran=1, skipped=1, seconds=2, bytes=10)),
    "what nobody recorded is told": ([SKIPPED, RAN, SKIPPED], 20, Tally(ran=1, skipped=2, seconds=2, bytes=10, unknown=1)),
    "a check is neither a run nor a skip": (
        [RAN, CHECKED, SKIPPED],
        20,
        Tally(ran=1, checked=1, skipped=1, seconds=2, bytes=10),
    ),
    "a failure leaves the last success": (
        [RAN, FAILED, BLOCKED, SKIPPED],
        20,
        Tally(ran=1, failed=1, other=1, skipped=1, seconds=2, bytes=10),
    ),
    "what ran before its run was interrupted ran": ([RAN, KEPT], 20, Tally(ran=2)),
    "more runs are asked for than there are": ([RAN], 1_000, Tally(ran=1)),
}  # fmt: skip


@pytest.mark.parametrize("what", HISTORIES)
def test_history_is_summed_up(what: str) -> None:
    history, last, expected = HISTORIES[what]
    found = savings_of(recorded(*({"a": one} for one in history)), "p", last)
    assert found.tasks == {"a": expected}
    assert [run.id for run in found.runs] == [f"r{n}" for n in reversed(range(len(history)))][:last]


def test_sums_and_rates() -> None:
    found = savings_of(
        recorded({"a": RAN, "b": AGAIN}, {"a": SKIPPED, "b": FAILED}, {"a": SKIPPED, "c": BLOCKED}), "p", 20
    )
    assert list(found.tasks) == ["a", "b", "c"]
    assert found.sums == Tally(ran=2, skipped=2, failed=1, other=1, seconds=4, bytes=20)
    assert [one.skip_rate for one in found.tasks.values()] == [pytest.approx(2 / 3), 0.0, None]
    assert total([]) == Tally()


def test_other_pipelines_are_no_part_of_it() -> None:
    found = savings_of(recorded({"a": RAN}), "q", 20)
    assert (found.runs, found.tasks, found.sums.skip_rate) == ((), {}, None)
