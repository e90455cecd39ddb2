"""Skips that would have been wrong: each test shows a way to be told "up to date" of data that is not."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
from typing import Any

import pytest

ONE_STEP = """
name: p
nodes:
  - id: a
    type: duckdb_sql
    params: {sql: "select v from 'in.csv'", output_uri: out/a.csv}
  - id: meddle
    type: shell
    needs: [a]
    params: {command: "if test -e meddle; then echo v > out/a.csv; echo 99 >> out/a.csv; fi"}
  - id: b
    type: duckdb_sql
    needs: [meddle]
    params: {sql: "select v + 1 as w from a", output_uri: out/b.csv}
"""


def test_upstream_output_that_was_edited_before_it_is_read_is_not_taken_for_the_upstreams(space: Any) -> None:
    """Guards the key of a reader: it named the bytes that the upstream wrote, and the edited ones were read."""
    space.write("p.yaml", ONE_STEP)
    space.write("in.csv", "v\n1\n")
    space.write("meddle", "")
    done = space.trc("run", "p.yaml", "--json", code=1).json
    assert {task["task"]: task["state"] for task in done["tasks"]}["b"] == "failure"
    (error,) = [one for one in done["diagnostics"] if one["severity"] == "error"]
    assert "out/a.csv" in error["message"]
    assert not (space.root / "out/b.csv").exists()
    (space.root / "meddle").unlink()
    assert space.states()["b"] == "success"
    assert space.read("out/b.csv") == "w\n2\n"


ORDERED = """
name: p
nodes:
  - id: fetch
    type: shell
    params: {command: "cp upstream.csv fetched.csv"}
  - id: read
    type: duckdb_sql
    needs: [fetch]
    params: {sql: "select v from 'fetched.csv'", output_uri: out.csv}
"""


def test_task_that_waits_for_another_is_decided_after_it(space: Any) -> None:
    """Guards against deciding at the start of a run: what runs first may write what is read."""
    space.write("p.yaml", ORDERED)
    space.write("fetched.csv", "v\n0\n")
    space.write("upstream.csv", "v\n1\n")
    assert space.states()["read"] == "success"
    assert space.states()["read"] == "skipped"
    space.write("upstream.csv", "v\n2\n")
    planned = {task["task"]: task["action"] for task in space.trc("plan", "p.yaml", "--json").json["tasks"]}
    assert planned == {"fetch": "run", "read": "maybe"}
    assert space.states()["read"] == "success"
    assert space.read("out.csv") == "v\n2\n"


def test_input_that_an_earlier_task_will_write_does_not_block_the_plan(space: Any) -> None:
    space.write("p.yaml", ORDERED)
    space.write("upstream.csv", "v\n1\n")
    planned = {task["task"]: task["action"] for task in space.trc("plan", "p.yaml", "--json").json["tasks"]}
    assert planned == {"fetch": "run", "read": "run"}
    assert space.states()["read"] == "success"


TWO_TASKS = """
name: p
nodes:
  - {id: a, type: duckdb_sql, params: {sql: "select v from 'in.csv'"}}
  - {id: b, type: duckdb_sql, params: {sql: "select v + 1 as w from a", output_uri: out/b.csv}}
"""


def test_copied_project_answers_for_its_own_files(space: Any) -> None:
    """Guards the recorded paths: a copy looked at the outputs of the project that it was copied from."""
    space.write("one/p.yaml", TWO_TASKS)
    space.write("one/in.csv", "v\n1\n")
    first = type(space)(space.root / "one")
    first.states()
    shutil.copytree(first.root, space.root / "two")
    second = type(space)(space.root / "two")
    (second.root / "out/b.csv").unlink()
    assert second.states() == {"a": "skipped", "b": "success"}
    assert second.read("out/b.csv") == "w\n2\n"
    shutil.rmtree(second.root / ".trc/data")
    assert second.states() == {"a": "success", "b": "skipped"}
    assert str(second.root) in second.why("a")["detail"]


def test_moved_project_is_still_up_to_date(space: Any) -> None:
    space.write("one/p.yaml", TWO_TASKS)
    space.write("one/in.csv", "v\n1\n")
    type(space)(space.root / "one").states()
    (space.root / "one").rename(space.root / "two")
    second = type(space)(space.root / "two")
    assert set(second.states().values()) == {"skipped"}
    second.write("p.yaml", TWO_TASKS.replace("v + 1", "v + 2"))
    assert second.states() == {"a": "skipped", "b": "success"}
    assert second.read("out/b.csv") == "w\n3\n"


def test_parameter_that_reads_like_another_type_is_another_value(space: Any) -> None:
    """Guards the text of a key: a command as a text and as a list had one."""
    pipeline = (
        "name: p\nnodes:\n  - {id: a, type: shell, params: {command: COMMAND, files: [in.csv], output_uri: out.csv,"
        " output_format: file}}\n"
    )
    space.write("in.csv", "v\n1\n")
    space.write("p.yaml", pipeline.replace("COMMAND", '["cp", "in.csv", "out.csv"]'))
    space.trc("run", "p.yaml", code=None)
    command = '["sh", "-c", "echo list > $TRC_OUTPUT_OUTPUT"]'
    space.write("p.yaml", pipeline.replace("COMMAND", command))
    assert space.states()["a"] == "success"
    space.write("p.yaml", pipeline.replace("COMMAND", f"'{command}'"))
    assert space.states(code=1)["a"] == "failure"


def test_time_of_the_run_counts_where_a_task_uses_it(space: Any) -> None:
    """Guards against a task that is skipped for another day: the run's time is not in its key."""
    space.write("in.csv", "v\n1\n")
    space.write("t.py", "def t(context):\n    open(context.output.path, 'w').write(context.run_time)\n")
    space.write(
        "p.yaml",
        """
        name: p
        nodes:
          - id: py
            type: python
            params: {entrypoint: "t.py:t", files: [in.csv], output_uri: py.txt, output_format: file}
          - id: sh
            type: shell
            params: {command: "printf %s $TRC_RUN_TIME > $TRC_OUTPUT_OUTPUT", files: [in.csv], output_uri: sh.txt, output_format: file}
        """,
    )
    for day in ("2026-01-01", "2026-01-02"):
        assert space.states("--at", day) == {"py": "success", "sh": "success"}
        assert space.read("py.txt").startswith(day)
        assert space.read("sh.txt").startswith(day)
    assert "run's time" in space.why("py")["detail"]


