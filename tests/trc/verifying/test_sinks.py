"""Two files hold the same or they do not: names, types, rows as often as they stand there, and their order where there is one."""

from __future__ import annotations

from pathlib import Path

import pytest

from trc.verifying.sinks import Compared, Order, SinkFile, compare, comparing


def compared(folder: Path, *queries: str, tolerant: bool = False, order: Order | None = None) -> Compared:
    import duckdb

    first, second = (SinkFile("parquet", (str(folder / f"{n}.parquet"),)) for n in range(2))
    for file, query in zip((first, second), queries, strict=True):
        duckdb.sql(query).write_parquet(*file.paths)
    with comparing() as connection:
        return compare(connection, first, second, tolerant=tolerant, order=order)


@pytest.mark.parametrize(
    ("first", "second", "tolerant", "difference"),
    [
        ("select 1 as a", "select 1 as a", False, None),
        ("select 1 as a", "select 1 as b", False, "its columns are"),
        ("select 1 as a", "select 1::bigint as a", False, "its columns are"),
        ("select 1 as a, 2 as b", "select 2 as b, 1 as a", False, "its columns are"),
        ("select unnest([1, 1, null]) as a", "select unnest([1, null, 1]) as a", False, None),
        ("select unnest([1, 1, 2]) as a", "select unnest([1, 2, 2]) as a", False, "it has other rows"),
        ("select unnest([1, 1]) as a", "select 1 as a", False, "it has 1 rows and not 2"),
        ("select 'nan'::double as a", "select 'nan'::double as a", False, None),
        ("select 0.0::double as a", "select -0.0::double as a", False, None),
        ("select [0.0::double] as a", "select [-0.0::double] as a", False, None),
        ("select interval 1 month as a", "select interval 30 days as a", False, "it has other rows"),
        ("select 1.0::double as a", "select 1.0::double + 1e-12 as a", False, "it has other rows"),
        ("select 1.0::double as a", "select 1.0::double + 1e-12 as a", True, None),
        ("select 1.0::double as a", "select 1.0::double + 1e-6 as a", True, "it has other rows"),
        ("select 1.0::double as a, 1 as k", "select 1.0::double as a, 2 as k", True, "it has other rows"),
        ("select null::double as a", "select 0.0::double as a", True, "it has other rows"),
        ("select {'k': 1, 'l': [null]} as a", "select {'k': 1, 'l': [null]} as a", False, None),
        ("select {'k': 1, 'l': [null]} as a", "select {'k': 1, 'l': null::integer[]} as a", False, "it has other rows"),
    ],
)
def test_rows_are_compared(tmp_path: Path, first: str, second: str, *, tolerant: bool, difference: str | None) -> None:
    found = compared(tmp_path, first, second, tolerant=tolerant)
    assert (found.difference.text if found.difference else "").startswith(difference or "")
    assert (found.difference is None) == (difference is None)


def test_rows_that_one_file_has_are_shown(tmp_path: Path) -> None:
    found = compared(tmp_path, "select unnest([1, 1, 2, null]) as a", "select unnest([1, 3, 3, null]) as a").difference
    assert found is not None
    assert (sorted(found.missing), found.added) == ([(1,), (2,)], ((3,),))


ORDERED = "select a, b from (values (1, 'x'), (2, 'y'), (2, 'z')) as t(a, b)"
SWAPPED = "select a, b from (values (1, 'x'), (2, 'z'), (2, 'y')) as t(a, b)"
TURNED = "select a, b from (values (2, 'y'), (1, 'x'), (2, 'z')) as t(a, b)"


@pytest.mark.parametrize(
    ("second", "order", "tied", "differs"),
    [
        (TURNED, None, False, False),
        (ORDERED, Order(("a",)), False, False),
        (SWAPPED, Order(("a",)), True, False),
        (TURNED, Order(("a",)), False, True),
        (SWAPPED, Order(("a", "b")), False, True),
        # What is ordered by cannot be seen.
        (TURNED, Order(()), True, False),
        (SWAPPED, Order((), is_total=True), False, True),
        (ORDERED, Order((), is_total=True), False, False),
    ],
)
def test_order_is_compared(tmp_path: Path, second: str, order: Order | None, *, tied: bool, differs: bool) -> None:
    found = compared(tmp_path, ORDERED, second, order=order)
    assert (found.tied, found.difference is not None) == (tied, differs)
    if found.difference is not None:
        assert found.difference.text == "its rows stand in another order"


def test_order_by_what_was_added_up_may_be_off_by_a_digit(tmp_path: Path) -> None:
    first, second = "select unnest([1.0, 2.0])::double as a", "select unnest([1.0 + 1e-12, 2.0])::double as a"
    assert compared(tmp_path, first, second, tolerant=True, order=Order(("a",))).difference is None
    turned = "select unnest([2.0, 1.0])::double as a"
    assert compared(tmp_path, first, turned, tolerant=True, order=Order(("a",))).difference is not None
