"""Of many cases that are alike, which few every change is tested with; `make test-all` runs the others too."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from _pytest.mark import ParameterSet


def few(cases: Iterable[Any], quick: Collection[Any]) -> list[ParameterSet]:
    """The cases, those that are not among `quick` marked as long."""
    every = list(cases)
    missing = [case for case in quick if case not in every]
    if missing:
        raise ValueError(f"no such case: {missing}")
    return [pytest.param(*_values(case), marks=() if case in quick else pytest.mark.long) for case in every]


def _values(case: Any) -> tuple[Any, ...]:
    return case if isinstance(case, tuple) else (case,)
