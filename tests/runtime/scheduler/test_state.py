from typing import cast, get_args

import pytest

from trc.runtime.scheduler.state import FINAL, MOVES, SUCCEEDED, run_state, verdicts
from trc.runtime.spec import NeedSpec
from trc.runtime.store.journal import TaskState

DATA = NeedSpec("a", data=True)
SUCCESS = NeedSpec("a")
COMPLETION = NeedSpec("a", requires="completion")


def test_every_state_has_its_moves() -> None:
    assert set(MOVES) == set(get_args(TaskState))


def test_final_states_have_no_moves() -> None:
    assert {state for state, moves in MOVES.items() if not moves} == FINAL


def test_nothing_succeeds_without_an_attempt() -> None:
    assert {state for state, moves in MOVES.items() if "success" in moves} == {"claimed", "running"}


def test_succeeded_states_are_final() -> None:
    assert SUCCEEDED < FINAL


@pytest.mark.parametrize(
    ("state", "data", "success", "completion"),
    [
        ("success", "met", "met", "met"),
        ("skipped", "met", "met", "met"),
        ("omitted", "omit", "met", "met"),
        ("failure", "block", "block", "met"),
        ("upstream_failed", "block", "block", "met"),
        ("canceled", "block", "block", "met"),
    ],
)
def test_what_an_end_means_for_those_who_need_it(state: TaskState, data: str, success: str, completion: str) -> None:
    assert [verdicts(need)[state] for need in (DATA, SUCCESS, COMPLETION)] == [data, success, completion]


@pytest.mark.parametrize("need", [DATA, SUCCESS, COMPLETION])
def test_every_final_state_has_a_verdict_and_no_other(need: NeedSpec) -> None:
    assert set(verdicts(need)) == FINAL


@pytest.mark.parametrize(
    ("states", "run"),
    [
        ("", "success"),
        ("success skipped omitted", "success"),
        ("success failure", "failure"),
        ("success upstream_failed", "failure"),
        ("success canceled", "canceled"),
        ("canceled failure", "failure"),
    ],
)
def test_state_of_a_run(states: str, run: str) -> None:
    assert run_state(cast("list[TaskState]", states.split())) == run
