"""By partition: what is put together of parts is what the query makes of all files, and only what changed is computed."""

from __future__ import annotations

import json
import shutil
import signal
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb  # noqa: TID253 - says what the output should hold
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.end_to_end.conftest import Space
from tests.quick import few

from trc import api
from trc.runtime.backfill import Backfill
from trc.runtime.errors import Stopped
from trc.runtime.partitions import Manifest
from trc.runtime.plan import PlannedPartitions
from trc.runtime.taskside.errors import AttemptFailed
from trc.runtime.taskside.order import OrderInput, OrderOutput, TaskOrder
from trc.runtime.taskside.parts import OrderPart, OrderParts, identity_of, read_record
from trc.runtime.taskside.task import TaskContext
from trc.stdlib_tasks.duckdb_sql.run import run as run_query
from trc.verifying.usecase import verify

SHOP = """
pipeline "shop" { }

source orders = parquet("orders/day=*/*.parquet")

source rates = parquet("rates.parquet")

task daily = sql $$ {query} $$ {
  output = parquet("daily.parquet")
  incremental { by = partition(day) }
}
"""
TOTALS = "select day, sum(amount) as total, count(*) as n from orders group by day"
PROVED = (
    TOTALS,
    "select * from orders",
    "select id, amount * 2 as twice from orders where amount > 20",
    "select day, kind, max(amount) as top from orders group by all",
    "select *, row_number() over (partition by day order by id, amount, kind) as r from orders",
    "select distinct day, kind from orders",
    "select o.day, r.name, sum(o.amount) as total from orders o join rates r using (kind) group by all",
    "select o.id, o.day, r.name from orders o left join rates r using (kind)",
    "with a as (select day, kind, sum(amount) as t from orders group by all) select day, max(t) as m from a group by day",
    "select id, day from orders where kind in (select kind from rates)",
    "select id from orders where amount > 20 union all select amount from orders",
)
ENTIRE = {
    "select sum(amount) as total from orders": "it takes together rows of several values of each column",
    "select day, id from orders order by id": "it orders its rows",
    "select kind, count(*) as n from orders group by kind": "its parts would be those of kind",
    "select day, random() as r from orders": "it may answer differently each time",
    "select id, day from orders where amount > (select avg(amount) from orders)": "it takes together rows of several",
    "select day, first(amount) as a from orders group by day": "it may answer differently each time",
}


def quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


@dataclass(frozen=True)
class Shop:
    """A project with a partitioned source."""

    root: Path

    def write(self, query: str = TOTALS) -> None:
        (self.root / "p.trc").write_text(SHOP.replace("{query}", query))

    def put(self, value: str, rows: list[tuple[int, int, str]], file: str = "a", kind: str = "INTEGER") -> None:
        path = self.root / "orders" / f"day={value}" / f"{file}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        values = ", ".join(f"({i}, {a}, '{k}')" for i, a, k in rows) or "(NULL, NULL, NULL)"
        keep = "true" if rows else "false"
        shown = f"CAST(i AS INTEGER) AS id, CAST(a AS {kind}) AS amount, CAST(k AS VARCHAR) AS kind"
        duckdb.execute(f"COPY (SELECT {shown} FROM (VALUES {values}) v(i, a, k) WHERE {keep}) TO {quoted(path)}")

    def put_rates(self, names: dict[str, str]) -> None:
        values = ", ".join(f"('{kind}', '{name}')" for kind, name in names.items())
        duckdb.execute(f"COPY (FROM (VALUES {values}) v(kind, name)) TO '{self.root}/rates.parquet'")

    def fill(self) -> None:
        self.put("2026-01-01", [(1, 10, "x"), (2, 20, "y")])
        self.put("2026-01-02", [(3, 30, "x")])
        self.put("2026-01-03", [(4, 40, "z"), (5, 50, "x")])
        self.put_rates({"x": "ex", "y": "why"})

    def run(self, **options: Any) -> str:
        report = api.run(self.root / "p.trc", **options)
        assert report.run.state == "success", report.diagnostics
        return report.run.id

    def planned(self, **options: Any) -> PlannedPartitions:
        (task,) = api.plan(self.root / "p.trc", **options).plan.tasks
        assert task.partitions is not None
        return task.partitions

    def built(self) -> Manifest:
        found = api.explain_task(self.root, "daily").parts
        assert found is not None
        return found

    def computed(self, run: str) -> set[str | None]:
        """The partitions that a run computed."""
        return {one.label for one in self.built().parts if one.run == run}

    def require_whole(self, query: str) -> None:
        """The output is what DuckDB makes of all files at once: the same rows, names and types."""
        connection = duckdb.connect(config={"threads": 1})
        connection.execute("SET TimeZone = 'UTC'")
        files = sorted(self.root.glob("orders/*/*.parquet"))
        connection.execute(f"CREATE VIEW orders AS FROM read_parquet([{', '.join(map(quoted, files))}])")
        connection.execute(f"CREATE VIEW rates AS FROM '{self.root}/rates.parquet'")
        expected = self.root / "expected.parquet"
        connection.execute(f"COPY ({query}) TO '{expected}'")
        described = [
            connection.execute(f"DESCRIBE FROM read_parquet('{path}', hive_partitioning = false)").fetchall()
            for path in (self.root / "daily.parquet", expected)
        ]
        assert described[0] == described[1]
        rows = [
            Counter(connection.execute(f"FROM read_parquet('{path}', hive_partitioning = false)").fetchall())
            for path in (self.root / "daily.parquet", expected)
        ]
        assert rows[0] == rows[1]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    made = Shop(tmp_path)
    made.fill()
    made.write()
    return made


