"""Tasks that are repeated for items: each item runs, is skipped, retried and explained by itself; readers find them all in order."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections import Counter
from typing import Any

import pytest

LISTED = """
    pipeline "shop" {}

    source sales = csv("sales.csv")

    task each = sql $$ select region, sum(amount) as total from sales where region = {{ item }} group by all $$ {
      for_each = ITEMS
    }

    task report = sql $$ select * from each order by region $$ { output = "out/report.csv" }
    """
OF_ROWS = """
    pipeline "shop" {}

    source sales = csv("sales.csv")

    task regions = sql $$ select region, min(amount) as least from sales group by region order by region $$

    task each = sql $$ select * from sales where region = {{ item.region }} and amount > {{ item.least }} $$ {
      for_each = regions.rows
      output = "out/{{ item.region }}.csv"
    }

    task report = sql $$ select * from each order by all $$ { output = "out/report.csv" }
    """
SALES = "region,amount\neu,1.5\nus,2.5\neu,4.0\nus,1.0\n"


def _states(space: Any, *options: str, code: int = 0) -> dict[str, str]:
    report = space.trc("run", "p.trc", "--json", *options, code=code).json
    return {one["task"]: one["state"] for one in report["tasks"]}


def _write(space: Any, pipeline: str, items: str = '["eu", "us"]', sales: str = SALES) -> None:
    space.write("p.trc", pipeline.replace("ITEMS", items))
    space.write("sales.csv", sales)
    space.age()


def _ran(states: dict[str, str]) -> list[str]:
    return sorted(task for task, state in states.items() if state == "success")


def test_each_item_is_a_task_run_and_readers_find_all_in_order(space: Any) -> None:
    _write(space, LISTED)
    assert _states(space) == dict.fromkeys(("each", "each[eu]", "each[us]", "report"), "success")
    assert space.read("out/report.csv") == "region,total\neu,5.5\nus,3.5\n"
    assert _states(space) == {"each": "skipped", "report": "skipped"}
    assert "up to date: 2 items" in space.trc("plan", "p.trc").out


def test_only_the_items_that_changed_run(space: Any) -> None:
    _write(space, LISTED)
    _states(space)
    _write(space, LISTED, '["us", "fr", "eu"]')
    assert "1 of 3 items have to run" in space.trc("plan", "p.trc").out
    states = _states(space)
    assert _ran(states) == ["each", "each[fr]", "report"]
    assert states["each[eu]"] == states["each[us]"] == "skipped"
    changed = [one["field"] for one in space.trc("explain", "report", "--json").json["reason"]["changes"]]
    assert changed == ["upstream.each", "upstream.each[fr]"]


def test_items_in_another_order_are_another_input(space: Any) -> None:
    _write(space, LISTED)
    space.write("p.trc", space.read("p.trc").replace(" order by region", ""))
    _states(space)
    assert space.read("out/report.csv").splitlines()[1] == "eu,5.5"
    space.write("p.trc", space.read("p.trc").replace('["eu", "us"]', '["us", "eu"]'))
    assert _ran(_states(space)) == ["report"]
    assert space.read("out/report.csv").splitlines()[1] == "us,3.5"


def test_rows_are_items_and_their_values_keep_their_types(space: Any) -> None:
    _write(space, OF_ROWS)
    names = ["each", "each[eu]", "each[us]", "regions", "report"]
    assert _ran(_states(space)) == names
    assert space.read("out/report.csv") == "region,amount\neu,4.0\nus,2.5\n"
    assert _states(space) == dict.fromkeys(("regions", "each", "report"), "skipped")
    _write(space, OF_ROWS, sales=SALES + "fr,9.0\nfr,10.0\n")
    states = _states(space)
    assert _ran(states) == ["each", "each[eu]", "each[fr]", "each[us]", "regions", "report"]
    assert space.read("out/fr.csv") == "region,amount\nfr,10.0\n"


VALUES = {
    "date": "date '2026-01-02'",
    "timestamp": "timestamp '2026-01-02 03:04:05.000006'",
    "decimal(9, 3)": "1.125",
    "double": "'nan'",
    "interval": "interval 3 days",
    "uuid": "'0a0b0c0d-0000-4000-8000-000000000001'",
    "blob": "'\\x00\\xFF'",
    "integer[]": "[1, null, 3]",
    "struct(a integer, b varchar)": "{a: 1, b: 'x'}",
    "varchar": "'it''s \"so\" é\n'",
    "boolean": "true",
    "integer": "null",
}


@pytest.fixture(scope="module")
def compared(shared_space: Any) -> dict[str, str]:
    """By type, what a query says of a value of a row and the parameter that it became."""
    text = 'pipeline "types" {}\n'
    for number, (kind, value) in enumerate(VALUES.items()):
        text += f"""
