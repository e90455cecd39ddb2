"""Casts put around parameters: where, and where an error behind them is in the author's text."""

from __future__ import annotations

import pytest

from trc.stdlib_tasks.duckdb_sql.run.prepared import Prepared, with_casts


@pytest.mark.parametrize(
    ("sql", "made"),
    [
        ("select $a, $b", "select CAST($a AS INTEGER), $b"),
        ("select $a+$a", "select CAST($a AS INTEGER)+CAST($a AS INTEGER)"),
        ("select '$a', \"$a\" -- $a\n, /* $a */ $a", "select '$a', \"$a\" -- $a\n, /* $a */ CAST($a AS INTEGER)"),
        ("select $$ $a $$, $A", "select $$ $a $$, $A"),
        ("select 'ä', $a, 'ö'", "select 'ä', CAST($a AS INTEGER), 'ö'"),
        ("select $ab", "select $ab"),
    ],
)
def test_parameters_are_cast_where_they_stand(sql: str, made: str) -> None:
    assert with_casts(Prepared(sql), {"a": "INTEGER"}).text == made


def test_places_behind_casts_are_those_of_the_author() -> None:
    sql = "select 'ä' || $a, x, $bc + y from t"
    made = with_casts(Prepared(sql), {"a": "VARCHAR", "bc": "STRUCT(a INTEGER)"})
    for word in ("select", "||", ", x", "+ y", "from t"):
        assert made.author_offset(made.text.index(word)) == sql.index(word)
    assert made.author_offset(made.text.index("CAST($a")) == sql.index("$a")
    assert made.author_offset(made.text.index("STRUCT")) in range(sql.index("$bc"), sql.index(" + y") + 1)


def test_places_in_a_text_that_was_changed_before_are_kept() -> None:
    before = Prepared("FROM (\nselect a, $a from ['x.csv'] t, u\n)", ((0, 0), (7, 0), (25, 18), (34, 24)))
    made = with_casts(before, {"a": "DATE"})
    assert made.author_offset(made.text.index(", u")) == before.author_offset(before.text.index(", u"))
    assert made.author_offset(made.text.index("a, CAST")) == before.author_offset(before.text.index("a, $a"))


def test_what_is_null_is_no_constant() -> None:
    made = with_casts(Prepared("select $a + $b, x"), {"a": "DATE", "b": "INTEGER"}, {"a"})
    assert made.text == "select (SELECT CAST($a AS DATE)) + CAST($b AS INTEGER), x"
    assert made.author_offset(made.text.index(", x")) == "select $a + $b, x".index(", x")
