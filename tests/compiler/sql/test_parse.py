"""What a query reads and whether it gives one answer, each with its place."""

from __future__ import annotations

import pytest

from trc.compiler.sql.parse import Parsed, parse
from trc.compiler.sql.problem import SqlProblem
from trc.compiler.sql.uses import FileUse, NameUse, TableUse, VolatileUse


def parsed(sql: str) -> Parsed:
    result = parse(sql)
    assert isinstance(result, Parsed), result
    return result


def spelled(sql: str, use: TableUse | FileUse | NameUse | VolatileUse) -> str:
    return sql[use.start : use.end]


TABLES = [
    ("from a", ["a"]),
    ('select * from A join a using (x), "Order-Items" o', ["A", "Order-Items"]),
    ("with a as (select * from b) select * from a", ["b"]),
    ("with a as (select * from a) select * from A", ["a"]),
    ("with a as (select 1), b as (select * from a) from b", []),
    ("with b as (select * from a), a as (select 1) from a, b", ["a"]),
    ("with recursive r as (select 1 as n union all select n + 1 from r join t on true) from r", ["t"]),
    ("select (select max(x) from a), * from b, lateral (select * from c) where exists (from d)", ["a", "b", "c", "d"]),
    ("select * from (with x as (from a) from x) join x on true", ["a", "x"]),
    ("from a union all by name (from b intersect from c) except select * from d", ["a", "b", "c", "d"]),
    ("select * from (pivot a on k using sum(v)) join b on true", ["a", "b"]),
    ("with c as (from a) pivot c on k, lower(l), m in (1) using sum(v) group by g", ["a"]),
    ("pivot a on k in (select k from b) using sum(v)", ["a", "b"]),
    ("unpivot a on x, y into name n value v", ["a"]),
    ("summarize a", ["a"]),
    ("from (describe a)", ["a"]),
    ("from a positional join b asof join c on a.x >= c.x", ["a", "b", "c"]),
    ('from clean.output, "clean.output"', ["clean.output"]),
    ("from x.y.z", ["x.y.z"]),
    ("from a order by (select k from b) limit (select count(*) from c)", ["a", "b", "c"]),
    ("select list_transform([1], x -> x + (select 1 from a)) from range(3)", ["a"]),
    ("from query_table('a'), histogram(b, x)", ["a", "b"]),
    ("values (1)", []),
    ("select '\u00a0' from\u00a0a", ["a"]),
]


@pytest.mark.parametrize(("sql", "names"), TABLES)
def test_tables(sql: str, names: list[str]) -> None:
    result = parsed(sql)
    assert list(result.table_names) == names
    for use in result.tables:
        assert spelled(sql, use).replace('"', "").strip("'").casefold() == use.name.casefold()


@pytest.mark.parametrize(
    ("sql", "uses"),
    [
        ("from 'é.parquet'", [("é.parquet", "'é.parquet'", "parquet", None)]),
        ("select 'ü' from read_csv('a.csv', header = true) x", [("a.csv", "'a.csv'", "csv", "read_csv")]),
        ("from read_ndjson_auto(('a.txt'))", [("a.txt", "'a.txt'", "json", "read_ndjson_auto")]),
        (
            "from read_parquet(['a', $$b*$$]) join 'c.json' on true",
            [
                ("a", "['a', $$b*$$]", "parquet", "read_parquet"),
                ("b*", "['a', $$b*$$]", "parquet", "read_parquet"),
                ("c.json", "'c.json'", "json", None),
            ],
        ),
        ("from parquet_scan(ARRAY['a'])", [("a", "ARRAY['a']", "parquet", "parquet_scan")]),
        ("from read_text('it''s'\n'.txt')", [("it's.txt", "'it''s'\n'.txt'", "file", "read_text")]),
        ("select * from (pivot 'a.csv' on k)", [("a.csv", "'a.csv'", "csv", None)]),
    ],
)
def test_files(sql: str, uses: list[tuple[str, str, str, str | None]]) -> None:
    found = [(use.uri, spelled(sql, use), use.format, use.function) for use in parsed(sql).files]
    assert found == uses


