"""Runs a task that is a class or a function in a file of the project."""

from __future__ import annotations

import inspect
from types import ModuleType
from typing import Any

from trc.runtime.taskside.errors import PermanentError
from trc.runtime.taskside.modules import load
from trc.runtime.taskside.order import TaskOrder
from trc.runtime.taskside.task import BaseTask, TaskContext


def run(order: TaskOrder, context: TaskContext) -> Any:
    """Calls `params.entrypoint`, which is `path/to/file.py:Name`, with the context."""
    entrypoint = str(order.params["entrypoint"])
    file, _, name = entrypoint.rpartition(":")
    if not file or not name:
        raise PermanentError(f'the entrypoint "{entrypoint}" is not of the form "path/to/file.py:Name"')
    returned = _entry(_load(order.project, file), file, name)(context)
    if inspect.isawaitable(returned):
        getattr(returned, "close", lambda: None)()
        raise PermanentError(f'"{name}" in "{file}" is asynchronous; make it a plain function that runs its own loop')
    return returned


def _load(project: str, file: str) -> ModuleType:
    try:
        return load(project, file)
    except FileNotFoundError as error:
        if error.filename is not None and str(error.filename).endswith(file):
            raise PermanentError(f'the file "{file}" does not exist in "{project}"') from error
        raise


def _entry(module: ModuleType, file: str, name: str) -> Any:
    missing = object()
    entry = getattr(module, name, missing)
    if entry is missing:
        raise PermanentError(f'"{file}" defines no "{name}"')
    if isinstance(entry, type):
        if issubclass(entry, BaseTask):
            return entry().execute
        raise PermanentError(f'the class "{name}" in "{file}" is not a BaseTask; derive it from trc.BaseTask')
    if not callable(entry):
        raise PermanentError(f'"{name}" in "{file}" is a {type(entry).__name__}; a function or a BaseTask is needed')
    return entry
