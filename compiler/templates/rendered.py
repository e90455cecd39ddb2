"""A text of the syntax tree with its templates rendered: each character still knows where it stands in the file."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any, Final

from trc.compiler.frontends.syntax import Entry, Mapping, Node, Scalar
from trc.compiler.frontends.syntax import Sequence as ListNode
from trc.compiler.ir.values import Duration, Size
from trc.compiler.source import ScalarMap, Span
from trc.compiler.templates.asked import spelled
from trc.compiler.templates.joined import joined
from trc.compiler.templates.mistake import Mistake
from trc.compiler.templates.sqltext import put_sql
from trc.compiler.templates.template import macros_of, run
from trc.compiler.templates.texts import check_extent, plain_text
from trc.compiler.templates.world import Piece, RunTime, World

__all__ = ["macros_of", "rendered", "rendered_value", "run"]

_ITEM_PLACES: Final = (
    "it can stand in SQL, in the args of a python task, in a list of arguments, and in locations of outputs",
    "a command that is one text finds it as $TRC_ITEM",
)
_RESULT_PLACES: Final = (
    "it can stand in SQL, in the args of a python task, in a list of arguments, and in a condition",
)


def rendered(scalar: Scalar, world: World, *, is_sql: bool, run_time: bool, has_item: bool) -> Node:
    """What a text with templates says. Raises Mistake, or Unsettled.

    A text of SQL gets its values as literals. Any other one that is a single expression keeps that
    expression's type. `run_time` says that what only a run knows may stand in it, and stays as it is.
    """
    pieces = run(scalar.value, world, has_item=has_item)
    if is_sql:
        return joined(scalar, put_sql(pieces))
    single = pieces[0] if len(pieces) == 1 and not pieces[0].is_text else None
    if single is not None and not isinstance(single.value, str | RunTime):
        check_extent(single.value)
        return _node(single.value, scalar.map.whole)
    return joined(scalar, [(_plain(piece, run_time=run_time), piece) for piece in pieces])


def rendered_value(scalar: Scalar, world: World) -> Any:
    """The value of a text with templates, with the type of its expression if it is a single one."""
    pieces = run(scalar.value, world)
    if len(pieces) == 1:
        return pieces[0].value
    return "".join(_plain(piece, run_time=False) for piece in pieces)


def _plain(piece: Piece, *, run_time: bool) -> str:
    if not isinstance(piece.value, RunTime):
        return plain_text(piece.value)
    if not run_time:
        raise Mistake(
            f'"{spelled(piece.value.path)}" is known only when the task runs, and cannot stand here',
            piece.start,
            piece.end,
            code="TRC116",
            help=_RESULT_PLACES if piece.value.path[0] == "tasks" else _ITEM_PLACES,
        )
    return f"{{{{ {spelled(piece.value.path)} }}}}"


def _node(value: Any, span: Span) -> Node:
    """A value as a front end would have read it, all of it at the template's place."""
    match value:
        case None | bool() | int() | float() | Decimal() | Duration() | Size():
            return Scalar(plain_text(value), "plain", ScalarMap(span))
        case list() | tuple():
            return ListNode(tuple(_node(one, span) for one in value), span)
        case dict():
            keys = ((Scalar(str(key), "double", ScalarMap(span)), one) for key, one in value.items())
            return Mapping(tuple(Entry(key, _node(one, span)) for key, one in keys), span)
        case str() | date():
            return Scalar(plain_text(value), "double", ScalarMap(span))
        case _:
            raise Mistake("this is no value that can be written out")
