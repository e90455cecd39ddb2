"""A text with some of its parts replaced, that still knows where each character came from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """The characters `[start, end)` of the original give way to `text`."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Edited:
    """`original` with `edits`, which do not overlap."""

    original: str
    edits: tuple[Edit, ...] = ()

    @cached_property
    def text(self) -> str:
        parts: list[str] = []
        position = 0
        for edit in sorted(self.edits):
            parts += (self.original[position : edit.start], edit.text)
            position = edit.end
        return "".join(parts) + self.original[position:]

    def place(self, offset: int) -> int:
        """The original's offset of a character of `text`; inside a replacement, where that begins."""
        shift = 0
        for edit in sorted(self.edits):
            if offset < edit.start + shift:
                break
            if offset < edit.start + shift + len(edit.text):
                return edit.start
            shift += len(edit.text) - (edit.end - edit.start)
        return offset - shift

    def place_of_byte(self, position: int) -> int:
        """The original's offset of a byte of `text` in UTF-8."""
        if self.text.isascii():
            return self.place(position)
        return self.place(len(self.text.encode()[:position].decode(errors="ignore")))

    def overlaps(self, start: int, end: int) -> bool:
        """Whether an edit already touches `[start, end)`."""
        return any(edit.start < end and start < edit.end for edit in self.edits)

    def replaced(self, start: int, end: int, text: str) -> Edited:
        return Edited(self.original, (*self.edits, Edit(start, end, text)))
