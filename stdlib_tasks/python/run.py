"""Runs a task that is a class or a function in a file of the project."""

from __future__ import annotations

import importlib
import inspect
from types import ModuleType
from typing import Any

from trc.runtime.taskside.calling import call
from trc.runtime.taskside.errors import PermanentError
from trc.runtime.taskside.modules import load
from trc.runtime.taskside.order import TaskOrder
from trc.runtime.taskside.task import BaseTask, TaskContext


def run(order: TaskOrder, context: TaskContext) -> Any:
    """Calls `params.entrypoint`, which is `path/to/file.py:Name`, with what it asks for.

    What is asynchronous is awaited by whoever called, for an order that says so, or here in a loop of its own.
    """
    entrypoint = str(order.params["entrypoint"])
    file, _, name = entrypoint.rpartition(":")
    if not file or not name:
        raise PermanentError(f'the entrypoint "{entrypoint}" is not of the form "path/to/file.py:Name"')
    returned = call(_entry(_load(order.project, file), file, name), context)
    if returned is not None and inspect.isawaitable(returned) and not order.is_async:
        return _awaited(returned)
    return returned


def _awaited(returned: Any) -> Any:
    # Plain functions do without it, and start faster.
    asyncio = importlib.import_module("asyncio")

    async def entry() -> Any:
        return await returned

    return asyncio.run(entry())


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
            return entry
        raise PermanentError(f'the class "{name}" in "{file}" is not a BaseTask; derive it from trc.BaseTask')
    if not callable(entry):
        raise PermanentError(f'"{name}" in "{file}" is a {type(entry).__name__}; a function or a BaseTask is needed')
    return entry
