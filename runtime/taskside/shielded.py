"""A process above a guardian, for where whoever started it may kill its children as it ends itself.

A guardian that is killed can end nothing. This one is killed in its place, which the guardian notices.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import NoReturn

from trc.runtime.taskside import guardian


def shield(orders: int, messages: int) -> int:
    """Forks: returns the id of the process above in the one that is to be the guardian, and ends as that does in the other."""
    above = os.getpid()
    below = os.fork()
    if below:
        os.close(orders)
        os.close(messages)
        _stand_above(below)
    return above


def _stand_above(below: int) -> NoReturn:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda got, _frame: _pass_on(below, got))
    _, status = os.waitpid(below, 0)
    guardian.end_as(status)


def _pass_on(process: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, number)
