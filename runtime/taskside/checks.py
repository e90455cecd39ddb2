"""Holds an attempt's output to its expectations, between its writing and its publishing."""

from __future__ import annotations

import importlib
import os
from collections.abc import Sequence

from trc.runtime.taskside.errors import AttemptFailed
from trc.runtime.taskside.failures import Mask, failure_of
from trc.runtime.taskside.order import OrderChecks, TaskOrder
from trc.runtime.taskside.result import Failure, Verdict
from trc.runtime.taskside.task import TaskContext


def checked(order: TaskOrder, checks: OrderChecks, mask: Mask = None) -> tuple[Failure | None, tuple[Verdict, ...]]:
    """What each expectation found, and the failure if one that has to hold does not.

    `mask` takes secrets out of texts; an attempt that has one was given secrets, and no rows of its are shown.
    """
    gone = next((path for path in checks.data.files if not os.path.isfile(path) or os.path.islink(path)), None)
    if gone is not None:
        if not order.outputs:
            return Failure(f'the stored output "{gone}" is gone', "temporary", "input_moved"), ()
        return None, ()  # whoever measures the outputs tells what is wrong with it
    module, _, name = checks.runs.partition(":")
    try:
        verdicts: tuple[Verdict, ...] = getattr(importlib.import_module(module), name)(order, checks, mask)
    except AttemptFailed as error:
        return error.failure, ()
    except ImportError as error:
        message = (
            f"its expectations cannot be evaluated in the task's environment: {error}\nadd duckdb to its requirements"
        )
        return Failure(message, "permanent", "unchecked", type(error).__name__), ()
    except Exception as error:  # noqa: BLE001 - whatever keeps the checks from being made, nothing is published unchecked
        return failure_of(error, mask=mask), ()
    broken = [one for one in verdicts if not one.passed and one.severity == "error"]
    return (_failure(broken) if broken else None), verdicts


def nothing(_order: TaskOrder, _context: TaskContext) -> None:
    """What an attempt runs that only checks what is stored."""


def _failure(broken: Sequence[Verdict]) -> Failure:
    lines = [f"{one.name}: {one.error or one.found}" for one in broken]
    is_known = any(not one.error for one in broken)
    return Failure("\n".join(lines), "permanent", "expectation" if is_known else "unchecked")
