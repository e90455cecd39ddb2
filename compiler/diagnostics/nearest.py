"""The known name that a misspelled one was meant to be."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher, get_close_matches
from functools import lru_cache
from operator import eq
from typing import Final

LOOK_ALIKES: Final = str.maketrans(
    "аеорсухіјѕһԁԛԝАВЕКМНОРСТУХІЈЅΑΒΕΖΗΙΚΜΝΟΡΤΥΧονА",  # noqa: RUF001 - that they look alike is the point
    "aeopcyxijshdqwABEKMHOPCTYXIJSABEZHIKMNOPTYXovA",
)
"""Letters of Cyrillic and Greek that look like Latin ones."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The closest of `known` to `name`, ignoring case, or None if none is close."""
    return _closest(name.casefold(), tuple(known))


# One misspelled name is often used by many tasks, and told about in several places.
@lru_cache(maxsize=256)
def _closest(folded: str, known: tuple[str, ...]) -> str | None:
    by_folded = {candidate.casefold(): candidate for candidate in known}
    matches = get_close_matches(folded, by_folded, n=4, cutoff=0.6)
    return by_folded[max(matches, key=lambda one: _likeness(folded, one))] if matches else None


def _likeness(name: str, candidate: str) -> tuple[float, int]:
    """How much a candidate has of the name; of equals, the one that has more of it in the same place is closer."""
    return SequenceMatcher(a=candidate, b=name).ratio(), sum(map(eq, name, candidate))


def did_you_mean(name: str, known: Iterable[str]) -> tuple[str, ...]:
    """A help line for a misspelled name, or nothing."""
    match = nearest(name, known)
    if match is None:
        return ()
    other = next((char for char in name if ord(char) in LOOK_ALIKES), None)
    if other is None or name.translate(LOOK_ALIKES).casefold() != match.casefold():
        return (f'did you mean "{match}"?',)
    return (f'did you mean "{match}"? the "{other}" here is U+{ord(other):04X}, a letter of another alphabet',)
