"""Conditions of `when`: one expression, its names known, in the one spelling that equal ones share."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

import jinja2
from jinja2 import nodes

from trc.compiler.diagnostics.nearest import did_you_mean
from trc.compiler.frontends.secrets import ALLOWED
from trc.compiler.ir.secrets import KEY
from trc.compiler.templates.asked import require_result, spelled
from trc.compiler.templates.mistake import Mistake
from trc.compiler.templates.paths import run_time_path
from trc.compiler.templates.words import FILTERS, RUN_TIME_NAMES, TESTS

_COMPARED: Final = {
    "eq": "==", "ne": "!=", "lt": "<", "lteq": "<=", "gt": ">", "gteq": ">=", "in": "in", "notin": "not in",
}  # fmt: skip
_BINARY: Final[Mapping[type[nodes.BinExpr], tuple[str, int]]] = {
    nodes.Or: ("or", 1),
    nodes.And: ("and", 2),
    nodes.Add: ("+", 5),
    nodes.Sub: ("-", 5),
    nodes.Mul: ("*", 7),
    nodes.Div: ("/", 7),
    nodes.FloorDiv: ("//", 7),
    nodes.Mod: ("%", 7),
    nodes.Pow: ("**", 9),
}
_LONGEST: Final = 10_000


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition as the IR holds it, and the names that it uses."""

    text: str
    names: frozenset[str]

    @property
    def needs_run(self) -> bool:
        """Whether only a run can tell if it holds."""
        return not self.names.isdisjoint(RUN_TIME_NAMES)


def canonical_condition(text: str, names: Collection[str]) -> Condition:
    """The condition in the spelling that equal ones share; `names` are those that it may use. Raises Mistake."""
    if len(text) > _LONGEST:
        raise Mistake("a condition is longer than 10,000 characters", code="TRC113")
    try:
        tree = jinja2.Environment(optimized=False, cache_size=0, autoescape=True).parse("{{ " + text + " }}")
    except jinja2.TemplateSyntaxError as error:
        raise _unreadable(text, str(error.message)) from None
    except RecursionError:
        raise Mistake("a condition nests too deep", code="TRC113") from None
    outputs = tree.body[0].nodes if len(tree.body) == 1 and isinstance(tree.body[0], nodes.Output) else []
    if len(outputs) != 1 or isinstance(outputs[0], nodes.TemplateData):
        raise Mistake("a condition is one expression", code="TRC118", help=(_NO_BRACES,))
    printer = _Printer(text, names)
    try:
        return Condition(printer.print(outputs[0], 0), frozenset(printer.used))
    except RecursionError:
        raise Mistake("a condition nests too deep", code="TRC113") from None


def folded_condition(text: str, value_of: Callable[[str], Any]) -> str | bool:
    """A condition that needs a run, with a constant for all that is known before it; true or false where nothing else is left.

    `value_of` tells the value of an expression. Raises what that raises, and Mistake for a value that no constant can be.
    """
    tree: Any = jinja2.Environment(optimized=False, cache_size=0, autoescape=True).parse("{{ " + text + " }}")
    return _folded(tree.body[0].nodes[0], value_of)


def _folded(node: Any, value_of: Callable[[str], Any]) -> str | bool:
    if isinstance(node, nodes.And | nodes.Or):
        decides = isinstance(node, nodes.Or)
        left = _folded(node.left, value_of)
        if left is decides:
            return decides
        right = _folded(node.right, value_of)
        if right is decides:
            return decides
        parts = [f"({one})" for one in (left, right) if not isinstance(one, bool)]
        return (" or " if decides else " and ").join(parts) if parts else not decides
    if isinstance(node, nodes.Not):
        inner = _folded(node.node, value_of)
        return not inner if isinstance(inner, bool) else f"not ({inner})"
    made = _Folder(value_of).print(node, 0)
    return {"true": True, "false": False}.get(made, made)


_NO_BRACES: Final = "write it without braces: target.name == 'prod'"
_ONE_EQUALS: Final = re.compile(r"(?<![=!<>])=(?!=)")


def _unreadable(text: str, told: str) -> Mistake:
    """What keeps a condition from being read, in our words for what authors are used to from elsewhere."""
    if "{{" in text or "{%" in text:
        return Mistake("a condition holds no templates: it is an expression itself", code="TRC118", help=(_NO_BRACES,))
    equals = _ONE_EQUALS.search(text)
    if equals is not None and "got '='" in told:
        remedy = ("compare with ==",)
        return Mistake('one "=" compares nothing', equals.start(), equals.end(), code="TRC118", help=remedy)
    words = told.rstrip(".").replace("'", '"').replace('"end of print statement"', "the end")
    return Mistake(f"this condition cannot be read: {words[:1].lower()}{words[1:]}", code="TRC118")


