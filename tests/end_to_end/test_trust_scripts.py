"""A script that a command names is part of the task, and a project's modules are not part of trc."""

from __future__ import annotations

from typing import Any

PIPELINE = """
name: p
nodes:
  - id: a
    type: shell
    params: {command: "sh tools/make.sh > $TRC_OUTPUT_OUTPUT", files: [data.txt], output_uri: out.txt}
"""


def test_edited_script_runs_its_task(space: Any) -> None:
    space.write("p.yaml", PIPELINE)
    space.write("data.txt", "x")
    space.write("tools/make.sh", "echo one")
    assert space.states() == {"a": "success"}
    assert space.states() == {"a": "skipped"}
    space.write("tools/make.sh", "echo two")
    assert space.states() == {"a": "success"}
    assert space.why("a")["changes"][0]["field"] == "inputs.tools/make.sh[tools/make.sh]"
    assert space.read("out.txt") == "two\n"


def test_modules_of_a_project_do_not_stand_in_for_those_of_trc(space: Any) -> None:
    space.write("p.yaml", PIPELINE)
    space.write("data.txt", "x")
    space.write("tools/make.sh", "echo one")
    for name in ("yaml", "pydantic", "duckdb", "click"):
        space.write(f"{name}.py", "raise ImportError('this is not it')")
    assert space.states() == {"a": "success"}
