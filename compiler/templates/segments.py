"""Cuts a template into the text that stands as it is, its expressions and its statements, each with its place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal

from trc.compiler.templates.mistake import Mistake

Kind = Literal["text", "expression", "statement"]

LONGEST_CODE: Final = 64 * 1024
DEEPEST_BRACKETS: Final = 50
_OPENINGS: Final = re.compile(r"\{\{|\{%|\{#")
_RAW: Final = re.compile(r"\{%[-+]?\s*raw\s*([-+]?)%\}")
_ENDRAW: Final = re.compile(r"\{%(-?)[-+]?\s*endraw\s*(-?)[-+]?%\}")
_INSIDE: Final = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|['\"()\[\]{}]|%\}|-%\}|.", re.DOTALL)
_PAIRS: Final = {")": "(", "]": "[", "}": "{"}


@dataclass(frozen=True, slots=True)
class Segment:
    """`[start, end)` of a template; `code` is what stands between an expression's or a statement's braces."""

    kind: Kind
    start: int
    end: int
    code: str = ""
    code_start: int = 0


def has_template(text: str) -> bool:
    """Whether a text holds anything but itself."""
    return "{{" in text or "{%" in text or "{#" in text


def cut(text: str) -> tuple[Segment, ...]:
    """The segments of a template, comments left out and spaces dropped where a `-` asks for it. Raises Mistake."""
    segments: list[Segment] = []
    strip_next = False
    spent = 0
    for segment, strip_before, strip_after in _raw_segments(text):
        if strip_before and segments and segments[-1].kind == "text":
            last = segments[-1]
            segments[-1] = replace(last, end=last.start + len(text[last.start : last.end].rstrip()))
        if segment.kind == "text":
            start = segment.end - len(text[segment.start : segment.end].lstrip()) if strip_next else segment.start
            segment = replace(segment, start=start)  # noqa: PLW2901 - the same one, stripped
        strip_next = strip_after
        spent += len(segment.code)
        if spent > LONGEST_CODE:
            raise Mistake("a template's expressions are longer than 64 KiB", segment.start, segment.end, code="TRC113")
        segments.append(segment)
    return tuple(one for one in segments if one.kind != "text" or one.end > one.start)


def _raw_segments(text: str) -> Iterator[tuple[Segment, bool, bool]]:
    position = 0
    while (opening := _OPENINGS.search(text, position)) is not None:
        start = opening.start()
        yield Segment("text", position, start), False, False
        raw = _RAW.match(text, start)
        if raw is not None:
            end = _ENDRAW.search(text, raw.end())
            if end is None:
                raise Mistake('"{% raw %}" is never ended', start, raw.end(), help=("end it with {% endraw %}",))
            yield Segment("text", start, start), False, raw[1] == "-"
            yield Segment("text", raw.end(), end.start()), False, False
            yield Segment("text", end.end(), end.end()), end[1] == "-", end[2] == "-"
            position = end.end()
            continue
        segment, before, after = _comment(text, start) if opening[0] == "{#" else _code(text, start, opening[0])
        yield segment, before, after
        position = segment.end
    yield Segment("text", position, len(text)), False, False


def _comment(text: str, start: int) -> tuple[Segment, bool, bool]:
    end = text.find("#}", start + 2)
    if end < 0:
        raise Mistake('"{#" is never closed', start, start + 2, help=('close the comment with "#}"',))
    # An empty text at its end, so that what is stripped before it is so, too.
    return Segment("text", end + 2, end + 2), text[start + 2] == "-", text[end - 1] == "-"


def _code(text: str, start: int, opening: str) -> tuple[Segment, bool, bool]:
    closing = {"{{": "}}", "{%": "%}"}[opening]
    begin = start + 2 + (text[start + 2 : start + 3] in ("-", "+"))
    stack: list[str] = []
    position = begin
    while position < len(text):
        if not stack and text.startswith(closing, position):
            strips_after = text[position - 1] == "-" and position > begin
            inner = text[begin : position - strips_after]
            kind: Kind = "expression" if opening == "{{" else "statement"
            segment = Segment(kind, start, position + 2, inner, begin)
            if not inner.strip():
                raise Mistake("a template says nothing", start, position + 2, help=("write a name in it: {{ name }}",))
            return segment, text[start + 2] == "-", strips_after
        token = _INSIDE.match(text, position)
        assert token is not None
        word = token[0]
        if word in ("'", '"'):
            raise Mistake("a text in a template is never closed", position, position + 1)
        if word in "([{":
            stack.append(word)
            if len(stack) > DEEPEST_BRACKETS:
                raise Mistake("a template nests too deep", position, position + 1, code="TRC113")
        elif word in _PAIRS and (not stack or stack.pop() != _PAIRS[word]):
            raise Mistake(f'"{word}" closes nothing in this template', position, position + 1)
        position += 1 if word in ("%}", "-%}") else len(word)
    raise Mistake(f'"{opening}" is never closed', start, start + 2, help=(f'close it with "{closing}"',))
