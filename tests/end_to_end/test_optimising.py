"""Optimised runs: every sink is as it would be, what is skipped is what would be, and a lie would be found out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.end_to_end.conftest import Space

from trc.cli import exits
from trc.compiler.lineage.facts import query_facts
from trc.compiler.sql.facts import Condition, QueryFacts, ReadFacts, Use
from trc.compiler.tasktype import Declaration
from trc.runtime.errors import Stopped
from trc.stdlib_tasks.duckdb_sql.type import DuckdbSql
from trc.verifying.usecase import Rows, verify

ORDERS = "id,customer,amount,day,note\n" + "".join(
    f"{n},c{n % 7},{n * 37 % 101},2026-01-{1 + n % 28:02d},{'' if n % 5 == 0 else f'n{n}'}\n" for n in range(400)
)
SHOP = """
pipeline "shop" { }

source raw = csv("orders.csv")

task orders = sql $$ select * from raw $$

task staged = sql $$ select id, customer, amount, day, note from orders $$

task wide = sql $$ select customer, day, amount, note, count(*) as n from staged group by all $$

task daily = sql $$ select day, sum(n) as n from wide where amount > 10 group by day $$ { output = csv("daily.csv") }

task top = sql $$ select customer, max(amount) as top from wide where amount > 50 group by customer $$ {
  output = csv("top.csv")
}
"""
PYTHON_READER = """
task seen = python("seen.py:seen") {
  inputs = [wide]
  output = csv("seen.csv")
  incremental { }
}
"""
SEEN = """
def seen(context):
    import duckdb
    rows = duckdb.sql(f"from '{context.inputs['wide'].path}'")
    with open(context.output.path, "w") as file:
        print(",".join(rows.columns), len(rows.fetchall()), sep="\\n", file=file)