def test_files_that_come_while_a_task_looks_are_not_part_of_its_key(space: Any) -> None:
    """Guards a task that lists a folder by itself: it sees more than the files that its key names."""
    space.write("data/1.txt", "1")
    space.write(
        "t.py",
        """
        import glob, os

        def t(context):
            if os.path.exists("gate"):
                open("gate").read()
            names = sorted(os.path.basename(name) for name in glob.glob("data/*.txt"))
            open(context.output.path, "w").write(" ".join(names))
        """,
    )
    space.write(
        "p.yaml",
        """
        name: p
        nodes:
          - {id: t, type: python, params: {entrypoint: "t.py:t", files: ["data/*.txt"], output_format: file}}
        """,
    )
    os.mkfifo(space.root / "gate")
    process = space.start("run", "p.yaml", "--json")
    gate = os.open(space.root / "gate", os.O_WRONLY)
    (space.root / "gate").unlink()
    space.write("data/2.txt", "2")
    os.close(gate)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0, out
    attempts = json.loads(out)["tasks"][0]["attempt"]
    assert attempts == 2
    (space.root / "data/2.txt").unlink()
    assert space.states()["t"] == "success"


def test_result_from_the_future_is_not_young(space: Any) -> None:
    """Guards `max_age` against a clock that was set back: the skip would last until it has caught up."""
    space.write(
        "p.yaml",
        """
        name: p
        nodes:
          - id: a
            type: duckdb_sql
            params: {sql: "select now() as at", output_uri: a.csv}
            incremental: {enabled: true, max_age_seconds: 3600}
        """,
    )
    space.states()
    assert space.states()["a"] == "skipped"
    with contextlib.closing(sqlite3.connect(space.root / ".trc/state.db")) as database:
        database.execute("UPDATE results SET committed_at = committed_at + 86400")
        database.commit()
    assert space.states()["a"] == "success"
    assert space.why("a")["code"] == "expired"


def test_very_many_files_are_no_change_by_themselves(space: Any) -> None:
    """Guards the forecast of a task with more inputs than are named one by one."""
    for number in range(101):
        space.write(f"data/{number}.csv", f"v\n{number}\n")
    space.write("in.csv", "v\n1\n")
    space.write(
        "p.yaml",
        """
        name: p
        nodes:
          - {id: a, type: duckdb_sql, params: {sql: "select v from 'in.csv'"}}
          - {id: b, type: duckdb_sql, params: {sql: "select v from 'data/*.csv' union all from a", output_uri: b.csv}}
        """,
    )
    space.states()
    space.write("in.csv", "v\n2\n")
    planned = {task["task"]: task["action"] for task in space.trc("plan", "p.yaml", "--json").json["tasks"]}
    assert planned == {"a": "run", "b": "maybe"}
    assert space.states() == {"a": "success", "b": "success"}
    assert [change["field"] for change in space.why("b")["changes"]] == ["upstream.a"]


MODIFIED = {
    "by its name": ("select last_modified from read_text('in.csv')", "success"),
    "by a star": ("from read_blob('in.csv')", "success"),
    "not at all": ("select content, count(*) as n from read_text('in.csv') group by all", "skipped"),
}


@pytest.mark.parametrize("how", MODIFIED)
def test_time_of_a_files_change_counts_where_a_query_sees_it(space: Any, how: str) -> None:
    """Guards a query of more than a file's bytes, which are all that its key holds."""
    query, state = MODIFIED[how]
    space.write("in.csv", "v\n1\n")
    space.write("p.yaml", f'name: p\nnodes:\n  - {{id: a, type: duckdb_sql, params: {{sql: "{query}"}}}}\n')
    space.states()
    space.age()
    assert space.states()["a"] == state
