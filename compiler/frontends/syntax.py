"""The syntax tree that every front end produces: text with places, before anything is understood."""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field
from typing import Literal

from trc.compiler.ir.translated import Translated
from trc.compiler.source import ScalarMap, Span

Style = Literal["plain", "single", "double", "literal", "folded", "dollar", "alias"]
"""How a text is written; `dollar` is the raw text between two `$$`, `alias` an alias that was not followed."""

Language = Literal["yaml", "trc", "python"]


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text, a number or a word: `value` as it reads, `map` where each of its characters stands.

    Only a `plain` one may be something else than text; what, is decided when it is lowered. `translated` is what a
    query of another dialect comes to.
    """

    value: str
    style: Style
    map: ScalarMap
    translated: Translated | None = None

    @property
    def span(self) -> Span:
        return self.map.whole


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    items: tuple[Node, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Entry:
    """A key of a mapping with its value."""

    key: Scalar
    value: Node


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys with values, in the author's order; no key occurs twice.

    It is not `whole` where the parser refused and reported a key, or the front end added some: then nothing can be
    said to be missing, or too much.
    Keys are those of the YAML format; `spelled` gives a key as the author's language spells it, where that differs.
    """

    entries: tuple[Entry, ...]
    span: Span
    whole: bool = True
    spelled: MappingOf[str, str] = field(default_factory=dict[str, str])
    language: Language = "yaml"

    def entry(self, key: str) -> Entry | None:
        return next((entry for entry in self.entries if entry.key.value == key), None)

    def get(self, key: str) -> Node | None:
        entry = self.entry(key)
        return entry.value if entry else None

    def spell(self, key: str) -> str:
        """The key as messages name it."""
        return self.spelled.get(key, key)

    @property
    def head(self) -> Span:
        """The span to point at when something is missing: the first key, since the whole is too long to show."""
        return self.entries[0].key.span if self.entries else self.span


Node = Scalar | Sequence | Mapping