class _Printer:
    def __init__(self, text: str, names: Collection[str]) -> None:
        self.text = text
        self.names = names
        self.used: set[str] = set()

    def print(self, node: Any, within: int) -> str:
        text, binding = self.printed(node)
        return f"({text})" if binding < within else text

    def printed(self, node: Any) -> tuple[str, int]:
        path = run_time_path(node)
        if path is not None and path[0] == "tasks":
            require_result(path)
            self.used.add("tasks")
            return spelled(path), 11
        match node:
            case nodes.Name():
                return self.name(node.name), 12
            case nodes.Const():
                return _constant(node.value), 12
            case nodes.Getattr():
                return f"{self.print(node.node, 11)}.{node.attr}", 11
            case nodes.Getitem() if not isinstance(node.arg, nodes.Slice):
                return f"{self.print(node.node, 11)}[{self.print(node.arg, 0)}]", 11
            case nodes.Not():
                return f"not {self.print(node.node, 3)}", 3
            case nodes.Neg():
                return f"-{self.print(node.node, 8)}", 8
            case nodes.Compare():
                parts = [f"{_COMPARED[one.op]} {self.print(one.expr, 5)}" for one in node.ops]
                return " ".join([self.print(node.expr, 5), *parts]), 4
            case nodes.Concat():
                return " ~ ".join(self.print(one, 7) for one in node.nodes), 6
            case nodes.BinExpr():
                word, binding = _BINARY[type(node)]
                return f"{self.print(node.left, binding)} {word} {self.print(node.right, binding + 1)}", binding
            case nodes.List():
                return f"[{', '.join(self.print(one, 0) for one in node.items)}]", 12
            case nodes.Filter() if node.node is not None and not (node.dyn_args or node.dyn_kwargs):
                return f"{self.print(node.node, 10)} | {self.word(node, FILTERS, 'filter')}", 10
            case nodes.Test() if not (node.dyn_args or node.dyn_kwargs):
                return f"{self.print(node.node, 10)} is {self.word(node, TESTS, 'test')}", 4
            case _:
                remedy = ("compare values: target.name == 'prod' and day > '2026-01-31'",)
                raise Mistake("this cannot stand in a condition", code="TRC118", help=remedy)

    def name(self, name: str) -> str:
        if name not in self.names:
            start = max(self.text.find(name), 0)
            if name == KEY:
                message = "a condition cannot see a secret"
                raise Mistake(message, start, start + len(name), code="TRC220", help=(ALLOWED,))
            remedy = did_you_mean(name, self.names) or (f"there are: {', '.join(self.names)}",)
            raise Mistake(f'nothing is called "{name}" here', start, start + len(name), code="TRC114", help=remedy)
        self.used.add(name)
        return name

    def word(self, node: Any, known: Collection[str], what: str) -> str:
        if node.name not in known:
            remedy = did_you_mean(node.name, known) or (f"there are: {', '.join(sorted(known))}",)
            raise Mistake(f'there is no {what} "{node.name}"', code="TRC118", help=remedy)
        arguments = [self.print(one, 0) for one in node.args]
        arguments += [f"{one.key}={self.print(one.value, 0)}" for one in node.kwargs]
        return f"{node.name}({', '.join(arguments)})" if arguments else node.name


class _Folder(_Printer):
    """Prints a condition whose names are all known to be good, with constants for what needs no run."""

    def __init__(self, value_of: Callable[[str], Any]) -> None:
        super().__init__("", RUN_TIME_NAMES)
        self.value_of = value_of

    def printed(self, node: Any) -> tuple[str, int]:
        names = {one.name for one in (node, *node.find_all(nodes.Name)) if isinstance(one, nodes.Name)}
        if not names or not names.isdisjoint(RUN_TIME_NAMES):
            return super().printed(node)
        return _literal(self.value_of(_Printer("", names).print(node, 0))), 10


def _literal(value: Any) -> str:
    match value:
        case bool() | int() | float() | str() | None:
            return _constant(value)
        case Decimal():
            return str(value)
        case date():
            return _constant(value.isoformat())
        case list() | tuple():
            return f"[{', '.join(_literal(one) for one in value)}]"
        case _:
            remedy = ("compare a part of it",)
            raise Mistake("this value cannot be compared with what only a run knows", code="TRC118", help=remedy)


def _constant(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case None:
            return "none"
        case str():
            escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\r", "\\r")
            return f"'{escaped}'"
        case _:
            return repr(value)
