"""What moved since a plan was saved, in words."""

from __future__ import annotations

import pytest

from trc.runtime.moved import differing, moved, secrets_now
from trc.runtime.plan import Action, Plan, PlannedPartitions, PlannedTask
from trc.runtime.reasons import Reason
from trc.runtime.savedplan import Basis

MOVES: dict[str, tuple[Basis, Basis, list[str]]] = {
    "nothing": ({"files": {"a": "1", "b": None}}, {"files": {"a": "1"}}, []),
    "a file": ({"files": {"a": "1"}}, {"files": {"a": "2"}}, ['the file "a" was edited']),
    "a file that came": ({"files": {"a": None}}, {"files": {"a": "2"}}, ['the file "a" is there now']),
    "an input": ({"inputs": {"a": "1"}}, {"inputs": {}}, ['the input "a" is gone']),
    "an output": ({"outputs": {"a": "1"}}, {"outputs": {"a": "2"}}, ['the output "a" changed']),
    "a secret": ({"secrets": {"aws:x": "1"}}, {"secrets": {"aws:x": "2"}}, ['the secret "aws:x" has another version']),
    "a result": ({"results": {"a": "r"}}, {"results": {"a": None}}, ['the stored result of the task "a" is gone']),
    "a variable": (
        {"variables": {"TRC_TARGET": "dev"}},
        {"variables": {"TRC_TARGET": "prod"}},
        ["the variable TRC_TARGET is set, and the plan was made with another value"],
    ),
    "a part of a key alone": ({"keys": {"a: sql": "1"}}, {"keys": {"a: sql": "2"}}, ['"sql" of the task "a" changed']),
    "a key, for its file was edited": (
        {"files": {"f": "1"}, "keys": {"a: sql": "1"}, "pipeline": {"": "1"}},
        {"files": {"f": "2"}, "keys": {"a: sql": "2"}, "pipeline": {"": "2"}},
        ['the file "f" was edited'],
    ),
    "what no key tells": (
        {"keys": {"a: sql": "1"}, "pipeline": {"": "1"}},
        {"keys": {"a: sql": "1"}, "pipeline": {"": "2"}},
        ["the pipeline says something else"],
    ),
    "a key, and so the pipeline": (
        {"keys": {"a: sql": "1"}, "pipeline": {"": "1"}},
        {"keys": {"a: sql": "2", "a: params.x": "1"}, "pipeline": {"": "2"}},
        ['"params.x" of the task "a" is new', '"sql" of the task "a" changed'],
    ),
    "a kind that was not looked at": ({"inputs": {"a": "1"}}, {}, []),
}


@pytest.mark.parametrize("what", MOVES)
def test_what_moved_is_told_once(what: str) -> None:
    before, now, told = MOVES[what]
    assert [one.text for one in moved(before, now)] == told


def test_version_of_a_secret_that_nobody_can_tell_is_a_fact_too() -> None:
    versions: dict[str, str | Reason] = {"a": "v1", "b": Reason("no_key", "AWS does not answer")}
    assert secrets_now(versions, lambda ref: versions[ref]) == {"a": "v1", "b": "unknown"}


def task(action: Action, key: str | None = None, *to_run: str) -> PlannedTask:
    partitions = PlannedPartitions("day", 3, to_run) if to_run else None
    return PlannedTask("a", action, Reason("first"), key, partitions)


def plan(*tasks: PlannedTask) -> Plan:
    return Plan("p", "", "", tasks)


FORECASTS: dict[str, tuple[Plan, Plan, list[str]]] = {
    "the same": (plan(task("run", "k")), plan(task("run", "k")), []),
    "another action": (
        plan(task("maybe")),
        plan(task("run", "k")),
        ['the task "a" was to be decided later, and is to run now: it has never succeeded before'],
    ),
    "another key": (
        plan(task("run", "k")),
        plan(task("run", "l")),
        ['the task "a" would be computed from something else'],
    ),
    "other partitions": (
        plan(task("run", "k", "1")),
        plan(task("run", "k", "1", "2")),
        ['other partitions of the task "a" are to be computed now'],
    ),
    "a task less": (plan(task("run")), plan(), ['the task "a" is not planned any more']),
    "a task more": (plan(), plan(task("run")), ['the task "a" was not planned']),
}


@pytest.mark.parametrize("what", FORECASTS)
def test_forecasts_are_compared_by_what_would_be_done(what: str) -> None:
    before, now, told = FORECASTS[what]
    assert [one.text for one in differing(before, now)] == told
