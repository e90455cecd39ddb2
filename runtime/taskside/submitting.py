"""Sub-tasks that a running attempt submits: kept until it ends, and told with its success."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping
from typing import Any

from trc.runtime.taskside.errors import PermanentError

MOST_SUBMITTED = 10_000
"""Sub-tasks that one attempt may submit."""
LONGEST_ARGS = 256 * 1024
"""Bytes of JSON that the arguments of one may take."""
LONGEST_TOGETHER = 16 * 1024 * 1024
"""Bytes of JSON that all of an attempt may take."""
_HOOKS = frozenset({"hooks", "on_start", "on_success", "on_failure", "on_cancel", "on_retry"})
_POLICIES = frozenset(
    {"retries", "timeout", "heartbeat_timeout", "start_timeout", "deadline", "environment", "resources", "secrets"}
    | {"idempotent", "incremental", "concurrency", "breaker", "metadata", "expect"}
)
_NAME = re.compile(r"\w[\w.+-]{0,39}")
_ENTRYPOINT = re.compile(r"[^:\s][^:]*\.py:[^\W\d]\w*")


class Submissions:
    """What one attempt has submitted so far."""

    def __init__(self, project: str = "") -> None:
        self._project = project
        self._made: dict[str, dict[str, Any]] = {}
        self._size = 0
        self._refused = ""

    def add(
        self,
        name: str,
        work: Any,
        args: Mapping[str, Any] | None,
        inputs: Mapping[str, Any] | None,
        outputs: Mapping[str, str | None] | None,
    ) -> None:
        """Keeps one; raises PermanentError for what can be none, which fails the attempt even where its code goes on."""
        try:
            self._add(name, work, args, inputs, outputs)
        except PermanentError as error:
            self._refused = self._refused or str(error)
            raise

    def refuse(self, name: str, others: Mapping[str, Any]) -> None:
        """Raises PermanentError for what a sub-task has of the task that submits it, and not of its own."""
        for one in others:
            self._refused = self._refused or _why_refused(name, one)
            raise PermanentError(self._refused)

    def taken(self) -> tuple[dict[str, Any], ...]:
        """All of them, in their order; raises PermanentError if one was refused."""
        if self._refused:
            raise PermanentError(self._refused)
        return tuple(self._made.values())

    def _add(
        self,
        name: str,
        work: Any,
        args: Mapping[str, Any] | None,
        inputs: Mapping[str, Any] | None,
        outputs: Mapping[str, str | None] | None,
    ) -> None:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise PermanentError(
                f'{name!r} is no name for a sub-task; use up to 40 letters, digits, "_", ".", "+" and "-"'
            )
        if name.casefold() in self._made:
            raise PermanentError(f'two sub-tasks are called "{name}"; each needs a name of its own')
        if len(self._made) >= MOST_SUBMITTED:
            raise PermanentError(f"more than {MOST_SUBMITTED:,} sub-tasks were submitted, and that many are the most")
        given = self._json(name, dict(args or {}))
        made = {
            "name": name,
            "entrypoint": self._entrypoint(name, work),
            "args": json.loads(given),
            "inputs": None if inputs is None else {str(key): _input(name, one) for key, one in inputs.items()},
            "outputs": {str(key): _location(name, one) for key, one in (outputs or {}).items()},
        }
        self._size += len(json.dumps(made))
        if self._size > LONGEST_TOGETHER:
            raise PermanentError(
                f"the sub-tasks take more than {LONGEST_TOGETHER:,} bytes together; write data to an output, and hand on its place"
            )
        self._made[name.casefold()] = made

    def _json(self, name: str, args: dict[str, Any]) -> str:
        try:
            given = json.dumps(args, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise PermanentError(
                f'the args of the sub-task "{name}" are nothing that JSON can hold: {error}'
            ) from error
        if len(given) > LONGEST_ARGS:
            raise PermanentError(
                f'the args of the sub-task "{name}" take {len(given):,} bytes, and {LONGEST_ARGS:,} are the most'
            )
        return given

    def _entrypoint(self, name: str, work: Any) -> str:
        """`path/to/file.py:Name` of a function or a class, or of a text that says so."""
        if isinstance(work, str):
            if _ENTRYPOINT.fullmatch(work):
                return work
            raise PermanentError(f'"{work}" is no work for the sub-task "{name}"; write it like path/to/file.py:Name')
        called = getattr(work, "__qualname__", "")
        file = getattr(sys.modules.get(getattr(work, "__module__", "")), "__file__", None)
        if not callable(work) or not file or not called.isidentifier():
            raise PermanentError(
                f'{work!r} is no work for the sub-task "{name}"; give a function or a BaseTask of a module, by its own name'
            )
        return f"{os.path.relpath(file, self._project)}:{called}"


def _why_refused(task: str, given: str) -> str:
    if given in _HOOKS:
        whose = "hooks of the task that submits it are told of it, too, where it is retried or fails"
    elif given in _POLICIES:
        whose = "it has that of the task that submits it"
    else:
        return f'a sub-task takes no "{given}"; it takes args, inputs and outputs'
    return f'the sub-task "{task}" has no "{given}" of its own: {whose}'


def _input(task: str, given: Any) -> dict[str, str]:
    """A location, or what the submitting task reads or has written itself."""
    if isinstance(given, str):
        if given:
            return {"uri": given}
    elif type(given).__name__ == "InputData":
        return {"input": given.name}
    elif type(given).__name__ == "OutputData":
        return {"output": given.name}
    raise PermanentError(
        f'{given!r} is no input of the sub-task "{task}"; give a path, or one of context.inputs and context.outputs'
    )


def _location(task: str, given: Any) -> str | None:
    if given is None or (isinstance(given, str) and given):
        return given
    raise PermanentError(f'{given!r} is no place for an output of the sub-task "{task}"; give a path, or None')
