"""Tasks count together under a rule if its type and the values of its fields are equal, wherever they stand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from trc.compiler.compile import Compiled
from trc.compiler.ir.pipeline import Pipeline
from trc.compiler.ir.task import Task
from trc.runtime.equality import rules_of
from trc.runtime.spec import RuleSpec


def rules(*written: dict[str, Any], name: str = "a", pipeline: str = "p", **fields: Any) -> tuple[RuleSpec, ...]:
    task = Task.model_validate({"name": name, "type": "shell", "concurrency": written, **fields})
    return rules_of(task, Compiled(Path("/p"), (), {}, None, Pipeline(name=pipeline, tasks=(task,))))


def one(*written: dict[str, Any], **fields: Any) -> RuleSpec:
    (found,) = rules(*written, **fields)
    return found


TENANT: dict[str, Any] = {"max": 2, "match": {"fields": ("tenant",)}}
ACME: dict[str, Any] = {"metadata": {"tenant": "acme"}}


def test_equal_values_count_together_in_whatever_task_and_pipeline() -> None:
    assert one(TENANT, **ACME) == one(TENANT, name="b", pipeline="q", params={"x": 1}, **ACME)
    assert one(TENANT, **ACME).group == one({**TENANT, "max": 7}, **ACME).group
    assert one(TENANT, **ACME).group == one(TENANT, params={"tenant": "acme"}).group


def test_other_values_fields_and_types_do_not() -> None:
    of_type = {"max": 2, "match": {"type": "shell", "fields": ("tenant",)}}
    groups = {
        one(TENANT, **ACME).group,
        one(TENANT, metadata={"tenant": "other"}).group,
        one(TENANT).group,
        one(of_type, **ACME).group,
        one({"max": 2}, **ACME).group,
        one({"max": 2, "match": {"fields": ("team",)}}, metadata={"team": "acme"}).group,
    }
    assert len(groups) == 6


def test_a_rule_for_another_type_is_none_of_the_task() -> None:
    assert rules({"max": 1, "match": {"type": "duckdb_sql"}}) == ()


def test_of_several_rules_for_one_group_the_strictest_holds_and_all_are_sorted() -> None:
    found = rules(TENANT, {"max": 1, "match": {"fields": ("tenant", "tenant")}}, {"max": 3}, **ACME)
    assert sorted(rule.max for rule in found) == [1, 3]
    assert [rule.group for rule in found] == sorted(rule.group for rule in found)


def test_every_task_has_a_pipeline_a_name_and_tags() -> None:
    rule = {"max": 1, "match": {"fields": ("task", "pipeline", "tags")}}
    assert one(rule, tags=("b", "a")).shown == 'of the tasks with such a rule with pipeline p, tags ["a", "b"], task a'
    assert one(rule).group != one(rule, pipeline="q").group
    assert one(rule, tags=("a", "b")).group == one(rule, tags=("b", "a")).group


def test_a_long_value_is_cut_where_it_is_shown() -> None:
    assert one(TENANT, params={"tenant": "x" * 100}).shown.endswith(f"{'x' * 39}…")
