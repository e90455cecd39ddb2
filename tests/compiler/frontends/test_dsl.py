"""The `.trc` language says what the YAML format says: the same IR, whichever a pipeline is written in."""

from __future__ import annotations

from pathlib import Path

import pytest

from trc.compiler.context import Context
from trc.compiler.diagnostics.collector import Collector
from trc.compiler.frontends import dsl
from trc.compiler.frontends.dsl_outline import DEEPEST
from trc.compiler.frontends.languages import parse
from trc.compiler.frontends.lower import lower
from trc.compiler.frontends.syntax import Mapping, Scalar, Sequence
from trc.compiler.source import SourceFile

TWINS = Path(__file__).parents[2] / "cases" / "twins"
Told = tuple[str, str]


def lowered(text: str, name: str, context: Context) -> tuple[bytes | None, list[Told]]:
    """The IR, and what was reported, by code and the text that it points at."""
    collect = Collector()
    file = SourceFile(name, text)
    tree = parse(file, collect)
    found = lower(tree, file, context, collect) if tree else None
    told = [(one.code, text[one.span.start : one.span.end] if one.span else "") for one in collect.sorted()]
    return found.pipeline.dump() if found else None, told


@pytest.mark.parametrize("written", sorted(TWINS.glob("*.trc")), ids=lambda path: path.stem)
def test_twins_have_the_same_ir(written: Path, context: Context) -> None:
    ours, told = lowered(written.read_text(), written.name, context)
    twin = written.with_suffix(".yaml")
    theirs, told_there = lowered(twin.read_text(), twin.name, context)
    assert (told, told_there) == ([], [])
    assert ours is not None
    assert theirs is not None
    assert ours.decode() == theirs.decode()


def task(body: str) -> str:
    return f'pipeline "p" {{ }}\ntask a = sql {body}\n'


def sql_of(text: str) -> Scalar:
    collect = Collector()
    tree = dsl.parse(SourceFile("p.trc", text), collect)
    assert not collect.sorted()
    assert isinstance(tree, Mapping)
    nodes = tree.get("nodes")
    assert isinstance(nodes, Sequence)
    node = nodes.items[0]
    assert isinstance(node, Mapping)
    params = node.get("params")
    assert isinstance(params, Mapping)
    sql = params.get("sql")
    assert isinstance(sql, Scalar)
    return sql


@pytest.mark.parametrize(
    ("written", "value"),
    [
        pytest.param("$$ select 1 $$", "select 1", id="one line is taken without the space around it"),
        pytest.param("$$\n  select 1\n  from t\n$$", "select 1\nfrom t\n", id="the shared indent goes"),
        pytest.param("$$\n  select 1\n    from t\n  $$", "select 1\n  from t\n", id="a deeper one stays"),
        pytest.param("$$\n  a\n\n  b\n$$", "a\n\nb\n", id="blank lines stay"),
        pytest.param("$$\n\ta\n\t\tb\n$$", "a\n\tb\n", id="tabs are indents"),
        pytest.param("$$\n  a\n\tb\n$$", "  a\n\tb\n", id="no indent is shared"),
        pytest.param("$$\r\n  a\r\n  b\r\n$$", "a\nb\n", id="line breaks are line feeds"),
        pytest.param("$$ a\n   b $$", "a\n   b", id="text behind the mark keeps its lines"),
        pytest.param("$q$ select $$x$$ $q$", "select $$x$$", id="a tag lets the mark stand inside"),
        pytest.param("$$ \"a\" 'b' {{ c }} # d $$", "\"a\" 'b' {{ c }} # d", id="nothing inside is special"),
        pytest.param('"a\\"b\\\\c\\n\\u00e9\\U0001F600"', 'a"b\\c\né😀', id="escapes"),
        pytest.param('"a # b"', "a # b", id="no comment in a text"),
    ],
)
def test_text_reads_as(written: str, value: str) -> None:
    text = task(written)
    sql = sql_of(text)
    assert sql.value == value
    for segment in sql.map.segments:
        copied = text[segment.source : segment.source + segment.length]
        assert copied == value[segment.value : segment.value + segment.length]


def test_every_character_of_raw_text_is_placed() -> None:
    sql = sql_of(task("$$\n  select one\n    from two\n$$"))
    at = sql.value.index("two")
    span = sql.map.span(at, at + 3)
    assert task("$$\n  select one\n    from two\n$$")[span.start : span.end] == "two"


def test_brackets_nest_to_a_limit() -> None:
    deep = "[" * DEEPEST + "]" * DEEPEST
    collect = Collector()
    dsl.parse(SourceFile("p.trc", f'pipeline "p" {{ metadata = {deep} }}'), collect)
    assert [found.code for found in collect.sorted()] == ["TRC108"]


def test_statement_that_cannot_be_read_hides_no_other(context: Context) -> None:
    text = (
        'pipeline "p" { }\n'
        "source orders = csv(\n"
        "task broken = sql $$ select 1 $$ { output = }\n"
        'task reader = sql $$ select 1 $$ { needs = [broken], timeout = "never" }\n'
    )
    _, told = lowered(text, "p.trc", context)
    assert told == [("TRC120", "("), ("TRC120", "="), ("TRC205", '"never"')]


def test_bare_word_that_names_something_of_the_run_is_a_template() -> None:
    collect = Collector()
    tree = dsl.parse(SourceFile("p.trc", "param day: date = run.date\nparam x = other.date\n"), collect)
    assert isinstance(tree, Mapping)
    params = tree.get("params")
    assert isinstance(params, Mapping)
    defaults = [one.value.get("default") for one in params.entries if isinstance(one.value, Mapping)]
    assert [one.value for one in defaults if isinstance(one, Scalar)] == ["{{ run.date }}", "other.date"]


def test_a_word_that_only_begins_like_a_statement_is_none() -> None:
    """`pipelinex "p"` was taken for a pipeline called x, and `taskAb` for a task, where nothing stood before."""
    for text in (
        'pipelinex "p" {}\ntask a = shell "true"\n',
        'pipeline "p" {}\ntask a = shell "true"\n\ntaskAb = shell "true"\n',
    ):
        collect = Collector()
        dsl.parse(SourceFile("p.trc", text), collect)
        assert [one.code for one in collect.sorted()] == ["TRC120"], text
