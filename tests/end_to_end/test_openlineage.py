"""Runs told as OpenLineage events: each is held against the published schemas, and all of them against the run."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from threading import Event
from typing import Any, BinaryIO
from uuid import UUID

import jsonschema
import pytest
from referencing import Registry, Resource
from tests.endpoint import Endpoint, Request, answer, endpoint
from tests.given import given

from trc.runtime.lineage.openlineage import run_id

PIPELINE = """
    name: shop
    sources: {orders: {csv: orders.csv, columns: {id: bigint, customer: varchar, amount: double}}}
    nodes:
      - id: paid
        type: duckdb_sql
        params: {sql: "select id, upper(customer) as who, amount from orders where amount > 0 -- secret sauce"}
        expect: [{not_null: id}, {check: "amount < 100", severity: warn}]
      - id: totals
        type: duckdb_sql
        params: {sql: "select who, sum(amount) as total from paid group by who", output_uri: out/totals.csv}
      - id: flaky
        type: python
        params: {entrypoint: "t.py:flaky", inputs: [totals]}
        retries: {max_attempts: 2, initial_delay_seconds: 0.05, jitter: none}
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
        raise RuntimeError("no <luck>")
"""
ENDS = {"COMPLETE", "FAIL", "ABORT"}


def laid_out(space: Any) -> Any:
    space.write("p.yaml", PIPELINE)
    space.write("t.py", CODE)
    space.write("orders.csv", "id,customer,amount\n1,ada,10\n2,ada,200\n3,bob,-1\n")
    return space


def events_of(space: Any, file: str = "events.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in space.read(file).splitlines()]


def told(events: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(one["eventType"], one["job"]["name"]) for one in events]


def of(events: list[dict[str, Any]], kind: str, job: str) -> dict[str, Any]:
    return next(one for one in events if (one["eventType"], one["job"]["name"]) == (kind, job))


@pytest.fixture
def ran(space: Any) -> Any:
    laid_out(space).trc("run", "p.yaml", "--openlineage", "events.jsonl", code=1)
    return space


def test_every_event_and_facet_is_as_its_published_schema_has_it(ran: Any) -> None:
    """Facets are checked by the schema that they name, which has to be the published one of that version."""
    folder = given("schemas/openlineage")
    schemas = [
        json.loads(path.read_text()) for path in [folder / "OpenLineage.json", *(folder / "facets").glob("*.json")]
    ]
    registry = Registry().with_resources((one["$id"], Resource.from_contents(one)) for one in schemas)

    def check(value: Any, url: str) -> None:
        validator = jsonschema.Draft202012Validator({"$ref": url}, registry=registry)
        validator.validate(value)

    ran.write("trc.toml", "[openlineage]\nsource_code = true\n")
    ran.trc("run", "p.yaml", "--force", "--openlineage", "events.jsonl", code=1)
    seen: Counter[str] = Counter()
    for event in events_of(ran):
        check(event, event["schemaURL"])
        check(event, "https://openlineage.io/spec/2-0-2/OpenLineage.json")
        UUID(event["run"]["runId"])
        assert datetime.fromisoformat(event["eventTime"]).tzinfo is not None
        datasets = [*event["inputs"], *event["outputs"]]
        holders = [event["run"]["facets"], event["job"]["facets"], *(one["facets"] for one in datasets)]
        for facets in [*holders, *(one["outputFacets"] for one in event["outputs"])]:
            for name, facet in facets.items():
                check(facet, facet["_schemaURL"])
                check({name: facet}, facet["_schemaURL"].partition("#")[0])
                seen[name] += 1
    assert set(seen) == {
        "parent", "processing_engine", "nominalTime", "jobType", "errorMessage", "schema", "columnLineage",
        "dataQualityMetrics", "dataQualityAssertions", "outputStatistics", "sql",
    }  # fmt: skip


def test_each_attempt_starts_once_and_ends_once_in_the_run_that_it_is_part_of(ran: Any) -> None:
    events = events_of(ran)
    assert told(events)[0] == ("START", "shop")
    assert told(events)[-1] == ("FAIL", "shop")
    runs: dict[str, list[str]] = {}
    for one in events:
        runs.setdefault(one["run"]["runId"], []).append(one["eventType"])
    assert all(len(kinds) == 2 and kinds[0] == "START" and kinds[1] in ENDS for kinds in runs.values())
    assert [one for one in told(events) if one[1] == "shop.flaky"] == [
        ("START", "shop.flaky"), ("FAIL", "shop.flaky"), ("START", "shop.flaky"), ("COMPLETE", "shop.flaky"),
    ]  # fmt: skip
    assert not any("after" in job for _, job in told(events))
    run = ran.trc("runs", "--json").json["runs"][0]["id"]
    parent = events[0]["run"]["runId"]
    assert parent == str(run_id(run))
    assert {one["run"]["facets"]["parent"]["run"]["runId"] for one in events[1:-1]} == {parent}
    assert of(events, "COMPLETE", "shop.flaky")["run"]["runId"] == str(run_id(run, "flaky", 2))
    assert all(one["producer"].startswith("https://") for one in events)


def test_events_say_what_the_run_says(ran: Any) -> None:
    events, status = events_of(ran), ran.trc("status", "--json").json
    attempts = {(one["task"], one["number"]): one for one in status["attempts"]}
    run = status["run"]["id"]
    by_run = {str(run_id(run, *key)): one for key, one in attempts.items()}
    for one in events[1:-1]:
        attempt = by_run[one["run"]["runId"]]
        at = attempt["started_at"] if one["eventType"] == "START" else attempt["ended_at"]
        assert datetime.fromisoformat(one["eventTime"]) == datetime.fromisoformat(at)
    failed = of(events, "FAIL", "shop.boom")["run"]["facets"]["errorMessage"]
    assert (failed["message"], failed["programmingLanguage"]) == ("no <luck>", "PYTHON")
    assert events[-1]["run"]["facets"]["errorMessage"]["message"] == "tasks failed: boom"
    (output,) = of(events, "COMPLETE", "shop.totals")["outputs"]
    path = ran.root / "out/totals.csv"
    assert (output["namespace"], output["name"]) == ("file", str(path))
    metrics = output["facets"]["dataQualityMetrics"]
    assert (metrics["rowCount"], metrics["bytes"]) == (1, path.stat().st_size)


def test_datasets_are_the_same_for_who_writes_and_who_reads(ran: Any) -> None:
    events = events_of(ran)
    paid, totals, flaky = (of(events, "COMPLETE", f"shop.{name}") for name in ("paid", "totals", "flaky"))

    def names(datasets: Any) -> list[tuple[str, str]]:
        return [(one["namespace"], one["name"]) for one in datasets]

    assert names(paid["inputs"]) == [("file", str(ran.root / "orders.csv"))]
    assert names(paid["outputs"]) == names(totals["inputs"]) == [("trc", "shop.paid")]
    assert names(totals["outputs"]) == names(flaky["inputs"])
    fields = paid["outputs"][0]["facets"]["schema"]["fields"]
    assert [(one["name"], one["type"]) for one in fields] == [
        ("id", "BIGINT"),
        ("who", "VARCHAR"),
        ("amount", "DOUBLE"),
    ]
    assert [one["name"] for one in paid["inputs"][0]["facets"]["schema"]["fields"]] == ["id", "customer", "amount"]


def test_expectations_are_told_with_their_verdicts(ran: Any) -> None:
    (output,) = of(events_of(ran), "COMPLETE", "shop.paid")["outputs"]
    first, second = output["facets"]["dataQualityAssertions"]["assertions"]
    assert first == {
        "assertion": "not_null", "name": "not_null(id)", "success": True, "severity": "error", "column": "id",
    }  # fmt: skip
    assert (second["assertion"], second["success"], second["severity"]) == ("check", False, "warn")


def test_columns_are_made_of_what_lineage_says(ran: Any) -> None:
    (output,) = of(events_of(ran), "COMPLETE", "shop.paid")["outputs"]
    lineage = output["facets"]["columnLineage"]
    for column, name in (("id", "id"), ("who", "customer")):
        direct = ran.trc("lineage", "column", "p.yaml", f"paid.{column}", "--json").json["direct"]
        (field,) = lineage["fields"][column]["inputFields"]
        assert [(one["dataset"], one["column"]) for one in direct if one["column"]] == [("orders", name)]
        assert (field["name"], field["field"]) == (str(ran.root / "orders.csv"), name)
    (who,) = lineage["fields"]["who"]["inputFields"]
    assert who["transformations"] == [{"type": "DIRECT", "subtype": "TRANSFORMATION"}]
    (filtered,) = lineage["dataset"]
    assert (filtered["field"], filtered["transformations"]) == ("amount", [{"type": "INDIRECT", "subtype": "FILTER"}])


def test_an_item_is_made_of_the_columns_of_its_row(space: Any) -> None:
    space.write("regions.csv", "name,least,note\neu,1,a\nus,2,b\n")
    space.write("orders.csv", "region,amount\neu,10\nus,20\n")
    space.write(
        "p.trc",
        """
        pipeline "many" { }
        source regions = csv("regions.csv") { columns { name: varchar, least: integer, note: varchar } }
        source orders = csv("orders.csv") { columns { region: varchar, amount: double } }
        task each = sql $$
          select {{ item.name }} as region, sum(amount) as total from orders where region = {{ item.name }} and amount > {{ item.least }}
        $$ { for_each = regions.rows }
        """,
    )
    space.trc("run", "p.trc", "--openlineage", "events.jsonl")
    items = [one for one in events_of(space) if (one["eventType"], one["job"]["name"]) == ("COMPLETE", "many.each")]
    made = [one for one in items if one["outputs"]]
    assert len(made) == 2
    regions, orders = str(space.root / "regions.csv"), str(space.root / "orders.csv")
    for item in made:
        assert [one["name"] for one in item["inputs"]] == [orders, regions]
        lineage = item["outputs"][0]["facets"]["columnLineage"]
        (name,) = lineage["fields"]["region"]["inputFields"]
        assert (name["name"], name["field"], name["transformations"][0]["subtype"]) == (regions, "name", "IDENTITY")
        deciding = {(one["name"], one["field"]) for one in lineage["fields"]["total"]["inputFields"]}
        assert deciding == {(orders, "amount"), (orders, "region"), (regions, "name"), (regions, "least")}


def test_text_of_queries_is_told_only_where_the_project_says_so(space: Any) -> None:
    laid_out(space).trc("run", "p.yaml", "--openlineage", "events.jsonl", code=1)
    assert "sauce" not in space.read("events.jsonl")
    space.write("trc.toml", '[openlineage]\nfile = "lineage/told.jsonl"\nnamespace = "team"\nsource_code = true\n')
    space.trc("run", "p.yaml", "--force", code=1)
    events = events_of(space, "lineage/told.jsonl")
    job = of(events, "START", "shop.paid")["job"]
    assert job["namespace"] == "team"
    assert job["facets"]["sql"]["query"].endswith("-- secret sauce")
    assert "sql" not in of(events, "START", "shop.boom")["job"]["facets"]
    before = len(events)
    space.trc("run", "p.yaml", "--force", "--openlineage", "other.jsonl", code=1)
    assert len(events_of(space, "lineage/told.jsonl")) == before
    assert of(events_of(space, "other.jsonl"), "START", "shop.paid")["job"]["namespace"] == "team"


def test_events_are_appended_and_a_run_that_skips_tells_of_itself_alone(space: Any) -> None:
    space.write("p.yaml", "name: one\nnodes: [{id: a, type: duckdb_sql, params: {sql: select 1 as x}}]\n")
    space.trc("run", "p.yaml", "--openlineage", "events.jsonl")
    space.trc("run", "p.yaml", "--openlineage", "events.jsonl")
    assert told(events_of(space)) == [
        ("START", "one"), ("START", "one.a"), ("COMPLETE", "one.a"), ("COMPLETE", "one"),
        ("START", "one"), ("COMPLETE", "one"),
    ]  # fmt: skip


def test_a_pipeline_that_was_compiled_before_tells_the_same(space: Any) -> None:
    space.write("p.yaml", "name: one\nnodes: [{id: a, type: duckdb_sql, params: {sql: select 1 as x}}]\n")
    space.age()
    for number in range(2):
        space.trc("run", "p.yaml", "--force", "--openlineage", f"{number}.jsonl")
    first, second = (of(events_of(space, f"{number}.jsonl"), "COMPLETE", "one.a") for number in range(2))
    assert first["outputs"] == second["outputs"]
    assert "schema" in first["outputs"][0]["facets"]


@pytest.mark.parametrize("place", ["p.yaml/events.jsonl", "."])
def test_a_file_that_cannot_be_written_is_warned_of_once_and_fails_nothing(space: Any, place: str) -> None:
    space.write("p.yaml", "name: one\nnodes: [{id: a, type: duckdb_sql, params: {sql: select 1 as x}}]\n")
    done = space.trc("run", "p.yaml", "--openlineage", place, code=0)
    assert done.err.count("TRC635") == 1
    assert re.search(r'warning\[TRC635\]: lineage events cannot be written to "[^"]+": \w', done.err)
    assert ": success in" in done.out


def test_a_disk_that_fills_up_is_warned_of_once(space: Any) -> None:
    """The first write succeeds nowhere on /dev/full, and no other is tried."""
    if not os.path.exists("/dev/full"):  # noqa: PTH110
        pytest.skip("this system has no /dev/full")
    space.write("p.yaml", "name: one\nnodes: [{id: a, type: duckdb_sql, params: {sql: select 1 as x}}]\n")
    done = space.trc("run", "p.yaml", "--openlineage", "/dev/full", code=0)
    assert done.err.count("TRC635") == 1
    assert "no space left on device" in done.err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("openlineage = 1", '"openlineage" is a table'),
        ("[openlineage]\nfiel = 'a'", 'did you mean "file"?'),
        ("[openlineage]\nfile = 1", '"openlineage.file" takes the path of a file'),
        ("[openlineage]\nfile = ''", '"openlineage.file" takes the path of a file'),
        ('[openlineage]\nsource_code = "yes"', '"openlineage.source_code" is true or false'),
    ],
)
def test_a_mistake_in_the_settings_is_told(space: Any, text: str, said: str) -> None:
    space.write("p.yaml", "name: one\nnodes: [{id: a, type: duckdb_sql, params: {sql: select 1 as x}}]\n")
    space.write("trc.toml", text + "\n")
    done = space.trc("run", "p.yaml", code=2)
    assert "TRC111" in done.err
    assert said in done.err
    assert not (space.root / ".trc").exists()


WAITING = """
    import os

    def step(context):
        open("gate").read()
