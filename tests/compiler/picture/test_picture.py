"""Pictures: snapshots of one pipeline in each format, and that no name, however hostile, breaks them."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trc.compiler.checks.graph import resolve
from trc.compiler.diagnostics.collector import Collector
from trc.compiler.ir.dataset import DatasetRead, Output, Read, Source, UriRead
from trc.compiler.ir.pipeline import Pipeline
from trc.compiler.ir.places import Places
from trc.compiler.ir.policy import Need
from trc.compiler.ir.task import Task
from trc.compiler.picture.dot import dot
from trc.compiler.picture.drawing import Arrow, Drawing, Kind, Node, draw
from trc.compiler.picture.html import html
from trc.compiler.picture.mermaid import mermaid
from trc.compiler.picture.svg import svg

CASES = Path(__file__).parents[2] / "cases" / "picture"
Snapshot = Callable[[Path, str], None]


def task(name: str, *reads: str, uri: str | None = None, needs: tuple[str, ...] = ()) -> Task:
    def read(text: str) -> Read:
        if "/" in text:
            return UriRead(name=text, uri=text, format="csv")
        return DatasetRead(name=text, dataset=text)

    return Task(
        name=name,
        type="duckdb_sql",
        reads=tuple(read(text) for text in reads),
        outputs=(Output(uri=uri),),
        needs=tuple(Need(task=need) for need in needs),
    )


def drawn(pipeline: Pipeline) -> Drawing:
    return draw(pipeline, resolve(pipeline, Places(), Collector(), frozenset()))


SHOP = Pipeline(
    name="shop",
    sources=(
        Source(name="Orders", uri="s3://shop/raw/*.parquet", format="parquet"),
        Source(name="unused", uri="data/unused.csv", format="csv"),
    ),
    tasks=(
        task("report", "clean", "data/rates.csv", "out/days/*.csv", uri="out/report.csv"),
        task("clean", "orders"),
        task("day", "clean", uri="out/days/day.csv"),
        task("notify", needs=("report",)),
    ),
)


def test_draw_shows_sources_tasks_and_sinks() -> None:
    drawing = drawn(SHOP)
    assert [(node.kind, node.label, node.detail) for node in drawing.nodes] == [
        ("source", "Orders", "s3://shop/raw/*.parquet"),
        ("source", "unused", "data/unused.csv"),
        ("source", "rates.csv", "data/rates.csv"),
        ("task", "clean", "duckdb_sql"),
        ("task", "day", "duckdb_sql"),
        ("task", "report", "duckdb_sql"),
        ("task", "notify", "duckdb_sql"),
        ("sink", "report.csv", "out/report.csv"),
        ("sink", "day.csv", "out/days/day.csv"),
    ]
    assert {(edge.start, edge.end, edge.data) for edge in drawing.edges} == {
        ("source:orders", "task:clean", True),
        ("file:data/rates.csv", "task:report", True),
        ("task:clean", "task:report", True),
        ("task:clean", "task:day", True),
        ("task:day", "task:report", True),
        ("task:report", "task:notify", False),
        ("task:report", "sink:report.output", True),
        ("task:day", "sink:day.output", True),
    }
    assert json.loads(json.dumps(drawing.to_json()))["edges"][0] == {
        "from": "source:orders",
        "to": "task:clean",
        "data": True,
    }


@pytest.mark.parametrize("write", [mermaid, dot, svg, html], ids=lambda write: write.__name__)
def test_write_shop(write: Callable[[Drawing], str], snapshot: Snapshot) -> None:
    snapshot(CASES / f"shop.{write.__name__}", write(drawn(SHOP)))


def test_draw_of_a_circle_and_of_nothing() -> None:
    circle = drawn(Pipeline(name="c", tasks=(task("a", "b"), task("b", "a"), task("c", "c"))))
    for drawing in (circle, drawn(Pipeline(name="empty"))):
        for write in (mermaid, dot, html):
            assert write(drawing)
        ET.fromstring(svg(drawing))


def test_svg_tells_states() -> None:
    drawing = Drawing("s", (Node("a", "a", "task", state="failure"), Node("b", "b", "task")), ())
    picture = svg(drawing)
    assert picture.count('class="dot"') == 1
    assert 'class="node task failure"' in picture


HOSTILE = st.text(
    st.one_of(st.characters(), st.sampled_from('"\\<>&;#`\n\r\t\x00\x1b\u202e\ud800\uffff{}[]()|%$')), max_size=60
)
KINDS: st.SearchStrategy[Kind] = st.sampled_from(("source", "task", "sink"))


@st.composite
def drawings(draw_from: st.DrawFn) -> Drawing:
    names = draw_from(st.lists(HOSTILE, min_size=1, max_size=6, unique=True))
    nodes = tuple(Node(name, name, draw_from(KINDS), draw_from(HOSTILE)) for name in names)
    pairs = draw_from(st.lists(st.tuples(st.sampled_from(names), st.sampled_from(names), st.booleans()), max_size=8))
    return Drawing(draw_from(HOSTILE), nodes, tuple(Arrow(*pair) for pair in pairs))


@given(drawings())
def test_svg_is_well_formed_and_shows_every_node_and_edge(drawing: Drawing) -> None:
    picture = svg(drawing)
    root = ET.fromstring(picture.encode())
    assert len(root.findall(".//{*}g[@data-id]")) == len(drawing.nodes)
    assert len(root.findall(".//{*}path[@data-from]")) == len(drawing.edges)
    assert not {name for element in root.iter() for name in element.attrib if "href" in name or name == "src"}


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.count = Counter[str]()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.count[tag] += 1
        self.attributes |= {name for name, _ in attrs}


@given(drawings())
def test_html_adds_no_element_and_no_attribute_for_any_name(drawing: Drawing) -> None:
    page = html(drawing)
    page.encode()
    tags, plain = Tags(), Tags()
    tags.feed(page)
    plain.feed(html(Drawing("x", (Node("n", "a", "source", "b", "s"), Node("m", "a", "sink")), (Arrow("n", "m"),))))
    assert set(tags.count) <= set(plain.count)
    assert tags.attributes <= plain.attributes
    assert (tags.count["script"], tags.count["style"]) == (1, 2)
    assert tags.count["title"] == len(drawing.nodes) + 1


@given(drawings())
def test_dot_quotes_every_name(drawing: Drawing) -> None:
    """Without its quoted strings, nothing of any name is left."""
    lines = dot(drawing).splitlines()
    assert len(lines) == 5 + len(drawing.nodes) + len(drawing.edges)
    for line in lines:
        bare = re.sub(r'"(?:[^"\\]|\\.)*"', "", line)
        assert '"' not in bare
        assert re.fullmatch(r"[\w\s{}\[\];,=.>-]*", bare)


@given(drawings())
def test_mermaid_leaves_no_character_of_a_name_that_means_something(drawing: Drawing) -> None:
    lines = mermaid(drawing).splitlines()
    for line, node in zip(lines[1:], drawing.nodes):
        match = re.fullmatch(r'    n\d+[\[(]+"(.*)"[\])]+:::(\w+)', line)
        assert match is not None
        assert match[2] == node.kind
        text = match[1].replace("<br/><small>", "", 1).replace("</small>", "", 1)
        assert not re.search('["<>&`{}\\[\\]|%]', text)
