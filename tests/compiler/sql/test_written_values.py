"""Values as authors write them: what fits a type is that value in SQL, and nothing breaks the SQL around it."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trc.compiler.sql.engine import query
from trc.compiler.sql.written_values import as_sql, misfit

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**130), 2**130)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(), max_size=6)
    | st.sampled_from(["1.5", "2026-01-31", "{", "NaN", "', (select 1) --", "00000000-0000-0000-0000-00000000000a"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3) | st.just("a"), inner, max_size=3),
    max_leaves=5,
)
KINDS = st.sampled_from(
    [
        *("BOOLEAN", "TINYINT", "UBIGINT", "HUGEINT", "BIGNUM", "DECIMAL(10,2)", "FLOAT", "DOUBLE", "VARCHAR", "BLOB"),
        *(
            "DATE",
            "TIME",
            "TIMESTAMP",
            "TIMESTAMP WITH TIME ZONE",
            "INTERVAL",
            "UUID",
            "BIT",
            "JSON",
            "ENUM('a', '''')",
        ),
        *("VARCHAR[]", "INTEGER[2]", "STRUCT(a INTEGER, b DATE[])", "MAP(VARCHAR, INTEGER)", "MAP(INTEGER, JSON)"),
        *("UNION(a INTEGER, b VARCHAR)", "VARIANT", 'STRUCT("a b" VARCHAR, "c""d" DOUBLE)[]'),
    ]
)


@given(VALUES, KINDS)
def test_a_value_fits_or_the_reason_is_told(value: Any, kind: str) -> None:
    told = misfit(value, kind)
    if not told:
        ((found,),) = query(f"SELECT typeof({as_sql(value, kind)})")
        assert found == kind
    assert "\n" not in told


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_a_text_comes_back_as_it_was(text: str) -> None:
    assert misfit(text, "VARCHAR") == ""
    assert query(f"SELECT {as_sql(text, 'VARCHAR')}") == [(text,)]


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_comes_back_as_it_was(number: float) -> None:
    ((found,),) = query(f"SELECT {as_sql(number, 'DOUBLE')}")
    assert found == number
    assert math.copysign(1, found) == math.copysign(1, number)


@pytest.mark.parametrize(
    ("value", "kind", "told"),
    [
        (1.5, "INTEGER", "would be rounded"),
        ("1.5", "BIGINT", "would be rounded"),
        (1.005, "DECIMAL(10,2)", "would be rounded"),
        (128, "TINYINT", "is out of its range"),
        (1e39, "FLOAT", "is out of its range"),
        (1, "VARCHAR", "is a number"),
        (True, "INTEGER", "is a truth value"),
        (1, "BOOLEAN", "is a number"),
        ("2026-02-30", "DATE", "cannot be one"),
        (["a"], "INTEGER[]", "holds one that is no number"),
        ([1], "INTEGER[2]", "cannot be one"),
        ({"b": 1}, "STRUCT(a INTEGER)", 'has a field "b", and there is none in the type'),
        ({"a": "x"}, "STRUCT(a INTEGER)", 'has a field "a" that is no number'),
        ({"x": 1}, "MAP(INTEGER, INTEGER)", "holds one that is no number"),
        ({}, "INTEGER", "is a map"),
        ([], "JSON", ""),
        ("a\0b", "VARCHAR", "holds a character that cannot stand in SQL"),
        ({"\ud800": 1}, "JSON", "holds a character that cannot stand in SQL"),
    ],
)
def test_misfit(value: Any, kind: str, told: str) -> None:
    assert misfit(value, kind) == told
