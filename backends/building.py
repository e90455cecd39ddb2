"""Builds what tasks run in beside each other, and tells of each when it is done: shared by the backends."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial

from trc.backends.base import Built
from trc.runtime.environments.built import AT_A_TIME
from trc.runtime.executor import Needed
from trc.runtime.taskside.result import Failure

Begun = Callable[[], None]
"""Called by whoever finds that something is not there and begins to make it."""


def each_built(needed: Sequence[Needed], one: Callable[[Needed], Built]) -> Iterator[Built]:
    """What `one` answers for each, as it comes."""
    with ThreadPoolExecutor(AT_A_TIME, "build") as threads:
        yield from (done.result() for done in as_completed([threads.submit(partial(one, each)) for each in needed]))


def built(
    what: str, tasks: tuple[str, ...], make: Callable[[Begun], str], failed: Callable[[Exception], Failure | None]
) -> Built:
    """What `make` answers the name of; what it raises is a failure where `failed` knows it."""
    since: list[float] = []
    try:
        name = make(lambda: since.append(time.monotonic()))
    except Exception as error:
        failure = failed(error)
        if failure is None:
            raise
        return Built(what, "", tasks, failure=failure)
    return Built(what, name, tasks, bool(since), time.monotonic() - since[0] if since else 0.0)
