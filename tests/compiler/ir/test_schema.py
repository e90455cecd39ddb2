from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from trc.compiler.ir.dataset import Output, Source, UriRead
from trc.compiler.ir.pipeline import Pipeline
from trc.compiler.ir.policy import Environment, Hook, Incremental, Resources, Schedule
from trc.compiler.ir.schema import ir_json_schema
from trc.compiler.ir.task import Task
from trc.compiler.ir.values import Cpus, Cron, Duration, PythonVersion, Size, TimeZone

PUBLISHED = Path(__file__).parents[3] / "schemas" / "trc-ir.schema.json"

PIPELINE = Pipeline(
    name="p",
    schedule=Schedule(cron=Cron("0 2 * * *"), interval=Duration(90_500), timezone=TimeZone("Europe/Paris")),
    sources=(Source(name="orders", uri="orders.csv", format="csv"),),
    tasks=(
        Task(
            name="a",
            type="duckdb_sql",
            params={"sql": "select 1", "deep": {"list": [1, None, 2.5, True]}},
            reads=(UriRead(name="x", uri="x.json", format="json"),),
            outputs=(Output(uri="a.parquet"),),
            environment=Environment(python_version=PythonVersion(3, 12), env={"TZ": "UTC"}),
            resources=Resources(memory=Size(512 * 1024**2), cpu=Cpus(1500), gpu=1),
            incremental=Incremental(max_age=Duration(0)),
        ),
    ),
    hooks=(Hook(event="failure", webhook="https://example.com"),),
)


def test_the_published_schema_is_the_models(request: pytest.FixtureRequest) -> None:
    generated = json.dumps(ir_json_schema(), indent=2, ensure_ascii=False) + "\n"
    if request.config.getoption("--update", default=False):
        PUBLISHED.write_text(generated, encoding="utf-8")
    assert PUBLISHED.read_text(encoding="utf-8") == generated


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(ir_json_schema())


def test_a_dumped_pipeline_is_valid_and_reads_back() -> None:
    dumped = json.loads(PIPELINE.dump())
    jsonschema.Draft202012Validator(ir_json_schema()).validate(dumped)
    assert Pipeline.model_validate(dumped) == PIPELINE


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("name",), 1),
        (("tasks", 0, "resources", "memory"), "a lot"),
        (("tasks", 0, "resources", "gpu"), 0),
        (("tasks", 0, "timeout"), 3600),
        (("tasks", 0, "environment", "python_version"), "2.7"),
        (("tasks", 0, "unknown"), "x"),
    ],
)
def test_the_schema_refuses_other_values(path: tuple[str | int, ...], value: object) -> None:
    dumped = json.loads(PIPELINE.dump())
    inner = dumped
    for part in path[:-1]:
        inner = inner[part]
    inner[path[-1]] = value
    assert not jsonschema.Draft202012Validator(ir_json_schema()).is_valid(dumped)
