"""What runs tell machines: logs, metrics and traces of one pipeline, each held against the run."""

from __future__ import annotations

import json
import os
import socket
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.receiver import Received, attributes, receiving

PIPELINE = """
    name: shop
    sources: {orders: {csv: orders.csv, columns: {id: bigint, customer: varchar, amount: double}}}
    nodes:
      - id: paid
        type: duckdb_sql
        params: {sql: "select id, upper(customer) as who, amount from orders where amount > 0"}
        expect: [{check: "amount < 100", severity: warn}]
      - id: totals
        type: duckdb_sql
        params: {sql: "select who, sum(amount) as total from paid group by who", output_uri: out/totals.csv}
      - id: flaky
        type: python
        params: {entrypoint: "t.py:flaky", inputs: [totals]}
        retries: {max_attempts: 2, initial_delay_seconds: 0.2, jitter: none}
      - id: boom
        type: python
        params: {entrypoint: "t.py:boom"}
        needs: [flaky]
      - {id: after, type: shell, params: {command: "true"}, needs: [boom]}
"""
CODE = """
    from pathlib import Path

    def flaky(context):
        if not Path("tried").exists():
            Path("tried").write_text("")
            raise RuntimeError("not yet")

    def boom(context):
        raise ValueError("no <luck>\\nat all")
"""
OK, ERROR = 1, 2


def laid_out(space: Any) -> Any:
    space.write("p.yaml", PIPELINE)
    space.write("t.py", CODE)
    space.write("orders.csv", "id,customer,amount\n1,ada,10\n2,ada,200\n3,bob,-1\n")
    return space


