"""By column: a change to what a task does not read of another does not touch it, and every other one does."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb  # noqa: TID253 - says what every sink should hold
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.end_to_end.conftest import Space
from tests.quick import few

from trc import api

SHOP = """
pipeline "shop" { }

source raw = csv("orders.csv") { columns { id: INTEGER, customer: VARCHAR, amount: INTEGER, note: VARCHAR } }

task staged = sql $$ select id, customer, amount, note from raw $$

task totals = sql $$ select customer, sum(amount) as total from staged group by customer $$ { output = csv("totals.csv") }

task buyers = sql $$ select count(distinct customer) as n from totals_view $$ { output = csv("buyers.csv") }

task totals_view = sql $$ select customer from totals_of $$

task totals_of = sql $$ select customer, count(*) as n from staged group by customer $$

task all_of_it = sql $$ select * from staged $$ { output = csv("all.csv") }

task first = sql $$ select note from staged limit 1 $$ { output = csv("first.csv") }
"""
ORDERS = "id,customer,amount,note\n1,ada,20,x\n2,bob,30,y\n3,ada,5,\n"
EDITS: dict[str, tuple[tuple[str, str], tuple[str, str], set[str]]] = {
    # what is edited: (in the pipeline, in the source, what runs)
    "a value that some read": (("", ""), ("3,ada,5", "3,ada,6"), {"staged", "totals", "all_of_it", "first"}),
    "a value that few read": (("", ""), ("2,bob,30,y", "2,bob,30,z"), {"staged", "all_of_it", "first"}),
    "the order of rows": (("", ""), ("1,ada,20,x\n2,bob,30,y", "2,bob,30,y\n1,ada,20,x"), {"staged", "first"}),
    "a row": (("", ""), ("3,ada,5,\n", "3,ada,5,\n3,ada,5,\n"), {"staged", "totals", "totals_of", "all_of_it", "first"}),
    "partners": (("", ""), ("1,ada,20,x\n2,bob,30", "1,ada,30,x\n2,bob,20"), {"staged", "totals", "all_of_it", "first"}),
    "another column": (("amount, note from", "amount, note, id + 1 as next from"), ("", ""), {"staged", "all_of_it", "first"}),
    "a column ahead": (("select id, customer", "select 7 as seven, id, customer"), ("", ""), {"staged", "all_of_it", "first"}),
    "a column moves": (("id, customer, amount,", "amount, id, customer,"), ("", ""), {"staged", "totals", "all_of_it", "first"}),
    "another type": (("customer, amount, note from", "customer, amount::bigint as amount, note from"), ("", ""), {"staged", "totals", "all_of_it", "first"}),
    "a condition that all rows meet": (("note from raw", "note from raw where id > 0"), ("", ""), {"staged"}),
}  # fmt: skip


def states(folder: Path) -> dict[str, str]:
    """Runs the pipeline, and answers each task's final state."""
    return {task.task: task.state for task in api.run(folder / "p.trc").tasks}


@pytest.mark.parametrize("what", few(EDITS, ("a value that few read", "another column", "a column moves", "partners")))
def test_what_runs_is_what_could_see_the_change(tmp_path: Path, what: str) -> None:
    (old, new), (was, now), expected = EDITS[what]
    (tmp_path / "p.trc").write_text(SHOP)
    (tmp_path / "orders.csv").write_text(ORDERS)
    everything = states(tmp_path)
    assert set(everything.values()) == {"success"}
    assert (old in SHOP, was in ORDERS) == (True, True)
    (tmp_path / "p.trc").write_text(SHOP.replace(old, new, 1))
    (tmp_path / "orders.csv").write_text(ORDERS.replace(was, now, 1))
    planned = {one.task for one in api.plan(tmp_path / "p.trc").plan.tasks if one.reason.code == "spared"}
    # That all rows meet a condition, no plan knows.
    assert planned == (set(everything) - expected if old and "condition" not in what else set())
    assert {task for task, state in states(tmp_path).items() if state == "success"} == expected
    assert set(states(tmp_path).values()) == {"skipped"}


def test_a_plan_promises_nothing_where_more_than_a_query_is_new(tmp_path: Path) -> None:
    (tmp_path / "p.trc").write_text(SHOP)
    (tmp_path / "orders.csv").write_text(ORDERS)
    states(tmp_path)
    (tmp_path / "p.trc").write_text(SHOP.replace("amount, note from", "amount, note, 1 as one from"))
    (tmp_path / "orders.csv").write_text(ORDERS.replace("bob", "eve"))
    assert {one.reason.code for one in api.plan(tmp_path / "p.trc").plan.tasks} == {"changed", "upstream_runs"}


LOOKED_UP = """
pipeline "p" { }
source raw = csv("orders.csv") { columns { id: INTEGER, customer: VARCHAR, amount: INTEGER, note: VARCHAR } }
task staged = sql $$ select id, customer, note from raw $$
task out = sql $$ select customer from staged $$ {
  output = csv("out.csv")
  expect { relationships(column = customer, to = staged, field = note) }
}
"""


def test_a_lookup_goes_by_what_it_looks_up(tmp_path: Path) -> None:
    """The query reads another column of the same dataset, which stays as it is."""
    (tmp_path / "p.trc").write_text(LOOKED_UP)
    (tmp_path / "orders.csv").write_text("id,customer,amount,note\n1,ada,2,bob\n2,bob,3,ada\n")
    assert set(states(tmp_path).values()) == {"success"}
    (tmp_path / "orders.csv").write_text("id,customer,amount,note\n1,ada,2,bob\n2,bob,3,eve\n")
    assert states(tmp_path) == {"staged": "success", "out": "failure"}


