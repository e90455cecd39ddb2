"""A spec that was kept is the spec that was compiled, and is used only while nothing has moved."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from trc.compiler.sql.facts import Condition, QueryFacts, ReadFacts, Use
from trc.runtime import speccache
from trc.runtime.facts import Facts
from trc.runtime.spec import (
    CheckSpec,
    HookSpec,
    KeyPart,
    NeedSpec,
    OutputSpec,
    PartitionSpec,
    PipelineSpec,
    ReadSpec,
    RetrySpec,
    SecretSpec,
    SkipSpec,
    TaskSpec,
)
from trc.runtime.standing import FOR_EVER

TASK = TaskSpec(
    name="a",
    type="duckdb_sql",
    runs="m:f",
    key_parts=(KeyPart("sql", "code", "SELECT 1"), KeyPart("params.x", "parameters", "é")),
    skip=SkipSpec(can_skip=True, max_age=1.5, checksum_fields=("params.x",)),
    params={"sql": "select 1", "nested": {"list": [1, None, True, 2.5]}},
    query="select 1",
    code=(("t.py", "sha256:1"),),
    reads=(ReadSpec("b", "csv", producer=("b", "output"), spans=((1, 2), (3, 4)), columns=(("x", "INTEGER"),)),),
    outputs=(OutputSpec("output", "csv", "/p/out.csv"), OutputSpec("other", "parquet")),
    needs=(NeedSpec("b", data=True), NeedSpec("c", "completion")),
    retry=RetrySpec(3, "fixed", 0.5, 2.0, 10.0, "none", (("ValueError", 2), ("timeout", 5))),
    retry_on=(75,),
    heartbeat_timeout=2.0,
    env={"A": "b"},
    memory=1 << 30,
    cpus=0.5,
    idempotent=False,
    checks=(CheckSpec("accepted_values(x)", "accepted_values", {"column": "x", "values": [1, "é"]}, "warn", True),),
    check_parts=(KeyPart("expect.accepted_values(x)", "checks", "{}"),),
    check_reads=(ReadSpec("c", "csv", uri="/p/c.csv"),),
    checks_due="it depends",
    secrets=(SecretSpec("aws-ssm:/x", (("env", "X"), ("params", "args", 0, "x")), versioned=True),),
    partition=PartitionSpec(
        "day", "orders", (("day", "DATE"), ("x", "INTEGER")), (("c", (("y", "BIGINT"),)), ("d", ())), "no"
    ),
)
QUERIES = {
    "a": QueryFacts(
        (("x", "INTEGER"),),
        (ReadFacts("orders", ("x",), (Use((Condition('"x" > 1', ("x",)),)), Use())),),
        failing_columns=(("x", "CAST"),),
    )
}
SPEC = PipelineSpec(
    "p",
    "p.yaml",
    "/p",
    (TASK, TaskSpec("b", "shell", "m:g", (), SkipSpec(False, "opaque"))),
    "digest",
    (HookSpec("failure", "https://x"),),
    60.0,
    5,
)


@pytest.fixture
def pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr("sys.path", [])
    (tmp_path / "p.yaml").write_text("name: p")
    return str(tmp_path / "p.yaml")


def remember(pipeline: str) -> bool:
    return speccache.remember(
        str(Path(pipeline).parent / ".trc"),
        pipeline,
        "1",
        "local",
        began_ns=time.time_ns() + 3_000_000_000,
        spec=SPEC,
        queries=QUERIES,
        facts=Facts(frozenset({pipeline}), frozenset({pipeline + ".absent"}), FOR_EVER),
    )


def recall(pipeline: str, backend: str = "local") -> PipelineSpec | None:
    kept = speccache.recall(str(Path(pipeline).parent / ".trc"), pipeline, "1", backend)
    return kept[0] if kept else None


def test_kept_spec_is_the_compiled_one(pipeline: str) -> None:
    assert recall(pipeline) is None
    assert remember(pipeline)
    kept = recall(pipeline)
    assert kept is not None
    assert kept.tasks == SPEC.tasks
    known = speccache.recall(str(Path(pipeline).parent / ".trc"), pipeline, "1", "local")
    assert known is not None
    assert known[1] == QUERIES
    assert (kept.name, kept.project, kept.digest, kept.file) == (SPEC.name, SPEC.project, SPEC.digest, pipeline)


def test_kept_spec_is_dropped_when_a_fact_moves(pipeline: str) -> None:
    assert remember(pipeline)
    assert recall(pipeline, backend="docker") is None
    Path(pipeline + ".absent").touch()
    assert recall(pipeline) is None


def test_spec_of_another_shape_is_dropped(pipeline: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert remember(pipeline)
    monkeypatch.setattr(speccache, "SHAPE", ("other",))
    assert recall(pipeline) is None
