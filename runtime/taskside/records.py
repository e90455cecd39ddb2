"""Values that do not change, at the cost of those that do.

To set a field of a frozen dataclass takes a call of `object.__setattr__`, at run time, for each field of each value: a
tenth of all that a small task costs. Type checkers hold us to what is frozen, so that need not be said again to each value.
"""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING, Any, Callable

__all__ = ["record"]

if TYPE_CHECKING:
    from dataclasses import dataclass as record
else:

    def record(*, frozen: bool, slots: bool = False) -> Callable[[type], Any]:
        """A dataclass that is compared, hashed and read as one with these options, and frozen for type checkers alone."""
        options = {"slots": True} if slots and sys.version_info >= (3, 10) else {}
        return dataclasses.dataclass(unsafe_hash=frozen, **options)
