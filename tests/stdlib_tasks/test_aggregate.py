"""Aggregations: one query each, whose columns are checked, whose rows have one order, and which passes see through."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from trc.compiler.ir.dataset import DatasetRead, Output, UriRead
from trc.compiler.ir.places import Places
from trc.compiler.tasktype import Declaration, Scope
from trc.stdlib_tasks.duckdb_aggregate.type import DuckdbAggregate, DuckdbAggregateParams


def declare(**params: Any) -> Declaration:
    model = DuckdbAggregateParams.model_validate({"source": "orders", "measures": {"n": "count(*)"}, **params})
    return DuckdbAggregate().declare(model, Scope("t", ("tasks", "t"), Places(), lambda _: None, lambda _: []))


def query(**params: Any) -> str:
    said = declare(**params)
    assert said.query is not None
    assert said.query.param is None
    return said.query.text


def test_the_query_says_what_was_said() -> None:
    assert (
        query(
            dimensions={"month": "ordered_on", "customer": "lower(customer)"},
            grain={"month": "month"},
            measures={"revenue": "sum(amount)", "orders": "count(*)"},
            filters=["status = 'paid'", "amount > 0 or amount is null"],
            having=["count(*) > 1"],
        )
        == 'SELECT\n  CAST(date_trunc(\'month\', ordered_on) AS DATE) AS "month",\n  lower(customer) AS "customer",\n  sum(amount) AS "revenue",\n  count(*) AS "orders"\nFROM "orders" AS source\nWHERE (status = \'paid\') AND (amount > 0 or amount is null)\nGROUP BY 1, 2\nHAVING (count(*) > 1)\nORDER BY 1, 2'
    )


def test_without_dimensions_there_is_one_row() -> None:
    assert query() == 'SELECT\n  count(*) AS "n"\nFROM "orders" AS source'


@pytest.mark.parametrize(
    ("source", "read", "table"),
    [
        ("orders", DatasetRead(name="orders", dataset="orders"), '"orders"'),
        ("raw.orders", DatasetRead(name="raw.orders", dataset="raw.orders"), '"raw"."orders"'),
        (
            "s3://b/o/*.parquet",
            UriRead(name="s3://b/o/*.parquet", uri="s3://b/o/*.parquet", format="parquet"),
            "'s3://b/o/*.parquet'",
        ),
    ],
)
def test_the_source_is_a_dataset_or_a_location(source: str, read: Any, table: str) -> None:
    assert declare(source=source).reads == (read,)
    assert f"FROM {table} AS source" in query(source=source)


def test_the_output_is_as_that_of_a_query() -> None:
    assert declare(output_uri="o.csv").outputs == (Output(name="output", uri="o.csv", format="csv"),)
    assert declare().outputs == (Output(name="output", uri=None, format="parquet"),)
    assert [one.code for one in declare(output_uri="o.txt").diagnostics] == ["TRC205"]


def test_what_has_no_one_answer_says_so() -> None:
    assert declare(measures={"r": "sum(random())"}).volatile == "it calls random()"


@pytest.mark.parametrize(
    "text",
    ["sum(amount", "sum(amount)) from x --", "sum(amount), 1]) from (select [(1", "1; drop table x", "a as b"],
)
def test_a_text_that_is_more_than_one_expression_is_refused(text: str) -> None:
    for params in ({"measures": {"m": text}}, {"filters": [text]}, {"dimensions": {"d": text}}, {"having": [text]}):
        said = declare(**params)
        assert [one.code for one in said.diagnostics] == ["TRC401"], params
        assert said.query is None


def test_what_is_not_rendered_is_no_further_mistake() -> None:
    said = declare(filters=["amount > {{ params.nowhere }}"])
    assert (said.diagnostics, said.query) == ((), None)


def test_a_text_that_reads_a_table_is_refused() -> None:
    (told,) = declare(filters=["id in (select id from secret)"]).diagnostics
    assert told.message == '"id in (select id from secret)" reads a table'


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"measures": {}}, "at least 1"),
        ({"dimensions": ["n"]}, 'called "n"'),
        ({"dimensions": ["a"], "measures": {"A": "count(*)"}}, 'called "a"'),
        ({"grain": {"day": "day"}}, "none of the dimensions"),
        ({"dimensions": ["d"], "grain": {"d": "decade"}}, "second"),
        ({"filters": [" "]}, "an empty text"),
    ],
)
def test_what_cannot_be_meant(params: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        declare(**params)
