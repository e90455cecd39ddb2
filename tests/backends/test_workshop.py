"""Threads beside a run: what they did is settled in it, and nothing of them is left open."""

from __future__ import annotations

import os
import select
import threading
from functools import partial
from pathlib import Path

import pytest

from trc.backends.workshop import Workshop

LONG = 60.0
"""Seconds after which what does not come fails the test."""


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("times", [1, 2])
def test_a_workshop_that_is_closed_holds_no_descriptors(times: int) -> None:
    """Guards the pipe that wakes the run: each executor left one open."""
    before = descriptors()
    settled: list[int] = []
    shop = Workshop(2)
    shop.do(lambda: partial(settled.append, 1))
    assert select.select([shop.news], [], [], LONG)[0]
    shop.settle()
    assert settled == [1]
    for _ in range(times):
        shop.close()
    assert descriptors() == before


def test_what_is_done_after_the_end_writes_to_nobody_elses_descriptor() -> None:
    gate = threading.Event()

    def build() -> partial[None]:
        gate.wait(LONG)
        return partial(print, end="")

    before = set(threading.enumerate())
    shop = Workshop(1)
    shop.do_at_length(build)
    shop.close()
    reads, writes = os.pipe()
    try:
        gate.set()
        for thread in set(threading.enumerate()) - before:
            thread.join(LONG)
        assert select.select([reads], [], [], 0)[0] == []
    finally:
        os.close(reads)
        os.close(writes)
