"""Whatever is done to a project, a check that may use kept answers says what one that may not says."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trc import api
from trc.compiler.choices import Choices
from trc.runtime import standing
from trc.runtime.errors import Stopped

HEAD = "name: {name}\nimports: [{imports}]\nsources: {{rows: {{csv: {csv}}}}}\nnodes:\n"
PIPELINES = [
    (HEAD + "  - {{id: a, type: duckdb_sql, params: {{sql: {sql}, output_uri: {uri}}}}}\n").format(
        name=name, imports=imports, csv=csv, sql=sql, uri=uri
    )
    for name, imports, csv, sql, uri in (
        ("one", "", "d.csv", "select n from rows", "out/a.csv"),
        ("one", "lib.trc", "d.csv", "select n, {{ top }} as t from rows", "out/b.csv"),
        ("two", "lib.trc", "'*.csv'", "select m from rows", "out/a.csv"),
        ("two", "gone.trc", "e.csv", "select n from nothing", "out/b.csv"),
    )
]
TEXTS = {
    "a.yaml": PIPELINES,
    "b.yaml": [*PIPELINES, "name: [\n"],
    "lib.trc": ["param top: integer = 1\n", "param top: integer\nparam more: date = run.date\n", "param top\n"],
    "gone.trc": ["param gone: integer = 1\n"],
    "d.csv": ["n\n1\n", "m\n1\n", "n,m\n1,x\n"],
    "e.csv": ["n\nx\n"],
    "trc.toml": ["pipelines = ['?.yaml']\n", "pipelines = ['a.*']\n[targets.t]\nbackend = 'local'\n", "nothing = 1\n"],
}
CHOICES = [Choices(), Choices(target="t"), Choices(params=(("top", "x"),)), Choices(at="2026-01-31")]
MOVES = st.one_of(
    st.tuples(st.just("write"), st.sampled_from([(name, text) for name, texts in TEXTS.items() for text in texts])),
    st.tuples(st.just("remove"), st.sampled_from(sorted(TEXTS))),
    st.tuples(st.just("swap"), st.sampled_from([("a.yaml", "b.yaml"), ("d.csv", "e.csv")])),
)


def said(root: Path, choices: Choices, *, cached: bool) -> object:
    try:
        return api.check([root], choices, cached=cached)
    except Stopped as stop:
        return stop.diagnostics, stop.exit_code


def move(root: Path, kind: str, what: object) -> None:
    match kind, what:
        case "write", (str(name), str(text)):
            (root / name).write_text(text)
        case "remove", str(name):
            (root / name).unlink(missing_ok=True)
        case "swap", (str(first), str(second)):
            if (root / first).exists() and (root / second).exists():
                (root / first).rename(root / "aside")
                (root / second).rename(root / first)
                (root / "aside").rename(root / second)
        case _:
            raise AssertionError(kind)


@settings(max_examples=25)
@given(st.lists(st.tuples(MOVES, st.sampled_from(CHOICES)), min_size=3, max_size=12))
def test_kept_answers_are_those_of_a_fresh_check(moves: list[tuple[tuple[str, object], Choices]]) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        # Files count as settled at once.
        patch.setattr(standing, "_SETTLED_NS", -1_000_000_000_000)
        root = Path(folder)
        for name, texts in TEXTS.items():
            (root / name).write_text(texts[0])
        for (kind, what), choices in moves:
            move(root, kind, what)
            fresh = said(root, choices, cached=False)
            assert said(root, choices, cached=True) == fresh
            assert said(root, choices, cached=True) == fresh