"""


def lines(space: Space, name: str) -> list[str]:
    return sorted(space.read(name).splitlines())


@pytest.fixture
def shop(space: Space) -> Space:
    space.write("orders.csv", ORDERS)
    space.write("p.trc", SHOP)
    return space


def states(space: Space, *options: str) -> dict[str, str]:
    report = space.trc("run", "p.trc", "--json", *options).json
    return {task["task"]: task["state"] for task in report["tasks"]}


def stored_columns(space: Space) -> list[str]:
    import duckdb

    (file,) = (space.root / ".trc/data/shop/wide").rglob("*.parquet")
    return duckdb.sql(f"from '{file}'").columns


def test_results_are_the_same_and_less_is_stored(shop: Space) -> None:
    shop.trc("run", "p.trc")
    plain = {name: lines(shop, name) for name in ("daily.csv", "top.csv")}
    shop.trc("run", "p.trc", "--optimise", "--force")
    assert {name: lines(shop, name) for name in plain} == plain


def test_only_what_is_read_is_stored(shop: Space) -> None:
    assert set(states(shop, "--optimise").values()) == {"success"}
    assert stored_columns(shop) == ["customer", "day", "amount", "n"]
    assert set(states(shop, "--optimise").values()) == {"skipped"}
    assert "not stored" in shop.trc("explain", "task:staged").out


def test_plan_tells_what_each_pass_did(shop: Space) -> None:
    told = shop.trc("plan", "p.trc", "--optimise", "--explain").out
    assert 'not stored: computed within "wide"' in told
    assert "4 of its 5 columns are stored: customer, day, amount, n" in told
    assert "it is read 2 times, and costs more to compute than to store" in told
    assert "Each output is stored as its query makes it." in shop.trc("plan", "p.trc", "--no-optimise", "--explain").out


def test_a_change_behind_what_is_not_stored_is_seen(shop: Space) -> None:
    states(shop, "--optimise")
    shop.write("orders.csv", ORDERS + "1000,c1,99,2026-01-01,new\n")
    assert set(states(shop, "--optimise").values()) == {"success"}
    optimised = lines(shop, "top.csv")
    shop.trc("run", "p.trc", "--force")
    assert lines(shop, "top.csv") == optimised


def test_a_new_reader_has_more_stored_and_others_stay_as_they_are(shop: Space) -> None:
    states(shop, "--optimise")
    shop.write("seen.py", SEEN)
    shop.write("p.trc", SHOP + PYTHON_READER)
    assert states(shop, "--optimise") == {
        "orders": "skipped",
        "staged": "skipped",
        "wide": "success",
        "daily": "skipped",
        "top": "skipped",
        "seen": "success",
    }
    assert shop.read("seen.csv").splitlines()[0] == "customer,day,amount,note,n"
    reason = shop.trc("explain", "task:wide", "--json").json["reason"]
    assert reason["code"] == "not_kept"


def test_other_conditions_are_asked_for_once(shop: Space) -> None:
    """A condition may have a date in it: what is up to date is not made anew each day."""
    states(shop, "--optimise")
    shop.write("p.trc", SHOP.replace("amount > 10", "amount > 11"))
    assert states(shop, "--optimise")["wide"] == "success"
    shop.write("p.trc", SHOP.replace("amount > 10", "amount > 12"))
    ran = [task for task, state in states(shop, "--optimise").items() if state == "success"]
    assert ran == ["daily"]


def test_a_task_is_left_alone_where_its_author_says_so(shop: Space) -> None:
    shop.write("p.trc", SHOP.replace("from orders $$", "from orders $$ { optimise = false }"))
    told = shop.trc("plan", "p.trc", "--optimise", "--explain").out
    assert "it is not to be optimised" in told


def test_sql_is_shown_as_it_runs(shop: Space) -> None:
    told = shop.trc("compile", "p.trc", "--emit", "sql", "--optimise").out
    assert "-- staged, not stored: it is part of what reads it" in told
    assert 'CREATE VIEW "staged" AS' in told
    assert "as it runs" not in shop.trc("compile", "p.trc", "--emit", "sql", "--no-optimise").out


def test_the_picture_shows_both(shop: Space) -> None:
    drawn = shop.trc("graph", "p.trc", "--optimised", "--json").json
    details = {node["id"]: node["detail"] for node in drawn["nodes"]}
    assert "computes staged" in details["after/task:wide"]
    assert "before/task:staged" in details
    assert "after/task:staged" not in details


def test_a_kept_view_goes_on_after_a_move(shop: Space, tmp_path_factory: pytest.TempPathFactory) -> None:
    states(shop, "--optimise")
    elsewhere = tmp_path_factory.mktemp("moved") / "project"
    shop.root.rename(elsewhere)
    moved = Space(elsewhere)
    shown = moved.trc("plan", "p.trc", "--optimise", "--json").json
    # What lies at a location of its own was written elsewhere; what only the pipeline reads came along.
    assert {task["task"]: task["action"] for task in shown["tasks"]}["wide"] == "skip"
    elsewhere.rename(shop.root)


HIDDEN = {
    "a value of a text that nobody else reads": """
        source raw = csv("orders.csv") { columns { id: bigint, customer: varchar, amount: bigint } }
        task staged = sql $$ select id, customer, amount from raw $$
        task seen = sql $$ select customer from staged $$ { output = csv("seen.csv") }
    """,
    "a column that one of many files has not": """
        source raw = parquet("parts/*.parquet")
        task staged = sql $$ select id, extra from raw $$
        task seen = sql $$ select id from staged $$ { output = csv("seen.csv") }
    """,
    "a value that a later filter leaves out": """
        source raw = parquet("text.parquet")
        task loaded = sql $$ select id, cast(word as integer) as number from raw $$
        task seen = sql $$ select id from loaded where id > 5 $$ { output = csv("seen.csv") }
    """,
}


@pytest.mark.parametrize("pipeline", HIDDEN.values(), ids=HIDDEN)
def test_no_failure_is_hidden(space: Space, pipeline: str) -> None:
    import duckdb

    space.write("orders.csv", "id,customer,amount\n1,a,5\n2,b,oops\n")
    (space.root / "parts").mkdir()
    duckdb.sql("select 1 as id, 2 as extra").write_parquet(str(space.root / "parts/a.parquet"))
    duckdb.sql("select 3 as id").write_parquet(str(space.root / "parts/b.parquet"))
    duckdb.sql("select 1 as id, 'x' as word").write_parquet(str(space.root / "text.parquet"))
    space.write("p.trc", 'pipeline "p" { }\n' + pipeline)
    for options in ((), ("--optimise",)):
        report = space.trc("run", "p.trc", "--json", *options, code=1).json
        assert [task["state"] for task in report["tasks"]] == ["failure", "upstream_failed"]


TRIED = """
    pipeline "p" { }
    source raw = parquet("text.parquet")
    task loaded = sql $$
      select id, cast(word as integer) as number, 100 // id as share from raw
    $$
    task seen = sql $$ select id from loaded where id > 5 $$ { output = csv("seen.csv") }
