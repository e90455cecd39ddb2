"""Lets queries over much data take turns: one of them keeps several cores busy, and beside another only gets in its way."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Final

from trc.runtime.taskside.order import OrderInput, TaskOrder

MUCH: Final = 64 << 20
"""Bytes of input from which on a query takes turns."""
_CORES_EACH: Final = 4
"""More than these, a query seldom keeps busy."""


class Turns:
    """How many queries over much data run at a time, and how many threads each has then."""

    def __init__(self, workers: int, cores: int) -> None:
        self.most = max(1, min(workers, cores // _CORES_EACH))
        self.threads = max(1, cores // self.most)

    def waits_for_one(self, order: TaskOrder) -> bool:
        """Whether the order is of such a query. Where its author says how many cores it has, that is for them to settle."""
        return order.query is not None and order.threads is None and _is_much(order.inputs)


def _is_much(inputs: Sequence[OrderInput]) -> bool:
    total = 0
    for size in _sizes(inputs):
        total += size
        if total >= MUCH:
            return True
    return False


def _sizes(inputs: Sequence[OrderInput]) -> Iterator[int]:
    """The sizes in bytes of all files of this machine: an attempt that has objects fetched waits most of its time."""
    for one in inputs:
        if not one.etags:
            yield from map(_size, one.files)
        yield from _sizes(one.inputs)


def _size(path: str) -> int:
    with suppress(OSError):  # the attempt itself will say what is wrong with it
        return os.stat(path).st_size  # noqa: PTH116 - text in, a number out
    return 0
