"""Writes a tree of sqlglot's as DuckDB's SQL, and notes which part of the author's text each part of that came from."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from sqlglot import ErrorLevel, exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.generator import Generator

from trc.compiler.sql.dialect import OWN, Origin
from trc.compiler.sql.dialects.crashes import CRASHES
from trc.compiler.sql.dialects.places import KEY, Place, place_of

OPEN, MIDDLE, CLOSE = "\ue0f0", "\ue0f1", "\ue0f2"
"""Characters that stand around a node's SQL while it is written; no text of an author's may have them."""
_MARK: Final = re.compile(f"{OPEN}(\\d+){MIDDLE}|{CLOSE}")
Handler = Callable[[Generator, Any], str]


@dataclass(frozen=True, slots=True)
class Written:
    """`sql` with its origins. `unsupported` is what DuckDB has nothing for, as sqlglot puts it, each with its place.

    `kept` are the ranges of the author's text that stand in it, those within what is written as one included.
    """

    sql: str
    origins: tuple[Origin, ...]
    kept: frozenset[tuple[int, int]]
    unsupported: tuple[tuple[str, Place | None], ...]


def write(tree: exp.Expr) -> Written:
    """The tree, whose nodes are located, as DuckDB's SQL."""
    plain = _generator().generate(tree.copy())
    marks = _Marks()
    generator = _generator()
    # The one seam that sqlglot's compiled build has, too: its classes cannot be derived from.
    generator._dispatch = marks.around(generator._dispatch)  # noqa: SLF001
    sql, origins = _without_marks(generator.generate(tree.copy()), marks.places)
    kept = frozenset({(one.first, one.last) for one in origins} | marks.within)
    # Where marks made a difference to what was written, only the whole is known.
    return Written(plain, origins if sql == plain else (), kept, tuple(marks.unsupported.values()))


def _generator() -> Generator:
    return Dialect.get_or_raise(OWN).generator(comments=False, unsupported_level=ErrorLevel.IGNORE)


@dataclass(slots=True)
class _Marks:
    """What was met while a tree was written."""

    places: list[Place] = field(default_factory=list[Place])
    unsupported: dict[int, tuple[str, Place | None]] = field(default_factory=dict[int, tuple[str, "Place | None"]])
    """By their number, since a part's are told between those of the whole."""
    within: set[tuple[int, int]] = field(default_factory=set[tuple[int, int]])
    """The places of what was written without marks."""
    is_plain: bool = False

    def around(self, dispatch: dict[type[exp.Expr], Handler]) -> dict[type[exp.Expr], Handler]:
        """The handlers, each of which marks what it writes; functions without one are written by their names."""
        named = {kind: Generator.function_fallback_sql for kind in exp.ALL_FUNCTIONS if kind not in dispatch}
        return {kind: self.marking(handler) for kind, handler in (*dispatch.items(), *named.items())}

    def marking(self, handler: Handler) -> Handler:
        def marked(generator: Generator, node: exp.Expr) -> str:
            before = len(generator.unsupported_messages)
            sql = self.written(handler, generator, node)
            # Those of the nodes within are noted already.
            for index in range(before, len(generator.unsupported_messages)):
                self.unsupported.setdefault(index, (generator.unsupported_messages[index], place_of(node)))
            place: Place | None = node.meta.get(KEY)
            if not sql or place is None or self.is_plain:
                return sql
            self.places.append(place)
            return f"{OPEN}{len(self.places) - 1}{MIDDLE}{sql}{CLOSE}"

        return marked

    def written(self, handler: Handler, generator: Generator, node: exp.Expr) -> str:
        """What the handler writes. Some read again what was written of a node's parts: then these get no marks."""
        try:
            return handler(generator, node)
        except CRASHES:
            if self.is_plain:
                raise
        self.is_plain = True
        self.within |= {one.meta[KEY][:2] for one in node.walk() if KEY in one.meta}
        try:
            return handler(generator, node)
        finally:
            self.is_plain = False


def _without_marks(sql: str, places: list[Place]) -> tuple[str, tuple[Origin, ...]]:
    parts: list[str] = []
    origins: list[Origin] = []
    opened: list[tuple[int, Place]] = []
    length = position = 0
    for mark in _MARK.finditer(sql):
        parts.append(sql[position : mark.start()])
        length += mark.start() - position
        position = mark.end()
        if mark[1] is not None:
            opened.append((length, places[int(mark[1])]))
        elif opened:
            start, (first, last, named) = opened.pop()
            origins.append(Origin(start, length, first, last, named))
    parts.append(sql[position:])
    return "".join(parts), tuple(origins)
