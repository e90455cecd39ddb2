"""Disables each precondition of each pass, one at a time, and prints a table of what noticed: fails if nothing did."""
# ruff: noqa: INP001

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator

from noticing import ROOT, copied, noticed

PASSES = ROOT / "compiler" / "passes"
FILES = (
    "proofs.py",
    "demand.py",
    "fusion.py",
    "column_pruning.py",
    "predicate_pushdown.py",
    "dead_tasks.py",
    "common_tasks.py",
    "constant_folding.py",
)
TESTS = "tests/compiler/passes"


def mutants(source: str) -> Iterator[tuple[int, str, str]]:
    """Each way to leave out one precondition: its line, what it says, and the text of the file without it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.If) and _declines(node.body):
            yield node.lineno, f"if {ast.unparse(node.test)}", _with(source, node.test, "False")
        if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or) and not _is_test(source, node):
            for part in node.values:
                if isinstance(part, ast.Call):
                    yield part.lineno, ast.unparse(part), _with(source, part, '""')


def _declines(body: list[ast.stmt]) -> bool:
    """Whether a branch ends with a reason why not."""
    last = body[-1]
    if isinstance(last, ast.Assign):
        return isinstance(last.value, (ast.Constant, ast.JoinedStr)) and ast.unparse(last.targets[0]) == "why"
    value = last.value if isinstance(last, ast.Return) else None
    if isinstance(value, ast.Tuple):
        return isinstance(value.elts[0], ast.Constant) and value.elts[0].value is None
    return isinstance(value, (ast.JoinedStr, ast.Attribute)) or (isinstance(value, ast.Constant) and bool(value.value))


def _is_test(source: str, node: ast.BoolOp) -> bool:
    return any(
        node in ast.walk(other.test) for other in ast.walk(ast.parse(source)) if isinstance(other, (ast.If, ast.While))
    )


def _with(source: str, node: ast.expr, text: str) -> str:
    lines = source.splitlines(keepends=True)
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    start = sum(map(len, lines[: node.lineno - 1])) + node.col_offset
    end = sum(map(len, lines[: node.end_lineno - 1])) + node.end_col_offset
    return source[:start] + text + source[end:]


def main() -> int:
    alive = 0
    with copied(["compiler"]) as copy:
        assert not noticed(copy, [TESTS]), "the tests have to pass before anything is changed"
        for name in FILES:
            source = (PASSES / name).read_text()
            for line, what, text in mutants(source):
                (copy / "compiler" / "passes" / name).write_text(text)
                by = noticed(copy, [TESTS])
                alive += not by
                sys.stdout.write(f"{name}:{line:<4} {what[:70]:<70} {by or 'NOBODY'}\n")
                sys.stdout.flush()
            (copy / "compiler" / "passes" / name).write_text(source)
    sys.stdout.write(f"\n{alive} not noticed\n" if alive else "\neach is noticed\n")
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main())
