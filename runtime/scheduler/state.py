"""The states of a task, the legal moves between them, and what an upstream's end means for who waits on it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Literal

from trc.runtime.spec import NeedSpec
from trc.runtime.store.journal import RunState, TaskState

FINAL: Final[frozenset[TaskState]] = frozenset(
    {"success", "failure", "canceled", "skipped", "omitted", "upstream_failed"}
)
SUCCEEDED: Final[frozenset[TaskState]] = frozenset({"success", "skipped"})

MOVES: Final[Mapping[TaskState, frozenset[TaskState]]] = {
    # A repeated task whose items are known runs as long as they do, without an attempt of its own.
    "waiting": frozenset(
        {"pending", "running", "paused", "skipped", "omitted", "failure", "upstream_failed", "canceled"}
    ),
    "pending": frozenset({"claimed", "paused", "failure", "canceled"}),
    # A short attempt's end may be seen before, or without, its beginning.
    "claimed": frozenset({"running", "success", "failure", "pending", "canceled"}),
    # A repeated one comes to the end that its items come to.
    "running": frozenset({"success", "failure", "pending", "skipped", "omitted", "upstream_failed", "canceled"}),
    "success": frozenset(),
    "failure": frozenset(),
    "canceled": frozenset(),
    "skipped": frozenset(),
    "omitted": frozenset(),
    "upstream_failed": frozenset(),
    # It is decided anew: what it reads may have moved since.
    "paused": frozenset({"waiting", "pending", "failure", "canceled"}),
}

Verdict = Literal["met", "omit", "block"]

DATA: Final[Mapping[TaskState, Verdict]] = {
    "success": "met",
    "skipped": "met",
    "omitted": "omit",
    "failure": "block",
    "upstream_failed": "block",
    "canceled": "block",
}
AFTER_SUCCESS: Final[Mapping[TaskState, Verdict]] = {**DATA, "omitted": "met"}
AFTER_COMPLETION: Final[Mapping[TaskState, Verdict]] = dict.fromkeys(sorted(FINAL), "met")


def verdicts(need: NeedSpec) -> Mapping[TaskState, Verdict]:
    """What each final state of the needed task means for the one that needs it."""
    if need.data:
        return DATA
    return AFTER_SUCCESS if need.requires == "success" else AFTER_COMPLETION


def run_state(states: Iterable[TaskState]) -> RunState:
    """The state of a run whose tasks ended in these states."""
    seen = set(states)
    if not seen.isdisjoint(("failure", "upstream_failed")):
        return "failure"
    return "canceled" if "canceled" in seen else "success"
