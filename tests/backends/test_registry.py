"""Backends are found by name; ours keeps to the Protocol."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from trc.backends.base import Backend
from trc.backends.registry import backend_named
from trc.compiler.ir.pipeline import Pipeline
from trc.runtime.errors import Stopped
from trc.runtime.spec import PipelineSpec, SkipSpec, TaskSpec


def test_the_local_backend_is_found() -> None:
    backend: Backend = backend_named("local")
    assert backend.name == backend.capabilities.backend == "local"
    assert "resources.cpu" in backend.capabilities.unenforced


def test_another_name_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(Stopped) as stopped:
        backend_named("locl")
    (diagnostic,) = stopped.value.diagnostics
    assert (diagnostic.code, diagnostic.message) == ("TRC504", 'there is no backend "locl"')
    assert diagnostic.help == ('did you mean "local"?', 'installed: "docker", "local", "ray"')
    assert stopped.value.exit_code == 3


def test_the_local_backend_runs_and_closes(tmp_path: Path) -> None:
    executor = backend_named("local").executor(3, tmp_path)
    assert executor.slots == 6
    executor.close()
    executor.close()


def test_the_local_backend_emits_ir_plan_and_sql() -> None:
    tasks = (
        TaskSpec("clean", "duckdb_sql", "m:f", (), SkipSpec(can_skip=True), query="select 1"),
        TaskSpec("a/../b", "duckdb_sql", "m:f", (), SkipSpec(can_skip=True), query="select 2\n"),
        TaskSpec("score", "python", "m:f", (), SkipSpec(can_skip=False)),
    )
    pipeline, spec = Pipeline(name="p"), PipelineSpec("p", "p.yaml", "/project", tasks, "d")
    emitted = backend_named("local").emit(pipeline, spec)
    assert emitted == backend_named("local").emit(pipeline, spec)
    assert emitted["ir.json"] == pipeline.dump()
    assert [task["name"] for task in json.loads(emitted["plan.json"])["tasks"]] == ["clean", "a/../b", "score"]
    sql = {name: text for name, text in emitted.items() if name.startswith("sql/")}
    assert sql == {"sql/clean.sql": b"select 1\n", "sql/a%2F..%2Fb.sql": b"select 2\n"}
