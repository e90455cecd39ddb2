"""Columns that no result depends on: told where that is proved, and never else."""

from __future__ import annotations

from pathlib import Path

import pytest

from trc.linting import lint

RAW = 'pipeline "p" { }\nsource raw = csv("raw.csv") { columns { a: INTEGER, b: VARCHAR, c: INTEGER } }\n'
OUT = '{ output = csv("out.csv") }'
CASES: dict[str, tuple[str, list[str]]] = {
    # tasks, and what is told of which of them
    "a column": (f"task up = sql $$ from raw $$\ntask out = sql $$ select a, c from up $$ {OUT}", ['"b" of "up"']),
    "all are read": (f"task up = sql $$ from raw $$\ntask out = sql $$ from up $$ {OUT}", []),
    "a condition reads": (
        f"task up = sql $$ from raw $$\ntask out = sql $$ select a from up where b = 'x' or c > 1 $$ {OUT}",
        [],
    ),
    "an order reads": (f"task up = sql $$ from raw $$\ntask out = sql $$ select a, c from up order by b $$ {OUT}", []),
    "several": (
        f"task up = sql $$ from raw $$\ntask out = sql $$ select count(*) as n from up $$ {OUT}",
        ['"a", "b", "c" of "up"'],
    ),
    "through others": (
        (f"task up = sql $$ from raw $$\ntask mid = sql $$ select a, b || c as d from up $$\n"
        f"task out = sql $$ select a from mid $$ {OUT}"),
        ['"b", "c" of "up"', '"d" of "mid"'],
    ),
    "what others need for their rows": (
        (f"task up = sql $$ from raw $$\ntask mid = sql $$ select distinct a, b from up $$\n"
        f"task out = sql $$ select a from mid $$ {OUT}"),
        ['"c" of "up"', '"b" of "mid"'],
    ),
    "two readers": (
        (f"task up = sql $$ from raw $$\ntask one = sql $$ select a from up $$ {OUT}\n"
        'task two = sql $$ select b from up $$ { output = csv("two.csv") }'),
        ['"c" of "up"'],
    ),
    "a result": ("task up = sql $$ from raw $$", []),
    "a result that is read, too": (
        ('task up = sql $$ from raw $$ { output = parquet("up.parquet") }\n' f"task out = sql $$ select a from up $$ {OUT}"),
        [],
    ),
    "an expectation names it": (
        f"task up = sql $$ from raw $$ {{ expect {{ not_null(b) }} }}\ntask out = sql $$ select a from up $$ {OUT}",
        ['"c" of "up"'],
    ),
    "an expectation of its own": (
        f"task up = sql $$ from raw $$ {{ expect {{ check($$ a > 0 $$) }} }}\ntask out = sql $$ select a from up $$ {OUT}",
        [],
    ),
    "an expectation looks it up": (
        ('task up = sql $$ from raw $$\ntask out = sql $$ select a from up $$ { output = csv("out.csv"), '
        "expect { relationships(column = a, to = UP, field = c) } }"),
        ['"b" of "up"'],
    ),
    "another language reads": (
        ("task up = sql $$ from raw $$\n"
        'task out = python("made.py:made") { inputs = [up], output = csv("out.csv") }\n'
        'task more = sql $$ select a from up $$ { output = csv("more.csv") }'),
        [],
    ),
    "a test expects it": (
        (f"task up = sql $$ from raw $$\ntask out = sql $$ select a from up $$ {OUT}\n"
        'test "t" { given raw = [{ a = 1 }]\n expect up = [{ a = 1, b = null, c = null }] }'),
        [],
    ),
    "it is allowed": (
        f"# trc: allow TRC450 they are for later\ntask up = sql $$ from raw $$\ntask out = sql $$ select a from up $$ {OUT}",
        [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_is_told(tmp_path: Path, case: str) -> None:
    tasks, expected = CASES[case]
    path = tmp_path / "p.trc"
    path.write_text(f"{RAW}{tasks}\n")
    (tmp_path / "raw.csv").write_text("a,b,c\n")
    (tmp_path / "made.py").write_text("def made(context):\n    pass\n")
    told = lint((path,)).diagnostics
    messages = [one.message.partition("depends on the column")[2].removeprefix("s").strip() for one in told]
    assert (messages, {one.code for one in told} - {"TRC450"}) == (expected, set())


def test_of_a_wrong_pipeline_its_mistakes_are_told(tmp_path: Path) -> None:
    path = tmp_path / "p.trc"
    path.write_text(f"{RAW}task up = sql $$ select missing from raw $$\n")
    assert [one.code for one in lint((tmp_path,)).diagnostics] == ["TRC402"]
