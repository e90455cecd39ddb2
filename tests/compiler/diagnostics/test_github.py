"""Diagnostics as GitHub's workflow commands."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trc.compiler.diagnostics.diagnostic import Diagnostic, Fix
from trc.compiler.diagnostics.render.github import render
from trc.compiler.source import SourceFile, Span

SOURCES = {"p.yaml": SourceFile("p.yaml", "name: a\nnodes: []\n"), "/w/a,b:c.yaml": SourceFile("/w/a,b:c.yaml", "x\n")}
PLACE = Span("p.yaml", 6, 7)
TITLE = "title=TRC201%3A a key is not known here"
CASES = {
    "in a file": (
        Diagnostic("TRC201", "m", PLACE),
        f"::error file=p.yaml,line=1,endLine=1,col=7,endColumn=8,{TITLE}::m",
    ),
    "label and remedies on lines of their own": (
        Diagnostic("TRC201", "m", PLACE, "l", help=("h", "i")),
        f"::error file=p.yaml,line=1,endLine=1,col=7,endColumn=8,{TITLE}::m%0Al%0Ahelp: h%0Ahelp: i",
    ),
    "a fix where there is no help": (
        Diagnostic("TRC201", "m", PLACE, fix=Fix(PLACE, "b", "write b")),
        f"::error file=p.yaml,line=1,endLine=1,col=7,endColumn=8,{TITLE}::m%0Ahelp: write b",
    ),
    "several lines have no columns": (
        Diagnostic("TRC201", "m", Span("p.yaml", 0, 9)),
        f"::error file=p.yaml,line=1,endLine=2,{TITLE}::m",
    ),
    "a note": (
        Diagnostic("TRC412", "m", severity="note"),
        "::notice title=TRC412%3A a query has no computable key::m",
    ),
    "a warning": (Diagnostic("TRC409", "m", severity="warning"), "::warning title=TRC409%3A a name hides a dataset::m"),
    "a text that is not there": (Diagnostic("TRC201", "m", Span("gone", 0, 1)), f"::error file=gone,{TITLE}::m"),
    "a file elsewhere": (Diagnostic("TRC201", "m", Span("../e.yaml", 0, 1)), f"::error file=/e.yaml,{TITLE}::m"),
    "a name with the signs of properties": (
        Diagnostic("TRC201", "m", Span("/w/a,b:c.yaml", 0, 1)),
        f"::error file=a%2Cb%3Ac.yaml,line=1,endLine=1,col=1,endColumn=2,{TITLE}::m",
    ),
    "a message with the signs of commands": (
        Diagnostic("TRC201", "100% ::error a,b: c", label="d\r\n::set-env"),
        f"::error {TITLE}::100%25 ::error a,b: c%0Ad%0D%0A::set-env",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_command(name: str) -> None:
    diagnostic, command = CASES[name]
    assert render([diagnostic], SOURCES, "/w") == command


def test_one_command_a_line() -> None:
    told = render([diagnostic for diagnostic, _ in CASES.values()], SOURCES, "/w")
    assert told.split("\n") == [command for _, command in CASES.values()]


@given(st.text(), st.text(st.characters(exclude_characters="\0/"), min_size=1))
def test_no_text_begins_a_command_or_a_property_of_its_own(message: str, file: str) -> None:
    told = render([Diagnostic("TRC201", message, Span(f"d{file}", 0, 1))], {}, "/w")
    assert "\n" not in told
    assert "\r" not in told
    assert re.fullmatch(r"::error file=[^,:]*,title=[^,:]*::.*", told, re.DOTALL)
