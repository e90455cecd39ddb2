"""Which stored results have passed the expectations of now."""

from __future__ import annotations

from dataclasses import replace

from trc.runtime.fingerprint import changes
from trc.runtime.passed import unchecked, with_verdict
from trc.runtime.spec import CheckSpec, KeyPart, SkipSpec, TaskSpec
from trc.runtime.store.results import Result

TASK = TaskSpec("t", "duckdb_sql", "m:f", (), SkipSpec(can_skip=True), checks=(CheckSpec("a", "not_null", {}),))
SQL = KeyPart("sql", "code", "SELECT 1")
FIRST, SECOND = KeyPart("expect.a", "checks", "1"), KeyPart("expect.b", "checks", "1")
PASSED = Result("p", "t", "k", (SQL, FIRST), (), "r", 1, 0.0)


def test_what_passed_needs_no_check() -> None:
    assert unchecked(TASK, (FIRST,), PASSED) is None


def test_without_expectations_nothing_is_asked() -> None:
    assert unchecked(replace(TASK, checks=()), (), PASSED) is None


def test_each_difference_is_named() -> None:
    for wanted, fields in (
        ((FIRST, SECOND), ["expect.b"]),
        ((SECOND,), ["expect.a", "expect.b"]),
        ((replace(FIRST, value="2"),), ["expect.a"]),
    ):
        reason = unchecked(TASK, wanted, PASSED)
        assert reason is not None
        assert (reason.code, [change.field for change in reason.changes]) == ("unchecked", fields)


def test_what_time_can_change_is_due_in_each_run_but_once_in_one() -> None:
    fresh = replace(TASK, checks_due="freshness(at, 1d) depends on the time of the run")
    reason = unchecked(fresh, (FIRST,), PASSED)
    assert reason is not None
    assert reason.code == "checks_due"
    assert unchecked(fresh, (FIRST,), PASSED, is_same_run=True) is None


def test_a_verdict_replaces_the_one_before() -> None:
    assert with_verdict(PASSED, (SECOND,)).parts == (SQL, SECOND)


def test_expectations_are_no_reason_to_run_a_task() -> None:
    assert changes((SQL, FIRST), (SQL, SECOND), SkipSpec(can_skip=True)) == ()
