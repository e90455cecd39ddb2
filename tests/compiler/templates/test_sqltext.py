"""Whatever text a parameter holds, it stands in SQL as a value: the same tokens, and exactly the text it was."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from trc.compiler.ir.values import Duration, Size
from trc.compiler.sql.tokens import UNICODE_SPACES, open_at_end, tokenize
from trc.compiler.templates.mistake import Mistake
from trc.compiler.templates.sqltext import put_sql
from trc.compiler.templates.template import run
from trc.compiler.templates.world import World

HOSTILE = st.text(
    alphabet=st.one_of(
        st.sampled_from(list("'\"\\$-*/\n\r;a{}%#. \u00a0")),
        st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
    ),
    max_size=20,
)


def sql(template: str, **names: Any) -> str:
    return "".join(text for text, _ in put_sql(run(template, World(names), has_item=True)))


def rows(query: str) -> list[Any]:
    import duckdb

    return duckdb.sql(query).fetchall()


def answer(query: str) -> Any:
    return rows(query)[0][0]


PLACES = {
    "a value": ("select {{ v }} as x", lambda v: v),
    "beside others": ("select {{ v }}||{{ v }}", lambda v: v + v),
    "in a text": ("select 'a{{ v }}b'", lambda v: f"a{v}b"),
    "alone in a text": ("select '{{ v }}'", lambda v: v),
    "between doubled quotes": ("select 'it''{{ v }}''s'", lambda v: f"it'{v}'s"),
    "twice in a text": ("select '{{ v }}{{ v }}'", lambda v: v + v),
    "in a text with escapes": (r"select e'\'a\\{{ v }}\n'", lambda v: f"'a\\{v}\n"),
    "as a name": ("select x.{{ v | ident }} from (select 1 as {{ v | ident }}) x", None),
    "in a comment": ("select 1 -- {{ v }}\n+ 1", lambda _: 2),
    "in a block comment": ("select 1 /* a {{ v }}*/ + 1", lambda _: 2),
    "in a nested comment": ("select 1 /* /{{ v }}/* {{ v }}*/ */ + 1", lambda _: 2),
    "in a list": ("select [{{ v }}, 'b'][1]", lambda v: v),
}


@pytest.mark.parametrize("place", PLACES)
@settings(max_examples=60)
@given(value=HOSTILE)
@example(value="'; drop table x; --")
@example(value="*/ + 5 /*")
@example(value="\\")
@example(value="/")
def test_any_text_stays_a_value(place: str, value: str) -> None:
    template, expected = PLACES[place]
    if expected is None and not value:
        return
    if place == "in a text with escapes" and re.search(f"[{UNICODE_SPACES}]", value):
        with pytest.raises(Mistake, match="a space beyond ASCII"):
            sql(template, v=value)
        return
    made = sql(template, v=value)
    plain = sql(template, v="v")
    assert [one.kind for one in tokenize(made)] == [one.kind for one in tokenize(plain)]
    if expected is None:
        assert rows(made) == [(1,)]
    else:
        assert answer(made) == expected(value)


@settings(max_examples=60)
@given(value=HOSTILE)
def test_text_between_dollars_cannot_end_them(value: str) -> None:
    template = "select $t$a{{ v }}b$t$"
    if "$" in value:
        with pytest.raises(Mistake, match=r"cannot stand between \$t\$"):
            sql(template, v=value)
    else:
        assert answer(sql(template, v=value)) == f"a{value}b"


MOMENT = datetime.fromisoformat("2026-01-31T02:03:04.000005")
VALUES: list[tuple[Any, Any, str]] = [
    (3, 3, "INTEGER"),
    (-3, -3, "INTEGER"),
    (2**63, 2**63, "HUGEINT"),
    (Decimal("0.10"), Decimal("0.10"), "DECIMAL(3,2)"),
    (Decimal("-0.5"), Decimal("-0.5"), "DECIMAL(2,1)"),
    (Decimal("1e50"), 1e50, "DOUBLE"),
    (0.1, 0.1, "DOUBLE"),
    (-1e300, -1e300, "DOUBLE"),
    (True, True, "BOOLEAN"),
    (False, False, "BOOLEAN"),
    (None, None, '"NULL"'),
    (date(2026, 1, 31), date(2026, 1, 31), "DATE"),
    (MOMENT, MOMENT, "TIMESTAMP"),
    (Duration.parse("1h30m"), timedelta(minutes=90), "INTERVAL"),
    (Size.parse("2Ki"), 2048, "INTEGER"),
    ([1, 2], [1, 2], "INTEGER[]"),
    (["it's", None], ["it's", None], "VARCHAR[]"),
    ({"a": 1, "it's": "x"}, {"a": 1, "it's": "x"}, 'STRUCT(a INTEGER, "it\'s" VARCHAR)'),
]


@pytest.mark.parametrize(("value", "expected", "kind"), VALUES, ids=[repr(one[0]) for one in VALUES])
def test_values_are_typed_literals(value: Any, expected: Any, kind: str) -> None:
    query = sql("select x, typeof(x) from (select {{ v }} as x)", v=value)
    assert rows(query) == [(expected, kind)]


def test_time_with_a_zone_is_that_instant() -> None:
    moment = datetime(2026, 1, 31, 2, tzinfo=UTC)
    assert answer(sql("select epoch({{ v }})", v=moment)) == moment.timestamp()


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("select 1 -{{ v }}", "select 1 -(-5)"),
        ("select -{{ v }}", "select -(-5)"),
        ("select {{ v }}{{ v }}", "select (-5)(-5)"),
        ("select {{ 'a' }}'b'", "select 'a' 'b'"),
        ("select 'b'{{ 'a' }}", "select 'b' 'a'"),
        ("select {{ 1 }}{{ 2 }}", "select 1 2"),
        ("select {{ 1 }}.5", "select 1 .5"),
        ("select {{ item }}x, {{ item.id }}", "select $item x, $item_id"),
        ("select {{ 'a b' | raw }}", "select a b"),
        ("{% raw %}{{ x }}{% endraw %}", "{{ x }}"),
        ("a {%- if true -%} b {%- endif -%} c", "abc"),
        ("a {#- not here -#} b", "ab"),
    ],
)
def test_what_stands_beside_a_value_stays_apart(template: str, expected: str) -> None:
    assert sql(template, v=-5) == expected


@pytest.mark.parametrize(
    "template",
    [
        "select a{{ v }}",
        "select 1{{ v }}",
        "select ${{ v }}",
        'select "{{ v }}"',
        "select x'{{ v }}'",
        "select U&'{{ v }}'",
        "select '{{ v | ident }}'",
        r"select e'\{{ v }}'",
        "select $a${{ '$a' }}$a$",
    ],
)
def test_where_no_value_can_stand(template: str) -> None:
    with pytest.raises(Mistake) as told:
        sql(template, v="x")
    assert told.value.code == "TRC115"
    assert template[told.value.start : told.value.end].startswith("{{")


@pytest.mark.parametrize(
    "template",
    [
        "'{{ item }}'",
        "-- {{ item }}",
        "{% if item %}{% endif %}",
        "{{ item | ident }}",
        "{{ item ~ 'x' }}",
        "'{{ tasks.a.rows }}'",
        "{{ tasks.a.rows + 1 }}",
    ],
)
def test_what_only_a_run_knows_is_never_rendered(template: str) -> None:
    with pytest.raises(Mistake) as told:
        sql(template)
    assert told.value.code == "TRC116"


@settings(max_examples=300)
@given(text=st.text(alphabet=list("'\"$ae-/*\n \\x&U"), max_size=12))
def test_what_is_open_is_what_duckdb_has_open(text: str) -> None:
    """Two letters after the text make a token of their own just where nothing is open."""
    tokens = tokenize(text + " zz")
    stands_alone = bool(tokens) and tokens[-1].text == "zz"
    assert (open_at_end(text) is None) == stands_alone
