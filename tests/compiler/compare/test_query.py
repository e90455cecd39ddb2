"""Queries side by side: which are the same, and which lines show how others differ."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trc.compiler.compare import query
from trc.compiler.compare.query import is_same, lines, unified
from trc.compiler.sql.tokens import canonical


def test_the_examples_of_the_module_hold() -> None:
    done = doctest.testmod(query)
    assert (done.attempted, done.failed) == (1, 0)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("select a from t", "SELECT a\n  FROM t -- all"),
        ("select a from t", "select a from t;"),
        ("select a /* x */ from t", "select a from /* /* nested */ */ t"),
    ],
)
def test_layout_comments_and_reserved_words_are_no_difference(old: str, new: str) -> None:
    assert is_same(old, new)
    assert lines(old) == lines(new)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("select 'a  b'", "select 'a b'"),
        ("select A from t", "select a from t"),
        ('select "a" from t', "select a from t"),
        ("select 1 as SELECT", "select 1 as select"),
        ("select a group BY a", "select a group by a"),
        ("select x.BY", "select x.by"),
        ("select a -- b\n, c", "select a -- b, c"),
        ("select 1", "select 1.0"),
        ("select 1 .a", "select 1. a"),
        ("select a", ""),
    ],
)
def test_what_differs_shows(old: str, new: str) -> None:
    assert not is_same(old, new)
    shown = unified(old, new)
    assert any(line.startswith("-") for line in shown)
    assert any(line.startswith("+") for line in shown) or not new


@pytest.mark.parametrize(
    ("sql", "wanted"),
    [
        ("select a, f(b, c) from t", ["select a,", "  f(b, c)", "from t"]),
        (
            "select a from (select b from u where c in (1, 2)) order by a",
            ["select a", "from (", "  select b", "  from u", "  where c in (1, 2))", "order by a"],
        ),
        (
            "select a from t left outer join u on t.x = u.x and t.y between 1 and 2",
            ["select a", "from t", "left outer join u", "on t.x = u.x", "  and t.y between 1 and 2"],
        ),
        ("select extract(year from d), a[1], b::date", ["select extract(year from d),", "  a[1],", "  b::date"]),
    ],
)
def test_a_query_is_laid_out_by_its_clauses(sql: str, wanted: list[str]) -> None:
    assert lines(sql) == wanted


WORDS = st.sampled_from(
    ["select", "SELECT", "from", "a", "A", "BY", "by", "group", "join", "LEFT", "(", ")", "[", "]", ",", ".", "'x'", '"a"',
     "1", "1.", "::", "and", "between", "as", "--c\n", "/* c */", ";", "$$ q $$", "\n", "=", "-", "{{ x }}", "é", "?"]
)  # fmt: skip


@given(st.lists(WORDS, max_size=14).map(" ".join), st.lists(WORDS, max_size=14).map(" ".join))
def test_a_difference_is_never_shown_empty(old: str, new: str) -> None:
    """Whatever the texts are, well-formed or not: something shows if and only if their keys differ."""
    assert is_same(old, new) == (canonical(old) == canonical(new))
    if not is_same(old, new):
        assert unified(old, new)