def test_only_partitions_that_changed_are_computed(shop: Shop) -> None:
    first = shop.run()
    assert shop.computed(first) == {"2026-01-01", "2026-01-02", "2026-01-03"}
    shop.require_whole(TOTALS)
    shop.put("2026-01-02", [(3, 31, "x")])
    shop.put("2026-01-04", [(6, 60, "y")])
    shop.put("2026-01-03", [(7, 70, "y")], file="b")
    planned = shop.planned()
    assert (planned.total, set(planned.to_run)) == (4, {"2026-01-02", "2026-01-03", "2026-01-04"})
    second = shop.run()
    assert shop.computed(second) == set(planned.to_run)
    assert {one.label for one in shop.built().parts if one.run == first} == {"2026-01-01"}
    shop.require_whole(TOTALS)
    shutil.rmtree(shop.root / "orders" / "day=2026-01-02")
    assert shop.planned().to_run == ()
    assert shop.computed(shop.run()) == set()
    assert len(shop.built().parts) == 3
    shop.require_whole(TOTALS)


def test_what_all_parts_depend_on_makes_all_anew(shop: Shop) -> None:
    query = PROVED[6]
    shop.write(query)
    shop.run()
    code = {one.code for one in shop.built().parts}
    shop.put_rates({"x": "other", "z": "zed"})
    assert len(shop.planned().to_run) == 3
    shop.run()
    shop.require_whole(query)
    assert {one.code for one in shop.built().parts} == code
    shop.write(query.replace("sum", "max"))
    assert len(shop.computed(shop.run())) == 3
    assert {one.code for one in shop.built().parts} != code
    shop.require_whole(query.replace("sum", "max"))


@pytest.mark.parametrize("proved", [True, False])
def test_verifying_compares_the_parts_with_all_at_once(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, proved: bool
) -> None:
    if not proved:
        shop.write("select kind, sum(amount) as total from orders group by kind")
        monkeypatch.setattr("trc.runtime.partitions._why_not", lambda *_: "")
    report, _ = verify(shop.root / "p.trc")
    assert report.holds == proved


@pytest.mark.parametrize("query", ENTIRE)
def test_what_is_not_proved_runs_over_all(shop: Shop, query: str) -> None:
    shop.write(query)
    planned = shop.planned()
    assert ENTIRE[query] in planned.why
    assert planned.to_run == ()
    with pytest.raises(Stopped) as told:
        api.run(shop.root / "p.trc", backfill=Backfill(None, "2026-01-01"))
    assert [one.code for one in told.value.diagnostics] == ["TRC626"]


