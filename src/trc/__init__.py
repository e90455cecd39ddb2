"""trc: a pipeline-as-code compiler with pluggable backends.

The names below load on first use, so that a task's own process (Python 3.9 and later, standard
library alone) can import `trc` and pays for nothing that it does not use. The names that build
pipelines are among them there: a file may hold a pipeline and the code of its tasks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trc.authoring.locations import csv, file, json, parquet
    from trc.authoring.pipeline import Pipeline
    from trc.authoring.policies import (
        Breaker,
        Concurrency,
        Dedupe,
        Environment,
        Expectation,
        Incremental,
        Partition,
        RetryPolicy,
        accepted_values,
        check,
        cron,
        every,
        freshness,
        not_null,
        relationships,
        row_count,
        unique,
        webhook,
    )
    from trc.authoring.secrets import secret
    from trc.authoring.tasks import CompositeTask
    from trc.authoring.work import shell, sql, work_of
    from trc.runtime.taskside.data import InputData, OutputData
    from trc.runtime.taskside.errors import PermanentError, TemporaryError
    from trc.runtime.taskside.task import BaseTask, TaskContext, TaskResult, task
    from trc.runtime.taskside.trial import TaskRun, run_task

__version__ = "0.1.0"

__all__ = [
    "BaseTask",
    "Breaker",
    "CompositeTask",
    "Concurrency",
    "Dedupe",
    "Environment",
    "Expectation",
    "Incremental",
    "InputData",
    "OutputData",
    "Partition",
    "PermanentError",
    "Pipeline",
    "RetryPolicy",
    "TaskContext",
    "TaskResult",
    "TaskRun",
    "TemporaryError",
    "__version__",
    "accepted_values",
    "check",
    "cron",
    "csv",
    "every",
    "file",
    "freshness",
    "json",
    "not_null",
    "parquet",
    "relationships",
    "row_count",
    "run_task",
    "secret",
    "shell",
    "sql",
    "task",
    "unique",
    "webhook",
    "work_of",
]

_NAMES = {
    "trc.authoring.locations": ("csv", "file", "json", "parquet"),
    "trc.authoring.pipeline": ("Pipeline",),
    "trc.authoring.policies": (
        "Breaker",
        "Concurrency",
        "Dedupe",
        "Environment",
        "Expectation",
        "Incremental",
        "Partition",
        "RetryPolicy",
        "accepted_values",
        "check",
        "cron",
        "every",
        "freshness",
        "not_null",
        "relationships",
        "row_count",
        "unique",
        "webhook",
    ),
    "trc.authoring.secrets": ("secret",),
    "trc.authoring.tasks": ("CompositeTask",),
    "trc.authoring.work": ("shell", "sql", "work_of"),
    "trc.runtime.taskside.data": ("InputData", "OutputData"),
    "trc.runtime.taskside.errors": ("PermanentError", "TemporaryError"),
    "trc.runtime.taskside.task": ("BaseTask", "TaskContext", "TaskResult", "task"),
    "trc.runtime.taskside.trial": ("TaskRun", "run_task"),
}
_HOMES = {name: module for module, names in _NAMES.items() for name in names}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        message = f"trc has no {name!r}; there are: {', '.join(sorted(_HOMES))}"
        raise AttributeError(message)
    from importlib import import_module  # noqa: PLC0415 - keeps `import trc` free of everything

    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
