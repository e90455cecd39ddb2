"""How a task, or a task type's own side, says why an attempt failed."""

from __future__ import annotations

from trc.runtime.taskside.result import Failure


class TemporaryError(Exception):
    """The attempt failed for a reason that may pass: it is retried while attempts are left."""


class PermanentError(Exception):
    """The attempt failed for good: it is not retried."""


class AttemptFailed(Exception):  # noqa: N818 - an outcome, told by a task type's own side
    """The attempt failed as `failure` says; no trace is taken, for the failure tells it all."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure
