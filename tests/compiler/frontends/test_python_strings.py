"""Each character of a text that Python code writes is found where it stands, or the whole is pointed at."""

from __future__ import annotations

import ast
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trc.compiler.frontends.python.code import Code
from trc.compiler.frontends.python.strings import map_text
from trc.compiler.source import ScalarMap, SourceFile

TEXT = st.text(st.sampled_from("ab {}\n'\"\\\té🎉#%\r") | st.characters(codec="utf-8"), max_size=30)


def mapped(text: str, *, value: str | None = None) -> tuple[Code, ScalarMap, str]:
    """The map of what the last line's expression yields; `value` where the expression must not be evaluated."""
    code = Code(SourceFile("p.py", text))
    last = code.tree.body[-1]
    assert isinstance(last, ast.Expr)
    names: dict[str, object] = {"dedent": textwrap.dedent}
    exec(compile(ast.Module(code.tree.body[:-1], []), "p.py", "exec"), names)
    found = eval(compile(ast.Expression(last.value), "p.py", "eval"), names) if value is None else value
    position = (last.value.lineno, last.value.col_offset, last.value.end_lineno or 1, last.value.end_col_offset or 0)
    return code, map_text(code, last.value, str(found), code.span(position)), str(found)


def check(text: str) -> int:
    """How many characters are mapped; each of them has to be the one that stands there."""
    code, placed, value = mapped(text)
    covered = 0
    for segment in placed.segments:
        written = code.file.text[segment.source : segment.source + segment.length]
        assert written == value[segment.value : segment.value + segment.length]
        covered += segment.length
    return covered


def spelled(value: str) -> st.SearchStrategy[str]:
    """Ways to write a text as Python code."""
    # Python code holds no NUL: there it has to be escaped.
    triple = value.replace("\\", "\\\\").replace("\0", "\\x00").replace('"""', '\\"""').replace("\r", "\\r")
    triple = triple[:-1] + '\\"' if triple.endswith('"') else triple
    half = len(value) // 2
    return st.sampled_from(
        [repr(value), ascii(value), f'"""{triple}"""', f"{value[:half]!r} {value[half:]!r}", f"({value[:half]!r}\n # x\n {value[half:]!r})",
         f"{value[:half]!r} + {value[half:]!r}"]
    )  # fmt: skip


@given(TEXT.flatmap(lambda value: st.tuples(st.just(value), spelled(value))))
def test_every_character_is_where_it_is_said_to_be(case: tuple[str, str]) -> None:
    value, text = case
    code, placed, found = mapped(text)
    assert found == value
    plain = sum(1 for character in value if character.isascii() and character.isalnum())
    assert check(text) >= (plain if "\\" not in text else 0)
    assert placed.whole.end <= len(code.file.text)


@given(TEXT, TEXT, TEXT)
def test_what_stands_around_the_holes_of_an_f_string_is_found(before: str, hole: str, after: str) -> None:
    def quoted(text: str) -> str:
        return repr(text)[1:-1].replace("{", "{{").replace("}", "}}").replace("'", "\\'").replace("\\\\'", "\\'")

    check(f"hole = {hole!r}\nf'{quoted(before)}{{hole}}{quoted(after)}'")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("'select one'", ["select", "one"]),
        ('"select \\"one\\" \\u00e9 two"', ["one", "two"]),
        ("r'select \\d one'", ["\\d", "one"]),
        ("'a ' 'two' \\\n  \"three\"", ["two", "three"]),
        ("'''\n  select\n   one'''", ["select", "one"]),
        ("'select \\\none'", ["select", "one"]),
        ("'\\N{BULLET} one \\x41 \\101 two'", ["one", "two"]),
        ("dedent('''\\\n    select\n      one\n    two\n    ''')", ["select", "one", "two"]),
        ("'''\n    select one\n    '''.strip()", ["select", "one"]),
        ("Q = 'select one'\nQ", ["select", "one"]),
        ("T = 't'\nf'select {T} {{x}} {T!r:>9} one'", ["select", "{x", "one"]),
        ("T = {'a': 1}\nf'select {T[\"a\"]} one'", ["select", "one"]),
        ("T = 't'\n'select ' + T + ' one'", ["select", "one"]),
        ("'é🎉 one'", ["one"]),
        ("x = 'é'; 'é one'", ["one"]),
    ],
)
def test_word_is_found_in_its_place(text: str, words: list[str]) -> None:
    if text.startswith("x = "):
        text = text.replace("; ", "\n")
    code, placed, value = mapped(text)
    for word in words:
        start = value.index(word)
        span = placed.span(start, start + len(word))
        assert code.file.text[span.start : span.end].replace("{{", "{") == word


@pytest.mark.parametrize(
    "text", ["'a'.upper()", "'%s one' % 2", "Q = 'a'\nQ = 'b'\nQ", "str(1)", "'one'.replace('o', 'a')", "'a' * 2"]
)
def test_what_cannot_be_told_is_the_whole(text: str) -> None:
    _code, placed, _value = mapped(text)
    assert placed.segments == ()


def test_value_that_is_not_what_the_code_says_is_the_whole() -> None:
    _code, placed, _value = mapped("'select one'", value="select two")
    assert placed.segments == ()
