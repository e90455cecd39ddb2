"""trc: a pipeline-as-code compiler with pluggable backends.

The names below load on first use, so that a task's own process (Python 3.9 and later, standard
library alone) can import `trc` and pays for nothing that it does not use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trc.runtime.taskside.errors import PermanentError, TemporaryError
    from trc.runtime.taskside.task import BaseTask, TaskContext, TaskResult, task

__version__ = "0.1.0"

__all__ = ["BaseTask", "PermanentError", "TaskContext", "TaskResult", "TemporaryError", "__version__", "task"]

_HOMES = {
    "BaseTask": "trc.runtime.taskside.task",
    "PermanentError": "trc.runtime.taskside.errors",
    "TaskContext": "trc.runtime.taskside.task",
    "TaskResult": "trc.runtime.taskside.task",
    "TemporaryError": "trc.runtime.taskside.errors",
    "task": "trc.runtime.taskside.task",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        message = f"trc has no {name!r}; a task can import {', '.join(sorted(_HOMES))} from it"
        raise AttributeError(message)
    from importlib import import_module  # noqa: PLC0415 - keeps `import trc` free of everything

    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
