"""SQL tasks as a worker runs them: files in, one file out, and DuckDB's complaints with their places."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb  # noqa: TID253 - what these tests are about
import pytest

from trc.runtime.taskside.order import OrderInput, OrderOutput, TaskOrder
from trc.runtime.taskside.result import AttemptResult, Failure
from trc.runtime.taskside.run import execute
from trc.stdlib_tasks.duckdb_sql.run import engine


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "staged").mkdir()
    (tmp_path / "data" / "a.csv").write_text("id,name\n1,ann\n2,bob\n")
    (tmp_path / "data" / "b.csv").write_text("id,name\n3,cid\n")
    (tmp_path / "data" / "rows.json").write_text('{"id": 1, "at": "2026-01-01"}\n{"id": 2}\n')
    duckdb.sql("SELECT range AS n, 'x' || range AS t FROM range(5)").write_parquet(str(tmp_path / "data" / "n.parquet"))
    return tmp_path


def order(project: Path, query: str, *inputs: OrderInput, form: str = "parquet", uri: str | None = None) -> TaskOrder:
    return TaskOrder(
        run="r",
        pipeline="p",
        task="t",
        attempt=1,
        token="t/1",
        runs="trc.stdlib_tasks.duckdb_sql.run:run",
        project=str(project),
        log=str(project / "log"),
        run_time="2026-01-01T00:00:00+00:00",
        idempotency_key="k",
        query=query,
        inputs=inputs,
        outputs=(OrderOutput("output", form, str(project / "staged" / "out"), uri),),
        threads=2,
    )


def run(*args: Any, **more: Any) -> AttemptResult:
    result = execute(order(*args, **more), lambda _done, _total: None)
    assert result.failure is None, result.failure
    return result


def fails(*args: Any, **more: Any) -> Failure:
    result = execute(order(*args, **more), lambda _done, _total: None)
    assert result.failure is not None
    return result.failure


def rows(project: Path) -> list[tuple[Any, ...]]:
    return duckdb.sql(f"FROM read_parquet('{project}/staged/out')").fetchall()


def csv(project: Path, *names: str, **more: Any) -> OrderInput:
    return OrderInput(more.pop("name", "people"), "csv", tuple(str(project / "data" / name) for name in names), **more)


def spanned(project: Path, query: str, text: str, form: str, *files: str) -> OrderInput:
    start = query.index(text)
    return OrderInput(text, form, tuple(str(project / file) for file in files), ((start, start + len(text)),))


@pytest.mark.parametrize(
    "query",
    [
        "select * from people",
        "select * from people;",
        "select * from people ; ; -- the end; really",
        "/* first; */ select * -- all\nfrom people -- é last",
        "from people",
        "with p as (from people) select * from p order by id",
        "(select * from people)",
        "select * from PEOPLE",
    ],
)
def test_a_query_may_be_written_in_any_way(project: Path, query: str) -> None:
    result = run(project, query, csv(project, "a.csv", "b.csv"))
    assert rows(project) == [(1, "ann"), (2, "bob"), (3, "cid")]
    assert result.outputs[0].rows == 3


@pytest.mark.parametrize(
    ("query", "count"),
    [("values (1), (2)", 2), ("describe select 1 as a, 2 as b", 2), ("summarize select 1 as a", 1),
     ("pivot people on name using sum(id)", 1), ("table people", 2), ("select 1 where false", 0)],
)  # fmt: skip
def test_what_counts_as_a_query(project: Path, query: str, count: int) -> None:
    assert run(project, query, csv(project, "a.csv")).outputs[0].rows == count


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("select 1; select 2", "a SQL task is exactly one query; this is select and select"),
        ("", "a SQL task is exactly one query; there is none"),
        ("-- nothing", "a SQL task is exactly one query; there is none"),
        ("copy people to 'x.csv'", "a SQL task is exactly one query; this is copy"),
        ("attach 'x.db'", "a SQL task is exactly one query; this is attach"),
        ("create table x as select 1; select 2", "a SQL task is exactly one query; this is create and select"),
        ("set threads = 1", "a SQL task is exactly one query; this is set"),
        ("insert into people values (1)", "a SQL task is exactly one query; this is insert"),
    ],
)
def test_what_is_not_one_query_is_refused(project: Path, query: str, message: str) -> None:
    failure = fails(project, query, csv(project, "a.csv"))
    assert (failure.kind, failure.message) == ("permanent", message)


def test_text_that_closes_our_own_statement_writes_nothing(project: Path) -> None:
    target = project / "stolen.csv"
    failure = fails(project, f"select 1) to '{target}'; copy (select 2")
    assert (failure.kind, failure.type) == ("permanent", "ParserException")
    assert not target.exists()


@pytest.mark.parametrize(
    ("query", "at", "type_"),
    [
        ("select nme from people", "nme", "BinderException"),
        ("-- é comment ü\nselect 'é', nme from people", "nme", "BinderException"),
        ("select id\nfrom pepple", "pepple", "CatalogException"),
        ("select id,, name from people", ", name", "ParserException"),
        ("select 'é' as e, nosuch(id) from people", "nosuch", "CatalogException"),
        ("select name::int from people", "::", "ConversionException"),
    ],
)
def test_a_complaint_is_placed_in_the_authors_text(project: Path, query: str, at: str, type_: str) -> None:
    failure = fails(project, query, csv(project, "a.csv"))
    assert (failure.kind, failure.reason, failure.type) == ("permanent", "error", type_)
    assert failure.query_offset == query.index(at)
    assert "exception_type" not in failure.message


def test_a_complaint_behind_a_replaced_path_is_placed_in_the_authors_text(project: Path) -> None:
    query = "select id from read_csv('data/*.csv') where 'é' > nme"
    failure = fails(project, query, spanned(project, query, "'data/*.csv'", "csv", "data/a.csv", "data/b.csv"))
    assert failure.query_offset == query.index("nme")
    query = "with f as (from 'data/*.csv') select 'é', nme from f"
    failure = fails(project, query, spanned(project, query, "'data/*.csv'", "csv", "data/a.csv", "data/b.csv"))
    assert failure.query_offset == query.index("nme")


def test_files_that_the_query_names_are_those_that_were_listed(project: Path) -> None:
    query = "select count(*) as n from read_csv('data/*.csv')"
    run(project, query, spanned(project, query, "'data/*.csv'", "csv", "data/b.csv"))
    assert rows(project) == [(1,)]
    query = "select id from 'data/*.csv' order by id"
    run(project, query, spanned(project, query, "'data/*.csv'", "csv", "data/a.csv", "data/b.csv"))
    assert rows(project) == [(1,), (2,), (3,)]
    query = "select n.t from 'data/n.parquet' limit 1"
    run(project, query, spanned(project, query, "'data/n.parquet'", "parquet", "data/n.parquet"))
    assert rows(project) == [("x0",)]
    query = "select id from read_csv(['data/a.csv', 'data/b.csv'])"
    run(project, query, spanned(project, query, "['data/a.csv', 'data/b.csv']", "csv", "data/a.csv", "data/b.csv"))
    assert len(rows(project)) == 3


@pytest.mark.parametrize("written", ["'data/*.csv'", "'./data/*.csv'", "'{project}/data/*.csv'"])
def test_a_column_of_file_names_says_what_duckdb_itself_would_say(project: Path, written: str) -> None:
    written = written.format(project=project)
    query = f"select distinct filename from read_csv({written}, filename = true) order by all"
    run(project, query, spanned(project, query, written, "csv", "data/a.csv", "data/b.csv"))
    seen = [name for (name,) in rows(project)]
    assert seen == [written.strip("'").replace("*", name) for name in ("a", "b")]


def test_a_glob_without_files(project: Path) -> None:
    columns = (("id", "INTEGER"), ("tags", "VARCHAR[]"))
    run(project, "select id, len(tags) as n from people", csv(project, columns=columns))
    assert rows(project) == []
    failure = fails(project, "from people", csv(project))
    assert failure.message == 'no file matches "people", and its columns are not declared'
    assert (failure.kind, failure.reason) == ("permanent", "input_missing")


def test_declared_columns_are_known_by_name(project: Path) -> None:
    columns = (("name", "VARCHAR"), ("id", "DECIMAL(9,2)"))
    run(project, "from people limit 1", csv(project, "a.csv", columns=columns))
    described = duckdb.sql(f"describe from read_parquet('{project}/staged/out')").fetchall()
    assert [(name, kind) for name, kind, *_rest in described] == [("name", "VARCHAR"), ("id", "DECIMAL(9,2)")]
    read = OrderInput("r", "json", (str(project / "data" / "rows.json"),), columns=(("id", "BIGINT"), ("at", "DATE")))
    run(project, "select id, r.at is null as missing from r", read)
    assert rows(project) == [(1, False), (2, True)]


def test_names_of_any_kind_are_tables(project: Path) -> None:
    run(
        project,
        'select count(*) from clean.good join "clean.good" using (id)',
        csv(project, "a.csv", name="clean.good"),
    )
    assert rows(project) == [(2,)]
    run(project, 'select count(*) from "odd-""name"', csv(project, "a.csv", name='odd-"name'))
    assert rows(project) == [(2,)]


@pytest.mark.parametrize(
    ("form", "uri", "content"),
    [
        ("csv", "/x/out.csv", "id,name\n1,ann\n2,bob\n"),
        ("csv", "/x/out.tsv", "id\tname\n1\tann\n2\tbob\n"),
        ("json", "/x/out.json", '{"id":1,"name":"ann"}\n{"id":2,"name":"bob"}\n'),
        ("csv", None, "id,name\n1,ann\n2,bob\n"),
    ],
)
def test_text_formats(project: Path, form: str, uri: str | None, content: str) -> None:
    assert run(project, "from people", csv(project, "a.csv"), form=form, uri=uri).outputs[0].rows == 2
    assert (project / "staged" / "out").read_text() == content


def test_compression_follows_the_published_name(project: Path) -> None:
    run(project, "from people", csv(project, "a.csv"), form="csv", uri="/x/out.csv.gz")
    assert (project / "staged" / "out").read_bytes()[:2] == b"\x1f\x8b"


def test_no_attempt_sees_what_another_made(project: Path) -> None:
    run(project, "select setseed(0.5), count(*) from people", csv(project, "a.csv"))
    failure = fails(project, "from people")
    assert failure.type == "CatalogException"
    people = "a python variable is no table"
    assert people
    assert fails(project, "from people").type == "CatalogException"


def test_order_is_kept_and_time_is_utc(project: Path) -> None:
    run(project, "select n from wide where n % 7 = 0", OrderInput("wide", "parquet", (wide(project),)))
    assert [n for (n,) in rows(project)] == list(range(0, 300_000, 7))
    run(project, "select current_setting('TimeZone') as zone")
    assert rows(project) == [("UTC",)]


def wide(project: Path) -> str:
    path = str(project / "wide.parquet")
    duckdb.sql("SELECT range AS n FROM range(300000)").write_parquet(path)
    return path


def test_running_out_of_memory_is_told_as_such(project: Path) -> None:
    small = order(project, "select list(n) as l from range(30_000_000) t(n)")
    limited = TaskOrder.from_json(json.dumps({**small.to_dict(), "memory_share": 60_000_000}))
    failure = execute(limited, lambda _done, _total: None).failure
    assert failure is not None
    assert (failure.reason, failure.kind, failure.type) == ("memory", "unknown", "OutOfMemoryException")
    assert run(project, "select 1 as one").outputs[0].rows == 1


def test_a_file_that_cannot_be_read_may_be_there_next_time(project: Path) -> None:
    failure = fails(project, "from gone", OrderInput("gone", "parquet", (str(project / "gone.parquet"),)))
    assert (failure.kind, failure.type) == ("temporary", "IOException")
    assert failure.query_offset is None


def parquet(project: Path, name: str, query: str) -> OrderInput:
    path = str(project / f"{name}.parquet")
    duckdb.sql(query).write_parquet(path)
    return OrderInput(name, "parquet", (path,))


def test_an_input_may_be_a_query_over_inputs_of_its_own(project: Path) -> None:
    given = parquet(project, "given", "select unnest([1, 2, 3]) as i")
    below = OrderInput("below", "parquet", (), query="select i from given where i > 1; -- done", inputs=(given,))
    above = OrderInput("above", "parquet", (), query="select i * 10 as i from below", inputs=(below,))
    assert run(project, "select i from above union all select i from given where i = 1", above, given).failure is None
    assert rows(project) == [(20,), (30,), (1,)]


def test_a_readers_cte_hides_nothing_from_a_view(project: Path) -> None:
    given = parquet(project, "given", "select 1 as i")
    view = OrderInput("view", "parquet", (), query="select i from given", inputs=(given,))
    assert run(project, "with given as (select 7 as i) select v.i, g.i as j from view v, given g", view).failure is None
    assert rows(project) == [(1, 7)]


def test_columns_that_are_not_stored_are_null_and_typed(project: Path) -> None:
    held = parquet(project, "held", "select 5 as b")
    one = replace(held, columns=(("a", "DATE"), ("b", "INTEGER"), ("C", "VARCHAR")), stored=("B",))
    assert run(project, 'select typeof(a) as a, b, typeof("C") as c from held', one).failure is None
    assert rows(project) == [("DATE", 5, "VARCHAR")]


def shaped(project: Path, query: str, known: tuple[tuple[str, str], ...], where: str | None) -> AttemptResult:
    given = parquet(project, "given", "select unnest([1, 2, 3]) as i, 'x' as word")
    one = order(project, query, given)
    output = replace(one.outputs[0], columns=("i",), where=where, known=known)
    return execute(replace(one, outputs=(output,)), lambda *_: None)


def test_only_some_rows_and_columns_are_written(project: Path) -> None:
    known = (("i", "INTEGER"), ("word", "VARCHAR"))
    assert shaped(project, "select * from given -- all", known, '"word" = \'x\' AND "i" > 1').failure is None
    assert rows(project) == [(2,), (3,)]


def test_nothing_is_left_out_of_columns_that_nobody_looked_at(project: Path) -> None:
    failure = shaped(project, "select *, 1 as more from given", (("i", "INTEGER"), ("word", "VARCHAR")), None).failure
    assert failure is not None
    assert failure.reason == "input_moved"


def test_one_instance_serves_attempts_with_other_bounds(project: Path) -> None:
    """To make another, and to give back what the one before held, takes longer than most small queries."""
    query = "SELECT name, value FROM duckdb_settings() WHERE name IN ('threads', 'memory_limit') ORDER BY name"
    seen = []
    for threads, share in ((2, None), (1, 10**9), (None, None), (3, 2 * 10**9), (3, 10**8), (None, None)):
        bounded = replace(order(project, query), threads=threads, memory_share=share)
        result = execute(bounded, lambda _done, _total: None)
        assert result.failure is None, result.failure
        seen.append((dict(rows(project)), engine._instance()))
    # Settings may say one thing and the engine keep to another.
    most = "SELECT list(range) AS many FROM range(2_000_000)"
    assert execute(replace(order(project, most), threads=None), lambda _done, _total: None).failure is None
    own = duckdb.connect()
    default = dict(own.execute(query).fetchall())
    assert [one["threads"] for one, _ in seen] == ["2", "1", default["threads"], "3", "3", default["threads"]]
    limits = [one["memory_limit"] for one, _ in seen]
    assert [limits[index] for index in (1, 3, 4)] == ["953.6 MiB", "1.8 GiB", "95.3 MiB"]
    # Told with one decimal, and set again as it was told.
    told = float(default["memory_limit"].split()[0])
    assert [float(limits[index].split()[0]) for index in (0, 2, 5)] == pytest.approx([told] * 3, abs=0.15)
    assert len({id(instance) for _, instance in seen}) == 1


@pytest.mark.parametrize(
    "held", ["CREATE TABLE memory.main.left_behind AS SELECT range AS n FROM range(3_000_000)", "spilled"]
)
def test_an_instance_that_cannot_be_bound_so_is_given_up(project: Path, held: str) -> None:
    """It holds more than the next attempt may, or has used a folder for what did not fit that is not the next one's."""
    engine._instance.cache_clear()
    if held == "spilled":
        sorted_rows = "SELECT range AS n, md5(range::text) AS t FROM range(1_500_000) ORDER BY t"
        first = execute(replace(order(project, sorted_rows), memory_share=80 << 20), lambda _done, _total: None)
        assert first.failure is None, first.failure
    before = engine._instance()
    if held != "spilled":
        before.execute(held)
    (project / "elsewhere").mkdir()
    output = OrderOutput("output", "parquet", str(project / "elsewhere" / "out"))
    bounded = replace(order(project, "SELECT 1 AS n"), memory_share=8 << 20, outputs=(output,))
    result = execute(bounded, lambda _done, _total: None)
    assert result.failure is None, result.failure
    assert engine._instance() is not before
