"""Events of happenings that no real run can be made to give at will."""

from __future__ import annotations

import json
from typing import Any

import pytest

from trc.runtime.lineage.openlineage import Events, run_id
from trc.runtime.observe import RunOpened, TaskMoved
from trc.runtime.plan import Plan
from trc.runtime.spec import OutputSpec, PipelineSpec, ReadSpec, SkipSpec, TaskSpec
from trc.runtime.store.journal import RunRecord, TaskRecord

RUN = RunRecord("r1", "shop", "shop.yaml", "d1", "2026-01-15T00:00:00+00:00", "driver", 100.0)


def events(*reads: str) -> tuple[Events, list[dict[str, Any]]]:
    task = TaskSpec(
        "a", "python", "r", (), SkipSpec(can_skip=False),
        reads=tuple(ReadSpec(uri, "csv", uri=uri) for uri in reads),
        outputs=(OutputSpec("x", "csv"), OutputSpec("y", "csv", "/out/y.csv")),
    )  # fmt: skip
    told: list[dict[str, Any]] = []
    observer = Events(
        PipelineSpec("shop", "shop.yaml", "/project", (task,), "d1"), "1.0",
        lambda line: told.append(json.loads(line)), lambda _run, _task, _number: None, now=lambda: 105.0,
    )  # fmt: skip
    observer(RunOpened(RUN, Plan("shop", "d1", RUN.logical_time, ()), resumed=False))
    return observer, told


def test_an_attempt_whose_end_was_not_told_by_itself_ends_before_the_next_begins() -> None:
    observer, told = events()
    observer(TaskMoved(TaskRecord("r1", "a", "claimed", 1)))
    observer(TaskMoved(TaskRecord("r1", "a", "claimed", 2, error={"message": "first"})))
    observer(TaskMoved(TaskRecord("r1", "a", "running", 2, started_at=104.0)))
    assert [(one["eventType"], one["run"]["runId"]) for one in told[1:]] == [
        ("START", str(run_id("r1", "a", 1))),
        ("FAIL", str(run_id("r1", "a", 1))),
        ("START", str(run_id("r1", "a", 2))),
    ]
    assert told[2]["run"]["facets"]["errorMessage"]["message"] == "first"


def test_a_task_that_fails_before_it_is_tried_is_no_attempt() -> None:
    observer, told = events()
    observer(TaskMoved(TaskRecord("r1", "a", "failure", 0, error={"message": "no input"})))
    assert len(told) == 1


@pytest.mark.parametrize(
    ("uri", "namespace", "name"),
    [
        ("/data/a b.csv", "file", "/data/a b.csv"),
        ("s3://bucket/in/*.csv", "s3://bucket", "in/*.csv"),
        ("s3://bucket", "s3://bucket", "/"),
        ("https://ada:word@example.org/a.csv?signature=1", "https://example.org", "a.csv"),
        ("https://[half/a.csv", "https://[half", "a.csv"),
    ],
)
def test_locations_are_named_without_what_proves_who_asks(uri: str, namespace: str, name: str) -> None:
    observer, told = events(uri)
    observer(TaskMoved(TaskRecord("r1", "a", "claimed", 1)))
    observer(TaskMoved(TaskRecord("r1", "a", "running", 1, started_at=101.0)))
    (read,) = told[1]["inputs"]
    assert (read["namespace"], read["name"]) == (namespace, name)


def test_what_the_engine_keeps_is_named_by_the_pipeline() -> None:
    observer, told = events()
    observer(TaskMoved(TaskRecord("r1", "a", "claimed", 1)))
    observer(TaskMoved(TaskRecord("r1", "a", "running", 1, started_at=101.0)))
    assert [(one["namespace"], one["name"]) for one in told[1]["outputs"]] == [
        ("trc", "shop.a.x"),
        ("file", "/out/y.csv"),
    ]


def test_ids_are_the_same_everywhere() -> None:
    """Whoever has stored them finds them again with another version."""
    assert str(run_id("r1")) == "62ebe8ec-8b6d-55ed-8118-b6cbb356b9bc"
    assert str(run_id("r1", "a", 2)) == "5e03a976-25df-5948-ac3c-6d729955ac82"
