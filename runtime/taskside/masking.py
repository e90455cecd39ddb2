"""Takes secrets out of texts: raw, and in the encodings in which programs print them."""

from __future__ import annotations

import base64
import json
import re
import shlex
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus

MASK = "***"
SHORTEST = 4
"""Fewer characters are no secret that a text could be searched for: it would be found everywhere."""
_MASK = MASK.encode()
_HEAD = 8
_UNRESERVED = ("", "/", "!'()*~", ";,/?:@&=+$-_.!~*'()#")
"""What URL-encoders leave as it is: Python's two ways, JavaScript's two ways."""
_BREAKS = b"\r\n"

Interval = tuple[int, int]


class Masker:
    """Masks the values in whole texts."""

    def __init__(self, values: Iterable[str]) -> None:
        plain: set[bytes] = set()
        encoded: set[bytes] = set()
        for value in values:
            for form in _forms(value):
                plain.update(_spellings(form))
                encoded.update(_base64(form.encode("utf-8", "surrogatepass")))
        # A short end of base64 would be found in any text.
        self.plain = tuple(sorted((one for one in plain if len(one) >= SHORTEST), key=len, reverse=True))
        self.encoded = tuple(sorted((one for one in encoded if len(one) >= SHORTEST), key=len, reverse=True))

    def bytes(self, data: bytes) -> bytes:
        """The text without the values."""
        stream = Stream(self)
        return stream.feed(data) + stream.end()

    def text(self, text: str) -> str:
        """The text without the values."""
        data = text.encode("utf-8", "surrogatepass")
        masked = self.bytes(data)
        return text if masked == data else masked.decode("utf-8", "replace")

    def value(self, value: Any) -> Any:
        """A value of JSON without the values, in keys too; a number that is one becomes the mask."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(key) if isinstance(key, str) else key: self.value(one) for key, one in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(one) for one in value]
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            shown = repr(value)
            return value if self.text(shown) == shown else MASK
        return value


class Stream:
    """Masks what comes in pieces: a value that is cut by their borders is found all the same.

    Held back is no more than what may be the beginning of a value. Values that overlap are one mask.
    """

    def __init__(self, masker: Masker) -> None:
        self._masker = masker
        self._held = b""
        self._covered = 0
        """How much of what is held back belongs to a value whose mask is written already."""

    def feed(self, data: bytes) -> bytes:
        """What can be shown now."""
        self._held += data
        lines = _Joined(self._held)
        return self._shown(lines, self._begins(lines))

    def end(self, *, is_cut: bool = False) -> bytes:
        """The rest; of what may be `is_cut` off, the beginning of a value is masked as the value would be."""
        lines = _Joined(self._held)
        begins = self._begins(lines) if is_cut else len(self._held)
        if len(self._held) - begins < SHORTEST:
            return self._shown(lines, len(self._held))
        shown = self._shown(lines, begins)
        return shown if self._covered else shown + _MASK

    def _shown(self, lines: _Joined, until: int) -> bytes:
        held, shown = self._held, []
        position = covered = self._covered
        for start, end in self._found(lines):
            if start >= until:
                break
            if start >= covered or covered == 0:
                shown.append(held[position:start])
                shown.append(_MASK)
            position = covered = max(end, covered)
        if position < until:
            shown.append(held[position:until])
        self._held = held[until:]
        self._covered = max(0, covered - until)
        return b"".join(shown)

    def _found(self, lines: _Joined) -> list[Interval]:
        """Where values stand in what is held, those that overlap as one, in order."""
        joined = _intervals(lines.text, self._masker.encoded)
        found = [(lines.place(start), lines.place(end - 1) + 1) for start, end in joined]
        found.extend(_intervals(self._held, self._masker.plain))
        found.sort()
        merged: list[Interval] = []
        for start, end in found:
            if merged and start < merged[-1][1]:
                merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
            else:
                merged.append((start, end))
        return merged

    def _begins(self, lines: _Joined) -> int:
        """Where what may be the beginning of a value begins; the end where there is none."""
        first = _beginning(self._held, self._masker.plain)
        found = _beginning(lines.text, self._masker.encoded)
        return min(first, lines.place(found)) if found < len(lines.text) else first


class _Joined:
    """A text without its line breaks: programs break long base64 into lines."""

    def __init__(self, data: bytes) -> None:
        self.text = data
        self._breaks: list[int] = []
        if b"\n" in data or b"\r" in data:
            self.text = data.translate(None, _BREAKS)
            # The places of the breaks in the text without them.
            self._breaks = [found.start() - count for count, found in enumerate(re.finditer(b"[\r\n]", data))]

    def place(self, index: int) -> int:
        """Where a character of the joined text stands in the whole."""
        return index + bisect_right(self._breaks, index)


def _intervals(data: bytes, patterns: Iterable[bytes]) -> Iterator[Interval]:
    for pattern in patterns:
        at = data.find(pattern)
        while at >= 0:
            yield at, at + len(pattern)
            at = data.find(pattern, at + 1)


def _beginning(data: bytes, patterns: Iterable[bytes]) -> int:
    """The first place from which all that follows is the beginning of a pattern, and not the whole of it."""
    first = len(data)
    for pattern in patterns:
        head = pattern[:_HEAD]
        at = data.find(head, max(0, len(data) - len(pattern) + 1))
        while 0 <= at < first:
            if pattern.startswith(data[at:]):
                first = at
                break
            at = data.find(head, at + 1)
        for size in range(min(len(head) - 1, len(pattern) - 1, len(data)), 0, -1):
            if len(data) - size >= first:
                break
            if data.endswith(pattern[:size]):
                first = len(data) - size
                break
    return first


def _forms(value: str) -> Iterator[str]:
    """The value, without the space around it, and each of its lines, where these are long enough."""
    yield value
    lines = value.splitlines()
    for form in (
        value.strip(),
        *(lines if len(lines) > 1 else ()),
        *(line.strip() for line in lines if len(lines) > 1),
    ):
        if len(form) >= SHORTEST:
            yield form


def _spellings(form: str) -> Iterator[bytes]:
    spelled = [form, json.dumps(form)[1:-1], json.dumps(form, ensure_ascii=False)[1:-1], repr(form)[1:-1]]
    spelled += [json.dumps(form)[1:-1].replace("/", "\\/"), ascii(form)[1:-1], repr("'\"" + form)[4:-1]]
    for one in spelled:
        yield one.encode("utf-8", "surrogatepass")
    data = form.encode("utf-8", "surrogatepass")
    for url in (quote_plus(data), *(quote(data, safe=safe) for safe in _UNRESERVED)):
        yield url.encode()
        yield _lower_hex(url).encode()
    if "'" in form:
        # As shells show the words of a command.
        yield shlex.quote(form)[1:-1].encode("utf-8", "surrogatepass")
        yield form.replace("'", "'\\''").encode("utf-8", "surrogatepass")


def _lower_hex(url: str) -> str:
    first, *escapes = url.split("%")
    return "%".join([first, *(one[:2].lower() + one[2:] for one in escapes)])


def _base64(data: bytes) -> Iterator[bytes]:
    """What the value makes of base64 that holds it, wherever in it it begins: the part that nothing else has a say in."""
    for before in range(3):
        bits = (before + len(data)) * 8
        start, end = -(-before * 8 // 6), bits // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            yield encode(b"\0" * before + data + b"\0\0")[start:end]
            # The same where the value is the end of it all.
            yield encode(b"\0" * before + data)[start:]
