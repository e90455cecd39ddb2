"""Which messages a run's changes ask for: of which events, once each, in the commit of what they tell of."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.runtime.test_loop import World

from trc.runtime.clock import SystemClock
from trc.runtime.hooks import Hooks
from trc.runtime.spec import HookSpec, PipelineSpec, SkipSpec, TaskSpec
from trc.runtime.store.journal import Event, Message, RunRecord, RunState, TaskRecord, TaskState

EVENTS: tuple[Event, ...] = ("start", "success", "failure", "cancel", "retry")
HOOKS = tuple(HookSpec(event, f"https://a.example/{event}") for event in EVENTS)
TASK = TaskSpec("clean", "python", "m:f", (), SkipSpec(can_skip=True), hooks=HOOKS)
QUIET = TaskSpec("quiet", "python", "m:f", (), SkipSpec(can_skip=True))
SPEC = PipelineSpec("shop", "shop.yaml", "/p", (TASK, QUIET), "d1", HOOKS)
RUN = RunRecord("r1", "shop", "/p/shop.yaml", "d1", "2026-01-15T00:00:00+00:00", "driver-1", 100.0)
ERROR = {"message": "no luck", "kind": "unknown", "reason": "error", "type": "ValueError", "trace": "a secret place"}


def record(state: TaskState, attempt: int = 0, **facts: Any) -> TaskRecord:
    return TaskRecord("r1", "clean", state, attempt)._replace(**facts)


def messages(records: Sequence[TaskRecord], previous: Sequence[TaskRecord] = (), run: RunRecord = RUN) -> list[Message]:
    hooks = Hooks(SPEC, run, SystemClock(), previous)
    return [message for one in records for message in hooks.of_task(one)]


def told(found: Sequence[Message]) -> list[tuple[str, int]]:
    """The events with their attempts, each message once: the store keeps no second one of an id."""
    by_id = {one.id: one for one in reversed(found)}
    return [(one.event, json.loads(one.body)["attempt"]) for one in dict.fromkeys(by_id[one.id] for one in found)]


FIRST = record("claimed", 1)
RESTING = record("pending", 1, error=ERROR)
LIVES = {
    "it succeeds": ([record("waiting"), record("pending"), FIRST, record("running", 1), record("success", 1)], [("start", 1), ("success", 1)]),
    "it fails": ([FIRST, record("failure", 1, error=ERROR)], [("start", 1), ("failure", 1)]),
    "it fails before it begins": ([record("failure", error=ERROR)], [("failure", 0)]),
    "it is tried again later": (
        [FIRST, RESTING, record("claimed", 2, error=ERROR), record("success", 2)],
        [("start", 1), ("retry", 1), ("success", 2)],
    ),
    "it is tried again at once": (
        [FIRST, record("claimed", 2, error=ERROR), record("failure", 2, error=ERROR)],
        [("start", 1), ("retry", 1), ("failure", 2)],
    ),
    "an attempt is lost": (
        [FIRST, record("claimed", 2, lost=1, error=ERROR), record("success", 2, lost=1)],
        [("start", 1), ("retry", 1), ("success", 2)],
    ),
    "it is canceled": ([FIRST, record("canceled", 1, error=ERROR)], [("start", 1), ("cancel", 1)]),
    "it is canceled before it begins": ([record("canceled")], [("cancel", 0)]),
    "it is up to date": ([record("skipped")], []),
    "it is blocked": ([record("upstream_failed", blocked_by="x")], []),
    "it is omitted": ([record("omitted")], []),
}  # fmt: skip


@pytest.mark.parametrize("life", LIVES)
def test_each_event_of_a_task_is_told_once(life: str) -> None:
    records, events = LIVES[life]
    assert told(messages(records)) == events


TAKEN_UP = {
    "it was running": (record("running", 1), [record("waiting", 1, lost=1), record("claimed", 2, lost=1)], [("retry", 1)]),
    "it was claimed": (record("claimed", 1), [record("claimed", 2, lost=1)], [("retry", 1)]),
    "it rested": (RESTING, [record("pending", 1, error=ERROR), record("claimed", 2, error=ERROR)], [("retry", 1)]),
    "it had not begun": (record("waiting"), [record("pending"), record("claimed", 1)], [("start", 1)]),
    "it had failed for good": (
        record("failure", 2, error=ERROR),
        [record("waiting", 2, before=2, error=ERROR), record("pending", 2, before=2, error=ERROR), record("claimed", 3, before=2, error=ERROR)],
        [("start", 3)],
    ),
    "it was taken up before, and rests": (
        record("pending", 3, before=2, error=ERROR),
        [record("claimed", 4, before=2, error=ERROR)],
        [("retry", 3)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", TAKEN_UP)
def test_a_run_that_is_taken_up_goes_on_telling_where_it_stood(case: str) -> None:
    before, records, events = TAKEN_UP[case]
    assert told(messages(records, [before])) == events


def test_a_message_is_the_same_one_whoever_tells_it() -> None:
    """A driver dies after it has told of a retry, and the one that takes the run up tells of it again."""
    (first,) = messages([RESTING], [FIRST._replace(state="pending", error=ERROR)])
    (second,) = messages([record("claimed", 2, error=ERROR)], [RESTING])
    assert first.id == second.id
    assert first.id != messages([FIRST])[0].id


def test_an_attempt_that_died_with_its_driver_is_told_as_lost_and_not_as_the_one_before() -> None:
    interrupted = record("running", 2, error=ERROR)
    (found,) = messages(
        [record("waiting", 2, lost=1, error=ERROR), record("claimed", 3, lost=1, error=ERROR)], [interrupted]
    )
    error = json.loads(found.body)["error"]
    assert (error["reason"], "the process that drove the run ended" in error["message"]) == ("lost", True)


def test_a_body_says_what_is_documented_and_nothing_else() -> None:
    failed = record(
        "failure", 2, error=ERROR, started_at=200.0, ended_at=201.5, reason={"code": "changed", "changes": ["x"]}
    )
    (found,) = messages([failed])
    body = json.loads(found.body)
    assert body.pop("at").endswith("+00:00")
    assert body == {
        "version": 1,
        "id": found.id,
        "type": "task.failure",
        "pipeline": "shop",
        "run": "r1",
        "logical_time": "2026-01-15T00:00:00+00:00",
        "task": "clean",
        "task_type": "python",
        "state": "failure",
        "attempt": 2,
        "reason": "changed",
        "error": {"message": "no luck", "kind": "unknown", "reason": "error", "type": "ValueError"},
        "started_at": "1970-01-01T00:03:20.000+00:00",
        "ended_at": "1970-01-01T00:03:21.500+00:00",
    }
    long = {**ERROR, "message": "x" * 100_000}
    (short,) = messages([record("failure", 1, error=long)])
    assert len(short.body) < 4000


@pytest.mark.parametrize(
    ("state", "event"),
    [("success", "success"), ("failure", "failure"), ("canceled", "cancel"), ("abandoned", "failure")],
)
def test_the_end_of_a_run_is_told_with_how_its_tasks_ended(state: RunState, event: Event) -> None:
    hooks = Hooks(SPEC, RUN, SystemClock())
    ended = replace(RUN, state=state, ended_at=103.0)
    (found,) = hooks.of_end(ended, [record("failure"), record("success"), record("success")])
    body = json.loads(found.body)
    assert (found.event, found.task, body["type"], body["state"]) == (event, None, f"pipeline.{event}", state)
    assert (body["tasks"], body["failed"]) == ({"failure": 1, "success": 2}, ["clean"])


def test_a_run_starts_once_and_is_taken_up_after_that() -> None:
    (first,) = Hooks(SPEC, RUN, SystemClock()).of_beginning()
    (again,) = Hooks(SPEC, RUN, SystemClock(), [record("waiting")]).of_beginning()
    assert (first.event, again.event) == ("start", "retry")


def test_messages_are_committed_with_what_they_tell_of_and_delivered_after(tmp_path: Path) -> None:
    """After each commit, what is recorded and what is to be told agree; nobody is woken before."""
    world = World(tmp_path)
    seen: list[set[str]] = []

    def look() -> None:
        run = next(iter(world.store._tables.runs), None)
        if run is None:
            return
        states = {one.task: one.state for one in world.store.tasks(run)}
        told = {f"{one.task}.{one.event}" for one in world.store.messages()}
        seen.append(told)
        has_ended = world.store.runs()[0].state == "success"
        for task, state in states.items():
            assert (f"{task}.start" in told) is (state not in ("waiting", "pending")), (task, state)
            assert (f"{task}.success" in told) is (state == "success"), (task, state)
        assert ("None.start" in told) is bool(states)
        assert ("None.success" in told) is has_ended

    world.store.at_commit = look
    hooked = [replace(one, hooks=HOOKS) for one in (world.task("a", "seed.txt"), world.task("b", "a"))]
    outcome = world.run(*hooked, hooks=HOOKS)
    assert outcome.run.state == "success"
    assert seen[-1] == {"None.start", "a.start", "a.success", "b.start", "b.success", "None.success"}
    steps = world.store.steps
    assert steps.count("wake") >= 3
    assert all(steps[number - 1] != "wake" for number, step in enumerate(steps) if step == "wake" and number)


def test_a_run_without_hooks_wakes_nobody_for_its_tasks(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.run(world.task("a", "seed.txt"))
    assert world.store.messages() == []
    between = world.store.steps[world.store.steps.index("start a") : -2]
    assert "wake" not in between
