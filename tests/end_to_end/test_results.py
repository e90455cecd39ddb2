"""Small values: what tasks return is handed to others, counts in their keys, and decides conditions."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

PIPELINE = """
    pipeline "shop" {}

    param level: integer = 1

    source limits = csv("limits.csv")

    task look = python("look.py:look") {
      inputs { limits = limits }
      incremental { strategy = hybrid }
      output = "out/look.csv"
    }

    task rows = sql $$ select * from limits $$

    task sql = sql $$
      select {{ tasks.look.values.least }} as least, {{ tasks.rows.rows }} as n, typeof({{ tasks.look.values.least }}) as kind,
        {{ tasks.look.values.deep["a key"] }}::varchar as deep
    $$ { output = "out/sql.csv" }

    task args = python("look.py:told") {
      args { whole = "{{ tasks.look.values.names }}", part = "n={{ tasks.look.values.least }}", rows = "{{ tasks.rows.rows }}" }
      output = "out/args.csv"
      inputs {}
      incremental { strategy = hybrid }
    }

    task list = shell(["sh", "-c", "echo $1 > $TRC_OUTPUT_OUTPUT", "sh", "{{ tasks.look.values.names }}"]) {
      output = "out/list.csv"
    }
    """
CODE = """
    import csv, json
    from trc import TaskContext, TaskResult


    def look(context: TaskContext) -> TaskResult:
        with open(context.inputs["limits"].path) as file:
            rows = list(csv.DictReader(file))
        with open(context.output.path, "w") as file:
            file.write("n\\n1\\n")
        least = min(int(row["least"]) for row in rows)
        return TaskResult(values={"least": least, "names": [row["name"] for row in rows], "deep": {"a key": {"x": 1}}})


    def told(context: TaskContext) -> None:
        with open(context.output.path, "w") as file:
            file.write("told\\n" + json.dumps(json.dumps(dict(context.args))) + "\\n")
    """
LIMITS = "name,least\na,5\nb,7\n"


def _write(space: Any, limits: str = LIMITS, pipeline: str = PIPELINE, code: str = CODE) -> None:
    space.write("p.trc", pipeline)
    space.write("look.py", code)
    space.write("limits.csv", limits)
    space.age()


def _states(space: Any, *options: str, code: int = 0) -> dict[str, str]:
    report = space.trc("run", "p.trc", "--json", *options, code=code).json
    return {one["task"]: one["state"] for one in report["tasks"]}


def test_values_are_handed_to_queries_functions_and_commands(space: Any) -> None:
    _write(space)
    assert set(_states(space).values()) == {"success"}
    assert space.read("out/sql.csv") == "least,n,kind,deep\n5,2,INTEGER,{'x': 1}\n"
    assert '""whole"": [""a"", ""b""]' in space.read("out/args.csv").replace("\\", '"').replace('"""', '""')
    assert "n=5" in space.read("out/args.csv")
    assert space.read("out/list.csv") == '["a", "b"]\n'


def test_an_equal_value_lets_the_reader_be_skipped_and_another_one_does_not(space: Any) -> None:
    _write(space)
    _states(space)
    skipped = {"look": "skipped", "rows": "skipped", "sql": "skipped", "args": "skipped", "list": "success"}
    assert _states(space) == skipped
    # Another file with the same least value, names and rows: who is handed these finds nothing new.
    _write(space, "name,least,more\na,5,x\nb,7,y\n")
    plan = {one["task"]: one["action"] for one in space.trc("plan", "p.trc", "--json").json["tasks"]}
    assert plan == {"look": "run", "rows": "run", "sql": "maybe", "args": "maybe", "list": "run"}
    assert _states(space) == skipped | {"look": "success", "rows": "success"}
    _write(space, "name,least\na,6\nb,7\n")
    assert _states(space) == dict.fromkeys(skipped, "success")
    told = space.trc("explain", "task:sql", "--json").json["reason"]["changes"]
    assert [(one["field"], one["old"], one["new"]) for one in told] == [("tasks.look.values.least", "5", "6")]
    assert "tasks.look.values.least" in space.trc("explain", "task:args").out


def test_a_value_that_is_not_there_fails_its_reader_and_says_what_is(space: Any) -> None:
    _write(space, code=CODE.replace('"least": least, ', '"leest": least, '))
    done = space.trc("run", "p.trc", code=1)
    assert "TRC662" in done.err
    assert '"look" has returned no value "least"; it returned: leest, names, deep' in done.err
    states = {one["task"]: one["state"] for one in space.trc("status", "--json").json["tasks"]}
    assert states["sql"] == states["args"] == "failure"
    assert states["list"] == "success"


