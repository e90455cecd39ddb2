"""What `trc check` tells, in each of its forms; what comments allow, and what warnings cost those who deny them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.quick import few

WARNED = """
name: p
sources:
  orders: {csv: data/orders.csv, columns: {id: bigint}}
nodes:
  - id: first
    type: duckdb_sql
    params:
      sql: |
        with orders as (select 1 as id)
        select id from orders
      output_uri: out/first.csv
"""
ALLOWED = "# trc: allow TRC409 the example is read beside the real one\n" + WARNED.lstrip()
LIMITED = """
name: p
nodes:
  - id: first
    type: duckdb_sql
    params: {sql: select 1 as id, output_uri: out/first.csv}
    environment: {cpu_limit: "1"}
"""
WRONG = WARNED.replace("select id from", "select di from")
NOTHING = "nothing to do"
_TRIES = 30


def test_sarif_is_one_document_on_standard_output(space: Any) -> None:
    space.write("sub/p.yaml", WRONG)
    done = space.trc("check", "sub", "--format", "sarif", code=2)
    assert done.err == ""
    (run,) = done.json["runs"]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["TRC402", "TRC409"]
    assert run["tool"]["driver"]["rules"][0]["help"]["markdown"].startswith("# TRC402: ")
    error = next(one for one in run["results"] if one["ruleId"] == "TRC402")
    assert error["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "sub/p.yaml"
    assert run["originalUriBaseIds"]["%SRCROOT%"]["uri"] == f"{space.root.as_uri()}/"


def test_workflow_commands_are_on_standard_output(space: Any) -> None:
    space.write("p.yaml", WRONG)
    done = space.trc("check", str(space.root / "p.yaml"), "--format", "github", code=2)
    assert done.err == ""
    assert {line.partition(",")[0] for line in done.out.splitlines()} == {
        "::error file=p.yaml",
        "::warning file=p.yaml",
    }


@pytest.mark.parametrize(("form", "told"), [("sarif", True), ("json", True), ("github", False), ("human", True)])
def test_right_pipeline_in_each_form(space: Any, form: str, told: bool) -> None:
    space.write("p.yaml", ALLOWED)
    done = space.trc("check", "p.yaml", "--format", form)
    assert (done.out != "") is told
    assert done.err == ""
    if form in {"sarif", "json"}:
        assert "TRC409" not in done.out


@pytest.mark.parametrize("form", ["sarif", "json", "github"])
def test_what_stops_the_command_is_in_its_form_too(space: Any, form: str) -> None:
    space.write("trc.toml", "[check]\ndeny_warning = true\n")
    space.write("p.yaml", WARNED)
    done = space.trc("check", "p.yaml", "--format", form, code=2)
    assert "TRC111" in done.out
    assert "error[TRC111]" in done.err
    if form != "github":
        json.loads(done.out)


def test_warnings_that_are_denied_are_errors_in_each_form(space: Any) -> None:
    space.write("p.yaml", WARNED)
    assert "warning[TRC409]" in space.trc("check", "p.yaml").err
    told = space.trc("check", "p.yaml", "--deny-warnings", code=2).err
    assert "error[TRC409]" in told
    assert "(a denied warning)" in told
    assert told.endswith("1 error\n")
    (found,) = space.trc("check", "p.yaml", "--deny-warnings", "--json", code=2).json["diagnostics"]
    assert found["severity"] == "error"
    assert space.trc("check", "p.yaml", "--deny-warnings", "--format", "github", code=2).out.startswith("::error ")
    sarif = space.trc("check", "p.yaml", "--deny-warnings", "--format", "sarif", code=2).json
    assert sarif["runs"][0]["results"][0]["level"] == "error"
    space.write("p.yaml", ALLOWED)
    space.trc("check", "p.yaml", "--deny-warnings")


def test_notes_are_not_denied(space: Any) -> None:
    space.write(
        "p.yaml", WARNED.replace("with orders as (select 1 as id)", "").replace("select id", "select random() as id")
    )
    assert "note[TRC412]" in space.trc("check", "p.yaml", "--deny-warnings").err


def test_project_can_deny_warnings(space: Any) -> None:
    space.write("p.yaml", WARNED)
    space.write("trc.toml", "[check]\ndeny_warnings = true\n")
    assert "error[TRC409]" in space.trc("check", "p.yaml", code=2).err
    assert "warning[TRC409]" in space.trc("plan", "p.yaml").err
    space.write("trc.toml", "[check]\ndeny_warnings = false\n")
    space.trc("check", "p.yaml")


@pytest.mark.parametrize("said", ['deny_warnings = "yes"', "deny_warnings = 1", "deny = true"])
def test_project_file_that_denies_in_other_words_is_told(space: Any, said: str) -> None:
    space.write("p.yaml", WARNED)
    space.write("trc.toml", f"[check]\n{said}\n")
    assert "error[TRC111]" in space.trc("check", "p.yaml", code=2).err


@pytest.mark.parametrize(
    "command", [["plan"], ["run"], ["compile"], *(["compile", "--emit", form] for form in ("ir", "plan", "sql"))]
)
def test_denied_warning_stops_what_would_go_on(space: Any, command: list[str]) -> None:
    space.write("p.yaml", WARNED)
    done = space.trc(*command, "p.yaml", "--deny-warnings", code=2)
    assert "error[TRC409]" in done.err
    assert done.out == ""
    assert not (space.root / "out").exists()
    assert not (space.root / "build").exists()
    space.write("p.yaml", ALLOWED)
    assert space.trc(*command, "p.yaml", "--deny-warnings").err.count("TRC") == 0


ALLOWING = (ALLOWED, "# trc: allow TRC503 one core is all there is\n" + LIMITED)


@pytest.mark.parametrize("pipeline", few(ALLOWING, ALLOWING[:1]))
def test_allowed_warning_keeps_no_answer_from_standing(space: Any, pipeline: str) -> None:
    space.write("p.yaml", pipeline)
    space.write("data/orders.csv", "id\n1\n")
    space.trc("run", "p.yaml")
    space.age()
    for _ in range(_TRIES):
        done = space.trc("run", "p.yaml")
        assert "TRC" not in done.err
        if NOTHING in done.out:
            break
    else:
        raise AssertionError("no run was answered at a glance")
    # Without the comment it is told again, at once.
    space.write("p.yaml", pipeline.partition("\n")[2])
    assert "warning[TRC" in space.trc("run", "p.yaml").err


def test_warning_of_the_backend_that_check_does_not_look_for_is_not_called_idle(space: Any) -> None:
    space.write("p.yaml", "# trc: allow TRC503 one core is all there is\n" + LIMITED)
    for command in ("check", "plan", "run"):
        assert space.trc(command, "p.yaml").err.count("TRC") == 0


def test_comment_is_no_part_of_any_key(space: Any) -> None:
    space.write("p.yaml", WARNED)
    assert space.states() == {"first": "success"}
    space.write("p.yaml", ALLOWED)
    assert space.states() == {"first": "skipped"}


def test_pages_of_codes(space: Any) -> None:
    page = space.trc("explain", "code:trc409").out
    assert page == space.trc("explain", "TRC409").out
    assert page.startswith("# TRC409: a name hides a dataset\n")
    told = space.trc("explain", "Trc306", "--json").json
    assert (told["code"], told["title"], told["severity"]) == ("TRC306", "an input names no dataset", "error")
    assert told["page"].startswith("# TRC306")


@pytest.mark.parametrize(("asked", "meant"), [("TRC4099", "TRC409"), ("trc3O6", "TRC306"), ("code:402", "TRC402")])
def test_code_that_does_not_exist(space: Any, asked: str, meant: str) -> None:
    told = space.trc("explain", asked, code=3).err
    assert "error[TRC609]" in told
    assert f'did you mean "{meant}"?' in told


def test_task_that_is_called_as_a_code_is(space: Any) -> None:
    space.write("p.yaml", LIMITED.replace("id: first", "id: TRC409"))
    space.trc("run", "p.yaml")
    assert space.trc("explain", "TRC409").out.startswith("# TRC409")
    assert space.trc("explain", "task:TRC409").out.startswith("p.TRC409: success")
