"""What happens in a run reaches those who listen, and no mistake of theirs reaches the run."""

from __future__ import annotations

import pytest

from trc.runtime.bus import KINDS, Bus
from trc.runtime.observe import Happening, TaskMoved, TaskProgressed, Ticked, Waiting
from trc.runtime.store.journal import TaskRecord

TICK = Ticked(1.0)
MOVED = TaskMoved(TaskRecord("r1", "a", "success"))


def test_each_hears_what_it_came_for_in_the_order_in_which_they_came() -> None:
    bus, heard = Bus(), list[tuple[str, Happening]]()
    bus.subscribe("all", lambda one: heard.append(("all", one)))
    bus.subscribe("some", lambda one: heard.append(("some", one)), (TaskMoved, TaskProgressed))
    for one in (TICK, MOVED, Waiting("/a", "r2")):
        bus(one)
    assert heard == [("all", TICK), ("all", MOVED), ("some", MOVED), ("all", Waiting("/a", "r2"))]


def test_who_leaves_hears_nothing_more() -> None:
    bus, heard = Bus(), list[Happening]()
    leave = bus.subscribe("all", heard.append)
    bus(TICK)
    leave()
    bus(MOVED)
    assert heard == [TICK]
    assert bus.problems == []


def test_who_raises_is_told_of_once_and_left_out() -> None:
    bus, before, after = Bus(), list[Happening](), list[Happening]()

    def broken(happening: Happening) -> None:
        if isinstance(happening, TaskMoved):
            raise KeyError("no such\nkey")

    bus.subscribe("before", before.append)
    bus.subscribe("broken", broken)
    bus.subscribe("after", after.append)
    for one in (TICK, MOVED, MOVED, TICK):
        bus(one)
    assert before == after == [TICK, MOVED, MOVED, TICK]
    (problem,) = bus.problems
    assert (problem.code, problem.severity) == ("TRC639", "warning")
    assert problem.message == (
        "\"broken\" could not take in TaskMoved, and hears nothing more of this run: KeyError: 'no such\\nkey'"
    )


def test_who_ends_the_command_ends_it() -> None:
    bus = Bus()

    def interrupted(_happening: Happening) -> None:
        raise KeyboardInterrupt

    bus.subscribe("keys", interrupted)
    with pytest.raises(KeyboardInterrupt):
        bus(TICK)


def test_all_that_happens_is_of_a_known_kind() -> None:
    assert set(KINDS) == set(Happening.__args__)
