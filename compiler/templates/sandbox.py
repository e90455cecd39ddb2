"""Jinja with nothing in it that could reach out of a template, or go on for ever: bounded by construction.

Values have no methods here, filters are a short list of our own, and every operation that could make
something large is asked for its size before it is done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import jinja2
from jinja2 import nodes
from jinja2.runtime import LoopContext, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment

from trc.compiler.templates.mistake import Mistake
from trc.compiler.templates.texts import check_extent
from trc.compiler.templates.words import FILTERS, LOOP_PARTS, TESTS, date_part, text_of
from trc.compiler.templates.world import Budget, Names

_LONGEST_RANGE: Final = 10_000
_WIDEST_NUMBER: Final = 2048
"""Bits that a whole number may have."""


class Sandbox(ImmutableSandboxedEnvironment):
    """The environment that templates run in."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})

    def __init__(self, budget: Budget) -> None:
        super().__init__(undefined=jinja2.StrictUndefined, keep_trailing_newline=True, optimized=False, cache_size=0)
        self.budget = budget
        self.filters = dict(FILTERS)
        self.tests = {name: self.tests[name] for name in TESTS}
        self.globals = {"range": self.range, "__each": self.each, "__made": self.made, "__glue": self.glue}

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:  # noqa: ARG002 - Jinja's interface
        self.budget.step()
        if isinstance(left, str | list) or isinstance(right, str | list):
            return self._combined(operator, left, right)
        if isinstance(left, int) and isinstance(right, int) and _bits(operator, left, right) > _WIDEST_NUMBER:
            raise Mistake("a number in a template gets too large", code="TRC113")
        if operator == "**" and not (isinstance(left, int) and isinstance(right, int) and right >= 0):
            raise Mistake('"**" takes whole numbers, the second one not negative')
        return self.binop_table[operator](left, right)

    def _combined(self, operator: str, left: Any, right: Any) -> Any:
        if operator == "+" and isinstance(left, str) and isinstance(right, str):
            return self.glue(left, right)
        if operator == "+" and isinstance(left, list) and isinstance(right, list):
            return self.made([*left, *right]) if len(left) + len(right) <= _LONGEST_RANGE else self.made(left * 2)
        if operator == "*" and isinstance(left, str) and isinstance(right, int):
            self.budget.write(len(left) * max(right, 0))
            return left * right
        raise Mistake(f'"{operator}" does not work on {_kind(left)} and {_kind(right)}', help=('join texts with "~"',))

    def getattr(self, obj: Any, attribute: str) -> Any:
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        self.budget.step()
        if isinstance(obj, Names):
            return obj.get(str(argument))
        if isinstance(obj, jinja2.Undefined):
            return obj[argument]
        if isinstance(obj, LoopContext) and argument in LOOP_PARTS:
            return getattr(obj, argument)
        if isinstance(argument, slice) and isinstance(obj, str | list | tuple):
            return obj[argument]
        if isinstance(obj, dict) and isinstance(argument, str | int):
            if argument in obj:
                return obj[argument]
            return self.undefined(hint=f'there is no "{argument}" in it')
        if isinstance(obj, str | list | tuple) and type(argument) is int:
            try:
                return obj[argument]
            except IndexError:
                return self.undefined(hint=f"it has {len(obj)} values, and none at {argument}")
        part = date_part(obj, str(argument))
        if part is not None:
            return part
        raise Mistake(f'{_kind(obj)} has no "{argument}" in templates', help=("use a filter: {{ name | upper }}",))

    def call(__self, __context: Any, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805, PYI063 - Jinja's interface
        __self.budget.step()
        own = {name: value for name, value in kwargs.items() if name not in ("_loop_vars", "_block_vars")}
        if isinstance(__obj, Macro | Callback) or getattr(__obj, "__self__", None) is __self:
            return __obj(*args, **own)
        raise Mistake("only macros and range() can be called in a template", help=("use a filter: {{ name | upper }}",))

    def range(self, *bounds: int) -> list[int]:
        """The whole numbers between two bounds."""
        made = range(*bounds)
        if len(made) > _LONGEST_RANGE:
            raise Mistake("range() gives at most 10,000 numbers", code="TRC113")
        return list(made)

    def each(self, values: Iterable[Any]) -> Iterator[Any]:
        """What a loop goes through, every round counted."""
        if isinstance(values, jinja2.Undefined):
            iter(values)
        if not isinstance(values, list | tuple | dict):
            raise Mistake(f"a loop goes through a list, not {_kind(values)}")
        for one in list(values):
            self.budget.step()
            yield one

    def made(self, value: Any) -> Any:
        """A new list or map, if it is not too large."""
        self.budget.step()
        check_extent(value)
        return value

    def glue(self, *parts: Any) -> str:
        """Texts joined."""
        self.budget.step()
        for one in parts:
            if isinstance(one, jinja2.Undefined):
                str(one)
        texts = [text_of(one) for one in parts]
        if any("\0" in one for one in texts):
            raise Mistake("what a macro gives can only be written out", help=("write {{ macro() }} by itself",))
        self.budget.write(sum(map(len, texts)))
        return "".join(texts)


class Callback:
    """A function of ours that a rendered template calls."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __call__(self, *args: Any) -> Any:
        return self.function(*args)


def _bits(operator: str, left: int, right: int) -> int:
    if operator == "**":
        return left.bit_length() * max(right, 0)
    return left.bit_length() + right.bit_length() if operator == "*" else max(left.bit_length(), right.bit_length())


def _kind(value: object) -> str:
    match value:
        case str():
            return "a text"
        case bool():
            return "true or false"
        case list() | tuple():
            return "a list"
        case dict():
            return "a map"
        case None:
            return "nothing"
        case int() | float():
            return "a number"
        case _:
            return "this value"


def guarded(tree: nodes.Template) -> nodes.Template:
    """The tree with all that makes or goes through something asked for its size first."""
    _guard(tree)
    return tree


def _guard(node: nodes.Node) -> None:
    for child in node.iter_child_nodes():
        _guard(child)
    for name in node.fields:
        value = getattr(node, name)
        if isinstance(value, list):
            setattr(node, name, [_wrapped(one) for one in value])
        elif isinstance(value, nodes.Node):
            setattr(node, name, _wrapped(value))
    if isinstance(node, nodes.For):
        source: Any = node.iter
        node.iter = _called("__each", [source])


def _wrapped(node: Any) -> Any:
    if isinstance(node, nodes.Concat):
        return _called("__glue", node.nodes)
    is_made = isinstance(node, nodes.List | nodes.Dict) or (isinstance(node, nodes.Tuple) and node.ctx == "load")
    if not is_made:
        return node
    assert isinstance(node, nodes.Expr)
    return _called("__made", [node])


def _called(name: str, arguments: list[nodes.Expr]) -> nodes.Call:
    line = arguments[0].lineno
    function = nodes.Name(name, "load", lineno=line)
    return nodes.Call(function, arguments, [], None, None, lineno=line)
