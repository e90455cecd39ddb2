from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trc.cli.quantities import count, duration, names, size


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0ms"),
        (0, "0ms"),
        (0.0404, "40ms"),
        (0.9994, "999ms"),
        (0.9999, "1.0s"),
        (1.24, "1.2s"),
        (59.94, "59.9s"),
        (59.96, "1m00s"),
        (125, "2m05s"),
        (3599.6, "1h00m"),
        (11_220, "3h07m"),
        (187_200, "2d04h"),
    ],
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (3_400_000, "3.4 MB"),
        (999_949, "999.9 kB"),
        (999_960, "1.0 MB"),
        (10**15, "1.0 PB"),
        (10**19, "10000.0 PB"),
    ],
)
def test_size(number: int, text: str) -> None:
    assert size(number) == text


@given(st.integers(0, 10**18), st.integers(0, 10**18))
def test_larger_sizes_are_never_written_smaller(one: int, other: int) -> None:
    units = {"B": 0, "kB": 1, "MB": 2, "GB": 3, "TB": 4, "PB": 5}

    def read(text: str) -> float:
        number, unit = text.split()
        return float(number) * 1000.0 ** units[unit]

    low, high = sorted((one, other))
    assert read(size(low)) <= read(size(high))


@pytest.mark.parametrize(
    ("number", "noun", "plural", "text"),
    [
        (1, "row", "", "1 row"),
        (336_776, "row", "", "336,776 rows"),
        (0, "task", "", "0 tasks"),
        (2, "more", "more", "2 more"),
        (1234, "", "", "1,234"),
    ],
)
def test_count(number: int, noun: str, plural: str, text: str) -> None:
    assert count(number, noun, plural) == text


def test_names_past_the_limit_are_counted() -> None:
    assert names(("a", "b")) == "a, b"
    assert names(tuple("abcdefg"), limit=3) == "a, b, c and 4 more"