"""


def test_what_may_fail_is_tried_and_not_stored(space: Space) -> None:
    import duckdb

    words = str(space.root / "text.parquet")
    duckdb.sql("select unnest([1, 6]) as id, unnest(['x', '7']) as word").write_parquet(words)
    space.write("p.trc", TRIED)
    failed = [space.trc("run", "p.trc", *options, code=1).err for options in ((), ("--optimise",))]
    assert failed[0].split("error", 1)[1] == failed[1].split("error", 1)[1]
    assert "Could not convert string 'x' to INT32" in failed[1]
    duckdb.sql("select unnest([1, 6]) as id, unnest(['5', '7']) as word").write_parquet(words)
    assert set(states(space, "--optimise").values()) == {"success"}
    assert space.read("seen.csv") == "id\n6\n"
    assert not list((space.root / ".trc/data").rglob("*.parquet"))
    shown = space.trc("compile", "p.trc", "--emit", "sql", "--optimise").out
    assert '-- loaded, not stored: it is part of what reads it, once "number", "share" had a value in each row' in shown


def test_no_failure_is_made(space: Space) -> None:
    """The reader's cast holds for rows that the intermediate lets through, and must not be tried on others."""
    import duckdb

    words = "select * from values (1, '5'), (2, 'x'), (3, '7') as t(id, word)"
    duckdb.sql(words).write_parquet(str(space.root / "text.parquet"))
    duckdb.sql("select unnest([1, 3]) as id").write_parquet(str(space.root / "good.parquet"))
    space.write(
        "p.trc",
        """
        pipeline "p" { }
        source raw = parquet("text.parquet")
        source good = parquet("good.parquet")
        task fine = sql $$ select id, word from raw join good using (id) $$
        task same = sql $$ select * from fine $$
        task large = sql $$ select id from same where cast(word as integer) > 5 $$ { output = csv("large.csv") }
        """,
    )
    space.trc("run", "p.trc", "--optimise")
    assert space.read("large.csv") == "id\n3\n"


def test_columns_that_nobody_has_proved_are_not_left_out(space: Space) -> None:
    """A task in Python may write more columns than it declares, and `select *` takes them all."""
    space.write(
        "made.py",
        """
        def made(context):
            import duckdb
            duckdb.sql("select 1 as a, 2 as b, 3 as c").write_parquet(context.output.path)
        """,
    )
    space.write(
        "p.trc",
        """
        pipeline "p" { }
        task made = python("made.py:made") {
          inputs = []
          output = parquet("made.parquet")
          columns { a: integer, b: integer }
          incremental { }
        }
        task all_of_it = sql $$ select distinct * from made $$
        task but_one = sql $$ select * exclude (a) from all_of_it $$ { output = csv("but_one.csv") }
        task first = sql $$ select b from all_of_it $$ { output = csv("first.csv") }
        """,
    )
    space.trc("run", "p.trc")
    written = space.read("but_one.csv")
    space.trc("run", "p.trc", "--optimise", "--force")
    assert space.read("but_one.csv") == written


def test_switching_back_stores_all_of_it(shop: Space) -> None:
    states(shop, "--optimise")
    assert states(shop, "--no-optimise")["wide"] == "success"
    assert "note" in stored_columns_of_all(shop)
    assert set(states(shop, "--no-optimise").values()) == {"skipped"}


