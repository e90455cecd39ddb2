"""Functions of Lambda and tasks of ECS through the command, by a real client, at an endpoint on loopback that runs them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cloud import Cloud, running_cloud
from tests.faulty import Fault, Rule, faulty
from tests.objects import VARIABLES, ObjectServer
from tests.warm import TRC
from tests.website import ALLOWED

from trc.runtime.taskside import aws
from trc.runtime.taskside.order import TaskOrder
from trc.runtime.taskside.result import Failure
from trc.runtime.taskside.run import execute

SHELL = {"name": "main", "command": ["/bin/sh", "-c", "true"]}
ENVIRONMENT = ", ".join(f'{name} = "{value}"' for name, value in VARIABLES.items())


@pytest.fixture
def cloud(objects: ObjectServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    # What is not declared is not there: the task's own variables name the credentials.
    for name in VARIABLES:
        monkeypatch.delenv(name)
    with running_cloud(objects, monkeypatch) as found:
        yield found


def write(space: Any, cloud: Cloud, task: str, url: str = "", more: str = "") -> None:
    space.write(
        "p.trc",
        f"""
        pipeline "p" {{ }}
        task called = {task}
          endpoint_url = "{url or cloud.objects.url}"
          environment {{ env {{ {ENVIRONMENT} }} }}
        }}
        {more}
        """,
    )
    space.write("trc.toml", ALLOWED)


def outcome(space: Any) -> tuple[str, int, str, str]:
    """The task's state, its attempts, the code that is told of it, and what is said."""
    done = space.trc("run", "p.trc", "--json", code=None)
    assert "tasks" in done.json, done.out
    told = next(one for one in done.json["tasks"] if one["task"] == "called")
    errors = [one for one in done.json["diagnostics"] if one["severity"] == "error"]
    return told["state"], told["attempt"], errors[0]["code"] if errors else "", errors[0]["message"] if errors else ""


def log(space: Any) -> str:
    (run, *_) = space.trc("runs", "--json").json["runs"]
    text: str = space.trc("logs", run["id"], "called").out
    return text


ECHO = """
def handler(event, context):
    print("asked for", event)
    return {"day": event.get("day"), "n": 3}
"""


def test_function_is_called_and_what_it_returns_is_a_value(space: Any, cloud: Cloud) -> None:
    cloud.function("score", ECHO)
    after = 'task after = sql $$ select {{ tasks.called.values.payload.n }} as n $$ { output = csv("n.csv") }'
    write(space, cloud, 'lambda_invoke { function = "score", payload = { day = run.date }', more=after)
    state, attempt, code, message = outcome(space)
    assert (state, attempt, code) == ("success", 1, ""), message
    assert space.read("n.csv") == "n\n3\n"
    (ran,) = cloud.ran
    assert set(ran["context"]["custom"]) == {"idempotency_key", "run", "task"}
    assert f"asked for {ran['event']}".replace("'", '"') in log(space).replace("'", '"')


def test_what_it_returns_is_written_and_it_always_runs(space: Any, cloud: Cloud) -> None:
    cloud.function("score", ECHO)
    write(space, cloud, 'lambda_invoke { function = "score", output = json("out/score.json")')
    for _ in range(2):
        assert outcome(space)[:3] == ("success", 1, "")
    assert json.loads(space.read("out/score.json")) == {"day": None, "n": 3}
    assert len(cloud.ran) == 2


FAILS = """
class TemporaryError(Exception): pass
class PermanentError(Exception): pass

def handler(event, context):
    print("about to fail")
    raise {error}
"""


@pytest.mark.parametrize(
    ("error", "attempts"), [("ValueError('no')", 2), ("TemporaryError('no')", 2), ("PermanentError('no')", 1)]
)
def test_error_of_a_function_is_the_task_s(space: Any, cloud: Cloud, error: str, attempts: int) -> None:
    cloud.function("score", FAILS.replace("{error}", error))
    write(
        space,
        cloud,
        'lambda_invoke { function = "score", output = json("out.json"), retry = { attempts = 2, initial = "10ms" }',
    )
    state, attempt, code, message = outcome(space)
    assert (state, attempt, code) == ("failure", attempts, "TRC687")
    assert f'the function "score" failed: {error.partition("(")[0]}: no' in message
    assert len(cloud.ran) == attempts
    assert not (space.root / "out.json").exists()
    told = log(space)
    assert "about to fail" in told
    assert "in handler" in told


def test_async_call_is_queued(space: Any, cloud: Cloud) -> None:
    cloud.function("score", ECHO)
    write(space, cloud, 'lambda_invoke { function = "score", mode = "async", payload = { day = 1 }')
    assert outcome(space)[:3] == ("success", 1, "")
    assert [one["event"] for one in cloud.ran] == [{"day": 1}]


