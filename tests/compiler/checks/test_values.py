"""Values that are right alone and wrong together: what is reported, and what is left alone."""

from __future__ import annotations

from typing import Any

import pytest

from trc.compiler.checks.values import check_values
from trc.compiler.diagnostics.collector import Collector
from trc.compiler.ir.dataset import Source, UriRead
from trc.compiler.ir.pipeline import Param, Pipeline
from trc.compiler.ir.places import Place, Places
from trc.compiler.ir.policy import ConcurrencyMatch, ConcurrencyRule, Environment, Incremental, Retries, Schedule
from trc.compiler.ir.task import Task
from trc.compiler.source import Span


def reported(pipeline: Pipeline, places: Places | None = None) -> list[tuple[str, ...]]:
    collect = Collector()
    check_values(pipeline, places or Places(), collect)
    return [(one.code, one.severity, one.message, *one.help) for one in collect.reported]


def of_task(**fields: Any) -> list[tuple[str, ...]]:
    return reported(Pipeline(name="p", tasks=(Task.model_validate({"name": "a", "type": "t", **fields}),)))


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ({"cron": "0 2 * * *"}, None),
        ({"interval": 60}, None),
        ({"cron": "0 2 * * *", "interval": 60}, "TRC205"),
        ({}, "TRC202"),
        ({"timezone": "Europe/Paris"}, "TRC202"),
        ({"interval": 0}, "TRC205"),
    ],
)
def test_schedule(written: dict[str, Any], code: str | None) -> None:
    told = reported(Pipeline(name="p", schedule=Schedule.model_validate(written)))
    assert [one[0] for one in told] == ([code] if code else [])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"retries": {"initial_delay": 5, "max_delay": 5}}, None),
        ({"retries": {"initial_delay": 120}}, None),
        (
            {"retries": {"initial_delay": 20, "max_delay": 10}},
            "the first delay of 20s is longer than the longest, 10s",
        ),
        ({"timeout": 60, "heartbeat_timeout": 59}, None),
        (
            {"timeout": 60, "heartbeat_timeout": 60},
            "the heartbeat timeout of 1m is not shorter than the timeout of 1m",
        ),
        ({"timeout": 0}, "a timeout of zero ends every attempt at once"),
        ({"heartbeat_timeout": 0}, "a heartbeat timeout of zero ends every attempt at once"),
    ],
)
def test_times(fields: dict[str, Any], message: str | None) -> None:
    assert [one[2] for one in of_task(**fields)] == ([message] if message else [])


FINE = [
    "pandas", "pandas==2.1.4", "requests>=2.31,<3", "uvicorn[standard]>=0.20", "a-b_c.d~=1.0", "x===1.0+local",
    "numpy (>=1.20)", "numpy != 1.19.*", 'tomli>=2; python_version < "3.11"', "  spaced == 1  ", "x [a, b]",
]  # fmt: skip
WRONG = [
    ("pandas=2.1.4", 'did you mean "pandas==2.1.4"?'),
    ("", "write a name and its versions, such as pandas==2.1.4 or requests>=2.31,<3"),
    ("pandas 2.1", "write a name and its versions, such as pandas==2.1.4 or requests>=2.31,<3"),
    ("==2", "write a name and its versions, such as pandas==2.1.4 or requests>=2.31,<3"),
    ("a b", "write a name and its versions, such as pandas==2.1.4 or requests>=2.31,<3"),
    ("pandas==2.1.4 --hash=sha256:00", "write a name and its versions, such as pandas==2.1.4 or requests>=2.31,<3"),
    ("${PACKAGE}", "write a name and its versions, such as pandas==2.1.4 or requests>=2.31,<3"),
]
REFUSED = [
    "-r more.txt", "--index-url https://example.com/simple", "-e .", " --find-links x",
    "pkg @ https://example.com/pkg.whl", "pkg[a] @ git+https://example.com/x.git@v1", "git+https://example.com/x.git",
    "https://example.com/pkg.whl", "file:///x", "./pkg", "../pkg", "/pkg", "~/pkg", "pkg-1.0.whl", "pkg-1.0.tar.gz",
]  # fmt: skip