"""


def _started(space: Any) -> Any:
    """A run whose only task waits at its gate."""
    space.write("p.yaml", "name: one\nnodes: [{id: a, type: python, params: {entrypoint: 't.py:step'}}]\n")
    space.write("t.py", WAITING)
    os.mkfifo(space.root / "gate")
    process = space.start("run", "p.yaml", "--openlineage", "events.jsonl")
    return process, os.open(space.root / "gate", os.O_WRONLY)


def test_a_canceled_run_is_aborted(space: Any) -> None:
    process, gate = _started(space)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    os.close(gate)
    assert told(events_of(space)) == [("START", "one"), ("START", "one.a"), ("ABORT", "one.a"), ("ABORT", "one")]


def test_a_run_that_goes_on_ends_what_the_dead_process_left_open(space: Any) -> None:
    process, gate = _started(space)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    os.close(gate)
    (space.root / "gate").unlink()
    (space.root / "gate").write_text("open")
    space.trc("run", "p.yaml", "--openlineage", "events.jsonl")
    events = events_of(space)
    run = space.trc("runs", "--json").json["runs"]
    assert len(run) == 1
    kinds: dict[str, list[str]] = {}
    for one in events:
        kinds.setdefault(one["run"]["runId"], []).append(one["eventType"])
    assert kinds[str(run_id(run[0]["id"]))] == ["START", "RUNNING", "COMPLETE"]
    assert kinds[str(run_id(run[0]["id"], "a", 1))][-1:] == ["FAIL"]
    assert kinds[str(run_id(run[0]["id"], "a", 2))] == ["START", "COMPLETE"]
    lost = of(events, "FAIL", "one.a")["run"]["facets"]["errorMessage"]
    assert lost["message"]


# Events over HTTP

HERE = '[network]\nallow_hosts = ["127.0.0.1"]\n'


@pytest.fixture
def told_to() -> Iterator[Endpoint]:
    with endpoint(answer(201)) as found:
        yield found


def posted(told_to: Endpoint) -> list[dict[str, Any]]:
    return [one.json for one in told_to.requests]


def test_events_are_posted_as_they_would_be_written(space: Any, told_to: Endpoint) -> None:
    laid_out(space).write("trc.toml", HERE)
    space.trc("run", "p.yaml", "--openlineage", "events.jsonl", code=1)
    written = events_of(space)
    (space.root / "tried").unlink()
    space.trc("run", "p.yaml", "--force", "--openlineage", told_to.url, code=1)
    events = posted(told_to)
    assert told(events) == told(written)
    assert {one.path for one in told_to.requests} == {"/api/v1/lineage"}
    assert {one.headers["content-type"] for one in told_to.requests} == {"application/json"}
    assert "authorization" not in told_to.requests[0].headers
    assert [sorted(one["run"]["facets"]) for one in events] == [sorted(one["run"]["facets"]) for one in written]


def test_the_project_says_where_to_and_what_proves_who_asks(
    space: Any, told_to: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LINEAGE_KEY", "sesame open")
    settings = (
        f'{HERE}[openlineage]\nurl = "{told_to.url}/base/"\nendpoint = "/v2/events"\napi_key = "env:LINEAGE_KEY"\n'
    )
    laid_out(space).write("trc.toml", settings)
    space.trc("run", "p.yaml", code=1)
    assert {one.path for one in told_to.requests} == {"/base/v2/events"}
    assert {one.headers["authorization"] for one in told_to.requests} == {"Bearer sesame open"}
    monkeypatch.delenv("LINEAGE_KEY")
    before = len(told_to.requests)
    done = space.trc("run", "p.yaml", "--force", code=1)
    assert len(told_to.requests) == before
    assert "warning[TRC635]" in done.err
    assert 'the secret "env:LINEAGE_KEY" is not there' in done.err
    # A file of the command line goes before both.
    space.trc("run", "p.yaml", "--force", "--openlineage", "events.jsonl", code=1)
    assert len(told_to.requests) == before
    assert events_of(space)


@pytest.mark.parametrize(
    ("status", "calls", "why"),
    [(503, 3, "it answered 503"), (403, 10, "it answered 403"), (302, 10, "it answered 302")],
)
def test_events_that_are_not_taken_are_counted_and_cost_the_run_nothing(
    space: Any, told_to: Endpoint, status: int, calls: int, why: str
) -> None:
    """One that may be taken later is tried again while there is time; an endpoint that does not work is left alone."""
    laid_out(space).write("trc.toml", HERE)
    told_to.respond = answer(status)
    done = space.trc("run", "p.yaml", "--openlineage", told_to.url, code=1)
    assert re.search(rf"warning\[TRC635\]: (\d+) of \1 lineage events were not told to {told_to.url}: {why}", done.err)
    assert done.err.count("TRC635") == 1
    assert calls <= len(told_to.requests) <= 12


def test_an_endpoint_that_hangs_is_waited_for_a_while_and_no_longer(space: Any, told_to: Endpoint) -> None:
    let_go = Event()

    def hang(_request: Request, _out: BinaryIO) -> None:
        let_go.wait(30)

    told_to.respond = hang
    laid_out(space).write("trc.toml", HERE)
    began = time.monotonic()
    done = space.trc("run", "p.yaml", "--openlineage", told_to.url, code=1)
    let_go.set()
    assert time.monotonic() - began < 12
    assert "lineage events were not told" in done.err


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://lineage.example.com", "by http"),
        ("https://10.0.0.1:5000", "a private address"),
        ("https://169.254.169.254", "metadata"),
    ],
)
def test_a_url_that_is_not_called_is_refused_before_anything_runs(space: Any, url: str, says: str) -> None:
    done = laid_out(space).trc("run", "p.yaml", "--openlineage", url, code=3)
    assert "error[TRC638]" in done.err
    assert says in done.err
    assert not (space.root / ".trc/logs").exists()
    space.write("trc.toml", f'[openlineage]\nurl = "{url}"\n')
    done = space.trc("run", "p.yaml", code=2)
    assert "error[TRC638]" in done.err
    assert "trc.toml:2:7" in done.err
