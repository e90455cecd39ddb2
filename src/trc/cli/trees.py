"""Trees as lines of text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from trc.compiler.diagnostics.render.cells import visible


@dataclass(frozen=True, slots=True)
class Branch:
    """A line, and what hangs below it."""

    text: str
    below: tuple[Branch, ...] = ()


def tree_lines(branch: Branch) -> Iterator[str]:
    r"""The lines of a tree, whose root stands at the left.

    >>> print(*tree_lines(Branch("a", (Branch("b", (Branch("c"),)), Branch("d")))), sep="\n")
    a
    ├─ b
    │  └─ c
    └─ d
    """
    yield visible(branch.text)
    for index, below in enumerate(branch.below):
        is_last = index == len(branch.below) - 1
        first, rest = ("└─ ", "   ") if is_last else ("├─ ", "│  ")
        lines = tree_lines(below)
        yield first + next(lines)
        yield from (rest + line for line in lines)
