"""The text of a Python file: which expression a call's argument is, and where that stands."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from trc.compiler.source import SourceFile, Span

Step = str | int | tuple[str, int, str]
Position = tuple[int, int, int, int]
"""First line, column, last line, column: as Python counts them, in bytes from zero."""
LINE = re.compile(r"\r\n|\r|\n")
"""What ends a line of Python code."""


@dataclass(frozen=True, slots=True)
class Found:
    """An expression, or as much as is known of its place; `key` is the name or key that it stands under."""

    span: Span
    key: Span
    node: ast.expr | None = None


class Code:
    """A file that Python can parse; raises SyntaxError for another."""

    def __init__(self, file: SourceFile) -> None:
        self.file = file
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                self.tree = ast.parse(file.text)
            except (RecursionError, MemoryError):
                raise SyntaxError("it nests too deeply", ("", 1, 1, None)) from None
            except ValueError as error:
                raise SyntaxError(str(error), ("", 1, 1, None)) from None

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(line_break.end() for line_break in LINE.finditer(self.file.text))]

    @cached_property
    def _calls(self) -> dict[tuple[int, int], ast.Call]:
        """All calls by where they end: no two end at one place, and where one begins Python does not always say."""
        return {_end(node): node for node in ast.walk(self.tree) if isinstance(node, ast.Call)}

    @cached_property
    def _decorated(self) -> dict[tuple[int, int], ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
        return {
            _end(decorator): node
            for node in ast.walk(self.tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            for decorator in node.decorator_list
        }

    @cached_property
    def _bound(self) -> dict[str, ast.expr]:
        """What the names stand for that are bound once in the whole file, and there to one expression."""
        values: dict[str, ast.expr] = {}
        times: dict[str, int] = {}
        for name in _bindings(self.tree):
            times[name] = times.get(name, 0) + 1
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
                values[node.targets[0].id] = node.value
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
                values[node.target.id] = node.value
        return {name: value for name, value in values.items() if times[name] == 1}

    def span(self, position: Position) -> Span:
        first, start, last, end = position
        return self.file.span(self.offset(first, start), self.offset(last, end))

    def offset(self, line: int, column: int) -> int:
        """Where a byte of a line stands, in characters of the text."""
        start = self._starts[min(max(line, 1), len(self._starts)) - 1]
        end = self._starts[line] if line < len(self._starts) else len(self.file.text)
        text = self.file.text[start:end]
        if text.isascii():
            return start + min(column, len(text))
        return start + len(text.encode()[:column].decode(errors="ignore"))

    def line_span(self, line: int) -> Span:
        """A line without its indent and its end."""
        start, end = self.offset(line, 0), self.offset(line, 1 << 30)
        text = self.file.text[start:end]
        begin = start + len(text) - len(text.lstrip())
        return self.file.span(begin, max(begin, start + len(text.rstrip())))

    def find(self, position: Position, path: tuple[Step, ...]) -> Found:
        """What stands at the end of a path that begins at the call at `position`; else what is nearest to it."""
        call = self._calls.get((position[2], position[3]))
        whole = self.span(position)
        found = Found(whole, whole, call)
        for step in path:
            further = self._step(found, step, position)
            if further is None:
                return found
            found = further
        return found

    def _step(self, found: Found, step: Step, position: Position) -> Found | None:
        if step == "def":
            return self._function_name(position)
        if isinstance(step, tuple):
            return self._argument(found.node, step) if isinstance(found.node, ast.Call) else None
        node = None if found.node is None else self.meant(found.node)
        match node:
            case ast.List() | ast.Tuple() if isinstance(step, int) and not _has_star(node.elts):
                return self._expression(node.elts[step]) if step < len(node.elts) else None
            case ast.Dict() if isinstance(step, str):
                for key, value in zip(node.keys, node.values):
                    if isinstance(key, ast.Constant) and key.value == step:
                        return self._expression(value, self.span(_position(key)))
            case ast.Call(func=ast.Name(id="dict")) if isinstance(step, str):
                return self._argument(node, ("argument", -1, step))
            case _:
                # One thing alone stands for a list of it.
                return found if step == 0 and node is not None else None
        return None

    def _argument(self, call: ast.Call, step: tuple[str, int, str]) -> Found | None:
        _, index, name = step
        for keyword in call.keywords:
            if keyword.arg == name:
                start = self.offset(keyword.lineno, keyword.col_offset)
                return self._expression(keyword.value, self.file.span(start, start + len(name)))
        if 0 <= index < len(call.args) and not _has_star(call.args[: index + 1]):
            return self._expression(call.args[index])
        return None

    def _function_name(self, position: Position) -> Found | None:
        node = self._decorated.get((position[2], position[3]))
        if node is None:
            return None
        start = self.offset(node.lineno, node.col_offset)
        at = self.file.text.index(node.name, start + len("class" if isinstance(node, ast.ClassDef) else "def"))
        span = self.file.span(at, at + len(node.name))
        return Found(span, span)

    def _expression(self, node: ast.expr, key: Span | None = None) -> Found:
        span = self.span(_position(node))
        return Found(span, key or span, node)

    def meant(self, node: ast.expr) -> ast.expr:
        """The expression that a name stands for, if the file binds it once."""
        seen = 0
        while isinstance(node, ast.Name) and node.id in self._bound and seen < 8:
            node, seen = self._bound[node.id], seen + 1
        return node


def _bindings(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                yield name
            case ast.arg(arg=name):
                yield name
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name
            case ast.Import() | ast.ImportFrom():
                yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                yield from (*names, *names)
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                yield name
            case _:
                pass


def _has_star(nodes: list[ast.expr]) -> bool:
    return any(isinstance(node, ast.Starred) for node in nodes)


def _position(node: ast.expr) -> Position:
    return (node.lineno, node.col_offset, *_end(node))


def _end(node: ast.expr) -> tuple[int, int]:
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    return (node.end_lineno, node.end_col_offset)
