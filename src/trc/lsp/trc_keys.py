"""Which words may begin an item of a `.trc` file at a place: statements outside of braces, keys within them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from trc.compiler.frontends.dsl_words import DEFAULTS, FORMATS, HEADS, INNER, PARAMETERS, PIPELINE, RESOURCES, TASK
from trc.compiler.frontends.lower import ROOT
from trc.compiler.frontends.shapes import Described, Fields, Named, Shape
from trc.lsp.shapes import Types, item, keys, parameters, under

STATEMENTS: Final = {
    "pipeline": 'pipeline "name" { }: the pipeline\'s name, and what holds for all of it',
    "import": 'import "file.trc": sources, parameters and targets of another file',
    "defaults": "defaults { }: what all tasks take unless they say otherwise",
    "param": "param name: type = value: a parameter of a run",
    "source": 'source name = csv("path"): a dataset that no task writes',
    "task": "task name = sql $$ … $$: a task, and the dataset of its name",
    "target": "target name { }: a deployment environment",
    "test": 'test "name" { }: given rows, and the rows that are expected of them',
}
_TOKEN: Final = re.compile(
    r"""
      (?P<comment> \#[^\n]*)
    | (?P<text>    "(?:[^"\\\n]|\\.)*" | \$(?P<tag>(?:[^\W\d]\w*)?)\$.*?\$(?P=tag)\$)
    | (?P<open>    " | \$(?:[^\W\d]\w*)?\$)
    | (?P<word>    [^\W\d]\w*)
    | (?P<sign>    [{}\[\]()=,\n])
    | (?P<other>   .)
    """,
    re.VERBOSE | re.DOTALL,
)
_REPEATED: Final = frozenset({"given", "expect"})
_OPENINGS: Final = {
    ("pipeline", "schedule"): " = ",
    ("task", "expect"): " { ",
    ("test", "given"): " ",
    ("test", "expect"): " ",
}
_CLOSERS: Final = {"{": "}", "[": "]", "(": ")"}


@dataclass(slots=True)
class _Opened:
    """A bracket, with the word before it and the words that begin the items in it."""

    sign: str
    word: str
    items: list[str] = field(default_factory=list[str])


@dataclass(slots=True)
class _Walk:
    """How far the text has been read: what is open, what its items begin with, and what came last."""

    statement: str = ""
    head: str = ""
    opened: list[_Opened] = field(default_factory=list["_Opened"])
    word: str = ""
    last: str = "\n"
    before_last: str = "\n"


@dataclass(frozen=True, slots=True)
class Place:
    """Where an item may begin: the statement that it lies in, its head, and the sections around it.

    `present` are the words that begin the items before it.
    """

    statement: str
    head: str
    sections: tuple[str, ...]
    present: frozenset[str] = frozenset()


def place_of_item(before: str) -> Place | None:
    """The place at the end of a text if an item may begin there, all but its first letters perhaps; else None."""
    walk = _Walk()
    end = 0
    for match in _TOKEN.finditer(before):
        end = match.end()
        kind, text = match.lastgroup, match[0]
        if kind == "open" or (kind == "comment" and end == len(before)):
            return None
        if kind == "tag":
            kind = "text"
        if kind == "other" and text.isspace():
            continue
        _step(walk, kind or "other", text)
    is_partial = walk.last not in "\n{," and end == len(before) and before[-1:].isidentifier()
    led_by = walk.before_last if is_partial else walk.last
    if led_by not in ("\n", "{", ",") or any(one.sign != "{" for one in walk.opened):
        return None
    if not walk.opened:
        return Place("", "", ())
    present = walk.opened[-1].items[:-1] if is_partial else walk.opened[-1].items
    inner = tuple(one.word for one in walk.opened[1:])
    return Place(walk.statement, walk.head, inner, frozenset(present))


def _step(walk: _Walk, kind: str, text: str) -> None:
    walk.before_last, walk.last = walk.last, text
    if kind == "word":
        if not walk.opened and walk.before_last == "\n":
            walk.statement, walk.head = text, ""
        elif not walk.opened and walk.before_last == "=":
            walk.head = text
        elif walk.opened and walk.before_last in ("\n", "{", ","):
            walk.opened[-1].items.append(text)
        walk.word = text
    elif text in _CLOSERS:
        walk.opened.append(_Opened(text, walk.word))
    elif text in _CLOSERS.values() and walk.opened:
        walk.opened.pop()
    elif kind == "comment":
        walk.last = walk.before_last


def keys_at(place: Place, types: Types) -> dict[str, Described]:
    """The words that may begin an item of a block, each with what is known of it; those that are there left out."""
    return {word: key for word, key in _keys_of(place, types).items() if word not in place.present - _REPEATED}


def opening(place: Place, word: str, key: Described) -> str:
    """What follows a word: a block where it holds keys, the name of a dataset, or else a value."""
    if (place.statement, word) in _OPENINGS:
        return _OPENINGS[place.statement, word]
    return " { " if isinstance(key.shape, Fields | Named) else " = "


def _keys_of(place: Place, types: Types) -> dict[str, Described]:
    task = item(under(Fields(ROOT), "nodes") or Fields({})) or Fields({})
    shape = task if place.statement == "task" else under(Fields(ROOT), "defaults") or Fields({})
    match place.statement, place.sections:
        case "pipeline", ():
            return dict(_spelled(PIPELINE, Fields({**keys(shape), **keys(Fields(ROOT))}))) | _resources(shape)
        case "defaults", ():
            return dict(_spelled(DEFAULTS, shape)) | _resources(shape)
        case "task", ():
            return dict(_spelled(TASK, shape)) | _resources(shape) | _parameters(place.head, types)
        case "test", ():
            tests = item(under(Fields(ROOT), "tests") or Fields({})) or Fields({})
            return {word: key for word, key in keys(tests).items() if word != "name"}
        case "source" | "target" as statement, ():
            named = under(Fields(ROOT), f"{statement}s")
            known = keys(under(named, "a name") or Fields({})) if named else {}
            # A source's location stands before its block.
            return {word: key for word, key in known.items() if word not in FORMATS}
        case "pipeline" | "defaults" | "task", (section,) if section in INNER:
            key = {**TASK}[section]
            return dict(_spelled(INNER[section], under(shape, key) or Fields({})))
        case _:
            return {}


def _spelled(words: Mapping[str, str], shape: Shape) -> Iterator[tuple[str, Described]]:
    known = keys(shape)
    return ((word, known[key]) for word, key in words.items() if key in known)


def _resources(shape: Shape) -> dict[str, Described]:
    return dict(_spelled(RESOURCES, under(shape, "environment") or Fields({})))


def _parameters(head: str, types: Types) -> dict[str, Described]:
    """The parameters of a task's type, but for the one that stands behind its short word."""
    name, leading = HEADS.get(head, (head, ""))
    task_type = types.get(name)
    known = parameters(task_type).keys if task_type else {}
    return {word: key for name, key in known.items() if name != leading for word in PARAMETERS.get(name, (name,))[:1]}
