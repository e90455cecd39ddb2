"""A mistake in a choice stops a command with the right exit code; the project file and imports are below a pipeline."""

from __future__ import annotations

from typing import Any

import pytest

BASE = """
name: p
params:
  day: {type: date, default: "2026-01-31"}
  limit: {type: integer}
targets:
  prod: {backend: nowhere}
  mine: {backend: local, params: {limit: 3, dya: 1}}
  kept: {backend: local, state: "s3://b/s", params: {limit: 3}}
  fine: {backend: local, params: {limit: 3}}
nodes:
  - id: a
    type: duckdb_sql
    params: {sql: "select {{ day }} as d, {{ limit }} as l"}
"""
COMMANDS: dict[str, tuple[tuple[str, ...], int, str, str]] = {
    "no value": ((), 3, "TRC214", "give one with --param limit=…"),
    "no integer": (("--param", "limit=x"), 3, "TRC209", 'from --param is "x", not a whole number'),
    "no such parameter": (("--param", "limit=1", "--param", "dya=1"), 3, "TRC213", 'did you mean "day"?'),
    "no such target": (("--target", "fien"), 3, "TRC504", 'did you mean "fine"?'),
    "target's parameter": (("--target", "mine"), 2, "TRC213", "p.yaml:7:45"),
    "backend that is not there": (("--target", "prod", "--param", "limit=1"), 3, "TRC504", '"nowhere"'),
    "state elsewhere": (("--target", "kept"), 2, "TRC501", "p.yaml:8:26"),
    "two backends": (("--target", "fine", "--backend", "other"), 3, "TRC504", "other"),
    "no file of parameters": (("--params", "none.yaml"), 2, "TRC101", "none.yaml"),
    "file of another kind": (("--params", "p.txt"), 2, "TRC110", ".toml"),
    "value in a file": (("--params", "v.yaml"), 2, "TRC209", "v.yaml:1:8"),
    "value in a TOML file": (("--params", "v.toml"), 2, "TRC209", "v.toml:2:9"),
    "value in a JSON file": (("--params", "v.json"), 2, "TRC209", "v.json:2:11"),
    "no such parameter in a file": (("--params", "w.toml"), 2, "TRC213", "w.toml:1:1"),
    "no equals sign": (("--param", "limit"), 3, "", "--param takes NAME=VALUE"),
    "no time": (("--at", "noon", "--param", "limit=1"), 3, "TRC205", "noon"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_choice_is_refused(space: Any, name: str) -> None:
    arguments, code, diagnostic, words = COMMANDS[name]
    space.write("p.yaml", BASE)
    space.write("v.yaml", "limit: many\n")
    space.write("v.toml", "# values\nlimit = 'many'\n")
    space.write("v.json", '{\n\t"limit": "many"}\n')
    space.write("w.toml", "lmit = 3\nlimit = 3\n")
    told = space.trc("plan", "p.yaml", *arguments, code=code).err
    assert diagnostic in told
    assert words in told
    assert "Traceback" not in told


def test_target_that_there_is_not_is_all_that_is_told(space: Any) -> None:
    space.write("p.yaml", BASE.replace('as l"', 'as l, {{ target.name }} as t"'))
    told = space.trc("plan", "p.yaml", "--target", "fien", code=3).err
    assert "TRC504" in told
    assert "1 error\n" in told


def test_values_that_are_not_given_are_no_mistake_to_check(space: Any) -> None:
    space.write("p.yaml", BASE)
    told = space.trc("check", "p.yaml").err
    assert "note[TRC214]" in told
    assert "error" not in told
    assert space.trc("graph", "p.yaml").code == 0
    assert "TRC504" in space.trc("check", "p.yaml", "--target", "prodd", code=2).err


REST = "name: p\nnodes: [{id: a, type: duckdb_sql, params: {sql: select 1 as x}}]\n"


def test_project_file_is_below_the_pipeline(space: Any) -> None:
    space.write(
        "trc.toml",
        'pipelines = ["p.yaml"]\n[defaults]\nmetadata = {a = 1, b = 2}\n[targets.ci]\nbackend = "local"\nparams = {x = "of-ci"}\n',
    )
    space.write(
        "p.yaml",
        "defaults: {metadata: {b: 3}}\nparams: {x: {default: d}}\n"
        + REST.replace("select 1 as x", '"select {{ x }} as x"'),
    )
    space.write("common.yaml", "params: {}\n")
    assert "1 file checked" in space.trc("check", ".").out
    emitted = space.trc("compile", "p.yaml", "--emit", "ir", "--target", "ci").json
    assert emitted["tasks"][0]["metadata"] == {"a": 1, "b": 3}
    assert emitted["tasks"][0]["query"]["text"] == "select 'of-ci' as x"


def test_imports_bring_sources_params_and_targets_from_both_languages(space: Any) -> None:
    space.write("lib/nums.csv", "n\n1\n2\n")
    space.write("lib/common.trc", 'param top: integer = 5\nsource nums = csv("lib/nums.csv")\n')
    space.write("lib/more.yaml", "imports: [common.trc]\ntargets: {ci: {backend: local, params: {top: 1}}}\n")
    space.write(
        "p.yaml",
        "imports: [lib/more.yaml, lib/common.trc]\n"
        + REST.replace("select 1 as x", '"select n from nums where n <= {{ top }}", output_uri: o.csv'),
    )
    space.trc("run", "p.yaml", "--target", "ci")
    assert space.read("o.csv") == "n\n1\n"
    space.trc("run", "p.yaml")
    assert space.read("o.csv") == "n\n1\n2\n"
