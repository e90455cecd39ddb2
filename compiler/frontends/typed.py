"""What an unquoted word of YAML is: text, a number, true or false, nothing, or something readers disagree on."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final, Literal

from trc.compiler.frontends.syntax import Scalar

Kind = Literal["text", "whole number", "number", "boolean", "nothing"]


@dataclass(frozen=True, slots=True)
class Typed:
    """A scalar's kind and value under YAML 1.2's core rules.

    `otherwise` says what readers of YAML 1.1 (or, of some spellings, 1.2) take it for instead.
    """

    kind: Kind
    value: str | int | float | bool | None
    otherwise: str | None = None

    @property
    def is_json(self) -> bool:
        """Whether JSON and 64 bits can hold it."""
        if isinstance(self.value, float):
            return math.isfinite(self.value)
        return not isinstance(self.value, int) or -(2**63) <= self.value < 2**63


_NOTHING: Final = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS: Final = {word: word.lower() == "true" for word in ("true", "True", "TRUE", "false", "False", "FALSE")}
_OLD_BOOLEANS: Final = {
    spelling: reading
    for word, reading in (("yes", "true"), ("on", "true"), ("no", "false"), ("off", "false"))
    for spelling in (word, word.capitalize(), word.upper())
}
_WHOLE: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_HEX: Final = re.compile(r"0x[0-9a-fA-F]+")
_NUMBER: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_ENDLESS: Final = re.compile(r"([-+]?)\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_OCTAL: Final = re.compile(r"([-+]?)0o?([0-7_]+)")
_LEADING_ZERO: Final = re.compile(r"[-+]?0[0-9_]+")
_BINARY: Final = re.compile(r"[-+]?0b[01_]+")
_GROUPED: Final = re.compile(r"[-+]?[0-9][0-9_]*(?:\.[0-9_]*)?|[-+]?0x[0-9a-fA-F_]+")
_SIXTIES: Final = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?")
_DATE: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?"
    r"(?:[ \t]*(?:Z|[-+][0-9]{1,2}(?::?[0-9]{2})?))?"
)
_LONGEST_NUMBER: Final = 400


def typed(scalar: Scalar) -> Typed:
    """How a scalar reads: what is quoted, or stands in a block, is text."""
    word = scalar.value
    if scalar.style != "plain":
        return Typed("text", word)
    if word in _NOTHING:
        return Typed("nothing", None)
    if word in _BOOLEANS:
        return Typed("boolean", _BOOLEANS[word])
    if word in _OLD_BOOLEANS:
        return Typed("text", word, _OLD_BOOLEANS[word])
    if word[0] in "0123456789+-." and len(word) <= _LONGEST_NUMBER:
        return _numeric(word)
    return Typed("text", word)


def _numeric(word: str) -> Typed:
    if _WHOLE.fullmatch(word):
        return Typed("whole number", int(word))
    if _HEX.fullmatch(word):
        return Typed("whole number", int(word, 16))
    if octal := _OCTAL.fullmatch(word):
        digits = octal[2].replace("_", "")
        return Typed("text", word, f"the number {octal[1]}{int(digits, 8)}" if digits else "a number")
    if _LEADING_ZERO.fullmatch(word):
        return Typed("text", word, "a number")
    if _NUMBER.fullmatch(word):
        return Typed("number", float(word))
    if endless := _ENDLESS.fullmatch(word):
        return Typed("number", math.nan if endless[1] is None else float(f"{endless[1]}inf"))
    if _SIXTIES.fullmatch(word):
        return Typed("text", word, f"the number {_sixties(word)}")
    if _DATE.fullmatch(word):
        return Typed("text", word, "a date")
    if _BINARY.fullmatch(word) or _GROUPED.fullmatch(word):
        return Typed("text", word, "a number")
    return Typed("text", word)


def _sixties(word: str) -> str:
    """YAML 1.1 counts `1:30` in sixties."""
    total = 0.0
    for part in word.lstrip("+-").replace("_", "").split(":"):
        total = total * 60 + float(part)
    return f"{'-' if word.startswith('-') else ''}{total:.15g}"
