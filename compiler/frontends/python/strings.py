"""Where each character of a text stands that Python code writes: through prefixes, escapes, joins and dedents."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from trc.compiler.frontends.python.code import Code
from trc.compiler.source import ScalarMap, Segment, Span

_OPENING = re.compile(r"(?P<prefix>[A-Za-z]{0,2})(?P<quote>\"\"\"|'''|\"|')")
_BETWEEN = re.compile(r"(?:\s|\\\r?\n|#[^\r\n]*|[()])+")
_ESCAPE = re.compile(
    r"\\(?:(?P<joined>\r\n|\n|\r)|x(?P<x>[0-9a-fA-F]{2})|u(?P<u>[0-9a-fA-F]{4})|U(?P<U>[0-9a-fA-F]{8})"
    r"|N\{(?P<N>[^}]*)\}|(?P<octal>[0-7]{1,3})|(?P<one>.))",
    re.DOTALL,
)
_PLAIN = re.compile(r"[^\\{}\r'\"]+")
_SIMPLE = {"\\": "\\", "'": "'", '"': '"', "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_TRIMS = frozenset({"dedent", "cleandoc", "strip", "lstrip", "rstrip"})


@dataclass(frozen=True, slots=True)
class _Piece:
    """Characters of the value: `source` is where the first of as many stands, None where an escape wrote them.

    Without a text it is a hole: what an f-string computes.
    """

    text: str | None
    source: int | None = None


def map_text(code: Code, node: ast.expr | None, value: str, whole: Span) -> ScalarMap:
    """The map of `value`, which the expression `node` at `whole` yields; only the whole where that cannot be told."""
    if node is None:
        return ScalarMap(whole)
    node = code.meant(node)
    pieces = list(_pieces(code, node))
    if not pieces:
        return ScalarMap(whole)
    own = code.span((node.lineno, node.col_offset, node.end_lineno or node.lineno, node.end_col_offset or 0))
    segments = _filled(pieces, value) if any(piece.text is None for piece in pieces) else _aligned(pieces, value)
    return ScalarMap(own, segments) if segments else ScalarMap(whole)


def _pieces(code: Code, node: ast.expr) -> Iterator[_Piece]:
    match node:
        case ast.Constant(value=str()) | ast.JoinedStr():
            start = code.offset(node.lineno, node.col_offset)
            end = code.offset(node.end_lineno or node.lineno, node.end_col_offset or 0)
            yield from _literals(code.file.text, start, end)
        case ast.BinOp(op=ast.Add()):
            for side in (node.left, node.right):
                yield from list(_pieces(code, code.meant(side))) or [_Piece(None)]
        case ast.Call(func=ast.Attribute(attr=name, value=owner)) if name in _TRIMS and not node.args:
            yield from _pieces(code, code.meant(owner))
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=[argument]) if name in _TRIMS:
            yield from _pieces(code, code.meant(argument))
        case _:
            pass


def _literals(text: str, position: int, end: int) -> Iterator[_Piece]:
    """The pieces of string literals that stand side by side."""
    while position < end:
        between = _BETWEEN.match(text, position, end)
        position = between.end() if between else position
        opening = _OPENING.match(text, position, end)
        if opening is None:
            return
        position = opening.end()
        prefix, quote = opening["prefix"].lower(), opening["quote"]
        while position < end and not text.startswith(quote, position):
            piece, position = _next(text, position, end, prefix)
            if piece is not None:
                yield piece
        position += len(quote)


def _next(text: str, position: int, end: int, prefix: str) -> tuple[_Piece | None, int]:
    """The piece at a position within a literal, and where the next one begins."""
    plain = _PLAIN.match(text, position, end)
    if plain is not None:
        return _Piece(plain[0], position), plain.end()
    character = text[position]
    if character == "\\":
        return _escape(text, position, "r" in prefix)
    if character in "{}" and "f" in prefix:
        if text.startswith(character * 2, position):
            return _Piece(character, position), position + 2
        return _Piece(None), _past_hole(text, position + 1, end)
    if character == "\r":
        length = 2 if text.startswith("\r\n", position) else 1
        return _Piece("\n", position + length - 1), position + length
    return _Piece(character, position), position + 1


def _escape(text: str, position: int, is_raw: bool) -> tuple[_Piece | None, int]:
    match = _ESCAPE.match(text, position)
    if match is None or is_raw:
        # A raw backslash keeps a quote after it from ending the literal.
        return _Piece(text[position : position + 2], position), position + 2
    kind = match.lastgroup or ""
    found = match[kind]
    if kind == "joined":
        return None, match.end()
    if kind in "xuU":
        return _Piece(chr(int(found, 16))), match.end()
    if kind == "octal":
        return _Piece(chr(int(found, 8))), match.end()
    if kind == "N":
        return _Piece(_named(found)), match.end()
    if found in _SIMPLE:
        return _Piece(_SIMPLE[found]), match.end()
    return _Piece(text[position : position + 2], position), position + 2


def _named(name: str) -> str:
    import unicodedata  # noqa: PLC0415 - large, and hardly ever used

    try:
        return unicodedata.lookup(name)
    except KeyError:
        return ""


def _past_hole(text: str, position: int, end: int) -> int:
    """Past the brace that ends what an f-string computes; strings in it may hold braces of their own."""
    depth = 1
    while position < end and depth:
        opening = _OPENING.match(text, position, end)
        if opening is not None and (not opening["prefix"] or not text[position - 1].isidentifier()):
            quote = opening["quote"]
            closing = text.find(quote, opening.end(), end)
            position = closing + len(quote) if closing != -1 else end
            continue
        depth += {"{": 1, "}": -1}.get(text[position], 0)
        position += 1
    return position


def _aligned(pieces: list[_Piece], value: str) -> tuple[Segment, ...]:
    """The segments of a text without holes, whose lines may have lost space at their beginnings and ends."""
    written = "".join(piece.text or "" for piece in pieces)
    sources = [
        None if piece.source is None else piece.source + index
        for piece in pieces
        for index in range(len(piece.text or ""))
    ]
    if written == value:
        return _segments(list(enumerate(sources)))
    places: list[tuple[int, int | None]] = []
    lines, offset = _lines(written), 0
    for line in value.split("\n"):
        start = next((at for at, one in lines if one.strip() == line.strip()), None)
        if start is None:
            return ()
        begin = written.index(line.strip(), start) - (len(line) - len(line.lstrip())) if line.strip() else start
        if written[begin : begin + len(line)] != line and line.strip():
            return ()
        if line.strip():
            places += [(offset + index, sources[begin + index]) for index in range(len(line))]
        offset += len(line) + 1
    return _segments(places)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    start = 0
    for line in text.split("\n"):
        yield start, line
        start += len(line) + 1


def _filled(pieces: list[_Piece], value: str) -> tuple[Segment, ...]:
    """The segments of a text with holes: what stands between these has to be found in the value, in order."""
    runs: list[list[_Piece]] = [[]]
    for piece in pieces:
        if piece.text is None:
            runs.append([])
        else:
            runs[-1].append(piece)
    places: list[tuple[int, int | None]] = []
    position = 0
    for index, run in enumerate(runs):
        text = "".join(piece.text or "" for piece in run)
        is_last = index == len(runs) - 1
        at = len(value) - len(text) if is_last else value.find(text, position)
        if at < position or not value.startswith(text, at) or (index == 0 and at):
            return ()
        position = at
        for piece in run:
            places += [
                (position + step, None if piece.source is None else piece.source + step)
                for step in range(len(piece.text or ""))
            ]
            position += len(piece.text or "")
    return _segments(places)


def _segments(places: list[tuple[int, int | None]]) -> tuple[Segment, ...]:
    segments: list[Segment] = []
    for value, source in places:
        if source is None:
            continue
        last = segments[-1] if segments else None
        if last and last.value + last.length == value and last.source + last.length == source:
            segments[-1] = Segment(last.value, last.source, last.length + 1)
        else:
            segments.append(Segment(value, source, 1))
    return tuple(segments)
