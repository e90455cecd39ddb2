"""Patterns of names, as DuckDB matches them.

Compiler, runtime and task side go by them alike: they need nothing but Python 3.9.
"""

from __future__ import annotations

import re
from functools import lru_cache
from re import Pattern
from typing import Final


def is_matched(glob: str, name: str) -> bool:
    """Whether the pattern covers the name: `*` and `?` stay within a folder, `**` alone crosses folders."""
    return _pattern(glob).fullmatch(name.encode("utf-8", "surrogatepass")) is not None


@lru_cache(maxsize=4096)
def _pattern(glob: str) -> Pattern[bytes]:
    """DuckDB matches bytes, folder by folder; `**` crosses folders only where it stands alone."""
    components = glob.encode("utf-8", "surrogatepass").split(b"/")
    last = len(components) - 1
    regex = b""
    for index, component in enumerate(components):
        if component == b"**":
            regex += b".*" if index == last else b"(?:[^/]*/)*"
        else:
            regex += _component(component) + (b"" if index == last else b"/")
    return re.compile(regex, re.DOTALL)


def _component(text: bytes) -> bytes:
    regex, index = b"", 0
    while index < len(text):
        char = text[index : index + 1]
        index += 1
        if char == b"*":
            regex += b"[^/]*"
        elif char == b"?":
            regex += b"[^/]"
        elif char == b"[":
            matched, index = _bracket(text, index)
            regex += matched
        elif char == b"\\" and index < len(text):
            regex += re.escape(text[index : index + 1])
            index += 1
        else:
            regex += re.escape(char)
    return regex


_NOTHING: Final = b"(?!)"


def _bracket(text: bytes, index: int) -> tuple[bytes, int]:
    """The class after a `[`, and where it ends; one that does not close matches nothing."""
    negated = text[index : index + 1] == b"!"
    start = index = index + negated
    members = b""
    while index < len(text):
        if text[index : index + 1] == b"]" and index > start:
            if not members:
                return (b"[^/]" if negated else _NOTHING), index + 1
            return b"(?!/)[" + (b"^" if negated else b"") + members + b"]", index + 1
        if text[index + 1 : index + 2] == b"-" and index + 2 < len(text):
            low, high = text[index : index + 1], text[index + 2 : index + 3]
            # A range that runs backwards holds nothing.
            members += re.escape(low) + b"-" + re.escape(high) if low <= high else b""
            index += 3
        else:
            members += re.escape(text[index : index + 1])
            index += 1
    return _NOTHING, len(text)