def stored_columns_of_all(space: Space) -> set[str]:
    import duckdb

    files = (space.root / ".trc/data/shop/wide").rglob("*.parquet")
    return {name for file in files for name in duckdb.sql(f"from '{file}'").columns}


TRAPS = Path(__file__).parents[1] / "cases/passes/traps"


def test_no_trap_changes_a_sink(space: Space) -> None:
    """With workers and a store on disk; tests/trc/verifying tries all of them."""
    import duckdb

    with duckdb.connect() as connection:
        connection.execute((TRAPS / "world.sql").read_text().replace(" TO '", f" TO '{space.root}/"))
    for name in ("consumers.trc", "seen.py"):
        space.write(name, (TRAPS / name).read_text())
    report = space.trc("verify", "consumers.trc", "--json").json
    assert {one["verdict"] for one in report["sinks"]} == {"equal"}
    applied = {(note["pass"], note["task"]) for note in report["passes"] if note["applied"]}
    assert ("fusion", "behind_text") in applied
    assert ("predicate_pushdown", "grouped") in applied


LIES: dict[str, Callable[[ReadFacts], ReadFacts]] = {
    "a condition that is none": lambda read: replace(read, uses=(Use((Condition('"amount" > 60', ("amount",)),)),)),
    "a column that is read": lambda read: replace(read, columns=("customer",)),
}


@pytest.mark.parametrize("rows", [None, Rows(200)], ids=["its rows", "made-up rows"])
@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_a_lie_about_a_query_is_found_out(
    shop: Space, monkeypatch: pytest.MonkeyPatch, lie: Callable[[ReadFacts], ReadFacts], rows: Rows | None
) -> None:
    def lying(*given: object) -> dict[str, QueryFacts]:
        facts = query_facts(*given)  # type: ignore[arg-type]
        reads = tuple(lie(one) for one in facts["top"].reads)
        daily = tuple(lie(one) for one in facts["daily"].reads)
        return facts | {
            "top": replace(facts["top"], reads=reads),
            "daily": replace(facts["daily"], reads=daily),
        }

    monkeypatch.setattr("trc.compiler.lineage.facts.query_facts", lying)
    report, _ = verify(shop.root / "p.trc", rows=rows)
    assert not report.holds
    assert {one.task for one in report.sinks if one.verdict == "different"}


def test_rows_are_made_up_where_there_are_none(space: Space) -> None:
    space.write(
        "p.trc",
        """
        pipeline "p" { }

        source orders = csv("not/here.csv") { columns { id: integer, kind: varchar, amount: decimal(8, 2) } }

        source unknown = csv("own.csv")

        task books = sql $$ select * from orders where kind = 'book' $$ { expect { unique(id) } }

        task total = sql $$ select id, sum(amount) as total from books where amount > 41 group by id $$ {
          output = csv("total.csv")
        }

        task other = sql $$ select * from unknown $$ { output = csv("other.csv") }
        """,
    )
    space.write("own.csv", "x\n1\n")
    report = space.trc("verify", "p.trc", "--made-up", "300", "--json").json
    assert (report["holds"], report["made_up"]) == (True, ["orders", "unknown"])
    total, other = report["sinks"]
    assert total["rows"] > 1
    assert other["rows"] == 300
    assert "made up: orders, unknown" in space.trc("verify", "p.trc", "--made-up", "30").out
    assert space.trc("verify", "p.trc", "--made-up", "0", code=None).code == exits.WRONG_USAGE
    assert "--made-up" in space.trc("verify", "p.trc", "--seed", "3", code=exits.WRONG_USAGE).err


def test_what_changes_the_world_is_not_run_twice(shop: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DuckdbSql, "declare", _with_effect(DuckdbSql.declare))
    with pytest.raises(Stopped) as told:
        verify(shop.root / "p.trc")
    [diagnostic] = told.value.diagnostics
    assert (diagnostic.code, diagnostic.task) == ("TRC501", "orders")
    assert diagnostic.span is not None
    assert not (shop.root / "daily.csv").exists()


def _with_effect(declare: Callable[..., Declaration]) -> Callable[..., Declaration]:
    return lambda *given: replace(declare(*given), effect="external")
