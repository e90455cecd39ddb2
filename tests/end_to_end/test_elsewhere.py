"""Asking about a project from outside of it."""

from __future__ import annotations

from typing import Any

PIPELINE = """
name: p
nodes:
  - {id: a, type: duckdb_sql, params: {sql: select 1 as x, output_uri: out/a.csv}}
"""


def test_hints_after_a_run_work_where_the_user_stands(space: Any) -> None:
    space.write("inner/p.yaml", PIPELINE)
    hints = space.trc("run", "inner/p.yaml").out.splitlines()[-1]
    for hint in hints.split(" · ")[1:]:
        assert "a" in space.trc(*hint.split()[1:]).out
    assert "TRC609" in space.trc("status", code=3).err
    for command in (["runs"], ["logs"]):
        space.trc(*command, "--project", "inner")
    assert "TRC609" in space.trc("explain", "a", "--project", "elsewhere", code=3).err
