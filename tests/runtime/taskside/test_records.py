"""Records: what a frozen dataclass is, but for the check at each field."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from dataclasses import field

import pytest

from trc.runtime.taskside.records import record


@record(frozen=True, slots=True)
class Point:
    x: int
    y: int = 0
    tags: tuple[str, ...] = field(default=(), repr=False)


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    x: int
    y: int = 0
    tags: tuple[str, ...] = field(default=(), repr=False)


def test_a_record_behaves_as_the_frozen_dataclass() -> None:
    one, other = Point(1, tags=("a",)), Frozen(1, tags=("a",))
    assert repr(one) == repr(other).replace("Frozen", "Point")
    assert hash(one) == hash(other)
    assert one == Point(1, 0, ("a",)) != Point(1)
    assert dataclasses.replace(one, y=2) == Point(1, 2, ("a",))
    assert dataclasses.asdict(one) == dataclasses.asdict(other)
    assert Point.__match_args__ == Frozen.__match_args__
    for made in (copy.copy(one), copy.deepcopy(one), pickle.loads(pickle.dumps(one))):
        assert made == one
    with pytest.raises(AttributeError):
        one.z = 1  # type: ignore[attr-defined]
