"""How far ahead a worker is kept supplied, by how long its attempts took."""

from __future__ import annotations

import pytest

from trc.backends.local.pace import Pace


@pytest.mark.parametrize(
    ("seconds", "depth"),
    [
        ([], 1),
        ([0.0001] * 3, 31),
        ([0.0], 31),
        ([0.002] * 3, 10),
        ([5.0], 1),
        ([0.0001] * 50 + [5.0], 1),
        ([5.0] + [0.0001] * 3, 1),
        ([5.0] + [0.0001] * 30, 31),
    ],
)
def test_depth(seconds: list[float], depth: int) -> None:
    pace = Pace()
    for one in seconds:
        pace.saw(one)
    assert pace.depth == depth
