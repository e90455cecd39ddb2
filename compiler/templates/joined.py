"""Puts what the pieces of a template come to together: each character still knows where it stands in the file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from trc.compiler.frontends.syntax import Scalar
from trc.compiler.source import ScalarMap, Segment
from trc.compiler.templates.world import Piece


def joined(scalar: Scalar, parts: Iterable[tuple[str, Piece]]) -> Scalar:
    """The text of all parts; each is what a piece of the template in `scalar` comes to."""
    text: list[str] = []
    segments: list[Segment] = []
    length = 0
    for part, piece in parts:
        if part:
            is_copied = piece.is_text and piece.depth == 0 and piece.end - piece.start == len(part)
            segments += (
                _copied(scalar.map, piece.start, length, len(part))
                if is_copied
                else [_computed(scalar.map, piece, length, len(part))]
            )
            text.append(part)
            length += len(part)
    style = "double" if scalar.style == "plain" else scalar.style
    return Scalar("".join(text), style, ScalarMap(scalar.map.whole, tuple(segments)))


def _copied(source: ScalarMap, start: int, at: int, length: int) -> list[Segment]:
    """The segments of a stretch of the template, moved to where it stands in what was rendered."""
    found: list[Segment] = []
    for segment in _over(source.segments, start, start + length):
        begin = max(start, segment.value)
        end = min(start + length, segment.value + segment.length)
        found.append(Segment(at + begin - start, segment.source + begin - segment.value, end - begin))
    return found


def _over(segments: Sequence[Segment], start: int, end: int) -> list[Segment]:
    return [one for one in segments if one.value < end and start < one.value + one.length]


def _computed(source: ScalarMap, piece: Piece, at: int, length: int) -> Segment:
    span = source.span(piece.start, piece.end)
    return Segment(at, span.start, length, max(1, span.end - span.start))
