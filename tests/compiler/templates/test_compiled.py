"""Pipelines with parameters, compiled whole: values, types, defaults over others, and what a task's fields become."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from trc import api
from trc.compiler.choices import Choices
from trc.runtime.errors import Stopped


def compiled(folder: Path, text: str, **choices: Any) -> Any:
    (folder / "p.yaml").write_text(text)
    return json.loads(api.emit(folder / "p.yaml", "ir", Choices(**choices)))


def told(folder: Path, text: str, **choices: Any) -> list[tuple[str, str, str]]:
    (folder / "p.yaml").write_text(text)
    report = api.check([folder / "p.yaml"], Choices(**choices))
    return [
        (one.code, one.message, report.sources[one.span.file].text[one.span.start : one.span.end] if one.span else "")
        for one in report.diagnostics
    ]


def one_param(kind: str, default: str = "") -> str:
    declared = f"{{type: {kind}{', default: ' + default if default else ''}}}"
    return f"""
name: p
params: {{x: {declared}}}
nodes:
  - id: a
    type: duckdb_sql
    params: {{sql: "select {{{{ x }}}} as x"}}
"""


@pytest.mark.parametrize(
    ("kind", "value", "literal"),
    [
        ("string", "it's", "'it''s'"),
        ("string", "{{ y }}", "'{{ y }}'"),
        ("string", "", "''"),
        ("integer", "-3", "(-3)"),
        ("number", "0.10", "0.10"),
        ("number", "1e3", "1000"),
        ("boolean", "true", "true"),
        ("date", "2026-01-31", "DATE '2026-01-31'"),
        ("timestamp", "2026-01-31T02:00:00", "TIMESTAMP '2026-01-31 02:00:00'"),
        ("duration", "1h30m", "INTERVAL '5400000 milliseconds'"),
        ("duration", "90", "INTERVAL '90000 milliseconds'"),
        ("size", "2Ki", "2048"),
        ("list", '["a", 1]', "['a', 1]"),
        ("map", '{"a": null}', "{'a': NULL}"),
    ],
)
def test_text_is_read_by_its_type(tmp_path: Path, kind: str, value: str, literal: str) -> None:
    ir = compiled(tmp_path, one_param(kind), params=(("x", value),))
    assert ir["tasks"][0]["query"]["text"] == f"select {literal} as x"


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("integer", "1.5"),
        ("integer", "1_000"),
        ("integer", str(2**63)),
        ("number", "nan"),
        ("number", "x"),
        ("boolean", "yes"),
        ("date", "2026-02-30"),
        ("date", "20260131"),
        ("timestamp", "noon"),
        ("duration", "soon"),
        ("size", "-1"),
        ("list", "a,b"),
        ("list", "{}"),
        ("list", "[NaN]"),
        ("list", "[" * 5000),
        ("map", "[]"),
        ("string", "a\0b"),
        ("string", "\ud800"),
        ("list", '["\\u0000"]'),
    ],
)
def test_text_that_does_not_fit_is_refused(tmp_path: Path, kind: str, value: str) -> None:
    (code, message, _place), *_rest = told(tmp_path, one_param(kind), params=(("x", value),))
    assert code == "TRC209"
    assert 'the value of "x" from --param is' in message


@pytest.mark.parametrize(("kind", "default"), [("date", '"2026-02-30"'), ("integer", "a"), ("duration", "soon")])
def test_default_that_does_not_fit_is_refused_once(tmp_path: Path, kind: str, default: str) -> None:
    (found,) = [one for one in told(tmp_path, one_param(kind, default)) if one[0] == "TRC209"]
    assert found[2].strip('"') == default.strip('"')


def test_numbers_keep_their_digits_wherever_they_are_written(tmp_path: Path) -> None:
    (tmp_path / "v.toml").write_text("x = 0.1\n")
    by_default = compiled(tmp_path, one_param("number", "0.1"))
    by_file = compiled(tmp_path, one_param("number"), params_file=tmp_path / "v.toml")
    by_text = compiled(tmp_path, one_param("number"), params=(("x", "0.1"),))
    assert by_default["tasks"] == by_file["tasks"] == by_text["tasks"]


FIELDS = """
name: p
params:
  base: {type: integer, default: 2}
  double: {type: integer, default: "{{ base * 2 }}"}
  text: {type: string, default: "n{{ double }}"}
  regions: {type: list, default: [eu, us]}
  mem: {type: size, default: 1Gi}
targets: {prod: {backend: local}}
nodes:
  - id: a
    type: duckdb_sql
    for_each: "{{ regions }}"
    timeout: "{{ double }}h"
    retries: {max_attempts: "{{ base }}"}
    environment: {memory_limit: "{{ mem }}", env: {X: "{{ base }}-{{ text }}", Y: "{{ regions | join('+') }}"}}
    params: {sql: "select {{ item }} as r, {{ item.id }} as i", output_uri: "out/{{ item }}/{{ text }}.csv"}
  - id: b
    type: python
    for_each: [1]
    params: {entrypoint: "t.py:f", args: {n: "{{ double }}", of: "{{ item }}", both: "{{ text }} {{ item.x }}"}}
  - id: c
    type: shell
    for_each: [1]
    params: {command: [echo, "{{ text }}", "{{ item }}"]}
