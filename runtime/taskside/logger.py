"""The logger of a task: what it says goes to the attempt's log, unless the task's code has set logging up itself."""

from __future__ import annotations

import logging
import sys

_ROOT = "trc.task"


def logger_of(task: str) -> logging.Logger:
    """The logger of one task, from INFO on."""
    above = logging.getLogger(_ROOT)
    if not above.handlers:
        above.addHandler(_ToLog())
        above.setLevel(logging.INFO)
    # A dot would be a logger of its own below the others.
    return logging.getLogger(f"{_ROOT}.{task.replace('.', '_')}")


class _ToLog(logging.Handler):
    """Writes to what standard error is now: each attempt has its own. Silent where a handler of the root does so, which is told as well."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("%(levelname)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        if any(getattr(one, "stream", None) in (sys.stdout, sys.stderr) for one in logging.getLogger().handlers):
            return
        try:
            sys.stderr.write(self.format(record) + "\n")
        except Exception:  # noqa: BLE001 - as logging's own handlers: a message is no reason to fail
            self.handleError(record)
