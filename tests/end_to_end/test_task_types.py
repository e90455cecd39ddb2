"""The standard task types through the command: what they read and write, what is skipped, and what passes see."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from tests.objects import ObjectServer
from tests.website import ALLOWED, Website, website


@pytest.fixture
def site() -> Iterator[Website]:
    with website() as found:
        yield found


def states(space: Any, *arguments: str, code: int = 0) -> dict[str, str]:
    report = space.trc("run", "p.trc", "--json", *arguments, code=code).json
    return {task["task"]: task["state"] for task in report["tasks"]}


AGGREGATE = """
pipeline "p" { }
source listed = csv("orders.csv")
task orders = sql $$ select id, ordered_on, status, amount from listed $$
param least: integer = 0
task paid = sql $$ select * from orders where status = 'paid' $$
task monthly = duckdb_aggregate {
  source = paid
  dimensions = ["ordered_on"]
  grain = { ordered_on = "month" }
  measures = { revenue = "sum(amount)", orders = "count(*)" }
  filters = ["amount > {{ params.least }}"]
  output = csv("out/monthly.csv")
}
"""
ORDERS = (
    "id,ordered_on,status,amount\n1,2026-01-03,paid,10\n2,2026-01-20,paid,5\n3,2026-02-01,paid,7\n4,2026-02-02,open,9\n"
)


def test_an_aggregation_is_run_skipped_and_optimised_as_a_query(space: Any) -> None:
    space.write("orders.csv", ORDERS)
    space.write("p.trc", AGGREGATE)
    assert set(states(space).values()) == {"success"}
    assert space.read("out/monthly.csv") == "ordered_on,revenue,orders\n2026-01-01,15,2\n2026-02-01,7,1\n"
    # Passes see what it reads: of the rows before it, only what it needs is stored.
    (stored,) = space.root.glob(".trc/data/p/paid/**/*.parquet")
    assert stored.name != "output.parquet"
    assert set(states(space).values()) == {"skipped"}
    assert states(space, "--param", "least=6")["monthly"] == "success"
    assert space.read("out/monthly.csv") == "ordered_on,revenue,orders\n2026-01-01,10,1\n2026-02-01,7,1\n"
    assert "amount" in space.trc("lineage", "column", "p.trc", "monthly.revenue").out


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("sum(amount)", "sum(amont)", "TRC402"),
        ('["ordered_on"]', '["ordered_on", "ordered"]', "TRC402"),
        ("paid\n", "pad\n", "TRC403"),
    ],
)
def test_mistakes_in_an_aggregation_are_found_before_it_runs(space: Any, old: str, new: str, code: str) -> None:
    space.write("orders.csv", ORDERS)
    space.write("p.trc", AGGREGATE.replace(old, new))
    assert code in space.trc("check", "p.trc", code=2).err + space.trc("check", "p.trc", code=2).out


def test_files_of_an_archive_are_datasets(space: Any, objects: ObjectServer) -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("day/orders.csv", "id,amount\n1,10\n2,5\n")
        archive.writestr("notes.txt", "hello")
    objects.put("in/day.zip", held.getvalue())
    space.write(
        "p.trc",
        """
        pipeline "p" { }
        task unpacked = s3_extract_archive {
          src_uri = "s3://lake/in/day.zip"
          params { outputs { orders = { member = "day/orders.csv", uri = "s3://lake/raw/orders.csv" }, notes = { member = "*.txt" } } }
        }
        task total = sql $$ select sum(amount) as total from unpacked.orders $$ { output = csv("out/total.csv") }
        task counted = shell("wc -c < $TRC_INPUT_NOTES > $TRC_OUTPUT_OUTPUT") {
          inputs = { notes = unpacked.notes }
          output = file("out/count.txt")
        }
        """,
    )
    assert set(states(space).values()) == {"success"}
    assert space.read("out/total.csv") == "total\n15\n"
    assert space.read("out/count.txt").strip() == "5"
    assert objects.all_keys() == ["in/day.zip", "raw/orders.csv"]
    objects.asked.clear()
    assert set(states(space).values()) == {"skipped"}
    assert objects.gets() == []
    # Nothing of a broken archive is published, and its code is its own.
    objects.put("in/day.zip", held.getvalue()[:-10])
    done = space.trc("run", "p.trc", code=1)
    assert "error[TRC679]" in done.err + done.out
    assert objects.read("raw/orders.csv") == b"id,amount\n1,10\n2,5\n"


def test_a_bomb_is_told_as_that(space: Any) -> None:
    (space.root / "a.gz").write_bytes(gzip.compress(bytes(1 << 20)))
    space.write(
        "p.trc",
        """
        pipeline "p" { }
        task unpacked = s3_extract_archive { src_uri = "a.gz", output = file("a.bin"), max_size = 1000Ki }
        """,
    )
    done = space.trc("run", "p.trc", code=1)
    assert "error[TRC680]" in done.err + done.out
    assert not (space.root / "a.bin").exists()


def test_rows_that_are_kept_aside_tell_the_object_that_they_are_of(space: Any, objects: ObjectServer) -> None:
    objects.put("raw/a.json", '{"id": 1}\n{"id": \n')
    space.write(
        "p.trc",
        """
        pipeline "p" { }
        task orders = s3_json_to_parquet_duckdb {
          src_glob = "s3://lake/raw/*.json"
          dst_uri = "s3://lake/out/orders.parquet"
          rejects_uri = "s3://lake/out/rejected.parquet"
        }
        task odd = sql $$ select file, line from orders.rejected $$ { output = csv("odd.csv") }
        """,
    )
    assert set(states(space).values()) == {"success"}
    assert space.read("odd.csv") == "file,line\ns3://lake/raw/a.json,2\n"


def test_a_request_has_its_effect_once_and_hands_on_its_answer(
    space: Any, site: Website, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "sesame-open")
    site.put("/jobs", '{"id": 7}', headers={"Content-Type": "application/json"})
    space.write("trc.toml", ALLOWED)
    space.write(
        "p.trc",
        f"""
        pipeline "p" {{ }}
        task begun = http_request {{
          url = "{site.url}/jobs"
          method = "POST"
          headers = {{ Authorization = secret("env:TOKEN") }}
          json_body = {{ day = "{{{{ run.date }}}}" }}
          retry = {{ attempts = 3, initial = 10ms }}
        }}
        task noted = shell(["sh", "-c", "echo $1 > $TRC_OUTPUT_OUTPUT", "sh", "{{{{ tasks.begun.values.body.id }}}}"]) {{
          output = file("job.txt")
        }}
        """,
    )
    assert states(space, "--at", "2026-01-31") == {"begun": "success", "noted": "success"}
    assert space.read("job.txt") == "7\n"
    (asked,) = site.asked
    assert asked.headers["authorization"] == "sesame-open"
    assert asked.body == b'{"day": "2026-01-31"}'
    # It changes something elsewhere, so it always runs.
    assert states(space, "--at", "2026-01-31")["begun"] == "success"
    assert "it always runs" in space.trc("explain", "begun").out
    assert "sesame-open" not in space.trc("explain", "begun", "--json").out
    # Of one whose end is not known, nobody can say whether it may be sent again.
    site.asked.clear()
    site.statuses.append(502)
    done = space.trc("run", "p.trc", code=1)
    assert "error[TRC657]" in done.err + done.out
    assert len(site.asked) == 1


def test_the_types_are_listed_with_examples_that_check(space: Any) -> None:
    listed = space.trc("tasks").out
    kinds = space.trc("tasks", "--json").json["types"]
    assert {one["name"] for one in kinds} >= {"duckdb_sql", "python", "shell", "download_to_s3", "http_request"}
    assert all(one["name"] in listed and one["example"] and one["is_run"] for one in kinds)
    space.write("tasks/score.py", "def score(context):\n    pass\n")
    space.write("orders.csv", "customer,ordered_on,amount\nada,2026-01-01,1\n")
    for one in kinds:
        shown = space.trc("tasks", one["name"]).out
        example = shown[shown.index("- id: example") :]
        space.write("p.yaml", "name: p\nsources: {orders: {csv: orders.csv}}\nnodes:\n" + example)
        space.trc("check", "p.yaml")


def test_one_type_tells_its_parameters(space: Any) -> None:
    (kind,) = space.trc("tasks", "download_to_s3", "--json").json["types"]
    parameters = {one["name"]: one for one in kind["parameters"]}
    assert (parameters["url"]["is_required"], parameters["url"]["kind"]) == (True, "text")
    assert (parameters["max_size"]["kind"], parameters["idle_timeout"]["default"]) == ("a size", "1m")
    assert parameters["output_format"]["kind"] == "parquet | csv | json | file"
    (kind,) = space.trc("tasks", "http_request", "--json").json["types"]
    assert {one["name"]: one["kind"] for one in kind["parameters"]}["headers"] == "mapping of text or {secret}"
    done = space.trc("tasks", "pyhton", code=None)
    assert done.code != 0
    assert 'error[TRC208]: there is no task type "pyhton"' in done.err
    assert 'did you mean "python"?' in done.err