def test_an_unproved_query_is_right_and_says_so_afterwards(shop: Shop) -> None:
    query = next(iter(ENTIRE))
    shop.write(query)
    shop.run()
    assert ENTIRE[query] in shop.built().why
    shop.require_whole(query)


def test_files_with_other_types_are_read_together(shop: Shop) -> None:
    shop.run()
    shop.put("2026-01-04", [(6, 60, "y")], kind="BIGINT")
    assert shop.planned().to_run == ("2026-01-04",)
    shop.run()
    assert shop.built().why == 'the files of day=2026-01-04 hold "amount" as BIGINT, and the first ones as INTEGER'
    shop.require_whole(TOTALS)
    shop.put("2026-01-04", [(6, 60, "y")])
    shop.run()
    assert shop.built().why == ""
    shop.require_whole(TOTALS)


VALUES = {
    "null": (["__HIVE_DEFAULT_PARTITION__", "2026-01-01"], {None, "2026-01-01"}),
    "spelled otherwise": (["2026-1-1", "2026-01-01", "2026-01-02"], {"2026-01-01", "2026-01-02"}),
    "numbers": (["9", "10", "-3"], {"9", "10", "-3"}),
    "numbers with spaces": ([" 1", "1", "2"], {"1", "2"}),
    "numbers and others": (["1", "01", "1.5"], {"1", "01", "1.5"}),
    "encoded": ([quote("a b/ü", safe=""), "a b", "a%20b", "%zz"], {"a b/ü", "a b", "%zz"}),
    "nothing": (["", "x"], {"", "x"}),
    "times": (["2026-01-01 10%3A00%3A00", "2026-01-02 00%3A00%3A00"], {"2026-01-01 10:00:00", "2026-01-02 00:00:00"}),
    "quotes": (["it's", 'say "x"'], {"it's", 'say "x"'}),
    "null in words": (["NULL", "null", "1"], {None, "1"}),
}


@pytest.mark.parametrize("case", few(VALUES, ("null", "encoded", "numbers with spaces")))
def test_values_are_those_that_duckdb_reads(tmp_path: Path, case: str) -> None:
    shop = Shop(tmp_path)
    names, labels = VALUES[case]
    for number, name in enumerate(names):
        shop.put(name, [(number, 10 * number, "x"), (number, 1, "y")])
    shop.put_rates({"x": "ex"})
    shop.write()
    run = shop.run()
    assert shop.built().why == ""
    assert shop.computed(run) == labels
    shop.require_whole(TOTALS)


def test_a_value_of_another_type_makes_all_anew(shop: Shop) -> None:
    shop.run()
    shop.put("someday", [(9, 9, "x")])
    assert len(shop.planned().to_run) == 4
    shop.run()
    shop.require_whole(TOTALS)
    assert {one.label for one in shop.built().parts} == {"2026-01-01", "2026-01-02", "2026-01-03", "someday"}


def test_a_part_that_was_touched_is_made_anew(shop: Shop) -> None:
    shop.run()
    part = next(one for one in shop.built().parts if one.label == "2026-01-01")
    (path,) = shop.root.rglob(part.file)
    path.write_bytes(path.read_bytes().replace(b"PAR1", b"PAR2"))
    shop.put("2026-01-02", [(3, 99, "x")])
    assert set(shop.planned().to_run) == {"2026-01-01", "2026-01-02"}
    shop.run()
    shop.require_whole(TOTALS)


def test_force_and_backfill_build_again(shop: Shop) -> None:
    shop.run()
    assert len(shop.computed(shop.run(force=True))) == 3
    again = shop.run(backfill=Backfill("daily", "2026-01-02", "2026-01-02"))
    assert shop.computed(again) == {"2026-01-02"}
    assert shop.computed(shop.run(backfill=Backfill(None, None, "2026-01-02"))) == {"2026-01-01", "2026-01-02"}
    shop.require_whole(TOTALS)
    skipped = api.run(shop.root / "p.trc")
    assert [one.state for one in skipped.tasks] == ["skipped"]


