"""The layout of SQL: white space changes, and nothing else does."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.given import given as given_file
from tests.quick import few

from trc.compiler.sql.layout import LeftAsItIs, lay_out
from trc.compiler.sql.pieces import Region, comments, cut
from trc.compiler.sql.tokens import canonical, tokenize
from trc.compiler.templates.segments import cut as cut_template

CASES = Path(__file__).parents[2] / "cases"
LAYOUTS = sorted((CASES / "layout").glob("*.sql"))
QUERIES = [
    *(path.read_text() for path in LAYOUTS),
    *(CASES / "sql" / "models.sql").read_text().split(";"),
    *(CASES / "sql" / "fine.sql").read_text().split(";"),
]


def regions(sql: str) -> tuple[Region, ...]:
    """The parts of a query that are no text, without the white space at their ends, which templates drop."""
    texts = [(one.start, one.end) for one in cut_template(sql) if one.kind == "text"]
    edges = [0, *(edge for text in texts for edge in text), len(sql)]
    found = [(sql[start:end], start, end) for start, end in zip(edges[::2], edges[1::2])]
    return tuple(
        (start + len(text) - len(text.lstrip()), end - len(text) + len(text.rstrip()))
        for text, start, end in found
        if text.strip()
    )


def said(sql: str, opaque: tuple[Region, ...] = ()) -> tuple[object, ...]:
    """Tokens and comments, in their order."""
    found = cut(sql, opaque)
    gaps = [*(piece.gap for piece in found.pieces), found.rest]
    return (tuple(piece.text for piece in found.pieces), tuple(one.text for gap in gaps for one in comments(gap)))


@pytest.mark.parametrize("case", LAYOUTS, ids=lambda path: path.stem)
def test_layout(case: Path, snapshot: Callable[[Path, str], None]) -> None:
    sql = case.read_text()
    laid_out = lay_out(sql, regions(sql))
    assert isinstance(laid_out, str)
    assert lay_out(laid_out, regions(laid_out)) == laid_out
    snapshot(case.with_suffix(".expected"), laid_out + "\n")


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("select 'a", "a quote or a comment in it is never closed"),
        ("select (1", "its brackets do not match"),
        ("select (1]", "its brackets do not match"),
    ],
)
def test_left_as_it_is(sql: str, why: str) -> None:
    assert lay_out(sql) == LeftAsItIs(why)


@pytest.mark.parametrize(
    ("sql", "regions"),
    [
        ("select 'a' {{ b }}, 1", ((11, 18),)),
        ("select {{ a }}{{ b }}, 1", ((7, 14), (14, 21))),
        ("select 'a' 'b', 1", ()),
        ("select 'a'\n'b', 1", ()),
    ],
)
def test_texts_that_could_become_one_keep_what_is_between_them(sql: str, regions: tuple[Region, ...]) -> None:
    """A line break between two literals joins them, and a template may become one."""
    assert sql.removeprefix("select ").removesuffix(", 1") in str(lay_out(sql, regions))


GAPS = st.sampled_from(
    ["", "", " ", "  ", "\n", "\n\n", "\t", "\r\n", "\u00a0", " -- note\n", "\n-- note\n", " /* note */ ", "/* two\nlines */", "\n/* own */\n", ";"]
)  # fmt: skip
WORDS = st.sampled_from(
    ["select", "from", "where", "and", "or", "case", "when", "end", "between", "(", ")", "[", "]", ",", "'a'", '"b"', "{{ x }}", "{% if x %}",
     "{%- endif -%}", "{# c #}", "left", "join", "union", "all", "with", "as", "on", "group", "by", ".", "*", "-", "||", "1", "$1", "$$x$$", "distinct", "--x\n"]
)  # fmt: skip


@st.composite
def scrambled(draw: st.DrawFn) -> str:
    """A query whose gaps are others, with some words taken out or put in."""
    tokens = tokenize(draw(st.sampled_from(QUERIES)))
    start = draw(st.integers(0, max(len(tokens) - 1, 0)))
    parts: list[str] = []
    for token in tokens[start : start + draw(st.integers(1, 60))]:
        if draw(st.integers(0, 9)) == 0:
            parts.append(draw(WORDS))
        if draw(st.integers(0, 19)):
            parts += [draw(GAPS) if draw(st.booleans()) else " ", token.text]
    return "".join(parts)


@given(scrambled())
@settings(max_examples=300)
def test_only_white_space_changes_and_a_layout_stays(sql: str) -> None:
    try:
        opaque = regions(sql)
    except Exception:  # noqa: BLE001 - no template: nobody lays it out
        opaque = ()
    laid_out = lay_out(sql, opaque)
    if isinstance(laid_out, LeftAsItIs):
        assert laid_out.why
        return
    now = regions(laid_out) if opaque else ()
    assert said(laid_out, now) == said(sql, opaque)
    assert lay_out(laid_out, now) == laid_out
    if not opaque:
        assert canonical(laid_out) == canonical(sql)


def parsed(sql: str) -> Any:
    """DuckDB's tree without the places in it; None for what it cannot parse or serialise."""
    import duckdb

    ((answer,),) = duckdb.execute("select json_serialize_sql(?)", [sql]).fetchall()
    tree = json.loads(re.sub(r'"query_location":\s*\d+', '"query_location":0', answer))
    return None if tree["error"] else tree


def corpus() -> list[str]:
    """Queries that others wrote."""
    found: list[str] = []
    work: list[Any] = [json.loads((given_file("corpora/duckdb_slt") / "slt.json").read_text())]
    while work:
        one = work.pop()
        work += one.values() if isinstance(one, dict) else one if isinstance(one, list) else []
        found += [one] if isinstance(one, str) else []
    for path in sorted(given_file("corpora/sqlglot_fixtures").glob("*.sql")):
        found += path.read_text().split(";")
    return found


@pytest.mark.parametrize("source", few(("ours", "others"), ("ours",)))
def test_duckdb_reads_the_same_query(source: str) -> None:
    trees = 0
    for sql in QUERIES if source == "ours" else corpus():
        laid_out = lay_out(sql)
        tree = parsed(sql)
        if tree is not None and isinstance(laid_out, str):
            assert parsed(laid_out) == tree, laid_out
            trees += 1
    assert trees > 5
