from __future__ import annotations

from pathlib import Path

import pytest

from trc.compiler.context import Context
from trc.compiler.diagnostics.collector import Collector
from trc.compiler.frontends.lower import Lowered, lower
from trc.compiler.frontends.yaml import parse
from trc.compiler.ir.dataset import Column, Source, UriRead
from trc.compiler.ir.pipeline import Param, Target
from trc.compiler.ir.policy import ConcurrencyMatch, ConcurrencyRule, DedupeRule, Hook, Incremental, Need, Retries
from trc.compiler.ir.task import Expectation, ForEach, Task
from trc.compiler.ir.values import Cpus, Cron, Duration, PythonVersion, Size, TimeZone
from trc.compiler.source import SourceFile, Span

VALID = Path(__file__).parents[2] / "cases" / "yaml" / "valid"


def lowered(text: str, context: Context) -> tuple[Lowered, Collector, SourceFile]:
    collect = Collector()
    file = SourceFile("pipeline.yaml", text)
    tree = parse(file, collect)
    assert tree is not None, collect.reported
    result = lower(tree, file, context, collect)
    assert result is not None, collect.reported
    return result, collect, file


def valid(name: str, context: Context) -> tuple[Lowered, SourceFile]:
    result, collect, file = lowered((VALID / f"{name}.yaml").read_text(encoding="utf-8"), context)
    assert not collect.reported
    return result, file


@pytest.fixture
def everything(context: Context) -> Lowered:
    return valid("every_key", context)[0]


@pytest.fixture
def clean(everything: Lowered) -> Task:
    task = everything.pipeline.task("clean")
    assert task
    return task


def at(file: SourceFile, span: Span | None) -> str:
    assert span is not None
    return file.text[span.start : span.end]


def test_seed_workflow_lowers_as_it_is(context: Context) -> None:
    pipeline = valid("seed", context)[0].pipeline
    assert pipeline.name == "daily-data-pipeline"
    assert pipeline.schedule is not None
    assert pipeline.schedule.cron == Cron("0 2 * * *")
    assert [task.name for task in pipeline.tasks] == ["download-data", "convert-to-parquet", "run-analysis"]
    convert = pipeline.tasks[1]
    assert convert.needs == (Need(task="download-data"),)
    assert convert.reads == (UriRead(name="src_glob", uri="s3://my-bucket/raw/*.json", format="json"),)
    assert convert.resources.memory == Size(2 * 1024**3)
    assert convert.incremental == Incremental(
        strategy="hybrid", max_age=Duration(3_600_000), checksum_fields=("date", "source")
    )


def test_every_key_of_the_pipeline_is_read(everything: Lowered) -> None:
    pipeline = everything.pipeline
    assert pipeline.description == "Nightly revenue, per customer"
    assert pipeline.schedule
    assert (pipeline.schedule.cron, pipeline.schedule.timezone) == (Cron("0 2 * * mon"), TimeZone("Europe/Paris"))
    assert pipeline.params == (
        Param(name="day", type="date", default="{{ run.date }}", has_default=True, description="the run's day"),
        Param(name="limit", type="integer", default=10, has_default=True),
        Param(name="region"),
    )
    assert pipeline.sources == (
        Source(name="orders", uri="s3://shop/raw/orders/*.parquet", format="parquet"),
        Source(
            name="rates",
            uri="data/rates.csv",
            format="csv",
            columns=(Column(name="currency", type="varchar"), Column(name="rate", type="decimal(10, 2)")),
        ),
    )
    assert pipeline.targets == (
        Target(
            name="prod",
            backend="ecs",
            state="s3://shop/trc",
            params={"limit": 5},
            settings={"cluster": "etl", "count": 2},
        ),
        Target(name="dev", backend="local"),
    )
    assert pipeline.tests[0].given == {"orders": [{"order_id": 1, "amount": 10.0}]}
    assert pipeline.hooks == (
        Hook(event="start", webhook="https://start"),
        Hook(event="failure", webhook="https://failed"),
    )


def test_every_key_of_a_task_is_read(clean: Task) -> None:
    environment, resources = clean.environment, clean.resources
    assert environment.python_version == PythonVersion(3, 11)
    assert environment.requirements == ("pandas==2.1.4",)
    assert environment.requirements_file == "requirements.txt"
    assert environment.system_packages == ("build-essential",)
    assert environment.image == "python:3.11"
    assert (resources.memory, resources.cpu, resources.gpu) == (Size(2 * 1024**3), Cpus(1000), 1)
    assert clean.timeout == Duration(5_400_000)
    assert clean.heartbeat_timeout == Duration(60_000)
    assert clean.needs == (Need(task="extra"), Need(task="audit", requires="completion"))
    assert clean.incremental == Incremental(
        enabled=False,
        strategy="etag",
        max_age=Duration(3_600_000),
        checksum_fields=("date",),
        dependency_check=False,
    )
    assert clean.concurrency == (
        ConcurrencyRule(max=3, match=ConcurrencyMatch(type="duckdb_sql", fields=("tenant",))),
        ConcurrencyRule(max=1),
    )
    assert clean.dedupe == (DedupeRule(state="pending", fields=("key",)),)
    assert clean.columns == (Column(name="order_id", type="bigint"), Column(name="amount", type="decimal(10,2)"))
    assert clean.expect == (
        Expectation(check="not_null", arguments={"columns": ["order_id"]}),
        Expectation(check="check", arguments={"condition": "amount >= 0"}, severity="warn"),
    )
    assert clean.when == "target.name == 'prod'"
    assert clean.for_each == ForEach(items=("eu", 2))
    assert [(hook.event, hook.webhook) for hook in clean.hooks] == [
        ("start", "https://a"),
        ("success", "https://b"),
        ("success", "https://c"),
        ("cancel", "https://d"),
        ("retry", "https://e"),
    ]
    assert clean.optimise is False


