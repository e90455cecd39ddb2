"""The quick reader of `.trc` text gives what the grammar gives, or leaves the text to it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lark import UnexpectedInput

from trc.compiler.frontends.dsl_build import Build
from trc.compiler.frontends.dsl_parser import _parser
from trc.compiler.frontends.dsl_reader import read_plainly
from trc.compiler.source import SourceFile
from trc.runtime.folders import STATE_FOLDER

ROOT = Path(__file__).parents[3]
# What a run of an example left in its state folder is no pipeline.
FILES = sorted(
    path
    for folder in ("tests/cases", "examples")
    for path in (ROOT / folder).rglob("?*.trc")
    if STATE_FOLDER not in path.parts
)
TEXTS = {path: path.read_bytes().decode(errors="replace") for path in FILES}
LEFT = {"keyword_as_key"}
"""Files that the grammar can read, and that are left to it: where a word of the language is a name depends on its parser."""
PIECES = [
    *("task", "sql", "in", "not", "on", "or", "and", "true", "null", "param", "test", "a", "é", "_1"),
    *(
        "{",
        "}",
        "[",
        "]",
        "(",
        ")",
        ":",
        "=",
        "==",
        "!=",
        "<",
        ",",
        ".",
        "$$",
        "$a$",
        '"',
        "'",
        "\\",
        "#",
        "-",
        "\n",
        " ",
    ),
    *(
        "1",
        "1.5",
        "2e6",
        "5m",
        "1h30m",
        "5M",
        "2Gi",
        "7B",
        "2026-01-31",
        "2026-01-31T09:00:00Z",
        "-3",
        "1a",
        "0x1",
        "..",
        ";",
    ),
    *(
        '"x"',
        "$$ y $$",
        "$t$ z $t$",
        "x = 3",
        "k { }",
        "a: int",
        "f(1, b = 2)",
        "[a, b on c]",
        "not a in b",
        "a == b and c",
    ),
]


def by_grammar(file: SourceFile) -> tuple[object, object] | None:
    build = Build(file)
    try:
        return tuple(build.transform(_parser().parse(file.text))), build.flaws
    except UnexpectedInput:
        return None


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_files_are_read_as_by_the_grammar(path: Path) -> None:
    file = SourceFile("p.trc", TEXTS[path])
    assert read_plainly(file) == (None if path.stem in LEFT else by_grammar(file))


@settings(max_examples=400)
@given(data=st.data())
def test_changed_texts_are_read_as_by_the_grammar_or_not_at_all(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(sorted(TEXTS.values(), key=len)[: len(TEXTS) * 3 // 4]))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = min(len(text), start + data.draw(st.integers(0, 6)))
        text = text[:start] + data.draw(st.sampled_from(["", *PIECES])) + text[end:]
    file = SourceFile("p.trc", text)
    plain = read_plainly(file)
    assert plain is None or plain == by_grammar(file)


@settings(max_examples=400)
@given(st.lists(st.sampled_from(PIECES), max_size=12), st.sampled_from(["", " "]))
def test_values_are_read_as_by_the_grammar_or_not_at_all(pieces: list[str], between: str) -> None:
    file = SourceFile("p.trc", f"task t = shell {{ k = {between.join(pieces)}\n}}\nparam p = {between.join(pieces)}")
    plain = read_plainly(file)
    assert plain is None or plain == by_grammar(file)


@pytest.mark.parametrize("blank", ["\n", " ", "#", "# \n", "\t#\n "], ids=repr)
def test_long_blanks_before_what_is_no_token_are_passed_over_once(blank: str) -> None:
    """They were tried in all parts that they can be divided into, which took for ever."""
    assert read_plainly(SourceFile("p.trc", f'source a = csv("a.csv"){blank * 5000}\\')) is None or blank == "#"
