"""The known name that a misspelled one was meant to be."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from functools import lru_cache


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The closest of `known` to `name`, ignoring case, or None if none is close."""
    return _closest(name.casefold(), tuple(known))


# One misspelled name is often used by many tasks, and told about in several places.
@lru_cache(maxsize=256)
def _closest(folded: str, known: tuple[str, ...]) -> str | None:
    by_folded = {candidate.casefold(): candidate for candidate in known}
    matches = get_close_matches(folded, by_folded, n=1, cutoff=0.6)
    return by_folded[matches[0]] if matches else None


def did_you_mean(name: str, known: Iterable[str]) -> tuple[str, ...]:
    """A help line for a misspelled name, or nothing."""
    match = nearest(name, known)
    return (f'did you mean "{match}"?',) if match else ()