def entries(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def metrics(text: str) -> dict[str, float]:
    """By name and the values of the labels but the pipeline's."""
    return {
        " ".join([sample.name, *(value for name, value in sample.labels.items() if name != "pipeline")]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Received]:
    with receiving() as received:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", received.url)
        yield received


# Logs


def test_a_log_tells_the_run_from_its_beginning_to_its_end(space: Any) -> None:
    laid_out(space).trc("run", "p.yaml", "--log-file", "logs/run.jsonl", code=1)
    told = entries(space.read("logs/run.jsonl"))
    run = json.loads(space.trc("status", "--json").out)["run"]["id"]
    assert {(one["pipeline"], one["run"]) for one in told} == {("shop", run)}
    assert [one["event"] for one in told if one["event"].startswith("run.")] == ["run.opened", "run.finished"]
    assert told[0]["tasks"] == 5
    finished = next(one for one in told if one["event"] == "run.finished")
    assert (finished["level"], finished["state"]) == ("error", "failure")
    assert finished["tasks"] == {"success": 3, "failure": 1, "upstream_failed": 1}
    flaky = [
        (one["event"].partition(".")[2], one.get("attempt"), one.get("state"))
        for one in told
        if one.get("task") == "flaky" and one["event"] != "attempt.running"
    ]
    assert flaky == [
        ("claimed", 1, None),
        ("ended", 1, "failure"),
        ("retry", 2, None),
        ("claimed", 2, None),
        ("ended", 2, "success"),
        ("moved", 2, "success"),
    ]
    retry = next(one for one in told if one["event"] == "task.retry")
    assert 0 < retry["in_seconds"] <= 0.2
    assert retry["error"] == {"message": "not yet", "kind": "unknown", "reason": "error", "type": "RuntimeError"}
    blocked = next(one for one in told if one.get("task") == "after")
    assert (blocked["level"], blocked["state"], blocked["blocked_by"]) == ("warning", "upstream_failed", "boom")
    published = [one for one in told if one["event"] == "output.published"]
    assert [(one["task"], one["rows"], one["bytes"] > 0) for one in published] == [
        ("paid", 2, True),
        ("totals", 1, True),
    ]
    broken = next(one for one in told if one["event"] == "expectation.broken")
    assert (broken["task"], broken["severity"]) == ("paid", "warn")
    assert [one["code"] for one in told if one["event"] == "diagnostic"] == ["TRC631", "TRC601"]


def test_a_log_on_standard_error_has_it_for_itself(space: Any) -> None:
    done = laid_out(space).trc("run", "p.yaml", "--log-format", "json", "--json", code=1)
    told = entries(done.err)
    assert told[0]["event"] == "run.opened"
    assert told[-1]["event"] == "diagnostic"
    assert done.json["run"]["id"] == told[0]["run"]
    people = space.trc("run", "p.yaml", "--log-format", "human", code=1).err.splitlines()
    assert " info    run.opened pipeline=shop run=" in people[0]
    assert any(" error   task.moved " in line and r"no <luck>\nat all" in line for line in people)


def test_a_level_leaves_out_what_is_below_it(space: Any) -> None:
    laid_out(space).write("trc.toml", '[logging]\nfile = "run.jsonl"\nlevel = "warning"\n')
    space.trc("run", "p.yaml", code=1)
    told = entries(space.read("run.jsonl"))
    assert {one["level"] for one in told} == {"warning", "error"}
    space.write("trc.toml", '[logging]\nfile = "all.jsonl"\nlevel = "debug"\n')
    space.trc("run", "p.yaml", code=1)
    states = Counter(one["state"] for one in entries(space.read("all.jsonl")) if one["event"] == "task.moved")
    assert states["skipped"] == 2
    assert states["waiting"] >= 1


def test_a_skip_is_told_with_its_reason_each_time(space: Any) -> None:
    """Without it, a run with nothing to do is answered before anything is loaded: nobody would hear of it."""
    space.write("trc.toml", '[logging]\nfile = "run.jsonl"\n')
    space.write("p.yaml", "name: p\nnodes: [{id: a, type: duckdb_sql, params: {sql: select 1 as x}}]\n")
    space.trc("run", "p.yaml")
    space.age()
    for _ in range(2):
        space.trc("run", "p.yaml")
    told = [one for one in entries(space.read("run.jsonl")) if one.get("state") == "skipped"]
    assert [(one["task"], one["reason"]) for one in told] == [("a", "up_to_date")] * 2


def test_a_secret_is_in_nothing_that_is_told(space: Any, receiver: Received) -> None:
    """Even if a task tells it that was not given it, and that nothing masks."""
    space.write("secrets/key", "hunter2-is-secret\n")
    space.write(
        "p.yaml",
        """
        name: p
        nodes:
          - {id: given, type: python, params: {entrypoint: "t.py:given", args: {key: {secret: "file:secrets/key"}}}}
          - {id: taken, type: python, params: {entrypoint: "t.py:taken"}, needs: [given]}
        """,
    )
    space.write(
        "t.py",
        """
        def given(context):
            assert context.args["key"].startswith("hunter2")

        def taken(context):
            raise ValueError("refused: " + open("secrets/key").read().strip())
        """,
    )
    space.trc("run", "p.yaml", "--log-file", "l", "--metrics", "m", "--traces", code=1)
    assert "refused: ***" in space.read("l")
    for told in (space.read("l"), space.read("m"), str(receiver.requests)):
        assert "hunter2" not in told
    assert receiver.named("task taken").status.message == "refused: ***"


# Metrics


def test_metrics_count_what_the_run_did(space: Any) -> None:
    laid_out(space).trc("run", "p.yaml", "--metrics", "m/trc.prom", code=1)
    seen = metrics(space.read("m/trc.prom"))
    size = sum(
        path.stat().st_size for path in [space.root / "out/totals.csv", *space.root.glob(".trc/data/shop/paid/*/*")]
    )
    assert {name: value for name, value in seen.items() if "_total" in name and "cpu" not in name} == {
        "trc_runs_total failure": 1,
        "trc_task_runs_total duckdb_sql success": 2,
        "trc_task_runs_total python success": 1,
        "trc_task_runs_total python failure": 1,
        "trc_task_runs_total shell upstream_failed": 1,
        "trc_attempts_total duckdb_sql success": 2,
        "trc_attempts_total python success": 1,
        "trc_attempts_total python failure": 2,
        "trc_retries_total python": 1,
        "trc_rows_written_total duckdb_sql": 3,
        "trc_bytes_written_total duckdb_sql": size,
        "trc_dead_letters_total python": 1,
    }
    assert seen["trc_attempt_duration_seconds_count python"] == 3
    assert seen["trc_queue_wait_seconds_count python"] == 3
    assert seen["trc_queue_wait_seconds_sum python"] < 0.2, "to rest before a retry is no wait for a turn"
    assert seen["trc_store_commit_seconds_count"] >= 5
    assert seen["trc_tasks_running"] == seen["trc_tasks_ready"] == 0
    assert abs(seen["trc_run_last_end_timestamp_seconds failure"] - time.time()) < 60
    assert not any(name.startswith("trc_task_last_") for name in seen)


def test_metrics_tell_what_skips_have_spared_and_go_on_counting(space: Any) -> None:
    laid_out(space).write("trc.toml", '[metrics]\nfile = "trc.prom"\nby_task = true\n')
    space.trc("run", "p.yaml", code=1)
    first = metrics(space.read("trc.prom"))
    space.trc("run", "p.yaml", code=1)
    both = metrics(space.read("trc.prom"))
    assert both["trc_runs_total failure"] == 2
    assert both["trc_task_runs_total duckdb_sql skipped"] == 2
    assert both["trc_attempts_total duckdb_sql success"] == 2
    assert both["trc_skip_saved_bytes_total duckdb_sql"] == first["trc_bytes_written_total duckdb_sql"]
    took = first["trc_attempt_duration_seconds_sum duckdb_sql"]
    assert both["trc_skip_saved_seconds_total duckdb_sql"] == pytest.approx(took)
    assert both["trc_task_last_rows paid"] == 2
    assert both["trc_task_last_success_timestamp_seconds paid"] > first["trc_task_last_success_timestamp_seconds paid"]
    assert "trc_task_last_success_timestamp_seconds boom" not in both


def test_metrics_are_served_while_the_run_goes_on(space: Any) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    space.write("trc.toml", f'[metrics]\nlisten = "127.0.0.1:{port}"\n')
    space.write("p.yaml", 'name: p\nnodes: [{id: a, type: python, params: {entrypoint: "t.py:wait"}}]\n')
    space.write("t.py", "def wait(context):\n    open('begun', 'w').close()\n    open('gate').read()\n")
    os.mkfifo(space.root / "begun")
    os.mkfifo(space.root / "gate")
    process = space.start("run", "p.yaml")
    (space.root / "begun").read_text()
    until = time.monotonic() + 60
    while (seen := metrics(_get(port)))["trc_tasks_running"] != 1:
        assert time.monotonic() < until, seen
    assert seen["trc_tasks_ready"] == 0
    with pytest.raises(HTTPError, match="404"):
        _get(port, "/other")
    (space.root / "gate").write_text("")
    assert process.wait(60) == 0


def _get(port: int, path: str = "/metrics") -> str:
    with urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
        text: str = answer.read().decode()
        return text


def test_what_cannot_be_told_is_warned_of_and_fails_nothing(space: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        space.write("trc.toml", f'[metrics]\nlisten = "127.0.0.1:{port}"\n')
        space.write("p.yaml", "name: p\nnodes: [{id: a, type: duckdb_sql, params: {sql: select 1 as x}}]\n")
        done = space.trc("run", "p.yaml", "--log-file", "p.yaml/l", "--metrics", "p.yaml")
    assert done.err.count("warning[TRC642]") == 3
    for why in ("address already in use", "something else than metrics", '"p.yaml/l": not a directory'):
        assert why in done.err


# Traces


def test_spans_are_the_run_its_tasks_and_their_attempts(space: Any, receiver: Received) -> None:
    laid_out(space).trc("run", "p.yaml", "--traces", code=1)
    assert set(receiver.paths) == {"/v1/traces"}
    assert receiver.resource["service.name"] == "trc"
    run = receiver.named("run shop")
    assert receiver.below() == ["run shop"]
    assert receiver.below(run) == ["task after", "task boom", "task flaky", "task paid", "task totals"]
    assert {one.trace_id for one in receiver.spans} == {run.trace_id}
    assert (run.status.code, run.status.message) == (ERROR, "tasks failed: boom")
    paid, totals, flaky = (receiver.named(f"task {name}") for name in ("paid", "totals", "flaky"))
    told = attributes(paid)
    assert told.pop("trc.bytes") > 0
    assert told == {
        "trc.task.name": "paid", "trc.task.type": "duckdb_sql", "trc.task.state": "success",
        "trc.task.attempts": 1, "trc.reason": "first", "trc.rows": 2,
    }  # fmt: skip
    assert paid.status.code == OK
    assert [link.span_id for link in totals.links] == [paid.span_id]
    assert [link.span_id for link in flaky.links] == [totals.span_id]
    assert not receiver.named("task boom").links, "it waits for it, and reads nothing of it"
    tries = sorted(
        (one for one in receiver.spans if one.parent_span_id == flaky.span_id), key=lambda one: one.start_time_unix_nano
    )
    assert [(one.name, one.status.code) for one in tries] == [("attempt flaky", ERROR), ("attempt flaky", OK)]
    assert [attributes(one)["trc.attempt.number"] for one in tries] == [1, 2]
    assert attributes(tries[0].events[0])["exception.message"] == "not yet"
    assert flaky.start_time_unix_nano <= tries[0].start_time_unix_nano
    assert tries[1].end_time_unix_nano <= flaky.end_time_unix_nano
    after = receiver.named("task after")
    assert after.start_time_unix_nano == after.end_time_unix_nano
    assert attributes(after)["trc.task.state"] == "upstream_failed"
    for one in receiver.spans:
        assert run.start_time_unix_nano <= one.start_time_unix_nano <= one.end_time_unix_nano <= run.end_time_unix_nano


def test_skipped_tasks_are_spans_without_length(space: Any, receiver: Received) -> None:
    space.write("trc.toml", "[traces]\nenabled = true\n")
    laid_out(space).trc("run", "p.yaml", code=1)
    receiver.requests.clear()
    space.trc("run", "p.yaml", code=1)
    paid, totals = receiver.named("task paid"), receiver.named("task totals")
    assert attributes(paid)["trc.task.state"] == "skipped"
    assert paid.start_time_unix_nano == paid.end_time_unix_nano
    assert [link.span_id for link in totals.links] == [paid.span_id]
    assert receiver.below(paid) == []
    receiver.requests.clear()
    space.trc("run", "p.yaml", "--no-traces", code=1)
    assert not receiver.requests


def test_attempts_are_told_the_span_of_their_task(space: Any, receiver: Received) -> None:
    space.write(
        "t.py",
        """
import asyncio, os

def alone(context):
    print(os.environ["TRACEPARENT"], context.trace["TRACEPARENT"])

async def beside(context):
    print(context.trace["TRACEPARENT"])
""",
    )
    space.write(
        "p.trc",
        """
        pipeline "p" { }
        task command = shell $$ echo "$TRACEPARENT" $$
        task own = shell $$ echo "$TRACEPARENT" $$ { environment { env { TRACEPARENT = "mine" } } }
        task alone = python("t.py:alone")
        task beside = python("t.py:beside")
        task each = shell $$ echo "$TRACEPARENT" $$ { for_each = ["a"] }
        """,
    )
    run = space.trc("run", "p.trc", "--traces", "--json").json["run"]["id"]
    for task in ("command", "alone", "beside", "each[a]"):
        span = receiver.named(f"task {task}")
        told = set(space.trc("logs", run, task).out.split())
        (parent,) = [one for one in told if one.startswith("00-")]
        assert parent.startswith(f"00-{span.trace_id.hex()}-{span.span_id.hex()}-0")
    assert "mine" in space.trc("logs", run, "own").out
    # It names one run, and is in no key: nobody who has none is told of one.
    space.write("q.trc", 'pipeline "q" { }\ntask t = shell $$ echo "<$TRACEPARENT>" $$\n')
    space.trc("run", "q.trc")
    assert "<>" in space.trc("logs").out


def test_no_key_holds_the_span(space: Any, receiver: Received) -> None:
    space.write("p.yaml", "name: p\nnodes: [{id: a, type: duckdb_sql, params: {sql: select 1 as x}}]\n")
    space.trc("run", "p.yaml", "--traces")
    assert space.states("--traces") == {"a": "skipped"}
    assert receiver.requests


def test_a_run_is_below_the_span_that_started_it(
    space: Any, receiver: Received, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    monkeypatch.setenv("TRACEPARENT", f"00-{trace}-{span}-01")
    monkeypatch.setenv("TRACESTATE", "vendor=value")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "nightly")
    space.write("p.yaml", "name: p\nnodes: [{id: a, type: duckdb_sql, params: {sql: select 1 as x}}]\n")
    space.trc("run", "p.yaml", "--traces")
    run = receiver.named("run p")
    assert (run.trace_id.hex(), run.parent_span_id.hex(), run.trace_state) == (trace, span, "vendor=value")
    assert receiver.resource["service.name"] == "nightly"
    # Who started it does not record: nor do we.
    monkeypatch.setenv("TRACEPARENT", f"00-{trace}-{span}-00")
    receiver.requests.clear()
    space.trc("run", "p.yaml", "--force", "--traces")
    assert not receiver.requests


def test_a_receiver_that_hangs_holds_a_run_up_for_seconds_at_its_end(
    space: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    space.write("p.yaml", "name: p\nnodes: [{id: a, type: duckdb_sql, params: {sql: select 1 as x}}]\n")
    with receiving(is_open=False) as received:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", received.url)
        began = time.monotonic()
        done = space.trc("run", "p.yaml", "--traces", "--json")
        assert time.monotonic() - began < 9
    assert done.json["run"]["state"] == "success"
    (problem,) = done.json["diagnostics"]
    assert problem["code"] == "TRC643"
    assert "no answer within 5 s" in problem["message"]


@pytest.mark.parametrize("what", ["nobody", "refusing"])
def test_spans_that_do_not_arrive_are_warned_of(space: Any, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    space.write("p.yaml", "name: p\nnodes: [{id: a, type: duckdb_sql, params: {sql: select 1 as x}}]\n")
    with socket.socket() as nobody, receiving() as refusing:
        nobody.bind(("127.0.0.1", 0))
        refusing.answer = 400
        url = f"http://user:hunter2@127.0.0.1:{nobody.getsockname()[1]}" if what == "nobody" else refusing.url
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        done = space.trc("run", "p.yaml", "--traces")
    told = " ".join(done.err.split())
    assert f'traces cannot be delivered to "http://127.0.0.1:{url.rpartition(":")[2]}/v1/traces": ' in told
    assert ("connection refused" if what == "nobody" else "bad request") in told
    assert "hunter2" not in told
    assert done.err.count("TRC643") == 1


def test_a_missing_extra_is_told_with_the_command_that_installs_it(space: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = space.root / "hidden"
    space.write(
        "hidden/sitecustomize.py",
        """
        import sys

        class Hide:
            def find_spec(self, name, path=None, target=None):
                if name == "opentelemetry":
                    raise ModuleNotFoundError(name)

        sys.meta_path.insert(0, Hide())
        """,
    )
    space.write("p.yaml", "name: p\nnodes: [{id: a, type: duckdb_sql, params: {sql: select 1 as x}}]\n")
    monkeypatch.setenv("PYTHONPATH", str(hidden))
    done = space.trc("run", "p.yaml", "--traces", code=3)
    assert "error[TRC620]: telling traces needs the package" in done.err
    assert "pip install 'trc-pipelines[otel]'" in done.err
    space.trc("run", "p.yaml")


# Settings


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[metrics]\nlisten = "0.0.0.0:9464"', '"metrics.listen" takes an address of this machine and a port'),
        ('[metrics]\nlisten = "localhost"', '"metrics.listen" takes an address of this machine and a port'),
        ('[metrics]\nby_task = "yes"', '"metrics.by_task" is true or false'),
        ('[logging]\nformat = "xml"', '"logging.format" is "json" or "human"'),
        ('[logging]\nlevels = "info"', '"logging.levels" is not known here'),
        ("[traces]\nenabled = 1", '"traces.enabled" is true or false'),
        ('[traces]\nendpoint = "collector:4318"', '"traces.endpoint" takes a URL'),
        ("traces = true", '"traces" is a table'),
    ],
    ids=["foreign", "no-port", "text", "format", "unknown", "number", "no-url", "no-table"],
)
def test_mistakes_in_settings_are_told_at_their_place(space: Any, text: str, told: str) -> None:
    space.write("trc.toml", text + "\n")
    space.write("p.yaml", "name: p\nnodes: [{id: a, type: duckdb_sql, params: {sql: select 1 as x}}]\n")
    err = space.trc("run", "p.yaml", code=2).err
    assert f"error[TRC111]: {told}" in err
    assert "--> trc.toml:" in err
