"""What stands for parameters has their types, and what is said not to be shown changes no column."""

from __future__ import annotations

from typing import Any

import duckdb  # noqa: TID253 - is asked what it makes of parameters
import pytest

from trc.compiler.sql.parameters import as_sql, reached, shown, unnamed

VALUES: list[Any] = [
    1,
    -(2**31),
    2**31,
    2**63 - 1,
    1.5,
    1e300,
    True,
    None,
    "it's",
    "",
    [1, 2],
    [1, 2**40],
    ["a", "b"],
    [[1], [2, 3]],
    {"a": 1},
    {'a "b"': "x", "c": [True]},
    {"a": {"b": 1.5}},
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
@pytest.mark.parametrize("query", ["SELECT {} AS x", "SELECT [{}] AS x", "SELECT coalesce({}, {}) AS x"])
def test_an_expression_has_the_type_and_the_value_of_the_parameter(query: str, value: Any) -> None:
    written = as_sql(value)
    assert written is not None
    with duckdb.connect() as connection:
        text = query.replace("{}", "$p")
        wanted = connection.execute(f"DESCRIBE {text}", {"p": value}).fetchall()
        assert connection.execute(f"DESCRIBE {query.replace('{}', written)}").fetchall() == wanted
        (given,), (made,) = (
            connection.execute(text, {"p": value}).fetchall(),
            connection.execute(query.replace("{}", written)).fetchall(),
        )
        assert made == given


@pytest.mark.parametrize("value", [2**63, 2**127, [], {}, [None], [1, "a"], {"a": None}, [1.5, 1]], ids=repr)
def test_a_value_of_no_plain_type_has_no_expression(value: Any) -> None:
    assert as_sql(value) is None


@pytest.mark.parametrize(
    ("sql", "seen"),
    [
        ("select x from t where y = $a and z in (select $b)", set()),
        ("select x from t join u on t.k = u.k + $a", set()),
        ("select count(*) as n from t group by x having count(*) > $a", set()),
        ("select x from t qualify row_number() over (order by x) < $a", set()),
        ("select x from t limit $a offset $b", set()),
        ("select $a::date as d, cast(upper($B) as varchar) as u from t", set()),
        ("select $a as d, $b + 1 as u from t where $c", {"a", "b"}),
        ("select round(x, $a) as r from t", {"a"}),
        ("with c as (select $a as x) select x from c", {"a"}),
        ("select x from (select x, case when x = $a then 1 end as y from t)", {"a"}),
        ("select x from t order by x + $a", {"a"}),
        ("select x from read_csv($a)", {"a"}),
        ("select count(*) filter (x > $a) as n from t", {"a"}),
    ],
)
def test_parameters_that_columns_may_show(sql: str, seen: set[str]) -> None:
    assert shown(sql) == seen


@pytest.mark.parametrize(
    ("sql", "operated", "looked"),
    [
        ("select $a as x, coalesce($b, 'x') as z, case when $c then $d else $e end as w from t limit $f", "", ""),
        ("select x from (select $a as x union all select $b as x) where x + 1 = $c", "", ""),
        ("with c as (select $a as x) select (select $b as y) as z from c", "", ""),
        ("select $a in (1, $b) as x, $c is null as y, not $d as z", "", ""),
        ("select $a + 1 as x, $b::date - 1 as y, upper('x' || $c) as z", "a b", "c"),
        ("select ($a + $a)::double as x, round(x, $b)::double as y", "", ""),
        ("select case when $a then 1 else 2 end + 1 as x, $b / 2 as y, try_cast($c as integer) + 1 as z", "", "a b c"),
        ("select round(x, $a) as r, round(x, $b + 1) as s, round(x, $c::integer) as u from t", "", "a b c"),
        ("select x from range($a) as t(x)", "", "a"),
        ("select x from (values ($a)) as t(x)", "", "a"),
        ("select list_aggregate(l, $a) as x, struct_extract(s, $b) as y from t", "", "a b"),
        ("select $a + 1 as x, round(1.5, $a) as y from t", "", "a"),
        ("select 1 as one from t order by $a", "", "a"),
    ],
)
def test_how_far_values_reach_into_the_types_of_columns(sql: str, operated: str, looked: str) -> None:
    assert reached(sql) == dict.fromkeys(operated.split(), "operated") | dict.fromkeys(looked.split(), "looked_into")


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("select $a as x, y from t where y = $b", ""),
        ("select $a::date from t", "$a"),
        ("select x from (select coalesce(y, $a) from t)", "$a"),
        ("select x from t where y in (select z from u where k = $b)", ""),
    ],
)
def test_a_column_that_is_called_by_its_text_is_found(sql: str, told: str) -> None:
    assert unnamed(sql) == told
