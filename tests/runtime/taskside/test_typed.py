"""Values out of JSON, as annotations want them."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import pathlib
import sys
import types
from dataclasses import dataclass
from typing import Any, Literal, NewType, TypedDict

import pytest
from pydantic import BaseModel

from trc.runtime.taskside.typed import Misfit, annotations_of, fitted


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Point:
    x: int
    y: float = 0.0


class Row(TypedDict):
    id: int


class Model(BaseModel):
    limit: int


Id = NewType("Id", int)


@pytest.mark.parametrize(
    ("value", "wanted", "made"),
    [
        (3, int, 3),
        (3.0, int, 3),
        (3, float, 3.0),
        ("a", str, "a"),
        (True, bool, True),
        (None, int | None, None),
        ("3", int | str, "3"),
        ([1, 2], list[int], [1, 2]),
        ([1, 2], tuple[int, ...], (1, 2)),
        ([1, "a"], tuple[int, str], (1, "a")),
        ([1, 1], set[int], {1}),
        ({"a": [1]}, dict[str, list[float]], {"a": [1.0]}),
        ("2026-01-31", dt.date, dt.date(2026, 1, 31)),
        ("2026-01-31T08:00:00Z", dt.datetime, dt.datetime(2026, 1, 31, 8, tzinfo=dt.UTC)),
        (90, dt.timedelta, dt.timedelta(seconds=90)),
        ("0.10", decimal.Decimal, decimal.Decimal("0.10")),
        ("a/b", pathlib.Path, pathlib.Path("a/b")),
        ("red", Colour, Colour.RED),
        ("fast", Literal["fast", "slow"], "fast"),
        ({"x": 1}, Point, Point(1)),
        ([{"x": 1, "y": 2}], list[Point], [Point(1, 2.0)]),
        ({"id": 1}, Row, {"id": 1}),
        ({"limit": "4"}, Model, Model(limit=4)),
        (4, Id, 4),
        ({"any": 1}, Any, {"any": 1}),
        ("kept", "pa.Table", "kept"),
    ],
)
def test_value_fits(value: Any, wanted: Any, made: Any) -> None:
    found = fitted(value, wanted)
    assert (found, type(found)) == (made, type(made))


@pytest.mark.parametrize(
    ("value", "wanted", "complaint"),
    [
        (True, int, "should be a whole number, and is true"),
        (1.5, int, "should be a whole number, and is a number: 1.5"),
        ("3", int, 'should be a whole number, and is the text "3"'),
        ("x" * 99, int, "should be a whole number, and is a text"),
        (None, int, "should be a whole number, and is null"),
        (1, str, "should be a text, and is a number: 1"),
        ("true", bool, 'should be true or false, and is the text "true"'),
        ({}, list[int], "should be a list, and is a mapping"),
        ("ab", list[str], 'should be a list, and is the text "ab"'),
        ([1, "a"], list[int], '[1] should be a whole number, and is the text "a"'),
        ([1], tuple[int, int], "should be a list of 2, and has 1"),
        ([[]], set[list[int]], "should be a list of texts or numbers, for a set is wanted"),
        ("31.1.2026", dt.date, 'should be a day like 2026-01-31, and is the text "31.1.2026"'),
        (5, dt.datetime, "should be a time like 2026-01-31T08:00:00, and is a number: 5"),
        ("much", decimal.Decimal, 'should be a number, and is the text "much"'),
        ("green", Colour, 'should be one of red, blue, and is the text "green"'),
        (1, Literal["fast", True], "should be one of fast, True, and is a number: 1"),
        ("x", int | None, 'should be a whole number, and is the text "x"'),
        ([], int | str, "should be a whole number, and is a list; or it should be a text, and is a list"),
        ({"y": 1, "z": 1}, Point, 'lacks "x", knows no "z"'),
        ({"x": "a"}, Point, '[x] should be a whole number, and is the text "a"'),
        ({}, Row, 'lacks "id"'),
        ({"limit": "many"}, Model, '"limit" input should be a valid integer, unable to parse string as an integer'),
    ],
)
def test_value_does_not_fit(value: Any, wanted: Any, complaint: str) -> None:
    with pytest.raises(Misfit) as told:
        fitted(value, wanted)
    assert str(told.value) == complaint


def test_endless_type_is_an_answer_and_no_crash() -> None:
    value: list[Any] = []
    wanted: Any = int
    for _ in range(200):
        value, wanted = [value], list[wanted]
    with pytest.raises(Misfit, match="nested too deeply"):
        fitted(value, wanted)


def test_annotation_that_only_type_checkers_know_stays_a_text(monkeypatch: pytest.MonkeyPatch) -> None:
    code = "from __future__ import annotations\ndef f(a: pa.Table, b: int | None, c: list[Nobody]): ...\n"
    module = types.ModuleType("only_for_types")
    monkeypatch.setitem(sys.modules, "only_for_types", module)
    exec(code, module.__dict__)
    assert annotations_of(module.f) == {"a": "pa.Table", "b": int | None, "c": "list[Nobody]"}
