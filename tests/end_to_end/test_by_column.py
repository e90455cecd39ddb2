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
    """Runs the pipeline as it is written, and answers each task's final state."""
    return {task.task: task.state for task in api.run(folder / "p.trc", optimise=False).tasks}


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
    planned = {
        one.task for one in api.plan(tmp_path / "p.trc", optimise=False).plan.tasks if one.reason.code == "spared"
    }
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
    assert {one.reason.code for one in api.plan(tmp_path / "p.trc", optimise=False).plan.tasks} == {
        "changed",
        "upstream_runs",
    }


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
    assert "spared" not in {one.reason.code for one in api.plan(tmp_path / "p.trc", optimise=False).plan.tasks}


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


THROUGH = """
pipeline "shop" { }

source raw = csv("orders.csv") { columns { id: INTEGER, customer: VARCHAR, amount: INTEGER, note: VARCHAR } }

task kept = sql $$ select id, customer, amount, note from raw $$ { optimise = false }

task staged = sql $$ select id, customer, amount, note from kept $$

task sold = sql $$ select customer, amount, id from staged $$

task totals = sql $$ select customer, sum(amount) as total from sold group by customer $$ { output = csv("totals.csv") }

task buyers = sql $$ select count(distinct customer) as n from sold $$ { output = csv("buyers.csv") }

task all_of_it = sql $$ select * from staged $$ { output = csv("all.csv") }
"""
EDITS_THROUGH: dict[str, tuple[tuple[str, str], set[str]]] = {
    "another column": (("note from kept", "note, id + 1 as next from kept"), {"staged", "all_of_it"}),
    "a column that few read": (("id, customer, amount, note from kept", "id, customer, amount + 1 as amount, note from kept"), {"staged", "sold", "totals", "buyers", "all_of_it"}),
    "a column that one reads": (("note from kept", "upper(note) as note from kept"), {"staged", "all_of_it"}),
    "a column nearer by": (("customer, amount, id from", "customer, amount, id * 2 as id from"), {"sold"}),
    "other words": (("id, customer, amount, note from kept", "k.id, k.customer, k.amount, k.note from kept as k"), {"staged"}),
    "a condition": (("note from kept", "note from kept where id > 1"), {"staged", "sold", "totals", "buyers", "all_of_it"}),
    "another name": (("customer, amount, id from", "customer, id as amount, amount as id from"), {"sold", "totals"}),
    "the stored query": (("note from raw", "note, 1 as one from raw"), {"kept"}),
    "another type": (("id, customer, amount, note from kept", "id, customer, amount::bigint as amount, note from kept"), {"staged", "sold", "totals", "buyers", "all_of_it"}),
}  # fmt: skip


@pytest.mark.parametrize("what", EDITS_THROUGH)
def test_what_is_not_stored_is_known_by_column(tmp_path: Path, what: str) -> None:
    """Two tasks of which nothing is stored stand between what is and those that read it."""
    (old, new), expected = EDITS_THROUGH[what]
    (tmp_path / "p.trc").write_text(THROUGH)
    (tmp_path / "orders.csv").write_text(ORDERS)
    everything = through(tmp_path)
    assert set(everything.values()) == {"success"}
    assert {path.name for path in (tmp_path / ".trc/data/shop").iterdir()} == {"kept"}
    assert old in THROUGH
    (tmp_path / "p.trc").write_text(THROUGH.replace(old, new, 1))
    planned = {
        one.task for one in api.plan(tmp_path / "p.trc", optimise=True).plan.tasks if one.reason.code == "spared"
    }
    assert planned <= set(everything) - expected
    assert {task for task, state in through(tmp_path).items() if state == "success"} == expected
    assert set(through(tmp_path).values()) == {"skipped"}
    (tmp_path / "p.trc").write_text(THROUGH)
    through(tmp_path)
    assert set(through(tmp_path).values()) == {"skipped"}


def test_what_changes_ahead_at_the_same_time_is_seen(tmp_path: Path) -> None:
    for amount, more in ((5, ""), (6, ", 1 as one")):
        duckdb.sql(f"copy (select 'ada' as name, {amount} as amount) to '{tmp_path}/raw.parquet'")
        (tmp_path / "p.trc").write_text(f"""
pipeline "p" {{ }}
source raw = parquet("raw.parquet")
task staged = sql $$ select name, amount{more} from raw $$
task totals = sql $$ select name, sum(amount) as total from staged group by name $$ {{ output = csv("totals.csv") }}
""")
        assert through(tmp_path) == {"staged": "success", "totals": "success"}
        assert not (tmp_path / ".trc/data").exists()
        assert f"ada,{amount}" in (tmp_path / "totals.csv").read_text()


def test_what_is_stored_after_all_is_still_known(tmp_path: Path) -> None:
    (old, new), expected = EDITS_THROUGH["another column"]
    (tmp_path / "p.trc").write_text(THROUGH)
    (tmp_path / "orders.csv").write_text(ORDERS)
    through(tmp_path)
    (tmp_path / "p.trc").write_text(THROUGH.replace(old, new, 1))
    assert {task for task, state in through(tmp_path).items() if state == "success"} == expected
    other = 'task other = sql $$ select id from staged $$ { output = csv("other.csv"), timeout = 1h }\n'
    (tmp_path / "p.trc").write_text(THROUGH.replace(old, new, 1) + other)
    assert {task for task, state in through(tmp_path).items() if state == "success"} == {"staged", "other"}
    assert set(through(tmp_path).values()) == {"skipped"}


def through(folder: Path) -> dict[str, str]:
    """As `states`, optimised."""
    return {task.task: task.state for task in api.run(folder / "p.trc", optimise=True).tasks}


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


def sinks_hold(folder: Path, readers: list[str], edits: list[Any], *, is_fused: bool = False) -> None:
    """After each edit, what every reader has is what it would have anew; where `is_fused`, what they read is not stored."""
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
            "task side = sql $$ select k from beside $$ { optimise = false }\n"
            + (
                THROUGH_TWO.format(shape=world.shape, condition=world.condition)
                if is_fused
                else f"task up = sql $$ {up} $$\n"
            )
            + "".join(
                f'task r{index} = sql $$ {query} $$ {{ output = parquet("r{index}.parquet") }}\n'
                for index, query in enumerate(readers)
            )
        )
        api.run(folder / "p.trc", optimise=is_fused)
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


THROUGH_TWO = """
task base = sql $$ select a, b, c from raw $$ {{ optimise = false }}
task mid = sql $$ select {shape} from base $$
task up = sql $$ select * from mid where {condition} $$
"""


@pytest.mark.parametrize("is_fused", few([False, True], [True]))
@settings(max_examples=4, phases=[Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=edits)
def test_every_sink_is_as_it_would_be_anew(
    tmp_path_factory: pytest.TempPathFactory, edits: list[Any], *, is_fused: bool
) -> None:
    sinks_hold(tmp_path_factory.mktemp("p"), READERS[:5] if is_fused else READERS, edits, is_fused=is_fused)


@pytest.mark.long
@pytest.mark.parametrize("is_fused", [False, True])
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=edits)
def test_every_sink_is_as_it_would_be_anew_many_times(
    tmp_path_factory: pytest.TempPathFactory, edits: list[Any], *, is_fused: bool
) -> None:
    sinks_hold(tmp_path_factory.mktemp("p"), READERS[:5] if is_fused else READERS, edits, is_fused=is_fused)
