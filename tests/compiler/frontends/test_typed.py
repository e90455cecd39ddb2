from __future__ import annotations

import math

import pytest
import yaml as pyyaml
from hypothesis import given
from hypothesis import strategies as st

from trc.compiler.frontends.syntax import Scalar, Style
from trc.compiler.frontends.typed import Typed, typed
from trc.compiler.source import ScalarMap, Span


def scalar(value: str, style: Style = "plain") -> Scalar:
    return Scalar(value, style, ScalarMap(Span("x", 0, len(value))))


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("", Typed("nothing", None)),
        ("~", Typed("nothing", None)),
        ("null", Typed("nothing", None)),
        ("true", Typed("boolean", value=True)),
        ("False", Typed("boolean", value=False)),
        ("tRue", Typed("text", "tRue")),
        ("yes", Typed("text", "yes", "true")),
        ("NO", Typed("text", "NO", "false")),
        ("0", Typed("whole number", 0)),
        ("-12", Typed("whole number", -12)),
        ("0x1F", Typed("whole number", 31)),
        ("012", Typed("text", "012", "the number 10")),
        ("0o17", Typed("text", "0o17", "the number 15")),
        ("089", Typed("text", "089", "a number")),
        ("1_000", Typed("text", "1_000", "a number")),
        ("0b101", Typed("text", "0b101", "a number")),
        ("3.10", Typed("number", 3.1)),
        (".5", Typed("number", 0.5)),
        ("1e3", Typed("number", 1000.0)),
        ("-.inf", Typed("number", -math.inf)),
        ("1:30", Typed("text", "1:30", "the number 90")),
        ("-1:30:15.5", Typed("text", "-1:30:15.5", "the number -5415.5")),
        ("2026-01-15", Typed("text", "2026-01-15", "a date")),
        ("2026-01-15 09:00:00", Typed("text", "2026-01-15 09:00:00", "a date")),
        ("1.2.3", Typed("text", "1.2.3")),
        ("2Gi", Typed("text", "2Gi")),
        ("-", Typed("text", "-")),
        ("9" * 5000, Typed("text", "9" * 5000)),
    ],
    ids=lambda value: str(value)[:20],
)
def test_words_read_as(word: str, expected: Typed) -> None:
    assert typed(scalar(word)) == expected


@pytest.mark.parametrize("style", ["single", "double", "literal", "folded"])
def test_quoted_words_are_texts(style: Style) -> None:
    assert typed(scalar("true", style)) == Typed("text", "true")


@given(st.text(st.sampled_from("0123456789_:.+-eExobinfNaTZ~ "), max_size=12).map(str.strip))
def test_what_yaml_1_1_reads_otherwise_is_never_silently_text(word: str) -> None:
    """Whatever the field's usual parser does not read as a text is either typed or doubted."""
    if not word or word == "=":
        return
    tag = pyyaml.SafeLoader("").resolve(  # type: ignore[no-untyped-call]
        pyyaml.ScalarNode, word, (True, False)
    )
    reading = typed(scalar(word))
    if tag != "tag:yaml.org,2002:str":
        assert reading.kind != "text" or reading.otherwise
