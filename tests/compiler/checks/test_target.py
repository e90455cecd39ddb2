"""What a backend is not asked to do: each construct is refused by name unless the backend supports it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from trc.compiler.capabilities import Capabilities
from trc.compiler.checks.target import check_target
from trc.compiler.diagnostics.collector import Collector
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.ir.dataset import Output, Source, UriRead
from trc.compiler.ir.pipeline import Param, Pipeline
from trc.compiler.ir.places import Place, Places
from trc.compiler.ir.policy import Hook
from trc.compiler.ir.task import Task
from trc.compiler.source import ScalarMap, Segment, Span

RUNS: dict[str, str | None] = {"t": "m:f", "checked": None}

CONSTRUCTS: dict[str, dict[str, Any]] = {
    "environment.python_version": {"environment": {"python_version": "3.12"}},
    "environment.requirements": {"environment": {"requirements": ("pandas",)}},
    "environment.requirements_file": {"environment": {"requirements_file": "r.txt"}},
    "environment.system_packages": {"environment": {"system_packages": ("gcc",)}},
    "environment.image": {"environment": {"image": "python:3.12"}},
    "resources.gpu": {"resources": {"gpu": 1}},
    "for_each": {"for_each": {"items": ("eu",)}},
    "when": {"when": "target.name == 'prod'"},
    "expect": {"expect": ({"check": "not_null", "arguments": {"columns": ["x"]}},)},
    "hooks": {"hooks": ({"event": "failure", "webhook": "https://x.example"},)},
    "concurrency": {"concurrency": ({"max": 1},)},
    "dedupe": {"dedupe": ({"state": "pending"},)},
    "secrets": {"environment": {"env": {"TOKEN": {"secret": "env:TOKEN"}}}},
    "templates": {"params": {"args": [{"x": "a {{ day }} b"}]}},
    "uris.s3": {"outputs": (Output(uri="s3://b/x.csv"),)},
}
ALWAYS_RUN: dict[str, dict[str, Any]] = {
    "environment.env": {"environment": {"env": {"TZ": "UTC"}}},
    "resources.memory": {"resources": {"memory": "1Gi"}},
    "resources.cpu": {"resources": {"cpu": 2}},
    "heartbeat_timeout": {"heartbeat_timeout": 60},
}


def reported(
    pipeline: Pipeline,
    supports: Iterable[str] = (),
    unenforced: dict[str, str] | None = None,
    places: Places | None = None,
) -> list[Diagnostic]:
    collect = Collector()
    capabilities = Capabilities("test", frozenset(supports), unenforced or {})
    check_target(pipeline, places or Places(), capabilities, collect, RUNS)
    return collect.reported


def with_task(**fields: Any) -> Pipeline:
    return Pipeline(name="p", tasks=(Task.model_validate({"name": "a", "type": "t", **fields}),))


@pytest.mark.parametrize(("name", "fields"), CONSTRUCTS.items(), ids=list(CONSTRUCTS))
def test_construct_is_refused_unless_supported(name: str, fields: dict[str, Any]) -> None:
    (told,) = reported(with_task(**fields))
    assert (told.code, told.severity, told.task) == ("TRC501", "error", "a")
    assert told.message.endswith("is checked but not run by this version")
    assert reported(with_task(**fields), [name]) == []
    others = [other for other in CONSTRUCTS if other != name]
    assert len(reported(with_task(**fields), others)) == 1


@pytest.mark.parametrize(("name", "fields"), ALWAYS_RUN.items(), ids=list(ALWAYS_RUN))
def test_limit_that_is_not_enforced_is_told(name: str, fields: dict[str, Any]) -> None:
    assert reported(with_task(**fields)) == []
    (told,) = reported(with_task(**fields), unenforced={name: "because"})
    assert (told.code, told.severity) == ("TRC503", "warning")
    assert told.message.endswith("is not enforced: because")


def test_plain_task_is_left_alone() -> None:
    assert (
        reported(with_task(params={"sql": "select 1"}, outputs=(Output(uri="x.csv"),), retries={"max_attempts": 3}))
        == []
    )


def test_type_without_a_task_side_is_refused_once() -> None:
    uris: dict[str, Any] = {
        "reads": (UriRead(name="x", uri="s3://b/y.json", format="json"),),
        "outputs": (Output(uri="s3://b/x.csv"),),
    }
    (told,) = reported(with_task(type="checked", **uris))
    assert told.message == 'tasks of the type "checked" are checked but not run by this version'


def test_pipeline_wide_constructs() -> None:
    pipeline = Pipeline(
        name="p",
        params=(Param(name="day"),),
        sources=(
            Source(name="s", uri="gs://x/a.csv", format="csv"),
            Source(name="t", uri="{{ x }}.csv", format="csv"),
        ),
        hooks=(Hook(event="start", webhook="https://x.example"), Hook(event="start", webhook="https://y.example")),
    )
    assert [one.message.removesuffix(" is checked but not run by this version") for one in reported(pipeline)] == [
        'the pipeline parameter "day"',
        '"on_start"',
        'the remote location "gs://x/a.csv"',
        "a template",
    ]
    assert reported(pipeline, ["params", "pipeline.hooks", "templates", "uris.gs"]) == []


def test_the_web_is_read_where_the_backend_has_a_way_there_and_never_written() -> None:
    url = "https://x.example/a.csv"
    said = [f'the remote location "{url}" is checked but not run by this version']
    pipeline = Pipeline(name="p", sources=(Source(name="s", uri=url, format="csv"),))
    assert reported(pipeline, ["uris.https"]) == []
    assert [one.message for one in reported(pipeline)] == said
    read = (UriRead(name="source", uri=url, format="file"),)
    assert reported(with_task(reads=read), ["uris.https"]) == []
    assert reported(with_task(reads=read, params={"url": url}), ["uris.https"]) == []
    assert [one.message for one in reported(with_task(reads=read, params={"url": url}))] == said
    written = (Output(name="output", uri=url, format="csv"),)
    assert [one.message for one in reported(with_task(outputs=written), ["uris.https"])] == said


def test_a_commit_is_read_by_what_clones_it_alone() -> None:
    url = "https://x.example/a.git"
    read = (UriRead(name="source", uri=f"git+{url}#main", format="file"),)
    assert reported(with_task(reads=read, params={"url": url})) == []
    assert len(reported(with_task(reads=read), ["uris.https"])) == 1


def test_template_is_pointed_at() -> None:
    text = "select {{ day }} as d"
    whole = Span("f", 10, 10 + len(text))
    path = ("tasks", "a", "params", "sql")
    places = Places({path: Place(whole, text=ScalarMap(whole, (Segment(0, 10, len(text)),)))})
    (told,) = reported(with_task(params={"sql": text}), places=places)
    assert told.span == Span("f", 17, 26)


@pytest.mark.parametrize(
    ("text", "place"), [("{% if x %}", (0, 10)), ("a {{ open", (2, 4)), ("a {% b {{ c }}", (2, 4))]
)
def test_template_that_does_not_close_is_a_template(text: str, place: tuple[int, int]) -> None:
    whole = Span("f", 0, len(text))
    path = ("tasks", "a", "params", "sql")
    places = Places({path: Place(whole, text=ScalarMap(whole, (Segment(0, 0, len(text)),)))})
    (told,) = reported(with_task(params={"sql": text}), places=places)
    assert told.span == Span("f", *place)


def test_construct_is_pointed_at_by_the_key_that_the_author_wrote() -> None:
    key, value = Span("f", 1, 5), Span("f", 6, 7)
    places = Places({("tasks", "a", "environment", "gpu"): Place(value, key)})
    (told,) = reported(with_task(resources={"gpu": 1}), places=places)
    assert told.span == key