@pytest.mark.parametrize(
    ("returned", "told"),
    [
        ("{'least': 1, 'names': ['x' * 300_000]}", "at most 262,144 are kept"),
        ("{'least': object(), 'names': []}", "values that JSON cannot hold"),
        ("{'least': float('nan'), 'names': []}", "values that JSON cannot hold"),
    ],
)
def test_values_that_are_too_large_or_no_json_fail_the_task(space: Any, returned: str, told: str) -> None:
    code = CODE.replace(
        'TaskResult(values={"least": least, "names": [row["name"] for row in rows], "deep": {"a key": {"x": 1}}})',
        f"TaskResult(values={returned})",
    )
    assert returned in code
    _write(space, code=code)
    done = space.trc("run", "p.trc", code=1)
    assert told in done.err
    assert _states(space, code=1)["sql"] == "upstream_failed"


@pytest.mark.parametrize(
    ("written", "code", "told"),
    [
        ("{{ tasks.lok.values.x }}", "TRC661", '"$tasks_lok_values_x" is a result of no task'),
        ("{{ tasks.look }}", "TRC661", '"tasks.look" does not say what of a task is meant'),
        ("{{ tasks.look.values }}", "TRC661", "does not say which value is meant"),
        ("{{ tasks.look.state }}", "TRC661", 'a task has no "state" that others could ask for'),
        ("{{ tasks.look.rows.x }}", "TRC661", '"tasks.look.rows" is a number'),
        ("{{ tasks.rows.values.x }}", "TRC661", '"rows" is a query, and returns no values'),
        ("{{ tasks.sql.rows }}", "TRC302", "reads what it writes itself"),
        ("'{{ tasks.look.values.x }}'", "TRC116", "cannot stand within quotes"),
        ("{{ tasks.look.values.x | upper }}", "TRC116", "is known only when the task runs"),
        ("{{ tasks.look.values.x | ident }}", "TRC116", "is known only when the task runs"),
        ("{% if tasks.look.values.x %}1{% endif %}", "TRC116", "is known only when the task runs"),
        ("{{ tasks[level].values.x }}", "TRC116", "is known only when the task runs"),
    ],
)
def test_a_reference_that_means_nothing_is_a_mistake_at_its_place(
    space: Any, written: str, code: str, told: str
) -> None:
    _write(space, pipeline=PIPELINE.replace("{{ tasks.look.values.least }} as least", f"{written} as least"))
    done = space.trc("check", "p.trc", code=2)
    assert code in done.err
    assert told in done.err
    if code != "TRC302":
        assert "p.trc:16" in done.err


def test_values_stand_only_where_a_run_can_put_them(space: Any) -> None:
    _write(space, pipeline=PIPELINE.replace('"out/sql.csv"', '"out/{{ tasks.look.values.least }}.csv"'))
    assert "the location of an output" in space.trc("check", "p.trc", code=2).err
    _write(
        space,
        pipeline=PIPELINE.replace('(["sh", "-c", "echo $1 > $TRC_OUTPUT_OUTPUT", "sh", "', " $$ ").replace(
            'names }}"])', "names }} $$"
        ),
    )
    assert "TRC116" in space.trc("check", "p.trc", code=2).err


WHEN = """
    pipeline "shop" {}

    param level: integer = 1

    source limits = csv("limits.csv")

    task look = python("look.py:look") { inputs { limits = limits }, incremental { strategy = hybrid }, output = "out/look.csv" }
    task rows = sql $$ select * from limits $$ { output = "out/rows.csv" }
    task load = sql $$ select 1 as x from rows $$ { when = CONDITION, output = "out/load.csv" }
    task report = sql $$ select x from load $$ { output = "out/report.csv" }
    task after = sql $$ select 1 as x $$ { output = "out/after.csv", needs = [load] }
    """


CONDITIONS = {
    "tasks.rows.rows > 1": True,
    "tasks.rows.rows > 2": False,
    "tasks.look.values.least == 5 and level == 1": True,
    "tasks.look.values.least == 5 and not (level == 1)": False,
    "level == 2 or tasks.look.values.least < 3": False,
    '"b" in tasks.look.values.names': True,
    'tasks.look.values.deep["a key"].x == 1': True,
    "tasks.look.values.none is defined": False,
    "tasks.look.values.none | default(3) == 3": True,
    'tasks.look.values.names[0] == "a"': True,
    'tasks["look"].values.least in [level, 5]': True,
}