task rows{number} = sql $$ select 1 as id, cast({value} as {kind}) as v $$
task each{number} = sql $$ select cast({{{{ item.v }}}} as {kind}) as v $$ {{ for_each = rows{number}.rows }}
task same{number} = sql $$ select r.v is not distinct from e.v and typeof(r.v) = typeof(e.v) as same from rows{number} r, each{number} e $$ {{ output = "same{number}.csv" }}
"""
    (shared_space.root / "p.trc").write_text(text)
    _states(shared_space)
    return {kind: shared_space.read(f"same{number}.csv") for number, kind in enumerate(VALUES)}


@pytest.mark.parametrize("kind", VALUES)
def test_a_value_of_a_row_is_the_same_as_a_parameter(compared: dict[str, str], kind: str) -> None:
    assert compared[kind] == "same\ntrue\n"


def test_a_value_that_is_null_has_the_type_of_its_column(space: Any) -> None:
    """One file had a column of integers, for its value was NULL, and the others could not be read together with it."""
    space.write(
        "p.trc",
        """
        pipeline "p" {}
        task rows = sql $$ select * from (values (1, null, 5::bigint), (2, 'a', null)) as t(id, v, n) $$
        task each = sql $$ select {{ item.v }} as v, {{ item.n }} as n, {{ item }}.n as m $$ { for_each = rows.rows }
        task all = sql $$ select *, typeof(n) as k, typeof(m) as l from each $$ { output = "all.csv" }
        """,
    )
    _states(space)
    assert space.read("all.csv") == "v,n,m,k,l\n,5,5,BIGINT,BIGINT\na,,,BIGINT,BIGINT\n"


ITEM_PY = """
import json


def show(context):
    with open(context.output.path, "w") as file:
        json.dump([context.item, context.args], file, sort_keys=True)


def gather(context):
    with open(context.output.path, "w") as file:
        file.write("\\n".join(open(path).read() for path in context.inputs["each"].paths))
