"""Measures how long a store takes to commit."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from time import perf_counter
from types import TracebackType
from typing import Any, TypeVar, cast

from trc.runtime.store.journal import Journal, Transaction

S = TypeVar("S", bound=Journal)


def timed(store: S, told: Callable[[float], None]) -> S:
    """The store, which tells after each transaction how many seconds its end took."""
    return cast("S", _Timed(store, told))


class _Timed:
    def __init__(self, store: Journal, told: Callable[[float], None]) -> None:
        self._store = store
        self._told = told

    def transaction(self) -> AbstractContextManager[Transaction]:
        return _Transaction(self._store.transaction(), self._told)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


class _Transaction(AbstractContextManager[Transaction]):
    def __init__(self, inner: AbstractContextManager[Transaction], told: Callable[[float], None]) -> None:
        self._inner = inner
        self._told = told

    def __enter__(self) -> Transaction:
        return self._inner.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        began = perf_counter()
        try:
            return self._inner.__exit__(kind, error, trace)
        finally:
            self._told(perf_counter() - began)
