"""What is proved of which columns tasks read of one another, and what goes by the bytes of a file."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from trc import api
from trc.compiler.choices import Choices
from trc.runtime.readsets import ReadSets, read_sets, to_prove
from trc.runtime.store.results import StoredOutput
from trc.runtime.taskside.tuples import Tuples, name_of
from trc.settings import settings_for

HEAD = """
pipeline "p" { }
source raw = csv("raw.csv")
source typed = csv("typed.csv") { columns { id: INTEGER, label: VARCHAR } }
source drawer = parquet("drawer.parquet")
task up = sql $$ select id, name, amount, ratio from (values (1, 'a', 2, 0.5::double)) t(id, name, amount, ratio) $$
task other = sql $$ select 1 as id, 'x' as more $$
task listed = sql $$ select 1 as id, [1, 2] as many $$
task kinds = sql $$ select 1 as id, 'a'::enum('a', 'b') as kind $$
task text = sql $$ select 1 as id, 'x' as label $$ { output = csv("text.csv") }
task shown = sql $$ select 1 as id $$ { output = parquet("shown.parquet") }
task made = python("made.py:made") { output = parquet("made.parquet"), columns { id: INTEGER, more: VARCHAR } }
"""
CASES: dict[str, tuple[str, dict[str, str] | None]] = {
    # the reader's query, and what it reads by what it calls it; None: nothing is proved of it
    "a column": ("select name from up", {"up": "name"}),
    "a condition counts": ("select name from up where amount > 1", {"up": "name amount"}),
    "a star reads all": ("select * from up", {"up": "id name amount ratio"}),
    "a star without some": ("select * exclude (ratio) from up", {"up": "id name amount"}),
    "the number of rows": ("select count(*) as n from up", {"up": ""}),
    "an aggregate": ("select name, max(amount) as top from up group by all", {"up": "name amount"}),
    "a join": ("select up.name from up join other using (id)", {"up": "id name", "other": "id"}),
    "a natural join": ("select name from up natural join other", {"up": "id name", "other": "id"}),
    "two uses": ("select a.name from up a join up b on a.id = b.amount", {"up": "id name amount"}),
    "another case": ('select NAME from "UP"', {"UP": "name"}),
    "by the output's name": ("select name from up.output", {"up.output": "name"}),
    "a subquery": ("select id from other where id in (select amount from up)", {"up": "amount", "other": "id"}),
    "a row as a whole": ("select up from up", {"up": "id name amount ratio"}),
    "with text of known columns": ("select name from up join typed using (id)", {"up": "id name"}),
    "with a task's text": ("select name from up join text using (id)", {"up": "id name"}),
    "an order of its own": ("select name from up order by name, id", {"up": "id name"}),
    "the order of rows": ("select list(name) as names from up", None),
    "the first rows": ("select name from up limit 1", None),
    "sums of floats": ("select sum(ratio) as total from up", None),
    "chance": ("select name, random() as r from up", None),
    "with files whose columns may differ": ("select name from up join raw using (id)", None),
    "with files that nobody names": ("select name from up join drawer using (id)", None),
    "with what another language writes": ("select name from up join made using (id)", None),
    "values that lists hold": ("select many from listed", {}),
    "beside a list": ("select id from listed", {"listed": "id"}),
    "beside what Parquet changes": ("select id from kinds", None),
    **{
        f"what is known before any row: {query}": (query, None)
        for query in (
            "select typeof(amount) as t from up",
            'select id from up where "pg_typeof" (amount) = name',
            "select get_type(amount)::varchar as t from up",
            "select can_cast_implicitly(amount, null::bigint) as t from up",
            "select cast_to_type('12', amount) as t from up",
            "select replace_type(id, id, amount) as t from up",
            "select column_name from (describe up)",
            "describe up",
            "from ( /* of */ desc up)",
            "from (show up)",
            "select id from up where 4 = (select count(*) from (describe up))",
        )
    },
    "a descending order": ("select name from up order by id desc", {"up": "id name"}),
    "as many as some row says": ("select max(name, id) as names from up", None),
    "as many as are written": ("select max(name, 2) as names from up", {"up": "name"}),
    "by its Parquet file": ("select id from 'shown.parquet'", None),
    "by its file": ("select label from 'text.csv'", None),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "raw.csv").write_text("id,extra\n1,2\n")
    (tmp_path / "typed.csv").write_text("id,label\n1,x\n")
    (tmp_path / "made.py").write_text("def made(context):\n    pass\n")
    return tmp_path


def proved(folder: Path, query: str) -> ReadSets:
    path = folder / "p.trc"
    path.write_text(f'{HEAD}\ntask reader = sql $$ {query} $$ {{ output = csv("reader.csv") }}\n')
    compilation = api.load(path, settings_for(path), Choices(), datetime(2026, 1, 1, tzinfo=UTC))
    return read_sets(compilation.spec, compilation.queries)


@pytest.mark.parametrize("case", CASES)
def test_what_is_proved(folder: Path, case: str) -> None:
    query, expected = CASES[case]
    if "drawer" in query:
        import duckdb

        duckdb.sql("select 1 as id").write_parquet(str(folder / "drawer.parquet"))
    found = proved(folder, query).read.get("reader")
    told = None if found is None else {name: " ".join(one for one, _ in columns) for name, columns in found.items()}
    assert told == expected


def stored(tuples: Tuples | None) -> StoredOutput:
    return StoredOutput("output", "/x", "sha256:0", 1, 1, tuples=tuples)


def test_all_that_is_read_has_to_have_the_columns_that_were_looked_at(folder: Path) -> None:
    sets = proved(folder, "select up.name from up join other using (id)")
    path = folder / "p.trc"
    spec = api.load(path, settings_for(path), Choices(), datetime(2026, 1, 1, tzinfo=UTC)).spec
    reads = next(task for task in spec.tasks if task.name == "reader").reads
    up, other = (
        Tuples(name_of(sets.asked[name].known), tuple((name_of(one), f"{name}!") for one in sets.asked[name].sets))
        for name in ("up", "other")
    )

    def known_by(up: Tuples | None, other: Tuples | None) -> dict[str, str | None]:
        upstream = {("up", "output"): stored(up), ("other", "output"): stored(other)}
        return {name: known.tuples for name, known in sets.digests("reader", reads, upstream).items()}

    assert known_by(up, other) == {"up": "id, name: up!", "other": "id: other!"}
    assert known_by(up, replace(other, digests=())) == {"up": "id, name: up!", "other": None}
    assert known_by(up, None) == {}
    assert known_by(up, replace(other, known="another")) == {}
    assert known_by(replace(up, known="another"), other) == {}


def test_nothing_is_proved_that_nobody_asks_for(folder: Path) -> None:
    """Proving takes time: a pipeline whose queries read files alone does not pay for it."""
    path = folder / "p.trc"
    path.write_text('pipeline "p" { }\nsource raw = csv("raw.csv")\ntask a = sql $$ select * from raw $$\n')
    compilation = api.load(path, settings_for(path), Choices(), datetime(2026, 1, 1, tzinfo=UTC))
    assert (to_prove(compilation.spec), compilation.queries) == (frozenset(), {})