"""


@pytest.mark.parametrize(
    ("items", "args", "told"),
    [
        ('["b", "a"]', '"{{ item }}!"', [["b", {"it": "b!"}], ["a", {"it": "a!"}]]),
        ("[1, 2]", '"{{ item }}"', [[1, {"it": 1}], [2, {"it": 2}]]),
        ("[1, true, 1]", '"<{{ item }}>"', [[1, {"it": "<1>"}], [True, {"it": "<true>"}], [1, {"it": "<1>"}]]),
        ("[{ a = { b = [1] } }]", '"{{ item.a.b }}"', [[{"a": {"b": [1]}}, {"it": [1]}]]),
    ],
    ids=["texts", "numbers", "mixed", "mappings"],
)
def test_python_finds_the_item_and_args_are_made_from_it(space: Any, items: str, args: str, told: list[Any]) -> None:
    space.write("t.py", ITEM_PY)
    space.write(
        "p.trc",
        f"""
        pipeline "p" {{}}
        task each = python("t.py:show") {{ for_each = {items}, args = {{ it = {args} }}, outputs {{ output = file }} }}
        task all = python("t.py:gather") {{ inputs = [each], output = file("all.txt") }}
        """,
    )
    _states(space)
    assert [json.loads(line) for line in space.read("all.txt").splitlines()] == told


def test_a_command_finds_the_item_in_variables_and_arguments(space: Any) -> None:
    space.write(
        "p.trc",
        r"""
        pipeline "p" {}
        task line = shell("printf %s \"$TRC_ITEM\" > $TRC_OUTPUT_OUTPUT") {
          for_each = ["a; rm -rf x", "$(b)"]
          outputs { output = file }
        }
        task list = shell(["sh", "-c", "printf %s \"$1\" > $TRC_OUTPUT_OUTPUT", "sh", "{{ item }}"]) {
          for_each = ["a; rm -rf x", "$(b)"]
          outputs { output = file }
        }
        task all = shell("cat $TRC_INPUT_LINE $TRC_INPUT_LIST > out.txt") { inputs = [line, list] }
        """,
    )
    _states(space)
    assert space.read("out.txt") == "a; rm -rf x$(b)a; rm -rf x$(b)"


def test_an_item_that_fails_is_named_as_what_blocks_and_the_others_go_on(space: Any) -> None:
    space.write(
        "p.trc",
        """
        pipeline "p" {}
        task each = sql $$ select case when {{ item }} = 'x' then error('no') else {{ item }} end as x $$ { for_each = ["1", "x", "3"] }
        task report = sql $$ select * from each $$ { output = "out.csv" }
        """,
    )
    states = _states(space, code=1)
    assert states == {
        "each": "upstream_failed",
        "each[1]": "success",
        "each[x]": "failure",
        "each[3]": "success",
        "report": "upstream_failed",
    }
    told = space.trc("explain", "report").out
    assert "blocked by each[x], which failed" in told
    letters = space.trc("dlq", "list", "--json").json["letters"]
    assert [one["task"] for one in letters] == ["each[x]"]
    space.write("p.trc", space.read("p.trc").replace("error('no')", "'1'"))
    assert _ran(_states(space)) == ["each", "each[1]", "each[3]", "each[x]", "report"]


def test_a_retry_runs_the_items_that_did_not_succeed(space: Any) -> None:
    space.write("t.py", "def go(context):\n    open(context.item).read()\n    open(context.output.path, 'w').close()\n")
    space.write("a", "")
    space.write(
        "p.trc",
        """
        pipeline "p" {}
        task each = python("t.py:go") { for_each = ["a", "b"], inputs = [], outputs { output = file } }
        task after = sql $$ select 1 as x $$ { output = "out.csv", needs = [each] }
        """,
    )
    assert _states(space, code=1)["each[b]"] == "failure"
    space.write("b", "")
    report = space.trc("retry", "latest", "--json").json
    attempts = {one["task"]: (one["state"], one["attempt"]) for one in report["tasks"]}
    assert attempts["each[a]"] == ("success", 1)
    assert attempts["each[b]"] == ("success", 2)
    assert attempts["each"][0] == attempts["after"][0] == "success"


def test_a_retry_from_a_repeated_task_runs_all_of_its_items_again(space: Any) -> None:
    _write(space, LISTED)
    _states(space)
    report = space.trc("retry", "latest", "--from", "each", "--json").json
    attempts = {one["task"]: one["attempt"] for one in report["tasks"]}
    assert attempts["each[eu]"] == attempts["each[us]"] == attempts["report"] == 2


def test_the_dead_letter_of_an_item_is_replayed(space: Any) -> None:
    space.write("t.py", "def go(context):\n    open(context.item).read()\n    open(context.output.path, 'w').close()\n")
    space.write("a", "")
    space.write(
        "p.trc",
        """
        pipeline "p" {}
        task each = python("t.py:go") { for_each = ["a", "b"], inputs = [], outputs { output = file } }
        """,
    )
    _states(space, code=1)
    space.write("b", "")
    (letter,) = space.trc("dlq", "list", "--json").json["letters"]
    assert letter["task"] == "each[b]"
    space.trc("dlq", "replay", str(letter["number"]))
    assert space.trc("dlq", "list", "--json").json["letters"] == []


def test_no_items_are_an_empty_dataset(space: Any) -> None:
    _write(space, LISTED, "[]")
    space.write(
        "p.trc",
        space.read("p.trc").replace("for_each = []", "for_each = []\n columns { region: varchar, total: double }"),
    )
    assert _states(space) == {"each": "skipped", "report": "success"}
    assert space.read("out/report.csv") == "region,total\n"


@pytest.mark.parametrize(
    ("item", "told"),
    [
        ("../x", "cannot be a part of a location"),
        ("..", "cannot be a part of a location"),
        ("a*", "cannot be a part of a location"),
        ("", "cannot be a part of a location"),
    ],
)
def test_an_item_that_leads_elsewhere_is_no_part_of_a_location(space: Any, item: str, told: str) -> None:
    space.write(
        "p.trc",
        f"""
        pipeline "p" {{}}
        task rows = sql $$ select '{item}' as name $$
        task each = sql $$ select 1 as x $$ {{ for_each = rows.rows, output = "out/{{{{ item.name }}}}.csv" }}
        """,
    )
    done = space.trc("run", "p.trc", code=1)
    assert told in done.err
    assert not (space.root / "out").exists()
    assert not (space.root / "x.csv").exists()


def test_a_copied_project_finds_no_outputs_of_items_elsewhere(space: Any, tmp_path_factory: Any) -> None:
    _write(space, OF_ROWS)
    _states(space)
    there = tmp_path_factory.mktemp("copy") / "shop"
    shutil.copytree(space.root, there)
    shutil.rmtree(there / "out")
    copied = type(space)(there)
    states = _states(copied)
    assert _ran(states) == ["each", "each[eu]", "each[us]", "report"]
    assert sorted(path.name for path in (there / "out").iterdir()) == ["eu.csv", "report.csv", "us.csv"]
    assert _states(copied) == dict.fromkeys(("regions", "each", "report"), "skipped")


def test_a_plan_says_that_items_lack_what_they_read(space: Any) -> None:
    _write(space, LISTED)
    (space.root / "sales.csv").unlink()
    plan = {one["task"]: one["action"] for one in space.trc("plan", "p.trc", "--json", code=None).json["tasks"]}
    assert plan["each"] == "blocked"


def test_two_items_do_not_write_one_file(space: Any) -> None:
    space.write(
        "p.trc",
        """
        pipeline "p" {}
        task each = sql $$ select 1 as x $$ { for_each = ["a", "a"], output = "out/{{ item }}.csv" }
        """,
    )
    assert '"each[0]" and "each[1]" would both write' in space.trc("run", "p.trc", code=1).err


def test_a_killed_run_goes_on_with_its_items(space: Any) -> None:
    space.write(
        "t.py",
        """
        def go(context):
            with open("ran", "a") as file:
                file.write(context.item["name"] + "\\n")
            if context.item["name"] == "c":
                open("gate").read()
            open(context.output.path, "w").close()
        """,
    )
    space.write(
        "p.trc",
        """
        pipeline "p" {}
        task rows = sql $$ select unnest(['a', 'b', 'c', 'd']) as name $$
        task each = python("t.py:go") { for_each = rows.rows, inputs = [], incremental {}, outputs { output = file } }
        task after = sql $$ select 1 as x $$ { output = "out.csv", needs = [each] }
        """,
    )
    os.mkfifo(space.root / "gate")
    process = space.start("run", "p.trc", "--workers", "1")
    opened = os.open(space.root / "gate", os.O_WRONLY)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    os.close(opened)
    (space.root / "gate").unlink()
    space.write("gate", "")
    before = {one["task"]: one["state"] for one in space.trc("status", "--json").json["tasks"]}
    report = space.trc("run", "p.trc", "--json").json
    assert report["resumed"]
    states = {one["task"]: (one["state"], one["attempt"]) for one in report["tasks"]}
    assert states["each[c]"] == ("success", 2)
    assert {state for state, _ in states.values()} == {"success"}
    ran = Counter(space.read("ran").split())
    assert ran["c"] == 2
    # The worker may have begun the third item before the end of those ahead of it was heard.
    for item in "ab":
        attempts = 1 if before[f"each[{item}]"] == "success" else 2
        assert (ran[item], states[f"each[{item}]"][1]) == (attempts, attempts)


@pytest.mark.parametrize(
    ("task", "told"),
    [
        ('sql $$ select 1 as x $$ { for_each = [1], output = "x.csv" }', 'each item of "each" would write "x.csv"'),
        ("sql $$ select 1 as x $$ { for_each = other.rows }", 'no source or task is called "other"'),
        ("sql $$ select 1 as x $$ { for_each = text.rows }", '"text" has no rows'),
        ("sql $$ select $thing as x $$ { for_each = [1] }", '"$thing" has no value'),
        ('shell("echo {{ item }}") { for_each = [1] }', "cannot stand here"),
    ],
)
def test_what_cannot_be_repeated_is_told_at_its_place(space: Any, task: str, told: str) -> None:
    space.write("p.trc", f'pipeline "p" {{}}\nsource text = file("a.txt")\ntask each = {task}\n')
    done = space.trc("check", "p.trc", code=2)
    assert told in done.err + done.out
    assert "p.trc:3:" in done.err + done.out


def test_with_passes_or_without_the_sinks_are_the_same(space: Any) -> None:
    _write(space, OF_ROWS)
    verdicts = space.trc("verify", "p.trc", "--json").json["sinks"]
    assert {one["verdict"] for one in verdicts} == {"equal"}
    assert {one["task"] for one in verdicts} == {"each", "report"}


def test_hooks_and_lineage_events_tell_of_a_repeated_task(space: Any) -> None:
    space.write("trc.toml", '[network]\nallow_hosts = ["127.0.0.1"]\n')
    space.write(
        "p.trc",
        """
        pipeline "p" {}
        task each = sql $$ select case when {{ item }} = 'x' then error('no') else {{ item }} end as x $$ {
          for_each = ["a", "x"]
          output = "out/{{ item }}.csv"
          on_start = webhook("http://127.0.0.1:9/")
          on_failure = webhook("http://127.0.0.1:9/")
        }
        """,
    )
    space.trc("run", "p.trc", "--openlineage", "events", code=1)
    told = {(one["event"], one["task"]) for one in space.trc("hooks", "list", "--json").json["messages"]}
    assert told == {("task.start", "each"), ("task.failure", "each"), ("task.failure", "each[x]")}
    events = [json.loads(line) for line in space.read("events").splitlines()]
    ends = [one for one in events if one["eventType"] in {"COMPLETE", "FAIL"} and one["job"]["name"] == "p.each"]
    assert sorted(one["eventType"] for one in ends) == ["COMPLETE", "FAIL"]
    assert [out["name"] for one in ends for out in one["outputs"]] == [str(space.root / "out/a.csv")]


def test_lineage_events_tell_what_each_item_and_its_readers_read(space: Any) -> None:
    _write(space, OF_ROWS)
    space.trc("run", "p.trc", "--openlineage", "events")
    events = [json.loads(line) for line in space.read("events").splitlines()]
    read: dict[str, set[tuple[str, ...]]] = {}
    for one in events:
        if one["eventType"] == "COMPLETE":
            read.setdefault(one["job"]["name"], set()).add(tuple(each["name"] for each in one["inputs"]))
    sales, places = str(space.root / "sales.csv"), [str(space.root / f"out/{name}.csv") for name in ("eu", "us")]
    assert read == {
        "shop": {()},
        "shop.regions": {(sales,)},
        # Who lists the items reads the rows; an item reads what its query names, and is made of its row.
        "shop.each": {("shop.regions",), (sales, "shop.regions")},
        "shop.report": {tuple(places)},
    }