def test_defaults_are_merged_key_by_key(everything: Lowered, clean: Task) -> None:
    assert clean.retries == Retries(
        max_attempts=5,
        backoff="fixed",
        initial_delay=Duration(1500),
        backoff_factor=3,
        max_delay=Duration(90_000),
        jitter="none",
        errors={"timeout": 5, "requests.ConnectionError": 10},
        retry_on=(137, 143),
    )
    assert clean.environment.env == {"TZ": "Europe/Paris", "LANG": "C"}
    assert clean.metadata == {"team": "data", "level": 2, "tenant": "acme"}
    assert clean.tags == ("daily", "yes")
    audit = everything.pipeline.task("audit")
    assert audit
    assert (audit.retries.max_attempts, audit.timeout, audit.tags) == (3, Duration(10_000), ("nightly",))
    assert audit.hooks == (Hook(event="failure", webhook="https://ops.example.com/all"),)


def test_the_type_declares_and_normalises(clean: Task, everything: Lowered) -> None:
    assert clean.query
    assert clean.query.text.startswith("select order_id,\n")
    assert clean.params["output_format"] is None
    assert (clean.engines, clean.visibility) == (("duckdb",), "complete")
    extra = everything.pipeline.task("extra")
    assert extra
    assert extra.type_version == 3
    assert extra.params["args"] == {"a": None, "b": [1, 2.5, True], "c": {"d": None}}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (("name",), "everything"),
        (("tasks", "clean"), "clean"),
        (("tasks", "clean", "needs", 1, "task"), "audit"),
        (("tasks", "clean", "environment", "memory_limit"), "2Gi"),
        (("tasks", "extra", "environment", "image"), "python:3.11"),
        (("tasks", "audit", "environment", "memory_limit"), "1Gi"),
        (("tasks", "clean", "retries", "jitter"), "none"),
        (("tasks", "clean", "optimise"), "false"),
        (("tasks", "clean", "nothing", "of", "this"), "clean"),
        (("sources", "rates"), "rates"),
        (("sources", "rates", "uri"), "data/rates.csv"),
        (("sources", "rates", "columns", "rate"), '"decimal(10, 2)"'),
        (("targets", "prod", "ecs", "cluster"), "etl"),
        (("on_failure", 0, "webhook"), '"https://failed"'),
    ],
)
def test_places_lead_to_the_text(path: tuple[str | int, ...], expected: str, context: Context) -> None:
    result, file = valid("every_key", context)
    assert at(file, result.places.span(*path)) == expected


def test_places_lead_into_a_text(context: Context) -> None:
    result, file = valid("every_key", context)
    sql = result.pipeline.tasks[0].params["sql"]
    assert isinstance(sql, str)
    start = sql.index("amount")
    span = result.places.within(("tasks", "clean", "params", "sql"), start, start + len("amount"))
    assert at(file, span) == "amount"
    assert span
    assert file.position(span.start).line == 31


def test_equal_pipelines_dump_alike(context: Context) -> None:
    one = valid("seed", context)[0].pipeline
    text = (VALID / "seed.yaml").read_text(encoding="utf-8").replace('"', "'").replace("# 2 AM daily", "")
    assert lowered(text, context)[0].pipeline.dump() == one.dump()


def test_a_wrong_task_hides_nothing_and_stays_known(context: Context) -> None:
    text = """
name: p
nodes:
  - {id: first, type: duckdb_sql, params: {sequel: x}, needs: [third], environment: {gpu: none}}
  - {id: second, type: nothing}
  - {id: third, type: duckdb_sql, params: {sql: select 1}, retries: {max_attempts: 0}}
"""
    result, collect, _ = lowered(text, context)
    assert [task.name for task in result.pipeline.tasks] == ["third"]
    assert result.names == {"first", "second", "third"}
    assert sorted((found.task, found.code) for found in collect.reported) == [
        ("first", "TRC201"),
        ("first", "TRC203"),
        ("second", "TRC208"),
        ("third", "TRC205"),
    ]


def test_a_fix_of_an_unquoted_value_mends_it(context: Context) -> None:
    text = "name: p\nnodes:\n  - {id: a, type: shape, params: {command: 12}, environment: {python_version: 3.10}}\n"
    _, collect, _ = lowered(text, context)
    for found in sorted(collect.reported, key=lambda found: -found.fix.span.start if found.fix else 0):
        assert found.fix
        text = text[: found.fix.span.start] + found.fix.replacement + text[found.fix.span.end :]
    result, collect, _ = lowered(text, context)
    assert not collect.reported
    assert result.pipeline.tasks[0].params["command"] == "12"
    assert result.pipeline.tasks[0].environment.python_version == PythonVersion(3, 10)


def test_ten_thousand_tasks_lower(context: Context) -> None:
    nodes = "".join(
        f"  - {{id: t{number}, type: duckdb_sql, params: {{sql: select {number}}}, needs: [t{number - 1}]}}\n"
        for number in range(1, 10_001)
    )
    result, collect, _ = lowered(f"name: p\nnodes:\n{nodes}", context)
    assert not collect.reported
    assert len(result.pipeline.tasks) == 10_000