WRONG = {
    "no date": (Backfill(None, "soon"), "TRC627", '--from: "soon" is no DATE, and "day" is one'),
    "no range": (Backfill(None, "2026-02-01", "2026-01-01"), "TRC627", "the range is empty"),
    "none there": (Backfill(None, "2027-01-01"), "TRC627", "no partition lies at 2027-01-01 or after"),
    "no task": (Backfill("dayly", "2026-01-01"), "TRC626", 'the pipeline has no task "dayly"'),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_backfill_says_what_is_wrong(shop: Shop, case: str) -> None:
    backfill, code, message = WRONG[case]
    with pytest.raises(Stopped) as told:
        api.run(shop.root / "p.trc", backfill=backfill)
    (one,) = told.value.diagnostics
    assert (one.code, told.value.exit_code) == (code, 3)
    assert message in one.message
    assert one.help


def test_backfill_is_for_tasks_by_partition(shop: Shop) -> None:
    text = (shop.root / "p.trc").read_text()
    (shop.root / "p.trc").write_text(text.replace("  incremental { by = partition(day) }\n", ""))
    for task in (None, "daily"):
        with pytest.raises(Stopped) as told:
            api.run(shop.root / "p.trc", backfill=Backfill(task, "2026-01-01"))
        assert [one.code for one in told.value.diagnostics] == ["TRC626"]


def test_parts_that_no_output_needs_are_removed(shop: Shop) -> None:
    for number in range(6):
        shop.put("2026-01-02", [(3, number, "x")])
        shop.run()
    folder = shop.root / ".trc" / "partitions" / "shop" / "daily"
    records = {path.stem for path in folder.glob("*.json")}
    kept = {json.loads(path.read_text())["file"] for path in folder.glob("*.json")}
    assert {path.name for path in folder.glob("*.parquet")} == kept
    # The two partitions that stay, and those of the three newest outputs.
    assert len(records) == 2 + 3
    shop.require_whole(TOTALS)


def test_a_run_that_is_killed_goes_on_with_the_parts_that_are_done(shop: Shop, space: Space) -> None:
    query = "select o.day, count(*) as n from orders o, range(4_000_000) r where r.range % 7 <> o.id group by o.day"
    shop.write(query)
    # The last of them takes by far the longest, so that the signal comes before its end.
    shop.put("2026-01-03", [(number, 1, "x") for number in range(60)])
    folder = shop.root / ".trc" / "partitions" / "shop" / "daily"
    process = space.start("run", "p.trc")
    until = time.monotonic() + 60
    while not list(folder.glob("*.json")) and time.monotonic() < until:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = {json.loads(path.read_text())["label"] for path in folder.glob("*.json")}
    assert done
    assert done < {"2026-01-01", "2026-01-02", "2026-01-03"}
    assert not (shop.root / "daily.parquet").exists()
    killed_at = time.time()
    shop.run()
    assert {one.label for one in shop.built().parts if one.built_at < killed_at} >= done
    shop.require_whole(query)
    assert not list(folder.glob("*.part"))


def test_a_file_that_moves_while_it_is_read_leaves_no_part(shop: Shop, tmp_path: Path) -> None:
    source = next(shop.root.glob("orders/day=2026-01-01/*.parquet"))
    columns = (("id", "INTEGER"), ("amount", "INTEGER"), ("kind", "VARCHAR"), ("day", "DATE"))
    known = (("id", "INTEGER"),)
    identity = identity_of(str(source))
    assert identity is not None

    def attempt(moved: int) -> str:
        folder = tmp_path / f"parts{moved}"
        size, *rest = identity or ()
        parts = OrderParts(
            "orders", "day", (("day", "DATE"),), (("orders", columns),), known, known,
            (OrderPart("2026-01-01", "k", f"{folder}/k.parquet", (str(source),)),),
            ((str(source), (size + moved, *rest)),),  # type: ignore[arg-type]
        )  # fmt: skip
        order = TaskOrder(
            "r", "p", "t", 1, "t.1.x", "m:f", str(tmp_path), "", "", "k",
            query="select id from orders",
            inputs=(OrderInput("orders", "parquet", (str(source),)),),
            outputs=(OrderOutput("output", "parquet", str(tmp_path / "out.parquet")),),
            parts=parts,
        )  # fmt: skip
        run_query(TaskOrder.from_json(order.to_json()), TaskContext("r", "p", "t", 1, "", "k", {}, {}, {}))
        return str(folder)

    assert read_record(attempt(0), "k") is not None
    with pytest.raises(AttemptFailed) as told:
        attempt(1)
    assert told.value.failure.reason == "input_moved"
    assert read_record(str(tmp_path / "parts1"), "k") is None


ROWS = st.lists(st.tuples(st.integers(0, 3), st.sampled_from([5, 10, 30, 40]), st.sampled_from("xyz")), max_size=4)
DAYS = ("2026-01-01", "2026-01-02", "2026-01-10", "__HIVE_DEFAULT_PARTITION__", "2026-1-2")
STEPS = st.one_of(
    st.tuples(st.just("put"), st.sampled_from(DAYS), st.sampled_from(["a", "b"]), ROWS),
    st.tuples(st.just("drop"), st.sampled_from(DAYS)),
    st.tuples(st.just("rates"), st.sampled_from([{"x": "1"}, {"x": "1", "y": "2"}, {"z": "3", "x": "1"}])),
)


def take(shop: Shop, step: tuple[Any, ...]) -> None:
    match step:
        case ("put", day, file, rows):
            shop.put(day, rows, file)
        case ("drop", day) if len(list(shop.root.glob("orders/*"))) > 1:
            shutil.rmtree(shop.root / "orders" / f"day={day}", ignore_errors=True)
        case ("rates", names):
            shop.put_rates(names)
        case _:
            pass


def check_history(folder: Path, query: str, history: list[list[tuple[Any, ...]]]) -> None:
    shop = Shop(folder / f"{time.monotonic_ns()}")
    shop.root.mkdir()
    shop.fill()
    shop.write(query)
    shop.run()
    for steps in history:
        for step in steps:
            take(shop, step)
        shop.run()
        shop.require_whole(query)


HISTORIES = st.lists(st.lists(STEPS, min_size=1, max_size=3), min_size=1, max_size=3)


@settings(max_examples=3, phases=[Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=st.sampled_from(PROVED), history=HISTORIES)
def test_whatever_happens_the_output_is_the_whole(
    tmp_path: Path, query: str, history: list[list[tuple[Any, ...]]]
) -> None:
    check_history(tmp_path, query, history)


@pytest.mark.long
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=st.sampled_from([*PROVED, *list(ENTIRE)[:3]]), history=HISTORIES)
def test_whatever_happens_for_long_the_output_is_the_whole(
    tmp_path: Path, query: str, history: list[list[tuple[Any, ...]]]
) -> None:
    check_history(tmp_path, query, history)


LANGUAGES = {
    "p.trc": SHOP.replace("{query}", TOTALS),
    "p.yaml": f"""
name: shop
sources: {{orders: {{parquet: "orders/day=*/*.parquet"}}, rates: {{parquet: rates.parquet}}}}
nodes:
  - id: daily
    type: duckdb_sql
    params: {{sql: "{TOTALS}", output_uri: daily.parquet}}
    incremental: {{by: {{partition: day}}}}
""",
    "p.py": f"""
from trc import Incremental, Partition, Pipeline, parquet

p = Pipeline("shop")
p.source("orders", parquet("orders/day=*/*.parquet"))
p.source("rates", parquet("rates.parquet"))
p.sql("daily", "{TOTALS}", output=parquet("daily.parquet"), incremental=Incremental(by=Partition("day")))
""",
}


def test_three_languages_say_the_same(shop: Shop) -> None:
    told = set()
    for name, text in LANGUAGES.items():
        (shop.root / name).write_text(text)
        told.add(api.emit(shop.root / name, "ir"))
    assert len(told) == 1
    assert '"partition": "day"' in told.pop()