def test_a_quoted_name_is_no_file() -> None:
    result = parsed('from "a.csv"')
    assert (result.files, result.table_names) == ((), ("a.csv",))


@pytest.mark.parametrize(
    ("sql", "place"),
    [
        ("select 'é', now()", "now"),
        ("select a, random(), now() from t", "random"),
        ("select Current_Date", "Current_Date"),
        ("select * from t where d > localtimestamp", "localtimestamp"),
        ("select ago(interval 1 day)", "ago"),
        ("select age(d) from t", "age"),
        ("select getvariable('x')", "getvariable"),
        ("select current_setting('threads')", "current_setting"),
        ("select gen_random_uuid(), 1", "gen_random_uuid"),
        ("select list_transform([1], x -> x * random())", "random"),
        ("select row_number() over (order by random()) from t", "random"),
        ("from glob('*')", "glob"),
        ("from duckdb_settings()", "duckdb_settings"),
        ("from t using sample 3", "sample"),
        ("from t tablesample 10%", "tablesample"),
        ("from read_csv('a' || 'b')", "read_csv"),
        ("from read_parquet(getvariable('x'))", "read_parquet"),
        ("with c as (select nextval('s')) from c", "nextval"),
        ('select "main".now()', "now"),
        ("select reservoir_quantile(x, 0.5) from t", "reservoir_quantile"),
    ],
)
def test_volatile(sql: str, place: str) -> None:
    volatile = parsed(sql).volatile
    assert volatile is not None
    assert spelled(sql, volatile) == place


@pytest.mark.parametrize(
    "sql",
    [
        "select count(*), sum(x) from t group by all",
        "select json_group_array(x), age(a, b), 'now()' from t -- now()",
        "from range(3), generate_series(1, 2), unnest([1])",
        "from read_csv('a.csv', header = true)",
        "select t.current_date from t",
        "pivot t on k using sum(v)",
        "summarize t",
        "select row_number() over (order by x) from t",
    ],
)
def test_consistent(sql: str) -> None:
    assert parsed(sql).volatile is None


def test_ctes_are_placed_where_they_are_named() -> None:
    sql = "with \"A\"(x) as (select 1), b as materialized (select 'b' as b) from a, b"
    assert [(use.name, use.start) for use in parsed(sql).ctes] == [("A", 5), ("b", 27)]


def test_computed_locations_and_parameters_are_named() -> None:
    sql = "select $item from read_json('a' || 'b')"
    result = parsed(sql)
    assert [spelled(sql, use) for use in result.computed] == ["read_json"]
    assert [spelled(sql, use) for use in result.parameters] == ["$item"]


def test_an_expression_of_a_thousand_terms_is_no_trouble() -> None:
    result = parsed("select " + " and ".join(f"a > {n}" for n in range(1000)) + " from t")
    assert result.table_names == ("t",)


def test_a_rule_in_a_comment_or_a_text_is_no_operator() -> None:
    rule = "=" * 200
    assert parsed(
        f"select 1 --{'-' * 200}\n/*{rule}*/ + 2 as a, '{rule}' as b, \"{rule}\" --{rule}\nfrom t"
    ).table_names == ("t",)


@pytest.mark.parametrize(
    ("sql", "message", "start"),
    [
        (f"select 'ü' from x where \"{'é' * 5_000}", "a quoted name is never closed", 24),
        (f"select 'ü' from x where '{'日' * 5_000}", "a quoted text is never closed", 24),
        ("select 'üüü', abc def ghi", 'syntax error at "ghi"', 22),
        (f"select 'ü' from x y {'é' * 5_000}", 'syntax error at "é', 20),
    ],
)
def test_a_mistake_among_foreign_letters_is_told_at_its_place(sql: str, message: str, start: int) -> None:
    problem = parse(sql)
    assert isinstance(problem, SqlProblem)
    assert problem.message.startswith(message)
    assert problem.start == start
