from __future__ import annotations

import pytest
import yaml as pyyaml
from hypothesis import given
from hypothesis import strategies as st

from trc.compiler.diagnostics.collector import Collector
from trc.compiler.frontends.syntax import Mapping, Scalar
from trc.compiler.frontends.yaml import parse
from trc.compiler.source import SourceFile

CHARACTERS = st.one_of(
    st.sampled_from(list(" \n\t'\"\\#:-{}[],&*!|>%@`~abcä日🎉\x85\u2028\xa0")),
    st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Z")),
)
TEXTS = st.text(CHARACTERS, max_size=60)
WORDS = st.text(st.sampled_from(list("abc ä日🎉'\"\\:#{")), max_size=12)


def read(text: str) -> tuple[Scalar, str]:
    collect = Collector()
    tree = parse(SourceFile("x.yaml", text), collect)
    assert isinstance(tree, Mapping), (text, collect.reported)
    node = tree.get("key")
    assert isinstance(node, Scalar)
    return node, text


def check(node: Scalar, text: str) -> None:
    """Each segment of the map holds the value's own characters, and only folds and escapes lie between."""
    if any(character.isascii() and character.isalnum() for character in node.value):
        assert node.map.segments, (node, text)
    end = 0
    for segment in node.map.segments:
        assert segment.value >= end
        for offset in range(segment.length):
            value = node.value[segment.value + offset]
            assert text[segment.source + offset] == value
            span = node.map.span(segment.value + offset, segment.value + offset + 1)
            assert text[span.start : span.end] == value
        end = segment.value + segment.length
    assert end <= len(node.value)


def unmapped(node: Scalar) -> str:
    """The characters of the value that no segment holds."""
    mapped = {segment.value + offset for segment in node.map.segments for offset in range(segment.length)}
    return "".join(character for offset, character in enumerate(node.value) if offset not in mapped)


@given(TEXTS, st.sampled_from([None, "'", '"', "|", ">"]), st.sampled_from([20, 80]))
def test_what_the_dumper_writes_is_mapped(value: str, style: str | None, width: int) -> None:
    text = pyyaml.dump({"before": "x", "key": value}, default_style=style, allow_unicode=True, width=width)
    node, text = read(text)
    check(node, text)


@given(TEXTS)
def test_single_quotes_leave_only_folds_unmapped(value: str) -> None:
    node, text = read(pyyaml.dump({"key": value}, default_style="'", allow_unicode=True, width=20))
    check(node, text)
    if node.style == "single":
        assert set(unmapped(node)) <= {" ", "\n"}


@given(
    st.lists(st.tuples(st.integers(0, 3), WORDS), min_size=1, max_size=8),
    st.sampled_from("|>"),
    st.sampled_from(["", "-", "+"]),
    st.booleans(),
    st.sampled_from(["\n", "\r\n"]),
    st.integers(0, 3),
    st.booleans(),
)
def test_blocks_by_hand_are_mapped(
    lines: list[tuple[int, str]],
    style: str,
    chomping: str,
    explicit: bool,
    line_break: str,
    blank: int,
    ends: bool,
) -> None:
    """Block scalars as people write them: any chomping, indents given or not, blank and further indented lines."""
    body = [
        f"{' ' * (2 + (0 if number == 0 and not explicit else more))}{line}"
        for number, (more, line) in enumerate(lines)
    ]
    if not explicit:
        body[0] = f"  {body[0].strip() or 'first'}"
    header = f"{style}{'2' if explicit else ''}{chomping}  # how it is written"
    text = line_break.join([f"key: {header}", *body, *[""] * blank]) + (line_break if ends else "")
    node, text = read(text)
    check(node, text)
    if node.style == "literal":
        assert not unmapped(node).strip("\n")
        assert line_break != "\n" or not unmapped(node)


@given(st.lists(st.one_of(WORDS, st.just("")), min_size=1, max_size=6), st.sampled_from("'\""))
def test_quoted_lines_by_hand_are_mapped(lines: list[str], quote: str) -> None:
    written = [
        line.replace("'", "''") if quote == "'" else line.replace("\\", "\\\\").replace('"', '\\"') for line in lines
    ]
    text = "key: " + quote + "\n   ".join(written) + quote + "\n"
    node, text = read(text)
    check(node, text)
    assert set(unmapped(node)) <= {" ", "\n"}


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("key: plain word\n", "word"),
        ("key: plain\n  over lines\n\n  to a word here\n", "word"),
        ("key: 'it''s a word'\n", "word"),
        ('key: "a\\tb \\u00e4\\x41 word"\n', "word"),
        ('key: "joined \\\n   word"\n', "word"),
        ('key: "joined \\\n\n\n   word"\n', "word"),
        ("key: |\n  a\n    word\n", "word"),
        ("key: >\n  a\n  folded\n\n  word\n", "word"),
        ("key: >2-\n    indented\n  word\n", "word"),
        ("key: &name # remark\n  word\n", "word"),
        ("key: 🎉 word\n", "word"),
        ("key: |\r\n  a\r\n  word\r\n", "word"),
    ],
)
def test_a_word_is_found_where_it_stands(text: str, word: str) -> None:
    node, text = read(text)
    start = node.value.index(word)
    span = node.map.span(start, start + len(word))
    assert (span.start, span.end) == (text.index(word), text.index(word) + len(word))
