"""Comparing rows: as bags and as lists, whatever they hold."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trc.testing.compare import Difference, Row, compare_rows

ROWS = st.lists(st.tuples(*[st.sampled_from(["a", "b", None])] * 3), max_size=8)


@given(ROWS, ROWS, st.booleans())
def test_differences_lead_from_one_to_the_other(expected: list[Row], found: list[Row], ordered: bool) -> None:
    differences = compare_rows(expected, found, ordered=ordered)
    gone = Counter(one.expected for one in differences if one.expected is not None)
    come = Counter(one.found for one in differences if one.found is not None)
    assert Counter(expected) - gone + come == Counter(found)
    assert gone <= Counter(expected)
    assert all(one.kind != "changed" or one.changed for one in differences)
    is_equal = expected == found if ordered else Counter(expected) == Counter(found)
    assert (differences == ()) is is_equal


@given(ROWS, st.randoms(use_true_random=False))
def test_a_bag_has_no_order(rows: list[Row], random: Random) -> None:
    shuffled = random.sample(rows, len(rows))
    assert compare_rows(rows, shuffled, ordered=False) == ()


@pytest.mark.parametrize("ordered", [True, False])
def test_a_row_is_beside_the_one_most_like_it(ordered: bool) -> None:
    expected: list[Row] = [("1", "ada", "5"), ("2", "bob", "6")]
    found: list[Row] = [("2", "bob", "7"), ("1", "ada", "8"), ("3", "eve", "9")]
    assert compare_rows(expected, found, ordered=ordered) == (
        Difference(("1", "ada", "5"), ("1", "ada", "8")),
        Difference(("2", "bob", "6"), ("2", "bob", "7")),
        Difference(None, ("3", "eve", "9")),
    )


def test_rows_that_have_little_in_common_are_not_paired() -> None:
    assert compare_rows([("1", "a", "x")], [("1", "b", "y")], ordered=False) == (
        Difference(("1", "a", "x"), None),
        Difference(None, ("1", "b", "y")),
    )
    assert compare_rows([("1",)], [("2",)], ordered=False)[0].kind == "missing"


def test_a_row_that_moved_is_gone_from_one_place_and_new_in_another() -> None:
    kinds = [one.kind for one in compare_rows([("1",), ("2",), ("3",)], [("2",), ("3",), ("1",)], ordered=True)]
    assert kinds == ["missing", "unexpected"]


def test_a_row_that_comes_often_is_no_noise() -> None:
    expected: list[Row] = [("x",), *[("a",)] * 300]
    found: list[Row] = [*[("a",)] * 300, ("y",)]
    differences = compare_rows(expected, found, ordered=True)
    assert differences == (Difference(("x",), None), Difference(None, ("y",)))