@pytest.fixture(scope="module")
def decided(shared_space: Any) -> list[dict[str, str]]:
    """The states of two runs, and what is planned after them, of a pipeline with all of the conditions: `load0`, `load1` ..."""
    head, tail = WHEN.split("    task load = ")
    tail = "    task load = " + tail
    parts = [
        re.sub(r"\b(load|report|after)\b", rf"\g<1>{number}", tail).replace("CONDITION", json.dumps(condition))
        for number, condition in enumerate(CONDITIONS)
    ]
    _write(shared_space, pipeline=head + "\n".join(parts))
    first, again = _states(shared_space), _states(shared_space)
    planned = shared_space.trc("plan", "p.trc", "--json").json["tasks"]
    return [first, again, {one["task"]: one["action"] for one in planned}]


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_condition_on_results_is_decided_when_they_are_there(decided: list[dict[str, str]], condition: str) -> None:
    number, holds = list(CONDITIONS).index(condition), CONDITIONS[condition]

    def told(states: dict[str, str]) -> dict[str, str]:
        own = {f"{name}{number}": name for name in ("load", "report", "after")}
        return {own.get(task, task): state for task, state in states.items() if task in own or not task[-1].isdigit()}

    first, again, actions = map(told, decided)
    made = "success" if holds else "omitted"
    assert first == {"look": "success", "rows": "success", "load": made, "report": made, "after": "success"}
    kept = "skipped" if holds else "omitted"
    assert again == {"look": "skipped", "rows": "skipped", "load": kept, "report": kept, "after": "skipped"}
    assert actions["load"] == actions["report"] == ("skip" if holds else "omit")


def test_what_is_decided_in_the_run_is_planned_as_open_and_told(space: Any) -> None:
    _write(space, pipeline=WHEN.replace("CONDITION", "tasks.rows.rows > 2"))
    actions = {one["task"]: one["action"] for one in space.trc("plan", "p.trc", "--json").json["tasks"]}
    assert actions == {"look": "run", "rows": "run", "load": "maybe", "report": "run", "after": "run"}
    assert _states(space)["load"] == "omitted"
    told = space.trc("explain", "task:load", "--json").json["reason"]
    assert (told["code"], told["detail"]) == ("omitted", "tasks.rows.rows > 2")
    told = space.trc("explain", "task:report", "--json").json["reason"]
    assert (told["code"], told["detail"]) == ("upstream_omitted", "load")


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ("tasks.look.values.none > 1", 'there is no "none" in it'),
        ("tasks.look.values.least", "it is neither true nor false"),
        ("tasks.look.values.names > 1", "not supported"),
    ],
)
def test_a_condition_that_cannot_be_decided_fails_its_task(space: Any, condition: str, told: str) -> None:
    _write(space, pipeline=WHEN.replace("CONDITION", json.dumps(condition)))
    done = space.trc("run", "p.trc", code=1)
    assert "TRC663" in done.err
    assert told in done.err
    assert condition in done.err
    states = {one["task"]: one["state"] for one in space.trc("status", "--json").json["tasks"]}
    assert states["load"] == "failure"
    assert states["report"] == "upstream_failed"


@pytest.mark.parametrize(
    ("condition", "code", "told"),
    [
        ("tasks.nobody.rows > 0", "TRC661", 'no task is called "nobody"'),
        ("tasks.rows > 0", "TRC661", "does not say what of a task is meant"),
        ("tasks | length > 0", "TRC661", '"tasks" does not say what of a task is meant'),
        ("tasks.load.rows > 0", "TRC302", "reads what it writes itself"),
        ("tasks.report.rows > 0", "TRC302", "these tasks wait for each other"),
        ("item > 1", "TRC114", 'nothing is called "item"'),
    ],
)
def test_a_condition_on_no_result_is_a_mistake(space: Any, condition: str, code: str, told: str) -> None:
    _write(space, pipeline=WHEN.replace("CONDITION", json.dumps(condition)))
    out = space.trc("check", "p.trc", code=2).err
    assert code in out
    assert told in out


ITEMS = """
    pipeline "shop" {}

    source limits = csv("limits.csv")

    task all = sql $$ select name, least from limits order by name $$

    task each = sql $$ select {{ item.name }} as name, {{ item.least }} as least $$ {
      for_each = all.rows
      when = CONDITION
    }

    task report = sql $$ select * from each order by all $$ { output = "out/report.csv" }
    """


@pytest.mark.parametrize(
    ("condition", "made"),
    [
        ("item.least > 5", {"each[a]": "omitted", "each[b]": "success"}),
        ('item.name == "a" and tasks.all.rows == 2', {"each[a]": "success", "each[b]": "omitted"}),
        ("tasks.all.rows == 2", {"each[a]": "success", "each[b]": "success"}),
    ],
)
def test_a_condition_on_items_decides_about_each(space: Any, condition: str, made: dict[str, str]) -> None:
    _write(space, pipeline=ITEMS.replace("CONDITION", condition))
    assert _states(space) == {"all": "success", "each": "success", "report": "success", **made}
    names = [name[5] for name, state in made.items() if state == "success"]
    assert [line[0] for line in space.read("out/report.csv").splitlines()[1:]] == names
    again = _states(space)
    assert {again["all"], again["each"], again["report"]} == {"skipped"}


@pytest.mark.parametrize("condition", ["item.least > 50", "tasks.all.rows > 2"])
def test_where_no_item_is_left_readers_are_omitted(space: Any, condition: str) -> None:
    _write(space, pipeline=ITEMS.replace("CONDITION", condition))
    states = _states(space)
    assert states["each"] == states["report"] == "omitted"
    assert _states(space)["report"] == "omitted"
