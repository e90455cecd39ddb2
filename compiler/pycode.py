"""The code of a Python task: the project's modules that it imports, and a digest of each that ignores layout."""

from __future__ import annotations

import ast
import hashlib
import io
import posixpath
import sys
import tokenize
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

ReadFile = Callable[[str], bytes | None]
"""A project file's bytes by its relative path, or None."""


@dataclass(frozen=True, slots=True)
class CodeProblem:
    """Why a module cannot be read; line and column count from 1."""

    path: str
    line: int
    column: int
    message: str


@dataclass(frozen=True, slots=True)
class CodePart:
    """A file of the project's code, and the digest of what it says."""

    path: str
    digest: str


@dataclass(frozen=True, slots=True)
class Closure:
    """All code that an entry module brings in; `third_party` are the top-level names that are not the project's."""

    files: tuple[CodePart, ...] = ()
    third_party: tuple[str, ...] = ()
    problems: tuple[CodeProblem, ...] = ()
    names: tuple[str, ...] = ()
    """What the entry module defines at its top level."""
    uses_run_time: bool = False
    """Whether any of the code asks for the run's time."""
    can_define_more: bool = False
    """Whether the entry module may define names that its text does not show: `from x import *`."""
    asynchronous: frozenset[str] = frozenset()
    """Of the names, those that are `async def`, or classes whose `execute` is."""


def closure(entry: str, read_file: ReadFile) -> Closure:
    """The entry module and, transitively, the project's modules that it imports.

    Modules are looked for beside the entry file, then from the project's folder, then from the folder
    that holds the entry file's package, as they are when the task runs; none is run here.
    """
    walk = _Walk(read_file)
    if walk.add(entry):
        walk.add_packages_of(entry)
    while walk.pending:
        walk.read(walk.pending.pop())
    third_party = walk.outside - sys.stdlib_module_names - {"trc"}
    files = tuple(CodePart(path, walk.modules[path].digest) for path in sorted(walk.modules))
    read = walk.modules.get(entry, _NOTHING)
    uses_run_time = any(module.uses_run_time for module in walk.modules.values())
    problems = tuple(walk.problems)
    outside = tuple(sorted(third_party))
    return Closure(files, outside, problems, read.names, uses_run_time, read.can_define_more, read.asynchronous)


def module_digest(text: bytes) -> str:
    """A hash of a module's tokens: comments, blank lines and layout other than the structure of blocks left out.

    The same on every Python from 3.11. The text has to be Python's; raises SyntaxError for one whose
    tokens cannot be told.
    """
    digest = hashlib.sha256()
    for part in _tokens(_decoded(text)):
        encoded = part.encode("utf-8", "surrogatepass")
        digest.update(b"%d " % len(encoded))
        digest.update(encoded)
    return f"sha256:{digest.hexdigest()}"


_DROPPED: Final = frozenset({tokenize.COMMENT, tokenize.NL, tokenize.ENCODING, tokenize.ENDMARKER})
_MARKS: Final = {tokenize.NEWLINE: "\n", tokenize.INDENT: "\t", tokenize.DEDENT: "\b"}
# From Python 3.12 on an f-string is many tokens; before, and here, it is one.
_OPENING: Final = frozenset(
    getattr(tokenize, name) for name in ("FSTRING_START", "TSTRING_START") if hasattr(tokenize, name)
)
_CLOSING: Final = frozenset(
    getattr(tokenize, name) for name in ("FSTRING_END", "TSTRING_END") if hasattr(tokenize, name)
)


def _tokens(source: str) -> Iterator[str]:
    lines = source.split("\n")
    depth, begin = 0, (1, 0)
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type in _OPENING:
                begin = token.start if depth == 0 else begin
                depth += 1
            elif token.type in _CLOSING:
                depth -= 1
                if depth == 0:
                    yield _between(lines, begin, token.end)
            elif depth == 0 and token.type not in _DROPPED:
                yield _MARKS.get(token.type, token.string)
    except tokenize.TokenError as error:
        message, (line, column) = error.args
        raise SyntaxError(message, ("", line, column, None)) from None


def _between(lines: list[str], start: tuple[int, int], end: tuple[int, int]) -> str:
    if start[0] == end[0]:
        return lines[start[0] - 1][start[1] : end[1]]
    first, *middle, last = lines[start[0] - 1 : end[0]]
    return "\n".join([first[start[1] :], *middle, last[: end[1]]])


def _decoded(text: bytes) -> str:
    """A module's text, its line breaks made one kind; raises SyntaxError where its encoding does not hold."""
    encoding, _ = tokenize.detect_encoding(io.BytesIO(text).readline)
    try:
        source = text.decode(encoding)
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        raise SyntaxError(f"it is not {encoding} text", ("", line, 1, None)) from None
    if "\0" in source:
        line = source.count("\n", 0, source.index("\0")) + 1
        raise SyntaxError("it holds a NUL character", ("", line, 1, None))
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    return source if source.endswith("\n") else source + "\n"


@dataclass(frozen=True, slots=True)
class _Import:
    """An import as it is written: `level` counts its leading dots, `names` may be submodules."""

    module: str
    names: tuple[str, ...] = ()
    level: int = 0


@dataclass(frozen=True, slots=True)
class _Module:
    """What a module's text says of it, wherever it lies."""

    digest: str
    imports: tuple[_Import, ...]
    uses_run_time: bool
    names: tuple[str, ...]
    can_define_more: bool
    asynchronous: frozenset[str]


_NOTHING: Final = _Module("", (), uses_run_time=False, names=(), can_define_more=False, asynchronous=frozenset())


