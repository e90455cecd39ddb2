"""Dates and times that conditions compare with texts: `run.date >= "2026-01-01"`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from trc.compiler.templates.mistake import Mistake


def comparable(value: Any) -> Any:
    """The value, or one in its place that is compared with texts, too."""
    if isinstance(value, datetime):
        return Moment(
            value.year,
            value.month,
            value.day,
            value.hour,
            value.minute,
            value.second,
            value.microsecond,
            value.tzinfo,
            fold=value.fold,
        )
    return Day(value.year, value.month, value.day) if isinstance(value, date) else value


def _with_texts(compare: Callable[[Any, Any], Any]) -> Callable[[Any, object], Any]:
    def compared(self: Any, other: object) -> Any:
        if isinstance(other, date) and isinstance(other, datetime) != isinstance(self, datetime):
            remedy = ("compare run.date with dates, and run.time with times",)
            raise Mistake("a date and a time are compared", code="TRC118", help=remedy)
        return compare(self, self.read(other) if isinstance(other, str) else other)

    return compared


class Day(date):
    """A date; a text that it is compared with is one, too."""

    def read(self, text: str) -> date:
        try:
            return date.fromisoformat(text)
        except ValueError:
            raise Mistake(f'"{text}" is no date', code="TRC118", help=("write it as 2026-01-31",)) from None

    __lt__ = _with_texts(date.__lt__)
    __le__ = _with_texts(date.__le__)
    __gt__ = _with_texts(date.__gt__)
    __ge__ = _with_texts(date.__ge__)
    __eq__ = _with_texts(date.__eq__)
    __ne__ = _with_texts(date.__ne__)
    __hash__ = date.__hash__


class Moment(datetime):
    """A time; a text that it is compared with is one of its zone, unless it names another."""

    def read(self, text: str) -> datetime:
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            remedy = ("write it as 2026-01-31T02:00, or with a zone: 2026-01-31T02:00+01:00",)
            raise Mistake(f'"{text}" is no time', code="TRC118", help=remedy) from None
        return found.replace(tzinfo=self.tzinfo) if found.tzinfo is None else found

    __lt__ = _with_texts(datetime.__lt__)
    __le__ = _with_texts(datetime.__le__)
    __gt__ = _with_texts(datetime.__gt__)
    __ge__ = _with_texts(datetime.__ge__)
    __eq__ = _with_texts(datetime.__eq__)
    __ne__ = _with_texts(datetime.__ne__)
    __hash__ = datetime.__hash__
