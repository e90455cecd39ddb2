"""`trc lineage run` and `trc lineage asset` over real runs: held against the files and against the journal."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from tests.warm import COMMANDS, Done

from trc.cli import exits
from trc.runtime.store.sqlite import SqliteStore

MAKER = """
name: maker
sources: {orders: {csv: data/orders.csv, columns: {id: bigint, amount: double}}}
nodes:
  - {id: paid, type: duckdb_sql, params: {sql: "select id, amount from orders where amount > 0"}}
  - id: total
    type: duckdb_sql
    params: {sql: "select sum(amount) as total from paid", output_uri: out/total.csv}
  - id: page
    type: python
    params: {entrypoint: "tasks.py:page", inputs: [total], output_uri: out/page.txt}
  - id: free
    type: shell
    params: {command: "cat data/orders.csv > $TRC_OUTPUT_OUTPUT", output_uri: out/free.csv}
"""
READER = """
name: reader
sources: {total: {csv: out/total.csv, columns: {total: double}}}
nodes:
  - {id: twice, type: duckdb_sql, params: {sql: "select total * 2 as twice from total", output_uri: out/twice.csv}}
"""
TASKS = """
def page(ctx):
    with open(ctx.inputs["total"].path) as rows, open(ctx.output.path, "w") as page:
        page.write(rows.read())
