"""How many retries a run had made when its driver died, as the records of its tasks tell."""

from __future__ import annotations

import pytest

from trc.runtime.scheduler.budget import retries_made
from trc.runtime.store.journal import TaskRecord


@pytest.mark.parametrize(
    ("record", "made"),
    [
        # Nothing was tried yet, or for the first time.
        (TaskRecord("r", "a", "waiting"), 0),
        (TaskRecord("r", "a", "claimed", 1, "a.1"), 0),
        (TaskRecord("r", "a", "failure", 1, "a.1", ended_at=5.0), 0),
        # The attempt that is named is the last so far, and no retry follows it.
        (TaskRecord("r", "a", "running", 3, "a.3"), 2),
        (TaskRecord("r", "a", "failure", 3, "a.3", ended_at=5.0), 2),
        # Without a name, the last was followed by a wait for the next: also if it was ended meanwhile.
        (TaskRecord("r", "a", "pending", 1), 1),
        (TaskRecord("r", "a", "canceled", 1, ended_at=5.0), 1),
        (TaskRecord("r", "a", "failure", 2, ended_at=5.0), 2),
        # A task that became others came to an end by these, after its own last attempt.
        (TaskRecord("r", "a", "upstream_failed", 1, "a.1", ended_at=5.0), 0),
        (TaskRecord("r", "a", "skipped", 2, "a.2", ended_at=5.0), 1),
        # Lost attempts, and those of an earlier go, count for nothing.
        (TaskRecord("r", "a", "running", 3, "a.3", lost=2), 0),
        (TaskRecord("r", "a", "pending", 3, lost=2), 1),
        (TaskRecord("r", "a", "running", 4, "a.4", before=3), 0),
        # What ended before the run was taken up again is of an earlier go, too.
        (TaskRecord("r", "a", "failure", 3, "a.3", ended_at=0.5), 0),
    ],
)
def test_retries_are_counted_by_what_follows_an_attempt(record: TaskRecord, made: int) -> None:
    assert retries_made([record], began_at=1.0) == made
