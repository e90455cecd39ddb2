"""Diagnostics as programs see them."""

from __future__ import annotations

import json

from trc.compiler.diagnostics.diagnostic import Diagnostic, Fix, Label
from trc.compiler.diagnostics.render.json import render
from trc.compiler.source import SourceFile, Span


def test_render() -> None:
    span = Span("p.yaml", 3, 5)
    told = render(
        [
            Diagnostic("TRC201", "m", span, "l", (Label(Span("gone", 0, 1), "there"),), ("h",), Fix(span, "x", "t"), task="a"),
            Diagnostic("TRC111", "n", severity="warning"),
        ],
        {"p.yaml": SourceFile("p.yaml", "a\nbé c\n")},
    )  # fmt: skip
    place = {"file": "p.yaml", "line": 2, "column": 2, "end_line": 2, "end_column": 4}
    nowhere = {"line": None, "column": None, "end_line": None, "end_column": None}
    assert json.loads(json.dumps(told)) == [
        {
            "code": "TRC201",
            "severity": "error",
            "message": "m",
            "task": "a",
            **place,
            "label": "l",
            "help": ["h"],
            "related": [{"file": "gone", **nowhere, "label": "there"}],
            "fix": {**place, "replacement": "x", "title": "t"},
        },
        {
            "code": "TRC111",
            "severity": "warning",
            "message": "n",
            "task": None,
            "file": None,
            **nowhere,
            "label": "",
            "help": [],
            "related": [],
            "fix": None,
        },
    ]