"""


def test_values_keep_their_types_and_run_time_values_stay(tmp_path: Path) -> None:
    (tmp_path / "t.py").write_text("def f(context): pass\n")
    tasks = {task["name"]: task for task in compiled(tmp_path, FIELDS)["tasks"]}
    a, b, c = tasks["a"], tasks["b"], tasks["c"]
    assert a["for_each"]["items"] == ["eu", "us"]
    assert (a["timeout"], a["retries"]["max_attempts"], a["resources"]["memory"]) == ("4h", 2, "1Gi")
    assert a["environment"]["env"] == {"X": "2-n4", "Y": "eu+us"}
    assert a["query"]["text"] == "select $item as r, $item_id as i"
    assert a["params"]["output_uri"] == "out/{{ item }}/n4.csv"
    assert b["params"]["args"] == {"n": 4, "of": "{{ item }}", "both": "n4 {{ item.x }}"}
    assert c["params"]["command"] == ["echo", "n4", "{{ item }}"]


def one_task(sql: str, more: str = "") -> str:
    return f"name: p\nparams: {{t: {{default: src}}}}\nsources: {{src: {{csv: s.csv}}}}\nnodes:\n  - id: a\n    type: duckdb_sql\n    params: {{sql: {json.dumps(sql)}}}\n{more}"


def test_value_that_looks_like_a_template_hides_no_read(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("n\n1\n")
    text = one_task("select n, '{{ t }}' as t from src").replace(
        "default: src", 'default: "{% raw %}{{ x }}{% endraw %}"'
    )
    (task,) = compiled(tmp_path, text)["tasks"]
    assert task["query"]["text"] == "select n, '{{ x }}' as t from src"
    assert [read["dataset"] for read in task["reads"]] == ["src"]


def test_identifier_from_a_parameter_is_a_read(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("n\n1\n")
    (task,) = compiled(tmp_path, one_task("select n from {{ t | ident }}"))["tasks"]
    assert [read["dataset"] for read in task["reads"]] == ["src"]


def test_reserved_word_is_no_parameter(tmp_path: Path) -> None:
    assert ("TRC207", "run") in [
        (one[0], one[2]) for one in told(tmp_path, one_param("date").replace("x: {", "run: {"))
    ]


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ('target.name=="prod"', "target.name == 'prod'"),
        ("not (t == 'a' and t != 'b') or t in ['a','b']", "not (t == 'a' and t != 'b') or t in ['a', 'b']"),
        ("(t is defined)", "t is defined"),
        ("1 + 2*3 - (4 - 5) > 0", "1 + 2 * 3 - (4 - 5) > 0"),
        ("t|upper == 'A' and t is defined", "t | upper == 'A' and t is defined"),
        ("not t is none", "not t is none"),
        ("t is defined and params['t'] ~ 'x' == \"it's\"", "t is defined and params['t'] ~ 'x' == 'it\\'s'"),
    ],
)
def test_condition_has_one_spelling(tmp_path: Path, written: str, canonical: str) -> None:
    (tmp_path / "s.csv").write_text("n\n1\n")
    (task,) = compiled(tmp_path, one_task("select 1 as x", f"    when: {json.dumps(written)}\n"))["tasks"]
    assert task["when"] == canonical
    (again,) = compiled(tmp_path, one_task("select 1 as x", f"    when: {json.dumps(canonical)}\n"))["tasks"]
    assert again["when"] == canonical


def test_both_languages_give_one_pipeline(tmp_path: Path) -> None:
    (tmp_path / "p.trc").write_text(
        'pipeline "p" {}\nparam day: date = run.date\ntask a = sql $$ select {{ day }} as d $$ { when = target.name == "x" }\n'
    )
    yaml = """
name: p
params: {day: {type: date, default: "{{ run.date }}"}}
nodes:
  - id: a
    type: duckdb_sql
    params: {sql: "select {{ day }} as d"}
    when: target.name=='x'
"""
    trc = json.loads(api.emit(tmp_path / "p.trc", "ir", Choices(at="2026-01-31")))
    assert trc == compiled(tmp_path, yaml, at="2026-01-31")
    assert trc["tasks"][0]["query"]["text"].strip() == "select DATE '2026-01-31' as d"


def test_missing_value_stops_a_plan(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(one_param("date"))
    with pytest.raises(Stopped) as stop:
        api.plan(tmp_path / "p.yaml")
    assert [one.code for one in stop.value.diagnostics if one.severity == "error"] == ["TRC214"]
    assert stop.value.exit_code == 3
