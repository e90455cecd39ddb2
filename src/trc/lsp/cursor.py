"""What stands at a place of a pipeline's text: a key or a value, by the syntax tree that all front ends share."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from trc.compiler.diagnostics.collector import Collector
from trc.compiler.frontends.languages import parse
from trc.compiler.frontends.lower import ROOT
from trc.compiler.frontends.shapes import Described, Fields, Shape
from trc.compiler.frontends.syntax import Mapping, Node, Scalar, Sequence
from trc.compiler.ir.places import Path
from trc.compiler.source import SourceFile
from trc.lsp.shapes import Types, item, keys, resolved, under

MARK = "trcHere"
"""A word that stands for what is being typed."""

_ROWS = re.compile(r"\s*(?:given|expect)\s+\w*")
_CLOSING = {"{": "}", "[": "]", '"': '"', "'": "'"}


@dataclass(frozen=True, slots=True)
class Spot:
    """A key or a value. `path` leads to the value, by the keys of the YAML format; a key's is that of its mapping.

    `shape` is what may stand there, None where nothing is known of it; `key` is what is known of the key
    that the place is, or that its value stands under. `task` is the item of `nodes` that it lies in.
    """

    role: Literal["key", "value"]
    path: Path
    scalar: Scalar
    shape: Shape | None
    key: Described | None
    mapping: Mapping | None
    task: Mapping | None

    @property
    def task_name(self) -> str | None:
        named = self.task.get("id") if self.task else None
        return named.value if isinstance(named, Scalar) else None

    @property
    def task_type(self) -> str | None:
        named = self.task.get("type") if self.task else None
        return named.value if isinstance(named, Scalar) else None


def spot_at(tree: Node | None, offset: int, types: Types) -> Spot | None:
    """What stands at an offset of a parsed text: the shortest of all that covers it."""
    if tree is None:
        return None
    covering = (spot for spot in _spots(tree, types) if _covers(spot.scalar, offset))
    return min(covering, key=_nearness, default=None)


def _nearness(spot: Spot) -> tuple[int, bool, int]:
    """The shortest first; where one word says several things, what is said by it before what it is said under."""
    return spot.scalar.span.end - spot.scalar.span.start, spot.role == "key", -len(spot.path)


def typed_at(file: SourceFile, offset: int, types: Types) -> tuple[Spot, ...]:
    """What may be being typed at an offset of a text that need not be whole, a key, a value: each holds `MARK`."""
    line_end = file.text.find("\n", offset)
    after = file.text[line_end:] if line_end >= 0 else ""
    # What follows may be what cannot be parsed: then what stands before has to do.
    # So may a raw text that is not closed yet, which then goes on to the end.
    is_yaml = not file.name.endswith(".trc")
    for tail in (after, "") if is_yaml else (after, f"{after}\n$$", "", "\n$$"):
        found: dict[str, Spot] = {}
        for form in _forms(file.text, offset, is_yaml=is_yaml):
            tree = parse(SourceFile(file.name, form + tail), Collector())
            spot = next((one for one in _spots(tree, types) if MARK in one.scalar.value), None) if tree else None
            if spot is not None:
                found.setdefault(spot.role, spot)
        if found:
            return tuple(found.values())
    return ()


def _forms(text: str, offset: int, *, is_yaml: bool) -> Iterator[str]:
    """The text up to the line's end as it may be meant: a key comes next, or a value; with its brackets closed."""
    line_end = text.find("\n", offset)
    before, rest = text[:offset], text[offset : line_end if line_end >= 0 else len(text)]
    line = before[before.rfind("\n") + 1 :]
    if is_yaml and not rest.strip() and ":" not in line and not set("[{,\"'=") & set(line):
        yield f"{before}{MARK}: "
    yield f"{before}{MARK}{rest}"
    yield f"{before}{MARK}{_closing(line)}"
    if not is_yaml and _ROWS.fullmatch(line):
        yield f"{before}{MARK} = []{rest}"


def _closing(line: str) -> str:
    """What closes the brackets and quotes that a line leaves open."""
    opened: list[str] = []
    for sign in line:
        if opened and sign == _CLOSING[opened[-1]]:
            opened.pop()
        elif sign in _CLOSING and not (opened and opened[-1] in "\"'"):
            opened.append(sign)
    return "".join(_CLOSING[sign] for sign in reversed(opened))


def _covers(scalar: Scalar, offset: int) -> bool:
    return scalar.span.start <= offset <= scalar.span.end


@dataclass(frozen=True, slots=True)
class _Around:
    """Where the walk is."""

    path: Path = ()
    shape: Shape | None = None
    key: Described | None = None
    mapping: Mapping | None = None
    task: Mapping | None = None


def _spots(tree: Node, types: Types) -> Iterator[Spot]:
    """All keys and values of a tree."""
    pending: list[tuple[Node, _Around]] = [(tree, _Around(shape=Fields(ROOT)))]
    while pending:
        node, here = pending.pop()
        match node:
            case Scalar():
                yield Spot("value", here.path, node, here.shape, here.key, here.mapping, here.task)
            case Sequence():
                shape = item(here.shape) if here.shape else None
                for index, one in enumerate(node.items):
                    is_task = here.path == ("nodes",) and isinstance(one, Mapping)
                    task = one if is_task and isinstance(one, Mapping) else here.task
                    pending.append((one, _Around((*here.path, index), shape, here.key, here.mapping, task)))
            case Mapping():
                shape = resolved(here.shape, here.mapping, types) if here.shape else None
                known = keys(shape) if shape else {}
                for entry in node.entries:
                    name = entry.key.value
                    yield Spot("key", here.path, entry.key, shape, known.get(name), node, here.task)
                    inner = under(shape, name) if shape else None
                    pending.append((entry.value, _Around((*here.path, name), inner, known.get(name), node, here.task)))
