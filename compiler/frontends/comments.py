"""Finds the comments of a file, and what each of them belongs to when the file is printed anew."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from trc.compiler.frontends.dsl_outline import comment_spans
from trc.compiler.frontends.syntax import Mapping, Node, Scalar
from trc.compiler.frontends.syntax import Sequence as NodeList
from trc.compiler.source import SourceFile


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment at `start`: its text with the `#`, and whether something stands before it on its line.

    One `in_header` stands behind the mark that opens a block of text.
    """

    start: int
    text: str
    is_trailing: bool
    in_header: bool = False


@dataclass(frozen=True, slots=True)
class Stretch:
    """Where something that is printed on lines of its own stands in the file."""

    start: int
    end: int


@dataclass(slots=True)
class Attached:
    """Comments by what they belong to: `before` and `behind` the thing that starts there, or `at_end`.

    Whoever prints one takes it out: several things can start at one place, and the outermost comes first.
    """

    before: dict[int, list[str]] = field(default_factory=dict[int, list[str]])
    behind: dict[int, list[str]] = field(default_factory=dict[int, list[str]])
    at_end: list[str] = field(default_factory=list[str])


def trc_comments(file: SourceFile) -> list[Comment]:
    """The comments of a `.trc` file."""
    return [_comment(file.text, start, end) for start, end in comment_spans(file.text)]


_HASH: Final = re.compile(r"(?:^|(?<=[ \t\r\n]))#[^\r\n]*")


def yaml_comments(file: SourceFile, tree: Node) -> list[Comment]:
    """The comments of a YAML file: each `#` that no scalar holds."""
    inside = sorted(_scalars(tree))
    starts = [start for start, _ in inside]
    found: list[Comment] = []
    at = 0
    while match := _HASH.search(file.text, at):
        index = bisect_right(starts, match.start()) - 1
        if index >= 0 and match.start() < inside[index][1]:
            header = _HEADER.match(file.text, inside[index][0])
            if header is not None and header.start("comment") == match.start():
                found.append(Comment(match.start(), match[0].rstrip(), is_trailing=True, in_header=True))
            at = inside[index][1]
            continue
        found.append(_comment(file.text, match.start(), match.end()))
        at = match.end()
    return found


_HEADER: Final = re.compile(r"[|>][0-9+-]*[ \t]+(?P<comment>#[^\r\n]*)")


def _scalars(node: Node) -> Iterator[tuple[int, int]]:
    match node:
        case Scalar():
            yield node.span.start, node.span.end
        case NodeList():
            for item in node.items:
                yield from _scalars(item)
        case Mapping():
            for entry in node.entries:
                yield entry.key.span.start, entry.key.span.end
                yield from _scalars(entry.value)


def _comment(text: str, start: int, end: int) -> Comment:
    line = text[text.rfind("\n", 0, start) + 1 : start]
    return Comment(start, text[start:end].rstrip(), bool(line.strip()))


def attach(text: str, comments: Iterable[Comment], stretches: Sequence[Stretch]) -> Attached:
    """Gives each comment to a printed thing.

    One at the end of a line belongs to the widest thing on that line, or else to the narrowest that ends there;
    one on a line of its own to the next thing that starts, or to the end of the file.
    """
    by_start = sorted({one.start for one in stretches})
    by_end = sorted(stretches, key=lambda one: (one.end, -one.start))
    ends = [one.end for one in by_end]
    attached = Attached()
    for comment in comments:
        if comment.in_header:
            attached.behind.setdefault(by_start[bisect_right(by_start, comment.start) - 1], []).append(comment.text)
            continue
        owner = _ended_on_its_line(text, comment, by_end, ends) if comment.is_trailing else None
        if owner is not None:
            attached.behind.setdefault(owner.start, []).append(comment.text)
            continue
        index = bisect_left(by_start, comment.start)
        if index < len(by_start):
            attached.before.setdefault(by_start[index], []).append(comment.text)
        else:
            attached.at_end.append(comment.text)
    return attached


def _ended_on_its_line(text: str, comment: Comment, by_end: list[Stretch], ends: list[int]) -> Stretch | None:
    line = text.rfind("\n", 0, comment.start) + 1
    low, high = bisect_right(ends, line), bisect_right(ends, comment.start)
    ended = by_end[low:high]
    whole = [one for one in ended if one.start >= line]
    if whole:
        return min(whole, key=lambda one: (one.start, -one.end))
    return max(ended, key=lambda one: one.start, default=None)
