"""What is written down of DuckDB's functions is what DuckDB tells."""

from __future__ import annotations

import duckdb  # noqa: TID253 - what is written down is of its version
import pytest

from trc.compiler.sql import volatile
from trc.compiler.sql.functions import ask_volatile_names, volatile_names


def test_the_volatile_functions_are_those_of_the_locked_duckdb() -> None:
    assert duckdb.__version__ == volatile.VERSION
    assert volatile_names() == ask_volatile_names()


def test_another_duckdb_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(volatile, "NAMES", frozenset())
    monkeypatch.setattr(volatile, "VERSION", "0.1")
    volatile_names.cache_clear()
    try:
        assert "random" in volatile_names()
    finally:
        volatile_names.cache_clear()