def called(folder: Path, **params: Any) -> Failure | None:
    """How a call of Lambda fails that is made in this process."""
    order = TaskOrder(
        run="r",
        pipeline="p",
        task="called",
        attempt=1,
        token="called/1",
        runs="trc.stdlib_tasks.lambda_invoke.run:run",
        project=str(folder),
        log=str(folder / "log"),
        run_time="",
        idempotency_key="k",
        params={"function": "score", "idempotent": False, "patience": "30s", **params},
    )
    return execute(order, lambda _done, _total: None).failure


@pytest.mark.parametrize(("mode", "size", "most"), [("sync", 7 << 20, "6,291,456"), ("async", 2 << 20, "1,048,576")])
def test_event_that_is_too_large_is_not_sent(tmp_path: Path, cloud: Cloud, mode: str, size: int, most: str) -> None:
    failure = called(tmp_path, mode=mode, payload="x" * size, endpoint_url=cloud.objects.url)
    assert failure is not None
    assert (failure.kind, failure.reason) == ("permanent", "lambda")
    assert f"and Lambda takes {most} in a call that is {mode}" in failure.message
    assert cloud.objects.asked == []


def test_function_that_is_not_there(space: Any, cloud: Cloud) -> None:
    write(space, cloud, 'lambda_invoke { function = "nobody", retry = { attempts = 3 }')
    state, attempt, code, message = outcome(space)
    assert (state, attempt, code) == ("failure", 1, "TRC689")
    assert "ResourceNotFoundException" in message


@pytest.mark.parametrize(
    ("fault", "more", "wanted"),
    [
        (Fault("answer", 429, "TooManyRequestsException"), "", ("failure", 2, "TRC689")),
        (Fault("answer", 403, "AccessDeniedException"), "", ("failure", 1, "TRC689")),
        # Nobody knows whether it was called: it is not called again.
        (Fault("lose"), "", ("failure", 1, "TRC657")),
        (Fault("lose"), ", idempotent = true", ("failure", 2, "TRC689")),
        (Fault("drop"), "", ("failure", 1, "TRC657")),
    ],
)
def test_call_that_does_not_come_through(
    space: Any, cloud: Cloud, fault: Fault, more: str, wanted: tuple[str, int, str]
) -> None:
    cloud.function("score", ECHO)
    with faulty(cloud.objects.url) as proxy:
        proxy.rules.append(Rule(lambda passing: "invocations" in passing.path, fault))
        write(
            space,
            cloud,
            f'lambda_invoke {{ function = "score", retry = {{ attempts = 2, initial = "10ms" }}{more}',
            proxy.url,
        )
        assert outcome(space)[:3] == wanted
    if fault.what == "lose" and not more:
        assert len(cloud.ran) == 1


def test_credentials_that_are_not_there(space: Any, cloud: Cloud) -> None:
    write(space, cloud, 'lambda_invoke { function = "score", region = "eu-west-1"')
    text = space.read("p.trc")
    space.write("p.trc", text.replace(ENVIRONMENT, 'AWS_EC2_METADATA_DISABLED = "true"'))
    state, attempt, code, message = outcome(space)
    assert (state, attempt, code) == ("failure", 1, "TRC689")
    assert "there are no AWS credentials" in message


@pytest.mark.parametrize(
    ("params", "complaint"),
    [
        ('function = "a b"', "is no Lambda function"),
        ('function = "a", mode = "async", output = json("a.json")', "an async call answers nothing"),
        ('function = "a", region = "europe"', "is no region of AWS"),
        ('function = "a", patience = "0s"', "never comes"),
    ],
)
def test_mistakes_in_a_call_are_found_before_it_runs(space: Any, params: str, complaint: str) -> None:
    space.write("p.trc", f'pipeline "p" {{ }}\ntask called = lambda_invoke {{ {params} }}\n')
    done = space.trc("check", "p.trc", code=2)
    assert complaint in done.err + done.out


# Tasks of ECS.


def ecs(more: str = "") -> str:
    return f'ecs_run_task {{ task_definition = "nightly", poll = "10ms"{more}'


def test_task_of_ecs_is_waited_for(space: Any, cloud: Cloud) -> None:
    out = space.root / "told.txt"
    logging = {"logDriver": "awslogs", "options": {"awslogs-group": "/etl", "awslogs-stream-prefix": "n"}}
    cloud.definition("nightly", {**SHELL, "logConfiguration": logging})
    command = f'["/bin/sh", "-c", "echo $TRC_TASK $DAY > {out}"]'
    write(space, cloud, ecs(f', command = {command}, variables = {{ DAY = "monday" }}'))
    assert outcome(space)[:3] == ("success", 1, "")
    assert out.read_text() == "called monday\n"
    told = log(space)
    assert "ECS runs arn:aws:ecs:" in told
    assert "stopped at " in told
    assert "its log: group /etl, stream n/main/" in told