"""


def trc(folder: Path, *arguments: str) -> Done:
    done = COMMANDS.run(arguments, folder)
    assert "bug in trc" not in done.err, done.err
    return done


def said(folder: Path, *arguments: str) -> Any:
    done = trc(folder, "lineage", *arguments, "--json")
    assert done.code == exits.OK, done.err
    return done.json


def refused(folder: Path, *arguments: str) -> str:
    done = trc(folder, "lineage", *arguments)
    assert done.code == exits.WRONG_USAGE
    assert not done.out
    return done.err


def run(folder: Path, *arguments: str) -> str:
    done = trc(folder, "run", *arguments, "--json")
    assert done.code == exits.OK, done.err
    identity: str = done.json["run"]["id"]
    return identity


def digest(path: Path) -> str:
    return f"sha256:{sha256(path.read_bytes()).hexdigest()}"


def make(folder: Path) -> None:
    (folder / "data").mkdir()
    (folder / "data/orders.csv").write_text("id,amount\n1,10\n2,20\n3,-1\n")
    for name, text in (("maker.yaml", MAKER), ("reader.yaml", READER), ("tasks.py", TASKS), ("trc.toml", "")):
        (folder / name).write_text(text)


def now() -> str:
    return datetime.now(UTC).isoformat()


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Any]]:
    """A project with two pipelines, run, run again after its source changed; and when was what."""
    folder = tmp_path_factory.mktemp("project")
    make(folder)
    facts: dict[str, Any] = {"folder": folder, "before": now(), "orders": digest(folder / "data/orders.csv")}
    facts["first"] = run(folder, "maker.yaml")
    facts["total"] = digest(folder / "out/total.csv")
    facts["reader"] = run(folder, "reader.yaml")
    facts["between"] = now()
    (folder / "data/orders.csv").write_text("id,amount\n1,11\n2,20\n3,-1\n")
    facts["second"] = run(folder, "maker.yaml")
    yield facts
    shutil.rmtree(folder)


def task_of(document: Any, name: str) -> Any:
    return next(one for one in document["tasks"] if one["task"] == name)


def test_a_run_tells_what_was_read_and_written(history: Mapping[str, Any]) -> None:
    folder = history["folder"]
    document = said(folder, "run", history["first"][:15])
    assert [one["task"] for one in document["tasks"]] == ["paid", "total", "page", "free"]
    paid, total = task_of(document, "paid"), task_of(document, "total")
    assert paid["reads"] == [
        {
            "name": "orders",
            "known_by": history["orders"],
            "for": "task",
            "source": {
                "kind": "file",
                "path": str(folder / "data/orders.csv"),
                "digest": history["orders"],
                "on_disk": "changed",
            },
        }
    ]
    assert paid["not_known"] is None
    (read,) = total["reads"]
    assert (read["source"]["dataset"], read["source"]["run"]) == ("maker.paid", history["first"])
    (written,) = total["writes"]
    assert (written["path"], written["rows"]) == (str(folder / "out/total.csv"), 1)
    assert (written["digest"], written["on_disk"]) == (history["total"], "changed")
    with SqliteStore(folder / ".trc/state.db") as store:
        results = {one.number: one.result or {} for one in store.attempts(history["first"], "total")}
    assert results[total["attempt"]]["outputs"][0]["digest"] == written["digest"]


def test_what_code_reads_is_never_guessed(history: Mapping[str, Any]) -> None:
    document = said(history["folder"], "run", history["second"])
    page, free = task_of(document, "page"), task_of(document, "free")
    assert [one["source"]["dataset"] for one in page["reads"]] == ["maker.total"]
    assert page["not_known"].startswith("what else its code may have read, beside what its author declares")
    assert (free["reads"], free["not_known"]) == ([], "what its code read is not known: its author declares nothing")
    text = trc(history["folder"], "lineage", "run", history["second"]).out
    assert "\n  what its code read is not known: its author declares nothing\n" in text


def test_an_output_is_followed_up_over_runs(history: Mapping[str, Any]) -> None:
    document = said(history["folder"], "asset", "out/total.csv", "--direction", "up")
    assert "down" not in document
    assert document["asset"]["run"] == history["second"]
    (paid,) = document["up"]
    (orders,) = paid["below"]
    assert (paid["dataset"], paid["run"], paid["attempt"]) == ("maker.paid", history["second"], 1)
    assert (orders["kind"], orders["digest"]) == ("file", digest(history["folder"] / "data/orders.csv"))
    assert orders["on_disk"] == "same"


def test_a_pipeline_is_followed_into_another_by_content(history: Mapping[str, Any]) -> None:
    up = said(history["folder"], "asset", "reader.twice", "--direction", "up")["up"]
    assert [(one["dataset"], one["run"]) for one in up] == [("maker.total", history["first"])]
    assert up[0]["below"][0]["below"][0]["digest"] == history["orders"]
    down = said(history["folder"], "asset", "data/orders.csv", "--direction", "down")["down"]
    reached = set(_names(down))
    assert {"maker.paid", "maker.total", "maker.page", "reader.twice"} == reached


def _names(branches: Any) -> Iterator[str]:
    for one in branches:
        yield one["dataset"]
        yield from _names(one["below"])


def test_the_past_is_as_it_was_recorded(history: Mapping[str, Any]) -> None:
    folder = history["folder"]
    then = said(folder, "asset", "maker.total", "--at", history["between"])
    assert (then["asset"]["run"], then["asset"]["digest"]) == (history["first"], history["total"])
    assert set(_names(then["down"])) == {"maker.page", "reader.twice"}
    today = said(folder, "asset", "maker.total")
    assert today["asset"]["run"] == history["second"]
    assert set(_names(today["down"])) == {"maker.page"}
    told = refused(folder, "asset", "maker.total", "--at", history["before"])
    assert "TRC609" in told
    assert "what is recorded of it is later" in told


def test_content_that_differs_from_that_on_disk_is_told(history: Mapping[str, Any]) -> None:
    folder = history["folder"]
    text = trc(folder, "lineage", "asset", "maker.total", "--at", history["between"]).out
    assert "now other content on disk" in text
    free = trc(folder, "lineage", "asset", "maker.free").out
    assert "on disk" not in free
    (folder / "out/free.csv").rename(folder / "out/moved.csv")
    assert "now gone from disk" in trc(folder, "lineage", "asset", "maker.free").out
    (folder / "out/moved.csv").rename(folder / "out/free.csv")


def test_depth_bounds_what_is_followed(history: Mapping[str, Any]) -> None:
    document = said(history["folder"], "asset", "maker.page", "--direction", "up", "--depth", "1")
    total, rest = document["up"]
    assert (total["dataset"], total["below"], total["cut"]) == ("maker.total", [], True)
    assert rest["kind"] == "unknown"
    assert "(more beyond --depth)" in trc(history["folder"], "lineage", "asset", "maker.page", "--depth", "1").out


def test_a_dataset_met_twice_is_followed_once(tmp_path: Path) -> None:
    (tmp_path / "d.yaml").write_text(
        "name: d\nnodes:\n"
        '  - {id: a, type: duckdb_sql, params: {sql: "select 1 as x"}}\n'
        '  - {id: b, type: duckdb_sql, params: {sql: "select x from a"}}\n'
        '  - {id: c, type: duckdb_sql, params: {sql: "select a.x from a, b"}}\n'
    )
    run(tmp_path, "d.yaml")
    text = trc(tmp_path, "lineage", "asset", "d.c", "--direction", "up").out
    assert text.count("d.a:") == 2
    assert text.count("(shown above)") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("asset", "maker.totl"), 'did you mean "maker.total"?'),
        (("asset", "s3://nobody/knows.csv"), "write pipeline.task, pipeline.task.output, or the path"),
        (("asset", "maker.total", "--at", "yesterday"), '"yesterday" is not a time'),
        (("run", "1"), 'no single run has an id that begins with "1"'),
        (("run", "nope"), 'no single run has an id that begins with "nope"'),
        (("asset", "maker.total", "--depth", "0"), "0 is not in the range"),
    ],
)
def test_bad_input_is_told(history: Mapping[str, Any], arguments: tuple[str, ...], said: str) -> None:
    assert said in refused(history["folder"], *arguments)


def test_nothing_recorded_at_all_is_told(tmp_path: Path) -> None:
    (tmp_path / "trc.toml").write_text("")
    assert "TRC609" in refused(tmp_path, "asset", "a.b")
    assert "TRC609" in refused(tmp_path, "run")


def test_what_did_not_commit_says_so(tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_text(
        "name: f\nnodes:\n"
        "  - {id: ok, type: duckdb_sql, params: {sql: select 1 as x}}\n"
        '  - {id: bad, type: shell, params: {command: "exit 1"}, needs: [ok]}\n'
        '  - {id: after, type: shell, params: {command: "true"}, needs: [bad]}\n'
    )
    assert trc(tmp_path, "run", "f.yaml").code == exits.FAILED
    assert trc(tmp_path, "run", "f.yaml").code == exits.FAILED
    lines = trc(tmp_path, "lineage", "run").out.splitlines()
    assert lines[2:] == [
        "ok: it was skipped: in this run nothing was read or written",
        "",
        "bad: it committed nothing: what it read is not recorded",
        "",
        "after: it did not run",
    ]


def test_a_commit_that_was_replaced_is_told_as_far_as_it_is_known(tmp_path: Path) -> None:
    """The store keeps one commit of a key: `--force` takes the place of the one before."""
    make(tmp_path)
    first = run(tmp_path, "maker.yaml")
    between = now()
    second = run(tmp_path, "maker.yaml", "--force")
    document = said(tmp_path, "run", first)
    assert task_of(document, "paid")["reads"][0]["known_by"] == digest(tmp_path / "data/orders.csv")
    assert task_of(document, "total")["writes"][0]["path"] == str(tmp_path / "out/total.csv")
    assert said(tmp_path, "asset", "maker.total", "--at", between)["asset"]["run"] == first
    assert said(tmp_path, "asset", "out/total.csv")["asset"]["run"] == second
    # With another key committed since, which of both it had can not be told.
    (tmp_path / "data/orders.csv").write_text("id,amount\n1,99\n")
    run(tmp_path, "maker.yaml")
    paid = task_of(said(tmp_path, "run", first), "paid")
    assert paid["reads"] is None
    assert paid["not_known"] == "what it read is not recorded any more: its key was committed anew since"
    assert paid["writes"][0]["path"] is None
    assert task_of(said(tmp_path, "run", second), "paid")["reads"][0]["source"]["on_disk"] == "changed"


def test_without_the_shape_of_a_run_the_content_tells_the_producer(tmp_path: Path) -> None:
    make(tmp_path)
    run(tmp_path, "maker.yaml")
    shutil.rmtree(tmp_path / ".trc/shapes")
    document = said(tmp_path, "run")
    assert task_of(document, "total")["reads"][0]["source"]["dataset"] == "maker.paid"
    (tmp_path / "same.yaml").write_text(
        "name: same\nnodes:\n"
        '  - {id: a, type: duckdb_sql, params: {sql: "select 1 as x", output_uri: out/a.csv}}\n'
        '  - {id: b, type: duckdb_sql, params: {sql: "select 1 as x", output_uri: out/b.csv}}\n'
        '  - {id: c, type: duckdb_sql, params: {sql: "select x from a"}, needs: [b]}\n'
    )
    run(tmp_path, "same.yaml")
    assert task_of(said(tmp_path, "run"), "c")["reads"][0]["source"]["dataset"] == "same.a"
    shutil.rmtree(tmp_path / ".trc/shapes")
    source = task_of(said(tmp_path, "run"), "c")["reads"][0]["source"]
    assert source == {"kind": "unknown", "why": 'which run made "a" is not recorded'}


def test_many_files_are_told_by_their_number(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for number in range(101):
        (tmp_path / f"in/[{number}].csv").write_text("x\n1\n")
    pipeline = (
        "name: many\nsources: {s: {csv: 'in/*.csv', columns: {x: bigint}}}\n"
        "nodes: [{id: a, type: duckdb_sql, params: {sql: select count(*) as n from s}}]\n"
    )
    (tmp_path / "many.yaml").write_text(pipeline)
    run(tmp_path, "many.yaml")
    assert re.search(r"read   s: 101 files, [0-9a-f]{12}$", trc(tmp_path, "lineage", "run").out, re.MULTILINE)
    assert "of inputs of more than 100 files" in refused(tmp_path, "asset", "in/[1].csv")
    (tmp_path / "in/[0].csv").unlink()
    run(tmp_path, "many.yaml")
    assert said(tmp_path, "asset", "in/[1].csv")["down"][0]["dataset"] == "many.a"


def test_what_expectations_look_up_is_told_apart(tmp_path: Path) -> None:
    (tmp_path / "ids.csv").write_text("id\n1\n")
    (tmp_path / "e.yaml").write_text(
        "name: e\nsources: {ids: {csv: ids.csv, columns: {id: bigint}}}\n"
        "nodes:\n  - id: a\n    type: duckdb_sql\n    params: {sql: select 1::bigint as id}\n"
        "    expect: [{relationships: {column: id, to: ids, field: id}}]\n"
    )
    run(tmp_path, "e.yaml")
    (read,) = task_of(said(tmp_path, "run"), "a")["reads"]
    assert (read["for"], read["source"]["path"]) == ("expectations", str(tmp_path / "ids.csv"))


def test_an_output_of_several_is_named(tmp_path: Path) -> None:
    (tmp_path / "two.py").write_text(
        "def two(ctx):\n    for output in ctx.outputs.values():\n        open(output.path, 'w').write('x\\n1\\n')\n"
    )
    (tmp_path / "two.yaml").write_text(
        "name: two\nnodes:\n  - id: t\n    type: python\n"
        '    params: {entrypoint: "two.py:two", outputs: {good: {format: csv}, bad: {format: csv}}}\n'
    )
    run(tmp_path, "two.yaml")
    assert "name one of them: two.t.bad, two.t.good" in refused(tmp_path, "asset", "two.t")
    assert said(tmp_path, "asset", "TWO.t.Bad")["asset"]["output"] == "bad"


def test_outputs_that_are_not_stored_are_followed_through(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "v.yaml").write_text(
        "name: v\nsources: {orders: {csv: data/orders.csv, columns: {id: varchar, amount: varchar}}}\nnodes:\n"
        '  - {id: a, type: duckdb_sql, params: {sql: "select id from orders"}}\n'
        '  - {id: seen, type: duckdb_sql, params: {sql: "select id from a"}}\n'
        '  - {id: b, type: duckdb_sql, params: {sql: "select id from seen", output_uri: out/b.csv}}\n'
    )
    run(tmp_path, "v.yaml", "--optimise")
    (seen,) = said(tmp_path, "asset", "v.b", "--direction", "up")["up"]
    assert (seen["dataset"], seen["stored"], seen["path"]) == ("v.seen", False, None)
    (a,) = seen["below"]
    assert a["below"][0]["path"] == str(tmp_path / "data/orders.csv")
    assert "not stored, computed within the tasks that read it" in trc(tmp_path, "lineage", "asset", "v.seen").out


def test_many_commits_are_followed_in_sane_time(tmp_path: Path) -> None:
    names = [f"t{number:03d}" for number in range(150)]
    sql = ["select 1 as x", *(f"select x from {name}" for name in names)]
    nodes = "".join(
        f'  - {{id: {name}, type: duckdb_sql, params: {{sql: "{text}"}}}}\n'
        for name, text in zip(names, sql, strict=False)
    )
    (tmp_path / "long.yaml").write_text(f"name: long\nnodes:\n{nodes}")
    run(tmp_path, "long.yaml")
    began = time.monotonic()
    text = trc(tmp_path, "lineage", "asset", "long.t149", "--direction", "up").out
    assert time.monotonic() - began < 30
    assert text.count("long.t") == 101
    assert text.rstrip().endswith("(more beyond --depth)")


def test_an_output_that_somebody_changed_is_a_source(tmp_path: Path) -> None:
    make(tmp_path)
    run(tmp_path, "maker.yaml")
    (tmp_path / "out/total.csv").write_text("total\n5\n")
    run(tmp_path, "reader.yaml")
    (total,) = said(tmp_path, "asset", "reader.twice", "--direction", "up")["up"]
    assert (total["kind"], total["digest"]) == ("file", digest(tmp_path / "out/total.csv"))


def test_places_may_hold_brackets(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a[1].csv").write_text("x\n1\n")
    (tmp_path / "g.yaml").write_text(
        "name: g\nnodes:\n  - {id: a, type: duckdb_sql, params: {sql: \"select * from read_csv('in/a[[]1].csv')\"}}\n"
    )
    run(tmp_path, "g.yaml")
    (read,) = task_of(said(tmp_path, "run"), "a")["reads"]
    assert (read["source"]["path"], read["source"]["on_disk"]) == (str(tmp_path / "in/a[1].csv"), "same")
