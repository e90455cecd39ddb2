"""The canonical layout of `.trc` text: what is printed, as nested items, and how it is broken into lines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from trc.compiler.frontends.comments import Attached, Stretch

WIDTH: Final = 100
INDENT: Final = "  "


@dataclass(frozen=True, slots=True)
class Atom:
    """A text that stays on one line."""

    text: str


@dataclass(frozen=True, slots=True)
class Raw:
    """A raw text of several lines, between the marks."""

    value: str
    mark: str


@dataclass(frozen=True, slots=True)
class Call:
    """A word and its arguments, on one line if they fit."""

    name: str
    arguments: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Listed:
    """Items in brackets."""

    items: tuple[Item, ...]
    always_broken: bool = False


@dataclass(frozen=True, slots=True)
class Braced:
    """Items in braces; where they are `always_broken`, each stands on a line of its own, however short."""

    items: tuple[Item, ...]
    always_broken: bool = False


Doc = Atom | Raw | Call | Listed | Braced


@dataclass(frozen=True, slots=True)
class Item:
    """What is printed on a line, or on lines, of its own: `docs` with blanks between.

    It stands at `[start, end)` of the file that it came from. `begins_paragraph` keeps an empty line before it;
    one that `stays_close` has one only if it, or the item before it, is printed on several lines.
    """

    docs: tuple[Doc, ...]
    start: int
    end: int
    begins_paragraph: bool = False
    stays_close: bool = False

    @property
    def stretch(self) -> Stretch:
        return Stretch(self.start, self.end)


def stretches(items: Iterable[Item]) -> Iterator[Stretch]:
    """Where the items stand, and those in them."""
    for item in items:
        yield item.stretch
        for doc in item.docs:
            yield from stretches(_inner(doc))


def _inner(doc: Doc) -> tuple[Item, ...]:
    match doc:
        case Atom() | Raw():
            return ()
        case Call():
            return doc.arguments
        case Listed() | Braced():
            return doc.items


@dataclass(frozen=True, slots=True)
class Layout:
    """Prints items with the comments that belong to them."""

    comments: Attached

    def lines(self, items: Sequence[Item], indent: str = "") -> Iterator[str]:
        """Each item on lines of its own."""
        was_long = False
        for index, item in enumerate(items):
            above = len(self.comments.before.get(item.start, ()))
            printed = list(self._item(item, indent))
            is_long = len(printed) - above > 1
            if index and (item.begins_paragraph or (item.stays_close and (was_long or is_long))):
                yield ""
            yield from printed
            was_long = is_long

    def _item(self, item: Item, indent: str, ending: str = "") -> Iterator[str]:
        for comment in self.comments.before.pop(item.start, ()):
            yield f"{indent}{comment}"
        printed = list(self._broken(item, indent))
        printed[-1] += ending
        behind = self.comments.behind.pop(item.start, ())
        if behind:
            printed[-1] += "  " + " ".join(behind)
        yield from printed

    def _broken(self, item: Item, indent: str) -> Iterator[str]:
        """The item on one line if it fits, else with its last part broken up."""
        whole = self._inline(item)
        if whole is not None and len(indent) + len(whole) <= WIDTH:
            yield indent + whole
            return
        line = indent
        for number, doc in enumerate(item.docs):
            gap = " " if number and not line.endswith("(") else ""
            is_last = number == len(item.docs) - 1
            inline = self._doc_inline(doc)
            if inline is not None and (
                not is_last or len(line) + len(gap) + len(inline) <= WIDTH or isinstance(doc, Atom)
            ):
                line += gap + inline
                continue
            first, *rest = self._doc_lines(doc, indent)
            line += gap + first
            if rest:
                yield line
                yield from rest[:-1]
                line = rest[-1]
        yield line

    def _inline(self, item: Item) -> str | None:
        parts = [self._doc_inline(doc) for doc in item.docs]
        return None if None in parts else " ".join(part for part in parts if part is not None)

    def _doc_inline(self, doc: Doc) -> str | None:
        """The text on one line; None where it cannot stand on one."""
        match doc:
            case Atom():
                return doc.text
            case Raw():
                return None
            case Braced() | Listed() if doc.always_broken and doc.items:
                return None
            case _:
                pass
        parts: list[str] = []
        for item in _inner(doc):
            inline = self._inline(item)
            if inline is None or item.start in self.comments.before or item.start in self.comments.behind:
                return None
            parts.append(inline)
        inside = ", ".join(parts)
        match doc:
            case Call():
                return f"{doc.name}({inside})"
            case Listed():
                return f"[{inside}]"
            case Braced():
                return f"{{ {inside} }}" if inside else "{ }"

    def _doc_lines(self, doc: Doc, indent: str) -> Iterator[str]:
        """The text over several lines; the first has no indent, since it goes on where something stands."""
        deeper = indent + INDENT
        match doc:
            case Atom():
                yield doc.text
            case Raw():
                yield doc.mark
                for line in doc.value.removesuffix("\n").split("\n"):
                    yield deeper + line if line else ""
                yield indent + doc.mark
            case Call():
                yield f"{doc.name}("
                for item in doc.arguments:
                    yield from self._item(item, deeper, ",")
                yield f"{indent})"
            case Listed():
                yield "["
                for item in doc.items:
                    yield from self._item(item, deeper, ",")
                yield f"{indent}]"
            case Braced():
                yield "{"
                yield from self.lines(doc.items, deeper)
                yield indent + "}"


_WORD: Final = re.compile(r"[^\W\d]\w*")
RESERVED: Final = frozenset({"and", "or", "not", "in", "on", "true", "false", "null"})


def is_word(text: str) -> bool:
    """Whether a name can stand without quotes."""
    return _WORD.fullmatch(text) is not None and text not in RESERVED


def name(text: str) -> str:
    """A name or a key, in quotes where it needs them."""
    return text if is_word(text) else quoted(text)


_ESCAPED: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_UNPRINTABLE: Final = re.compile('["\\\\\\x00-\\x1f\\x7f-\\xa0\\u2028\\u2029\\ufeff\\ufffe\\uffff\\ud800-\\udfff]')


def quoted(text: str) -> str:
    """A text in double quotes."""

    def escaped(match: re.Match[str]) -> str:
        return _ESCAPED.get(match[0]) or f"\\u{ord(match[0]):04x}"

    return f'"{_UNPRINTABLE.sub(escaped, text)}"'


_UNFIT: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")


def raw_text(value: str) -> Doc | None:
    """A text between `$$` and `$$`, where reading it gives the same text again."""
    mark = next((mark for mark in ("$$", "$sql$", "$text$") if mark not in value), None)
    if mark is None or not value.strip(" \t\n") or _UNFIT.search(value) or value.rstrip(" \t\n").endswith("$"):
        return None
    if not value.endswith("\n"):
        fits = value == value.strip(" \t\n")
        return (
            Atom(f"{mark} {value} {mark}") if fits and "\n" not in value else _as_written(value, mark) if fits else None
        )
    lines = value[:-1].split("\n")
    has_margin = all(line[:1] in (" ", "\t") for line in lines if line.strip(" \t"))
    ends_blank = not lines[-1].strip(" \t")
    return None if has_margin or (ends_blank and lines[-1]) else Raw(value, mark)


def _as_written(value: str, mark: str) -> Atom:
    """Lines that end without a line break: they begin behind the mark, and are not indented anew."""
    return Atom(f"{mark} {value} {mark}")
