"""Values in queries of other dialects: whatever a parameter holds, the translation has exactly that value."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.compiler.templates.test_sqltext import HOSTILE, answer

from trc.compiler.frontends.syntax import Scalar
from trc.compiler.source import ScalarMap, Segment, Span
from trc.compiler.sql.dialect import DIALECTS, OWN
from trc.compiler.templates.foreign import Foreign, translated
from trc.compiler.templates.mistake import Mistake
from trc.compiler.templates.template import run
from trc.compiler.templates.world import World

FOREIGN = [one for one in DIALECTS if one not in (OWN, "prql")]


def rendered(dialect: str, template: str, **names: Any) -> Foreign:
    whole = Span("p.trc", 0, len(template))
    scalar = Scalar(template, "literal", ScalarMap(whole, (Segment(0, 0, len(template)),)))
    return translated(scalar, run(template, World(names), has_item=True), dialect, None)


def sql(dialect: str, template: str, **names: Any) -> str:
    made = rendered(dialect, template, **names)
    assert made.scalar.translated is not None, [one.message for one in made.problems]
    return made.scalar.translated.sql


PLACES: dict[str, tuple[str, Callable[[str], object]]] = {
    "a value": ("select {{ v }} as x", lambda v: v),
    "a value of a choice": ("select case when 1 = 1 then {{ v }} else 'no' end", lambda v: v),
    "in a text": ("select 'a{{ v }}b'", lambda v: f"a{v}b"),
    "alone in a text": ("select '{{ v }}'", lambda v: v),
    "twice in a text": ("select '{{ v }}{{ v }}'", lambda v: v + v),
    "in a comment": ("select 1 /* {{ v }} */ + 1", lambda _: 2),
    "in a list of others": ("select coalesce(null, {{ v }}, 'x')", lambda v: v),
}


@pytest.mark.parametrize("place", PLACES)
@given(dialect=st.sampled_from(FOREIGN), value=HOSTILE)
@example(dialect="mysql", value="\\")
@example(dialect="bigquery", value="\\'; drop table x --")
@example(dialect="snowflake", value="$$")
@example(dialect="tsql", value="it's")
@settings(max_examples=60, deadline=None)
def test_texts_stay_what_they_are(place: str, dialect: str, value: str) -> None:
    template, expected = PLACES[place]
    try:
        made = rendered(dialect, template, v=value)
    except Mistake:
        # Some texts would end a comment, as in DuckDB's own SQL.
        if place != "in a comment":
            raise
        return
    if made.scalar.translated is not None:
        assert answer(made.scalar.translated.sql) == expected(value)
    else:
        # Never another meaning: what cannot be put through is refused.
        assert any(one.severity == "error" for one in made.problems)


@pytest.mark.parametrize(
    "dialect", ["bigquery", "clickhouse", "mysql", "oracle", "postgres", "snowflake", "spark", "tsql"]
)
@pytest.mark.parametrize("value", [3, -3, 1.5, True, date(2024, 1, 31), "it's"])
def test_values_keep_their_type(dialect: str, value: object) -> None:
    assert answer(sql(dialect, "select {{ v }} as x", v=value)) == value


@given(HOSTILE.filter(bool), st.sampled_from(["postgres", "snowflake", "trino"]))
@settings(deadline=None)
def test_names_stay_names(name: str, dialect: str) -> None:
    try:
        made = rendered(dialect, "select q.{{ v | ident }} from (select 1 as {{ v | ident }}) as q", v=name)
    except Mistake:
        return
    if made.scalar.translated is not None:
        assert answer(made.scalar.translated.sql) == 1


def test_negative_numbers_do_not_join_what_stands_before() -> None:
    assert answer(sql("postgres", "select 5 -{{ v }}", v=-3)) == 8
    assert answer(sql("mysql", "select 2 * {{ v }}", v=-3)) == -6


def test_raw_text_is_of_the_dialect() -> None:
    assert answer(sql("bigquery", "select {{ v | raw }} as x", v="`y` from (select 1 as y)")) == 1


@pytest.mark.parametrize(
    ("dialect", "template"),
    [
        ("spark", "select date_format(current_date, {{ v }})"),
        ("postgres", "select 'abc' similar to '{{ v }}%'"),
        ("trino", "select decimal '{{ v }}'"),
        ("snowflake", "select 1 {{ v }}"),
    ],
)
def test_what_rests_on_a_value_is_refused(dialect: str, template: str) -> None:
    made = rendered(dialect, template, v="x")
    assert made.scalar.translated is None
    assert [one.code for one in made.problems if one.severity == "error"]


def test_values_count_in_what_the_key_holds() -> None:
    texts = [rendered("snowflake", "select {{ v }} as x", v=value).scalar.translated for value in ("a", "b", "a")]
    assert texts[0] is not None
    assert texts[1] is not None
    assert texts[0].written != texts[1].written
    assert texts[0] == texts[2]


def test_names_of_the_authors_are_never_taken_for_values() -> None:
    assert answer(sql("snowflake", "select trcvalue_0000x from (select {{ v }} as trcvalue_0000x)", v="a")) == "a"
