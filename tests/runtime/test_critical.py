from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from trc.runtime.critical import Span, critical_path

CASES: Mapping[str, tuple[Mapping[str, Span], Mapping[str, Sequence[str]], list[tuple[str, float, float]]]] = {
    "nothing ran": ({"a": Span(1, 1, is_still=True)}, {}, []),
    "the run's start is waited for": ({"a": Span(2, 5)}, {}, [("a", 2, 3)]),
    "the later of two needs": (
        {"a": Span(0, 4), "b": Span(0, 3), "c": Span(5, 6)},
        {"c": ["a", "b"]},
        [("a", 0, 4), ("c", 1, 1)],
    ),
    "the last to end need not be the last task": (
        {"a": Span(0, 9), "b": Span(0, 1), "c": Span(1, 2)},
        {"c": ["b"]},
        [("a", 0, 9)],
    ),
    "a task that was not run passes the wait on": (
        {"a": Span(0, 4), "b": Span(4, 4, is_still=True), "c": Span(4, 6)},
        {"b": ["a"], "c": ["b"]},
        [("a", 0, 4), ("b", 0, 0), ("c", 0, 2)],
    ),
    "a need that ended after it began did not hold it": (
        {"a": Span(0, 4), "b": Span(0, 2), "c": Span(3, 6)},
        {"c": ["a", "b"]},
        [("b", 0, 2), ("c", 1, 3)],
    ),
    "of those that end together the one that began first": ({"a": Span(3, 6), "b": Span(1, 6)}, {}, [("b", 1, 5)]),
    "a need that is not known is left out": ({"a": Span(1, 2)}, {"a": ["gone"]}, [("a", 1, 1)]),
}


@pytest.mark.parametrize("case", CASES)
def test_critical_path(case: str) -> None:
    spans, needs, expected = CASES[case]
    path = critical_path(spans, needs, 0)
    assert [(one.task, one.waited, one.took) for one in path] == expected
    assert sum(one.seconds for one in path) == (max(spans[one.task].ended for one in path) if path else 0)
