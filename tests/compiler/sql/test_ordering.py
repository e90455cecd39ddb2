"""Which queries order their rows themselves."""

from __future__ import annotations

import pytest

from trc.compiler.sql.ordering import is_ordered


@pytest.mark.parametrize(
    "sql",
    [
        "select 1 as i order by i",
        "(select 1 as i order by i limit 1);",
        "select 1 as i union all select 2 order by i",
        "with a as materialized (select 1 as x) select * from a order by x",
        "from a order by all",
        "pivot a on x using sum(y) order by z",
    ],
)
def test_an_order_of_the_whole(sql: str) -> None:
    assert is_ordered(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "from (select 1 as i order by i)",
        "(select 1 as x order by 1) union all (select 2 order by 1)",
        "with a as materialized (select 1 as x order by 1) select * from a",
        "select list(x order by x), row_number() over (order by x) from a",
        "describe a",
        "select from where",
    ],
)
def test_an_order_of_a_part(sql: str) -> None:
    assert not is_ordered(sql)
