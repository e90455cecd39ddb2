"""JSON of plain values says what Python's own encoder says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trc.runtime.plain_json import encode_plain, is_plain

ANY_TEXT = st.text(st.characters(exclude_categories=[]))  # halves of surrogate pairs, too
LEAVES = st.none() | st.booleans() | st.integers() | ANY_TEXT
PLAIN = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(ANY_TEXT, inner), max_leaves=10)


@given(PLAIN)
def test_plain_values_come_back_as_they_were(value: Any) -> None:
    assert is_plain(value)
    assert json.loads(encode_plain(value)) == value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_finite_numbers_come_back_as_they_were(number: float) -> None:
    assert json.loads(encode_plain([number])) == [number]
    assert not is_plain({"deep": [number]}), "another one could be no number"


def test_what_is_no_number_would_be_lost() -> None:
    assert encode_plain(float("nan")) == b"null"
    assert not is_plain((float("nan"),))


def test_tuples_are_lists_and_no_space_is_lost() -> None:
    assert encode_plain({"a": (1, "é")}) == '{"a":[1,"é"]}'.encode()
    assert encode_plain({"a": (1 << 70, "é")}) == b'{"a":[1180591620717411303424,"\\u00e9"]}'


def test_others_are_left_to_whoever_knows_them() -> None:
    encode = json.JSONEncoder(default=sorted).encode
    assert encode_plain([{1, 2}], encode) == b"[[1, 2]]"
    with pytest.raises(TypeError):
        encode_plain([{1, 2}])