def test_a_plan_promises_nothing_where_what_is_read_ahead_changes(tmp_path: Path) -> None:
    far = SHOP.replace("from raw $$", "from early $$").replace(
        "task staged", "task early = sql $$ select id, customer, amount, note from raw $$\n\ntask staged"
    )
    (tmp_path / "p.trc").write_text(far)
    (tmp_path / "orders.csv").write_text(ORDERS)
    states(tmp_path)
    (tmp_path / "p.trc").write_text(far.replace("note from early", "note, 1 as one from early"))
    (tmp_path / "orders.csv").write_text(ORDERS.replace("bob", "eve"))
    assert "spared" not in {one.reason.code for one in api.plan(tmp_path / "p.trc").plan.tasks}


def test_a_constant_that_duckdb_cannot_write_down_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "p.trc").write_text(
        "pipeline \"p\" { }\ntask a = sql $$ select '101'::bit as flags, 1 as id $$\n"
        'task b = sql $$ select id from a $$ { output = csv("b.csv") }\n'
    )
    assert set(states(tmp_path).values()) == {"success"}


def test_it_is_told(space: Space) -> None:
    space.write("p.trc", SHOP)
    space.write("orders.csv", ORDERS)
    space.trc("run", "p.trc")
    space.write("orders.csv", ORDERS.replace("bob,30", "bob,31"))
    space.trc("run", "p.trc")
    why = space.trc("explain", "task:totals").out
    assert "- customer, amount: " in why
    assert "+ customer, amount: " in why
    assert "up to date: what it reads is unchanged (customer of staged)" in space.trc("explain", "task:totals_of").out


READERS = [
    "select a from up",
    "select count(*) as n from up",
    "select b, max(a) as a from up where c is not null group by b",
    "select * from up",
    "select u.a, o.k from up u left join side o on u.b = o.k",
    "select distinct c from up where a > 1",
    "select a, row_number() over (order by a, b, c) as n from up where b is not null",
    "select x.a from up x semi join up y on x.a = y.c",
]
SHAPES = [
    "a, b, c",
    "c, a, b",
    "0 as z, a, b, c",
    "a + 0 as a, b, c",
    "a, coalesce(b, 'none') as b, c",
    "a, b, c, a as d",
]
CONDITIONS = ["true", "a > 1", "b is not null", "a is not null or c > 1"]
VALUES = (("", "1", "2", "3"), ("", "x", "y"), ("", "1", "2"))
edits = st.lists(
    st.one_of(
        *(st.tuples(st.just(column), st.integers(0, 2), st.sampled_from(VALUES[column])) for column in range(3)),
        st.sampled_from(("turn", "double", *SHAPES, *CONDITIONS)),
    ),
    min_size=4,
    max_size=8,
)


@dataclass
class World:
    """Rows of `raw`, and the query of `up` over them."""

    data: list[list[str]] = field(default_factory=lambda: [["1", "x", "1"], ["2", "y", "2"], ["", "x", ""]])
    shape: str = SHAPES[0]
    condition: str = CONDITIONS[0]

    def edit(self, edit: Any) -> None:
        """One thing is another."""
        if edit == "turn":
            self.data.reverse()
        elif edit == "double":
            self.data.append(list(self.data[0]))
        elif edit in SHAPES:
            self.shape = edit
        elif edit in CONDITIONS:
            self.condition = edit
        else:
            column, row, value = edit
            self.data[row][column] = value


def sinks_hold(folder: Path, readers: list[str], edits: list[Any]) -> None:
    """After each edit, what every reader has is what it would have anew."""
    (folder / "side.csv").write_text("k\nx\nx\n")
    world = World()
    for edit in ("", *edits):
        if edit:
            world.edit(edit)
        (folder / "raw.csv").write_text("a,b,c\n" + "".join(",".join(row) + "\n" for row in world.data))
        up = f"select {world.shape} from raw where {world.condition}"
        (folder / "p.trc").write_text(
            'pipeline "p" { }\n'
            'source raw = csv("raw.csv") { columns { a: INTEGER, b: VARCHAR, c: INTEGER } }\n'
            'source beside = csv("side.csv") { columns { k: VARCHAR } }\n'
            "task side = sql $$ select k from beside $$\n"
            f"task up = sql $$ {up} $$\n"
            + "".join(
                f'task r{index} = sql $$ {query} $$ {{ output = parquet("r{index}.parquet") }}\n'
                for index, query in enumerate(readers)
            )
        )
        api.run(folder / "p.trc")
        with duckdb.connect() as anew:
            anew.execute(
                f"create table raw as from read_csv('{folder}/raw.csv', header = true, "
                "types = {a: 'INTEGER', b: 'VARCHAR', c: 'INTEGER'}); create table side as select 'x' as k from range(2);"
                f"create table up as {up}"
            )
            for index, query in enumerate(readers):
                seen = anew.execute(f"from '{folder}/r{index}.parquet'").fetchall()
                names = [column[0] for column in anew.description or ()]
                expected = anew.execute(query).fetchall()
                assert names == [column[0] for column in anew.description or ()]
                assert sorted(seen, key=repr) == sorted(expected, key=repr), (query, world)


@settings(max_examples=4, phases=[Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=edits)
def test_every_sink_is_as_it_would_be_anew(tmp_path_factory: pytest.TempPathFactory, edits: list[Any]) -> None:
    sinks_hold(tmp_path_factory.mktemp("p"), READERS, edits)


@pytest.mark.long
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=edits)
def test_every_sink_is_as_it_would_be_anew_many_times(
    tmp_path_factory: pytest.TempPathFactory, edits: list[Any]
) -> None:
    sinks_hold(tmp_path_factory.mktemp("p"), READERS, edits)
