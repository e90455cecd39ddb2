"""Runs a command: a line for the shell, or a program with its arguments."""

from __future__ import annotations

import os
import re
import subprocess

from trc.runtime.taskside.errors import AttemptFailed, PermanentError
from trc.runtime.taskside.failures import exit_kind, signal_exit, signal_kind, signal_name
from trc.runtime.taskside.items import OrderItem
from trc.runtime.taskside.order import TaskOrder
from trc.runtime.taskside.result import Failure
from trc.runtime.taskside.task import TaskContext

_TAIL = 4096
_MAX_LINE = 300


def run(order: TaskOrder, context: TaskContext) -> None:
    """Runs `params.command`; files to read and to write are in its variables, as `variables` says."""
    command = order.params["command"]
    arguments = ["/bin/sh", "-c", command] if isinstance(command, str) else [OrderItem.text(part) for part in command]
    if not arguments:
        raise PermanentError("the command is empty")
    try:
        # No session of its own: it must end with the attempt.
        code = subprocess.run(arguments, env={**os.environ, **variables(order, context)}, check=False).returncode
    except FileNotFoundError as error:
        raise PermanentError(f'the program "{arguments[0]}" was not found') from error
    except PermissionError as error:
        raise PermanentError(f'the program "{arguments[0]}" may not be run: {error.strerror}') from error
    except (OSError, ValueError) as error:
        raise PermanentError(f'the program "{arguments[0]}" cannot be run: {error}') from error
    if code:
        context.flush_log()
        raise AttemptFailed(_failure(order, code))


def variables(order: TaskOrder, context: TaskContext) -> dict[str, str]:
    """The environment variables that tell a command who it is, what to read, and where to write."""
    told = {
        "TRC_TASK": order.task,
        "TRC_RUN": order.run,
        "TRC_RUN_TIME": order.run_time,
        "TRC_IDEMPOTENCY_KEY": order.idempotency_key,
    }
    if order.item is not None:
        fields = order.item.value if isinstance(order.item.value, dict) else {}
        told["TRC_ITEM"] = order.item.text(order.item.value)
        told |= {"TRC_ITEM_" + _word(name): order.item.text(value) for name, value in fields.items()}
    named = [("INPUT", name, "\n".join(one.paths)) for name, one in context.inputs.items()]
    named += [("OUTPUT", name, one.path) for name, one in context.outputs.items()]
    sources: dict[str, str] = {}
    for kind, name, value in named:
        variable = f"TRC_{kind}_{_word(name)}"
        if variable in told:
            raise PermanentError(f'"{sources[variable]}" and "{name}" would both be the variable {variable}')
        told[variable], sources[variable] = value, name
    return told


def _word(name: str) -> str:
    """A name as it stands in the name of a variable."""
    return re.sub(r"\W", "_", name, flags=re.ASCII).upper()


def _failure(order: TaskOrder, code: int) -> Failure:
    said = _last_line(order.log)
    after = f": {said}" if said else ""
    if code < 0:
        message = f"the command was killed by {signal_name(-code)}{after}"
        return Failure(message, signal_kind(-code, order.retry_on), "signal", exit_code=signal_exit(-code))
    kind = exit_kind(code, order.retry_on)
    return Failure(f"the command ended with exit code {code}{after}", kind, "exit", exit_code=code)


def _last_line(log: str) -> str:
    try:
        with open(log, "rb") as written:
            written.seek(max(0, os.fstat(written.fileno()).st_size - _TAIL))
            lines = written.read().decode(errors="replace").split("\n")
    except OSError:
        return ""
    return next((line.strip()[:_MAX_LINE] for line in reversed(lines) if line.strip()), "")
