"""The syntax tree of what a Python file built, each value in its place in the text."""

from __future__ import annotations

from typing import Any, Final

from trc.compiler.frontends.python.code import Code, Found, Position, Step
from trc.compiler.frontends.python.strings import map_text
from trc.compiler.frontends.syntax import Entry, Mapping, Node, Scalar, Sequence
from trc.compiler.frontends.yaml import DEEPEST
from trc.compiler.source import ScalarMap, Span

SPELLED: Final = {
    "nodes": "tasks",
    "retries": "retry",
    "max_attempts": "attempts",
    "initial_delay_seconds": "initial",
    "backoff_factor": "factor",
    "max_delay_seconds": "max",
    "timeout_seconds": "timeout",
    "heartbeat_timeout_seconds": "heartbeat_timeout",
    "memory_limit": "memory",
    "cpu_limit": "cpu",
    "python_version": "python",
    "env": "variables",
    "max_age_seconds": "max_age",
    "interval_seconds": "interval",
    "id": "name",
}
"""The words of the Python library, where they are not the keys of the tree."""


class Malformed(Exception):  # noqa: N818 - not an error of anybody's: the file's code wrote into the answer
    """The answer is no tree."""


class TooDeep(Exception):  # noqa: N818 - it says what the value is
    """A value nests deeper than trees may; `span` is where."""

    def __init__(self, span: Span) -> None:
        super().__init__(span)
        self.span = span


class Tree:
    """Makes nodes of an answer, whose values say through which call, and which of its arguments, they came."""

    def __init__(self, code: Code, calls: Any) -> None:
        self.code = code
        self._calls = [_call(one) for one in _list(calls)]
        self._found: dict[tuple[Any, ...], Found] = {}

    def node(self, said: Any, depth: int = 1) -> Node:
        """The node of an answer; raises TooDeep, and Malformed for what is none."""
        if not isinstance(said, dict):
            raise Malformed
        found = self.found(said.get("at"))
        if depth > DEEPEST:
            raise TooDeep(found.span)
        if "entries" in said:
            entries = tuple(self._entry(one, depth + 1) for one in _list(said["entries"]))
            # The keys of a dict that the author wrote are those of the tree itself.
            spelled = SPELLED if said.get("words") is True else {}
            return Mapping(entries, found.span, whole=said.get("whole", True) is True, spelled=spelled)
        if "items" in said:
            return Sequence(tuple(self.node(one, depth + 1) for one in _list(said["items"])), found.span)
        return self._scalar(said.get("value"), found)

    def found(self, place: Any) -> Found:
        """The expression that a place names: a call's number, and the path from it."""
        number, *steps = _list(place) or [None]
        if not isinstance(number, int) or not 0 <= number < len(self._calls):
            raise Malformed
        path = tuple(_step(step) for step in steps)
        key = (number, *path)
        if key not in self._found:
            position, is_here = self._calls[number]
            self._found[key] = self.code.find(position, path if is_here else ())
        return self._found[key]

    def at(self, position: Any) -> Span:
        """Where a position of the interpreter's stands."""
        return self.code.span(self._position(position))

    def _position(self, said: Any) -> Position:
        return _call([*_list(said), True])[0]

    def _entry(self, said: Any, depth: int) -> Entry:
        match said:
            case [str(key), place, value]:
                span = self.found(place).key
                return Entry(Scalar(key, "double", ScalarMap(span)), self.node(value, depth))
            case _:
                raise Malformed

    def _scalar(self, value: Any, found: Found) -> Scalar:
        if isinstance(value, str):
            return Scalar(value, "double", map_text(self.code, found.node, value, found.span))
        return Scalar(_word(value), "plain", ScalarMap(found.span))


def _word(value: Any) -> str:
    """A value that is no text, as YAML writes it."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return {"inf": ".inf", "-inf": "-.inf", "nan": ".nan"}.get(repr(value), repr(value))
        case _:
            raise Malformed


def _call(said: Any) -> tuple[Position, bool]:
    match said:
        case [int(first), start, int(last), end, bool(is_here)]:
            begins = start if isinstance(start, int) else 0
            ends = end if isinstance(end, int) else 1 << 30
            if first < 1 or (first, begins) > (last, ends) or min(begins, ends) < 0:
                raise Malformed
            return (first, begins, last, ends), is_here
        case _:
            raise Malformed


def _step(said: Any) -> Step:
    match said:
        case str() | int():
            return said
        case ["argument", int(index), str(name)]:
            return ("argument", index, name)
        case _:
            raise Malformed


def _list(said: Any) -> list[Any]:
    if not isinstance(said, list):
        raise Malformed
    return said