@pytest.mark.parametrize("text", FINE)
def test_requirement_left_alone(text: str) -> None:
    assert of_task(environment=Environment(requirements=(text,))) == []


@pytest.mark.parametrize(("text", "remedy"), WRONG)
def test_requirement_reported(text: str, remedy: str) -> None:
    told = of_task(environment=Environment(requirements=(text,)))
    assert told == [("TRC205", "error", f'"{text}" is not a requirement', remedy)]


@pytest.mark.parametrize("text", REFUSED)
def test_requirement_that_says_where_from_is_refused(text: str) -> None:
    told = of_task(environment=Environment(requirements=(text,)))
    assert [one[:2] for one in told] == [("TRC505", "error")]


def test_requirement_with_credentials_is_not_repeated() -> None:
    told = of_task(environment=Environment(requirements=("x @ https://me:s3cret@example.com/x.whl",)))
    assert [one[0] for one in told] == ["TRC205"]
    assert "s3cret" not in str(told)


@pytest.mark.parametrize(
    ("name", "value", "is_fine"),
    [("TZ", "UTC", True), ("_x1", "", True), ("1x", "a", False), ("A B", "a", False), ("A=B", "a", False),
     ("", "a", False), ("TRC_RUN", "a", False), ("trc_run", "a", False), ("X", "a\0b", False)],
)  # fmt: skip
def test_variables(name: str, value: str, is_fine: bool) -> None:
    assert [one[0] for one in of_task(environment=Environment(env={name: value}))] == ([] if is_fine else ["TRC205"])


def test_checksum_fields_name_params_metadata_and_run_params() -> None:
    task = Task(
        name="a",
        type="t",
        params={"date": "x"},
        metadata={"tenant": 1},
        incremental=Incremental(checksum_fields=("date", "tenant", "day", "dat", "zzz")),
    )
    pipeline = Pipeline(name="p", params=(Param(name="day"),), tasks=(task,))
    assert reported(pipeline) == [
        (
            "TRC211",
            "warning",
            'no parameter and no metadata field of "a" is called "dat"',
            'did you mean "date"?',
        ),
        ("TRC211", "warning", 'no parameter and no metadata field of "a" is called "zzz"'),
    ]


def test_fields_of_rules_name_params_metadata_run_params_and_what_all_tasks_have() -> None:
    fields = ("date", "tenant", "day", "pipeline", "task", "tags", "tenants")
    rule = ConcurrencyRule(max=1, match=ConcurrencyMatch(fields=fields))
    task = Task(name="a", type="t", params={"date": "x"}, metadata={"tenant": 1}, concurrency=(rule,))
    pipeline = Pipeline(name="p", params=(Param(name="day"),), tasks=(task,))
    (told,) = reported(pipeline)
    message = 'no parameter and no metadata field of "a" is called "tenants"'
    assert told == ("TRC211", "warning", message, 'did you mean "tenant"?')


def test_locations_that_no_file_system_has() -> None:
    reads = (UriRead(name="x", uri="a\0b", format="csv"), UriRead(name="y", uri="", format="csv"))
    sources = (Source(name="s", uri="", format="csv"), Source(name="z", uri="\0", format="csv"))
    told = reported(Pipeline(name="p", sources=sources, tasks=(Task(name="a", type="t", reads=reads),)))
    assert [one[2] for one in told] == [
        'the location of the source "s" is empty',
        'the location of the source "z" holds a NUL character',
        'a location that "a" reads holds a NUL character',
        'a location that "a" reads is empty',
    ]


def test_places_are_those_of_the_values() -> None:
    span = Span("f", 3, 9)
    path = ("tasks", "a", "environment", "requirements", 1)
    collect = Collector()
    task = Task(name="a", type="t", environment=Environment(requirements=("x", "x=1")), retries=Retries())
    check_values(Pipeline(name="p", tasks=(task,)), Places({path: Place(span)}), collect)
    assert [(one.span, one.task) for one in collect.reported] == [(span, "a")]
