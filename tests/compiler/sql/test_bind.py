"""Every mistake that DuckDB's parser or binder finds, at its own token; see tests/cases/sql."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trc.compiler.ir.dataset import Column
from trc.compiler.ir.types import Known, Schema, Unknown
from trc.compiler.sql.bind import Binder, bind
from trc.compiler.sql.engine import Complaint
from trc.compiler.sql.parse import Parsed, parse
from trc.compiler.sql.problem import SqlProblem

CASES = Path(__file__).parents[2] / "cases" / "sql"


def known(**types: str) -> Known:
    return Known(tuple(Column(name=name, type=kind) for name, kind in types.items()))


TABLES: dict[str, Schema] = {
    "orders": known(order_id="BIGINT", customer_id="BIGINT", amount="DECIMAL(10,2)", ordered_at="DATE"),
    "customers": known(customer_id="BIGINT", name="VARCHAR"),
    "order-items": known(sku="VARCHAR", qty="INTEGER", **{"total price": "DOUBLE"}),
    "clean.output": known(id="INTEGER"),
    "secret": Unknown("nobody can reach it now"),
}
FILES: dict[str, Schema] = {
    "data/events.csv": known(at="TIMESTAMP", customer_id="BIGINT"),
    "data/other.csv": known(b="BIGINT"),
    "data/unknown.parquet": Unknown("the file is not there"),
}


def parsed(sql: str) -> Parsed:
    result = parse(sql)
    assert isinstance(result, Parsed)
    return result


def cases_of(path: Path) -> list[tuple[str, str]]:
    parts = path.read_text().split("-- case: ")[1:]
    return [(part.partition("\n")[0], part.partition("\n")[2].strip()) for part in parts]


def answer(binder: Binder, sql: str) -> str:
    query = parse(sql)
    if isinstance(query, SqlProblem):
        return described(sql, query)
    bound = binder.bind(query, TABLES, FILES)
    return "".join(described(sql, problem) for problem in bound.problems) + shown(bound.schema)


def shown(schema: Schema) -> str:
    if isinstance(schema, Unknown):
        return f"unknown: {schema.reason}\n"
    return "".join(f"column {column.name}: {column.type}\n" for column in schema.columns)


def described(sql: str, problem: SqlProblem) -> str:
    line_start = sql.rfind("\n", 0, problem.start) + 1
    line = sql[line_start:].partition("\n")[0]
    mark = " " * (problem.start - line_start) + "^" * max(min(problem.end, line_start + len(line)) - problem.start, 1)
    lines = [
        f"{problem.severity} {problem.code}: {problem.message}",
        f"  | {line}",
        f"  | {mark} {problem.label}".rstrip(),
    ]
    lines += [f"  = {help_line}" for help_line in problem.help]
    if problem.replacement is not None:
        lines.append(f"  > {problem.replacement}")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("path", sorted(CASES.glob("*.sql")), ids=lambda path: path.stem)
def test_cases(path: Path, snapshot: Callable[[Path, str], None]) -> None:
    with Binder() as binder:
        told = "\n".join(f"## {name}\n{sql}\n--\n{answer(binder, sql)}" for name, sql in cases_of(path))
    snapshot(path.with_suffix(".expected"), told)


def test_a_binder_forgets_its_tables() -> None:
    with Binder() as binder:
        first = binder.bind(parsed("select a from x"), {"x": known(a="INTEGER")}, {})
        second = binder.bind(parsed("select b from x"), {"x": known(b="VARCHAR")}, {})
        third = binder.bind(parsed("from duckdb_tables() select table_name"), {}, {})
    assert first.schema == known(a="INTEGER")
    assert second.schema == known(b="VARCHAR")
    assert third.problems == ()


def test_the_database_is_shut_off(tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_text("a\n1\n")
    query = parsed(f"select * from sniff_csv('{file}'), glob('{tmp_path}/*')")
    assert isinstance(bind(query, {}, {}).schema, Unknown)


@pytest.mark.parametrize(
    ("written", "spelled"),
    [
        ("int", "INTEGER"),
        ("varchar", "VARCHAR"),
        ("struct(a int, b text[])", "STRUCT(a INTEGER, b VARCHAR[])"),
        ("decimal(10, 2)", "DECIMAL(10,2)"),
        ("timestamptz", "TIMESTAMP WITH TIME ZONE"),
    ],
)
def test_types_in_duckdbs_spelling(written: str, spelled: str) -> None:
    with Binder() as binder:
        assert binder.type_of(written) == spelled


@pytest.mark.parametrize(
    "written", ["vrchar", "", "int) as a, (1", "int; drop table x", "int) as value --", "'", "int not null"]
)
def test_what_is_no_type(written: str) -> None:
    with Binder() as binder:
        assert isinstance(binder.type_of(written), Complaint)


WORDS = st.sampled_from(
    ["select", "from", "orders", "customers", "amount", "amont", "where", "=", "(", ")", ",", "1", "'é'", "join", "on",
     "o", ".", "*", "sum", "group by", "all", "with", "as", "union", "pivot", "using", "order_id", ";", '"', "'x.csv'",
     "exclude", "not", "null", "::", "int", "case when", "end", "over", "/*", "--", "\u00a0", "[", "]", "{", "}", "$1"]
)  # fmt: skip


@settings(max_examples=300)
@given(st.lists(WORDS, max_size=14))
def test_any_text_has_an_answer_with_places_inside_it(words: list[str]) -> None:
    sql = " ".join(words)
    query = parse(sql)
    problems = (query,) if isinstance(query, SqlProblem) else bind(query, TABLES, FILES).problems
    for problem in problems:
        assert 0 <= problem.start <= problem.end <= len(sql)
        assert problem.message
        assert "\n" not in problem.message


def test_a_deep_query_is_understood_in_part_or_in_full() -> None:
    """How deep a tree can be read depends on the Python: 3.11 gives up before DuckDB does."""
    sql = "select " + "not " * 900 + "true as a from orders join clean.output on true"
    query = parsed(sql)
    assert query.unread or sys.version_info >= (3, 12)
    assert query.table_names == ("orders", "clean.output")
    assert (query.volatile is not None) is query.unread
    schema = bind(query, TABLES, FILES).schema
    assert isinstance(schema, Unknown) if query.unread else schema == known(a="BOOLEAN")