@dataclass(frozen=True, slots=True)
class _Unreadable:
    """Why a module's text cannot be read; line and column count from 1."""

    line: int
    column: int
    message: str


# Many tasks share a module, and reading one takes milliseconds.
@lru_cache(maxsize=1024)
def _module(text: bytes) -> _Module | _Unreadable:
    try:
        tree = _parsed(_decoded(text))
        digest = module_digest(text)
    except SyntaxError as error:
        return _Unreadable(error.lineno or 1, max(error.offset or 1, 1), error.msg)
    uses_run_time = any(isinstance(node, ast.Attribute) and node.attr == "run_time" for node in ast.walk(tree))
    return _Module(digest, tuple(_imports(tree)), uses_run_time, *_top_level(tree), _asynchronous(tree))


def _imports(tree: ast.Module) -> Iterator[_Import]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (_Import(alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield _Import(node.module or "", tuple(alias.name for alias in node.names), node.level)
        elif isinstance(node, ast.Call):
            yield from _called_import(node)


def _called_import(call: ast.Call) -> Iterator[_Import]:
    """An import that is a call, if its module is named by a literal: `importlib.import_module("rates")`."""
    function = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if function not in ("import_module", "__import__") or not call.args:
        return
    named = call.args[0]
    if isinstance(named, ast.Constant) and isinstance(named.value, str) and named.value:
        module = named.value.lstrip(".")
        yield _Import(module, level=len(named.value) - len(module))


@dataclass(slots=True)
class _Walk:
    """The modules found so far. `roots` are the folders that modules are looked for in."""

    read_file: ReadFile
    roots: tuple[str, ...] = ()
    pending: list[str] = field(default_factory=list[str])
    modules: dict[str, _Module] = field(default_factory=dict[str, "_Module"])
    seen: dict[str, bytes | None] = field(default_factory=dict[str, "bytes | None"])
    outside: set[str] = field(default_factory=set[str])
    problems: list[CodeProblem] = field(default_factory=list[CodeProblem])

    def add_packages_of(self, entry: str) -> None:
        """The packages that the entry file lies in: importing it runs their own code first."""
        base = folder = posixpath.dirname(entry)
        while folder and self.add(f"{folder}/__init__.py"):
            folder = posixpath.dirname(folder)
        self.roots = tuple(dict.fromkeys((base, "", folder)))

    def add(self, path: str) -> bool:
        """Whether there is such a file; a new one is read later."""
        if path not in self.seen:
            self.seen[path] = self.read_file(path)
            if self.seen[path] is not None:
                self.pending.append(path)
        return self.seen[path] is not None

    def read(self, path: str) -> None:
        text = self.seen[path]
        assert text is not None
        module = _module(text)
        if isinstance(module, _Unreadable):
            self.problems.append(CodeProblem(path, module.line, module.column, module.message))
            return
        self.modules[path] = module
        for one in module.imports:
            if one.level:
                self.follow_relative(path, one.level, one.module, one.names)
            else:
                self.follow(one.module, one.names)

    def follow(self, module: str, names: tuple[str, ...]) -> None:
        """An absolute import; `names` may be submodules."""
        found = [self.follow_below(root, module.split("."), names) for root in self.roots]
        if not any(found):
            self.outside.add(module.partition(".")[0])

    def follow_relative(self, path: str, level: int, module: str, names: tuple[str, ...]) -> None:
        folder = posixpath.dirname(path)
        for _ in range(level - 1):
            folder = posixpath.dirname(folder)
        self.follow_below(folder, module.split(".") if module else [], names)

    def follow_below(self, root: str, parts: list[str], names: tuple[str, ...]) -> bool:
        """Adds the packages on the way, the module, and those of `names` that are modules too."""
        found = False
        for length in range(1, len(parts) + 1):
            found = self.add_module(root, parts[:length]) or found
        for name in names:
            found = self.add_module(root, [*parts, name]) or found
        return found

    def add_module(self, root: str, parts: list[str]) -> bool:
        path = posixpath.join(root, *parts)
        # A package comes before a module of its name, as Python has it.
        return self.add(f"{path}/__init__.py") or self.add(f"{path}.py")


def _parsed(source: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(source)
        except (RecursionError, MemoryError):
            raise SyntaxError("it nests too deeply", ("", 1, 1, None)) from None
        except ValueError as error:
            raise SyntaxError(str(error), ("", 1, 1, None)) from None


def _asynchronous(tree: ast.Module) -> frozenset[str]:
    """The functions that are coroutines, and the classes whose `execute` is, as the text shows them at its top level."""
    return frozenset(
        node.name
        for node in tree.body
        if isinstance(node, ast.AsyncFunctionDef)
        or (
            isinstance(node, ast.ClassDef)
            and any(isinstance(one, ast.AsyncFunctionDef) and one.name == "execute" for one in node.body)
        )
    )


def _top_level(tree: ast.Module) -> tuple[tuple[str, ...], bool]:
    """The names that a module binds outside of functions and classes, and whether it may bind others."""
    names: dict[str, None] = {}
    open_ended = False
    pending: list[ast.AST] = list(reversed(tree.body))
    while pending:
        node = pending.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names[node.name] = None
        elif isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                open_ended = open_ended or alias.name == "*"
                names[alias.asname or alias.name.partition(".")[0]] = None
        elif isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Store):
                names[node.id] = None
        elif not isinstance(node, ast.Lambda):
            pending.extend(reversed(list(ast.iter_child_nodes(node))))
    names.pop("*", None)
    return tuple(names), open_ended
