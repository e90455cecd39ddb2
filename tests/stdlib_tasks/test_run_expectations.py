"""What each expectation finds in rows that keep it and rows that break it, and what becomes of the attempt."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

import duckdb  # noqa: TID253 - what these tests are about
import pytest

from trc.runtime.taskside.order import OrderCheck, OrderChecks, OrderInput, OrderOutput, TaskOrder
from trc.runtime.taskside.result import AttemptResult, Verdict
from trc.runtime.taskside.run import execute

EVALUATE: Final = "trc.stdlib_tasks.duckdb_sql.run.expectations:evaluate"
NONE: Final = "select * from (values (1, 'x', date '2026-01-01')) t(a, b, c) where false"
ROWS: Final = """
    select * from (values
      (1, 'x', timestamp '2026-01-01 10:00'),
      (2, 'y', timestamp '2026-01-02 10:00'),
      (2, null, null),
      (null, 'x', null)
    ) t(a, b, c)
"""
ODD: Final = """select 1 as "größe €", 'é' as "o""r", 1 as "select" union all select 1, 'ü', null"""


def ordered(folder: Path, query: str, *checks: OrderCheck, form: str = "parquet", **more: Any) -> TaskOrder:
    staged = str(folder / f"staged.{form}")
    customers = str(folder / "customers.parquet")
    duckdb.sql('select unnest([1, 2, null]) as id, unnest([1, 7, 8]) as "the id"').write_parquet(customers)
    place = more.get("place", staged)
    data = OrderInput("t", form, (staged,), columns=more.get("columns"), written=more.get("columns") is not None)
    return TaskOrder(
        run="r",
        pipeline="p",
        task="t",
        attempt=1,
        token="t/1",
        runs="trc.stdlib_tasks.duckdb_sql.run:run",
        project=str(folder),
        log=str(folder / "log"),
        run_time="2026-01-03T12:00:00+02:00",
        idempotency_key="k",
        query=query,
        outputs=(OrderOutput("output", form, staged, place),),
        checks=OrderChecks(
            EVALUATE,
            data,
            place,
            checks,
            (OrderInput("customers", "parquet", (customers,)), OrderInput("some.thing", "parquet", (customers,))),
            str(folder / "failures" / "r" / "t"),
        ),
    )


def run(order: TaskOrder) -> AttemptResult:
    # As it goes over the wire: every field has to survive it.
    result = execute(TaskOrder.from_json(order.to_json()), lambda _done, _total: None)
    return AttemptResult.from_json(result.to_json())


def verdict(folder: Path, query: str, check: str, **arguments: Any) -> Verdict:
    result = run(ordered(folder, query, OrderCheck("it", check, arguments, "warn")))
    assert result.failure is None, result.failure
    (found,) = result.checks
    return found


def of(column: str, max_age: float) -> dict[str, Any]:
    return {"column": column, "max_age": max_age}


DAY: Final = 86_400
TABLE: Final[list[tuple[str, str, dict[str, Any], str]]] = [
    (ROWS, "not_null", {"columns": ["a"]}, "1 of 4 rows has no value"),
    (ROWS, "not_null", {"columns": ["a", "c"]}, "2 of 4 rows have no value"),
    ("select 1 as a", "not_null", {"columns": ["A"]}, ""),
    (NONE, "not_null", {"columns": ["a"]}, ""),
    (ODD, "not_null", {"columns": ["größe €", 'o"r']}, ""),
    (ODD, "not_null", {"columns": ["select"]}, "1 of 2 rows has no value"),
    (ROWS, "unique", {"columns": ["a"]}, "2 of 4 rows share a value with another"),
    (ROWS, "unique", {"columns": ["a", "b"]}, ""),
    ("from range(3) t(a), range(2)", "unique", {"columns": ["a", "range"]}, ""),
    ("select a from range(3) t(a), range(2)", "unique", {"columns": ["a"]}, "6 of 6 rows share a value with another"),
    ("select null as a union all select null", "unique", {"columns": ["a"]}, ""),
    (NONE, "unique", {"columns": ["a"]}, ""),
    (ODD, "unique", {"columns": ["größe €", 'o"r']}, ""),
    (ODD, "unique", {"columns": ["größe €"]}, "2 of 2 rows share a value with another"),
    (ROWS, "accepted_values", {"column": "b", "values": ["x", "y"]}, ""),
    (ROWS, "accepted_values", {"column": "b", "values": ["x'"]}, "3 of 4 rows hold another value"),
    (ROWS, "accepted_values", {"column": "a", "values": [1, 2.5]}, "2 of 4 rows hold another value"),
    (ROWS, "accepted_values", {"column": "c", "values": ["2026-01-01 10:00:00"]}, "1 of 4 rows holds another value"),
    ("select true as a", "accepted_values", {"column": "a", "values": [False]}, "1 of 1 row holds another value"),
    (NONE, "accepted_values", {"column": "b", "values": ["q"]}, ""),
    (ODD, "accepted_values", {"column": 'o"r', "values": ["é", "ü"]}, ""),
    (ROWS, "relationships", {"column": "a", "to": "customers", "field": "id"}, ""),
    (ROWS, "relationships", {"column": "a", "to": "Customers", "field": "the id"}, '2 of 4 rows name what is not in "Customers"'),
    (ROWS, "relationships", {"column": "a", "to": "some.thing", "field": "id"}, ""),
    ("select 1 as id, 1 as up union all select 2, 3", "relationships", {"column": "up", "to": "t", "field": "id"}, '1 of 2 rows names what is not in "t"'),
    (NONE, "relationships", {"column": "a", "to": "customers", "field": "id"}, ""),
    (ODD, "relationships", {"column": "größe €", "to": "customers", "field": "the id"}, ""),
    (ROWS, "row_count", {"min": 4, "max": 4}, ""),
    (ROWS, "row_count", {"min": 5}, "there are 4 rows, and at least 5 are wanted"),
    (ROWS, "row_count", {"max": 3}, "there are 4 rows, and at most 3 are allowed"),
    ("select 1 as a", "row_count", {"min": 2, "max": 2}, "there is 1 row, and exactly 2 are wanted"),
    (NONE, "row_count", {"min": 1}, "there are 0 rows, and at least 1 is wanted"),
    (ROWS, "freshness", of("c", DAY), ""),
    (ROWS, "freshness", of("c", DAY - 1), "the newest is 2026-01-02 10:00:00, and the oldest allowed is 2026-01-02 10:00:01"),
    ("select date '2026-01-03' as c", "freshness", of("c", 36_000), ""),
    ("select timestamptz '2026-01-03 09:00:00+00' as c", "freshness", of("c", 3600), ""),
    ("select timestamptz '2026-01-03 08:59:59+00' as c", "freshness", of("c", 3600), "the newest is 2026-01-03 08:59:59, and the oldest allowed is 2026-01-03 09:00:00"),
    (NONE, "freshness", of("c", DAY), 'no row has a value in "c"'),
    ("select null::date as c", "freshness", of("c", DAY), 'no row has a value in "c"'),
    (ROWS, "check", {"condition": "a > 1"}, "1 of 4 rows breaks it"),
    (ROWS, "check", {"condition": "t.a > 0 -- all of them"}, ""),
    (NONE, "check", {"condition": "a > 1"}, ""),
    (ODD, "check", {"condition": '"größe €" = 1 and "o""r" <> \'x\''}, ""),
    (ODD, "check", {"condition": '"select" is not null'}, "1 of 2 rows breaks it"),
]  # fmt: skip


@pytest.mark.parametrize(("query", "check", "arguments", "found"), TABLE)
def test_expectation_finds(tmp_path: Path, query: str, check: str, arguments: dict[str, Any], found: str) -> None:
    told = verdict(tmp_path, query, check, **arguments)
    assert (told.found, told.error) == (found, "")
    assert told.passed == (not found)


def test_what_cannot_be_evaluated_is_told_of_the_one_that_cannot(tmp_path: Path) -> None:
    checks = [
        OrderCheck("first", "check", {"condition": "a > 0"}),
        OrderCheck("second", "check", {"condition": "b::integer > 0"}),
        OrderCheck("third", "not_null", {"columns": ["b"]}),
    ]
    result = run(ordered(tmp_path, ROWS, *checks))
    assert result.failure is not None
    assert (result.failure.kind, result.failure.reason) == ("permanent", "expectation")
    first, second, third = result.checks
    assert first.passed
    assert (second.passed, second.found) == (False, "")
    assert "'x' to INT32" in second.error
    assert third.found == "1 of 4 rows has no value"


def test_only_an_error_of_evaluation_has_a_reason_of_its_own(tmp_path: Path) -> None:
    result = run(ordered(tmp_path, ROWS, OrderCheck("it", "check", {"condition": "b::integer > 0"})))
    assert result.failure is not None
    assert (result.failure.kind, result.failure.reason) == ("permanent", "unchecked")
    assert result.outputs == ()


def test_a_warning_lets_the_attempt_succeed(tmp_path: Path) -> None:
    result = run(ordered(tmp_path, ROWS, OrderCheck("it", "not_null", {"columns": ["a"]}, "warn")))
    assert result.failure is None
    assert [one.name for one in result.outputs] == ["output"]
    assert [one.passed for one in result.checks] == [False]


BREAKING: Final = [
    (OrderCheck("it", "not_null", {"columns": ["a"]}, "warn", True), [(None, "x")]),
    (OrderCheck("it", "unique", {"columns": ["a"]}, "warn", True), [(2, "y"), (2, None)]),
    (OrderCheck("it", "accepted_values", {"column": "a", "values": [1]}, "warn", True), [(2, "y"), (2, None)]),
    (OrderCheck("it", "relationships", {"column": "a", "to": "customers", "field": "the id"}, "warn", True), [(2, "y"), (2, None)]),
    (OrderCheck("it", "check", {"condition": "b <> 'y'"}, "warn", True), [(2, "y")]),
]  # fmt: skip


@pytest.mark.parametrize(("check", "rows"), BREAKING, ids=lambda one: getattr(one, "check", ""))
def test_rows_that_break_it_are_kept_with_all_their_columns(tmp_path: Path, check: OrderCheck, rows: list[Any]) -> None:
    (found,) = run(ordered(tmp_path, ROWS, check)).checks
    assert found.kept == f"{tmp_path}/failures/r/t/1_{check.check}.parquet"
    kept = duckdb.sql(f"select a, b from '{found.kept}'").fetchall()
    assert sorted(kept, key=repr) == sorted(rows, key=repr)
    assert duckdb.sql(f"describe from '{found.kept}'").fetchall()[-1][0] == "c"
    assert [(one["a"], one["b"]) for one in found.sample] == kept


def test_a_bounded_number_of_rows_is_kept(tmp_path: Path) -> None:
    check = OrderCheck("it", "check", {"condition": "a < 0"}, "warn", store_failures=True)
    (found,) = run(ordered(tmp_path, "from range(20_000) t(a)", check)).checks
    assert found.failing == 20_000
    assert duckdb.sql(f"select count(*) from '{found.kept}'").fetchone() == (10_000,)
    assert len(found.sample) == 3


def test_rows_that_cannot_be_kept_change_no_verdict(tmp_path: Path) -> None:
    (tmp_path / "failures").write_text("in the way")
    check = OrderCheck("it", "check", {"condition": "a < 0"}, "warn", store_failures=True)
    (found,) = run(ordered(tmp_path, "from range(2) t(a)", check)).checks
    assert (found.passed, found.failing, found.kept) == (False, 2, "")
    assert "could not be kept" in found.found


@pytest.mark.parametrize("place", ["out/t.csv", "out/t.tsv", "out/t.csv.gz", "out/t.csv.zst"])
def test_text_files_are_read_as_they_are_written(tmp_path: Path, place: str) -> None:
    query = """select '' as a, '1' as b union all select 'x,y' || chr(9), null"""
    checks = [
        OrderCheck("not_null", "not_null", {"columns": ["a"]}),
        OrderCheck("text", "check", {"condition": "length(b) = 1"}),
        OrderCheck("null", "not_null", {"columns": ["b"]}, "warn"),
    ]
    columns = (("a", "VARCHAR"), ("b", "VARCHAR"))
    result = run(ordered(tmp_path, query, *checks, form="csv", place=place, columns=columns))
    assert result.failure is None, result.failure
    assert [one.failing for one in result.checks] == [0, 0, 1]


@pytest.mark.parametrize("place", ["out/t.json", "out/t.json.gz"])
def test_json_is_read_as_it_is_written(tmp_path: Path, place: str) -> None:
    checks = [
        OrderCheck("fresh", "freshness", {"column": "c", "max_age": DAY}),
        OrderCheck("n", "row_count", {"min": 4}),
    ]
    columns = (("a", "INTEGER"), ("b", "VARCHAR"), ("c", "TIMESTAMP"))
    result = run(ordered(tmp_path, ROWS, *checks, form="json", place=place, columns=columns))
    assert result.failure is None, result.failure


def test_an_output_that_is_no_table_is_not_published(tmp_path: Path) -> None:
    order = ordered(tmp_path, ROWS, OrderCheck("it", "row_count", {"min": 0}))
    (tmp_path / "staged.parquet").write_text("no parquet")
    looked = execute(
        TaskOrder(**{**vars(order), "runs": "trc.runtime.taskside.checks:nothing"}), lambda _done, _total: None
    )
    assert looked.failure is not None
    assert looked.failure.reason == "unchecked"
    assert "cannot be read as parquet" in looked.failure.message


def test_an_output_that_is_missing_is_told_as_such(tmp_path: Path) -> None:
    order = ordered(tmp_path, ROWS, OrderCheck("it", "row_count", {"min": 0}))
    looked = execute(
        TaskOrder(**{**vars(order), "runs": "trc.runtime.taskside.checks:nothing"}), lambda _done, _total: None
    )
    assert looked.failure is not None
    assert looked.failure.reason == "output_missing"


def test_an_environment_without_duckdb_publishes_nothing_unchecked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = ordered(tmp_path, ROWS, OrderCheck("it", "row_count", {"min": 0}))
    (tmp_path / "staged.parquet").write_text("anything")
    monkeypatch.setitem(sys.modules, "duckdb", None)
    looked = execute(
        TaskOrder(**{**vars(order), "runs": "trc.runtime.taskside.checks:nothing"}), lambda _done, _total: None
    )
    assert looked.failure is not None
    assert (looked.failure.kind, looked.failure.reason) == ("permanent", "unchecked")
    assert looked.outputs == ()


def test_a_condition_that_becomes_several_is_no_condition(tmp_path: Path) -> None:
    checks = [
        OrderCheck("several", "check", {"condition": "columns(*) is not null"}, "warn"),
        OrderCheck("last", "not_null", {"columns": ["a"]}, "warn"),
    ]
    several, last = run(ordered(tmp_path, "select 1 as a, null as b", *checks)).checks
    assert (several.passed, several.error) == (False, "it is not one condition")
    assert last.passed