@pytest.mark.parametrize(
    ("command", "more", "wanted", "said"),
    [
        ("exit 3", "", ("failure", 2, "TRC601"), 'the container "main" ended with exit code 3'),
        ("exit 3", "retry_on = [4]", ("failure", 1, "TRC601"), 'the container "main" ended with exit code 3'),
        ("kill -9 $$", "", ("failure", 2, "TRC610"), "ran out of memory"),
        ("", "", ("failure", 1, "TRC688"), "CannotPullContainerError"),
    ],
)
def test_ends_of_a_task_of_ecs(
    space: Any, cloud: Cloud, command: str, more: str, wanted: tuple[str, int, str], said: str
) -> None:
    cloud.definition("nightly", {"name": "main", **({"command": ["/bin/sh", "-c", command]} if command else {})})
    write(space, cloud, ecs(f', idempotent = true, retry = {{ attempts = 2, initial = "10ms", {more} }}'))
    state, attempt, code, message = outcome(space)
    assert (state, attempt, code) == wanted
    assert said in message


def test_container_that_counts(space: Any, cloud: Cloud) -> None:
    cloud.definition("nightly", SHELL, {"name": "side", "command": ["/bin/sh", "-c", "exit 4"]})
    write(space, cloud, ecs())
    assert outcome(space)[2:] == (
        "TRC688",
        'task "called" failed: "nightly" has several essential containers: main, side; say which is meant: container',
    )
    write(space, cloud, ecs(', container = "main"'))
    assert outcome(space)[:3] == ("success", 1, "")
    write(space, cloud, ecs(', container = "man"'))
    assert 'has no container "man"; there are: main, side' in outcome(space)[3]


def test_task_past_its_timeout_is_stopped(space: Any, cloud: Cloud) -> None:
    cloud.definition("nightly", {"name": "main", "command": ["sleep", "600"]})
    write(space, cloud, ecs(', timeout = "3s"'))
    assert outcome(space)[0] == "failure"
    assert cloud.stops == ["trc: the attempt was stopped"]
    assert "it was told to stop" in log(space)


def test_canceled_run_stops_its_task(space: Any, cloud: Cloud) -> None:
    cloud.definition("nightly", {"name": "main", "command": ["sleep", "600"]})
    write(space, cloud, ecs())
    process = subprocess.Popen([*TRC, "run", "p.trc"], cwd=space.root, env={**os.environ}, stderr=subprocess.DEVNULL)
    assert cloud.started.wait(60)
    process.send_signal(signal.SIGINT)
    process.wait(60)
    assert cloud.stops == ["trc: the attempt was stopped"]


def test_silent_service_is_waited_for_and_given_up(space: Any, cloud: Cloud) -> None:
    cloud.definition("nightly", SHELL)
    with faulty(cloud.objects.url) as proxy:
        # A service that says nothing for a while costs the task nothing.
        proxy.rules.append(
            Rule(lambda passing: passing.method == "POST", Fault("answer", 503, "ServiceUnavailable"), 2, 2)
        )
        write(space, cloud, ecs(), proxy.url)
        assert outcome(space)[:3] == ("success", 1, "")
    assert cloud.stops == []


@pytest.mark.parametrize(
    ("params", "complaint"),
    [
        ('task_definition = ""', "task_definition"),
        ('task_definition = "a", launch_type = "FARGATE"', "say its subnets"),
        ('task_definition = "a", security_groups = ["sg-1"]', "say its subnets, too"),
        ('task_definition = "a", command = []', "an empty command runs nothing"),
        ('task_definition = "a", poll = "0s"', "requests would be refused"),
    ],
)
def test_mistakes_in_a_task_of_ecs_are_found_before_it_runs(space: Any, params: str, complaint: str) -> None:
    space.write("p.trc", f'pipeline "p" {{ }}\ntask called = ecs_run_task {{ {params} }}\n')
    done = space.trc("check", "p.trc", code=2)
    assert complaint in done.err + done.out


@pytest.mark.parametrize("kind", ['lambda_invoke { function = "score"', 'ecs_run_task { task_definition = "job"'])
def test_endpoint_that_a_pipeline_names_is_called_where_other_urls_are(space: Any, kind: str) -> None:
    space.write("p.trc", f'pipeline "p" {{ }}\ntask called = {kind}, endpoint_url = "https://169.254.169.254/" }}\n')
    done = space.trc("check", "p.trc", code=2)
    assert "error[TRC638]" in done.out + done.err
    assert "an address of a cloud's metadata" in done.out + done.err


def test_endpoint_whose_name_leads_elsewhere_is_not_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws, "addresses_of", lambda _host, _port: ("10.0.0.7",))
    failure = called(tmp_path, mode="sync", payload=None, endpoint_url="https://aws.example.com/")
    assert failure is not None
    assert (failure.kind, failure.reason) == ("permanent", "web_forbidden")
    assert "leads to 10.0.0.7" in failure.message
