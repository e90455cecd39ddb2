"""Diagnostics as people see them: cases hold the diagnostic, then its files; the twin holds what is shown."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trc.compiler.diagnostics.diagnostic import Diagnostic, Fix, Label, Severity
from trc.compiler.diagnostics.render.cells import cells, width
from trc.compiler.diagnostics.render.human import render
from trc.compiler.source import SourceFile, Span

CASES = sorted((Path(__file__).parents[2] / "cases" / "render").glob("*.case"), key=lambda path: path.stem)


def read_case(path: Path) -> tuple[list[Diagnostic], dict[str, SourceFile]]:
    """`severity CODE message`, then `at line:column-line:column label` lines, then `--- file` and its text."""
    head, *files = re.split(r"(?m)^--- (.*)\n", path.read_bytes().decode())
    sources = {name: SourceFile(name, eval_escapes(text)) for name, text in zip(files[::2], files[1::2])}
    diagnostics = []
    for block in head.strip().split("\n\n"):
        first, *rest = block.split("\n")
        severity, code, message = first.split(" ", 2)
        spans, helps = [], []
        for line in rest:
            if line.startswith("help "):
                helps.append(eval_escapes(line[5:]))
                continue
            match = re.fullmatch(r"(\S+) (\d+):(\d+)-(\d+):(\d+) ?(.*)", line)
            assert match is not None, line
            spans.append((span_at(sources, match), eval_escapes(match[6])))
        diagnostics.append(
            Diagnostic(
                code,
                eval_escapes(message),
                spans[0][0] if spans else None,
                spans[0][1] if spans else "",
                tuple(Label(*one) for one in spans[1:]),
                tuple(helps),
                severity=cast("Severity", severity),
            )
        )
    return diagnostics, sources


def eval_escapes(text: str) -> str:
    return re.sub(r"\\u([0-9a-f]{4})", lambda match: chr(int(match[1], 16)), text)


def span_at(sources: dict[str, SourceFile], match: re.Match[str]) -> Span:
    source = sources.get(match[1])
    if source is None:
        return Span(match[1], 0, 1)
    offsets = []
    for line, column in ((int(match[2]), int(match[3])), (int(match[4]), int(match[5]))):
        before = "".join(part + "\n" for part in source.text.split("\n")[: line - 1])
        offsets.append(len(before) + column - 1)
    return Span(match[1], *offsets)


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_render_case(case: Path, snapshot: Any) -> None:
    diagnostics, sources = read_case(case)
    snapshot(case.with_suffix(".expected"), render(diagnostics, sources) + "\n")


def test_there_are_cases() -> None:
    assert len(CASES) >= 15


def test_render_nothing() -> None:
    assert render([], {}) == ""


def test_render_without_colour_is_the_coloured_text_without_its_colours() -> None:
    for case in CASES:
        diagnostics, sources = read_case(case)
        coloured = render(diagnostics, sources, colour=True)
        assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == render(diagnostics, sources)
        assert "\x1b[1;3" in coloured


def test_render_tells_a_fix_that_no_help_tells() -> None:
    span = Span("f", 0, 1)
    told = render([Diagnostic("TRC204", "x", span, fix=Fix(span, '"a"', "quote it"))], {"f": SourceFile("f", "a\n")})
    assert "= quote it" in told


TEXT = st.text(
    st.one_of(st.characters(), st.sampled_from("ab \t\n\r日é\u0301\x00\x1b\u202e\ud800\U0001f600")), max_size=120
)


@given(TEXT, st.data())
def test_render_shows_no_control_character_for_any_text_and_place(text: str, data: st.DataObject) -> None:
    place = st.integers(0, len(text))
    spans = [Span("f", *sorted((data.draw(place), data.draw(place)))) for _ in range(3)]
    told = render(
        [Diagnostic("TRC106", text, spans[0], text, (Label(spans[1], text), Label(spans[2], "")), (text,))],
        {"f": SourceFile("f", text)},
    )
    told.encode()
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", told)


@given(st.text(st.sampled_from("abc \t日é"), min_size=1, max_size=28), st.data())
def test_render_underlines_exactly_the_place(line: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(line) - 1))
    end = data.draw(st.integers(start + 1, len(line)))
    rows = render([Diagnostic("TRC401", "x", Span("f", start, end))], {"f": SourceFile("f", line)}).split("\n")
    column, under = 0, ""
    for char in rows[3].removeprefix("1 |").removeprefix(" "):
        under += char if rows[4].removeprefix("  | ")[column:].startswith("^") else ""
        column += width(char)
    expected = "".join(cell.text for cell in cells(line)[start:end])
    assert under.strip() == expected.strip()


@given(st.integers(0, 3000), st.integers(0, 3000), st.integers(1, 400))
def test_render_shows_the_place_in_a_line_of_any_length(before: int, after: int, length: int) -> None:
    line = "x" * before + "N" * length + "y" * after
    rows = render([Diagnostic("TRC401", "x", Span("f", before, before + length))], {"f": SourceFile("f", line)})
    shown, marks = (row[4:] for row in rows.split("\n")[3:5])
    assert len(shown) <= 122
    assert {char for char, mark in zip(shown, marks) if mark == "^"} == {"N"}
    assert marks.count("^") == shown.count("N") >= min(length, 80)
