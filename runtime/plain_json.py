"""JSON of plain values, which stores and executors write by the thousand: in a tenth of the time that Python's own encoder takes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

import orjson

_PLAIN: Final = frozenset({str, int, bool, type(None)})
_encode: Final = json.JSONEncoder(separators=(",", ":")).encode


def encode_plain(value: Any, otherwise: Callable[[Any], str] = _encode) -> bytes:
    """The JSON, without spaces, of a value for which `is_plain` holds, or whose other numbers are known to be finite.

    What is not a number would become null. Whole numbers of more than 64 bits and texts that are no Unicode are
    written by `otherwise`, as is all that it can write and others cannot.
    """
    try:
        return orjson.dumps(value)
    except TypeError:
        return otherwise(value).encode()


def is_plain(value: Any) -> bool:
    """Whether it is made of texts, whole numbers, truth values, dicts and lists alone, as an author's data need not be."""
    kind = type(value)
    if kind in _PLAIN:
        return True
    if kind is dict:
        return all(map(is_plain, value.values()))
    return (kind is list or kind is tuple) and all(map(is_plain, value))
