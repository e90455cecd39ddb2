"""What sqlglot may raise where one part of it has taken more than the rest can handle."""

from __future__ import annotations

from typing import Final

from sqlglot.errors import SqlglotError

CRASHES: Final = (SqlglotError, ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError)
