import json
from dataclasses import replace

import pytest

from trc.runtime.scheduler.failures import (
    failure_facts,
    fell_silent,
    given_up,
    of_unknown_outcome,
    ran_too_long,
    result_facts,
    was_lost,
    was_overdue,
)
from trc.runtime.spec import RetrySpec, SkipSpec, TaskSpec
from trc.runtime.taskside.result import AttemptResult, Failure, WrittenOutput

ONCE = TaskSpec("a", "shell", "shell:run", (), SkipSpec(can_skip=True), idempotent=False)


@pytest.mark.parametrize(
    ("failure", "message"),
    [
        (ran_too_long(90), "it ran longer than its timeout of 90 s"),
        (ran_too_long(86_400.0), "it ran longer than its timeout of 86400 s"),
        (ran_too_long(0.25), "it ran longer than its timeout of 0.25 s"),
        (fell_silent(60), "it gave no sign of life for 60 s, its heartbeat timeout"),
        (
            given_up(was_lost("its worker died"), ONCE, 1),
            "its worker died; its outcome is unknown, and as it is not idempotent it is not tried again",
        ),
        (
            given_up(was_lost("its worker died"), replace(ONCE, idempotent=True), 11),
            "its worker died; it is not tried again after 11 such attempts",
        ),
        (
            given_up(Failure("a.csv changed", "temporary", "input_moved"), ONCE, 1),
            "a.csv changed; as it is not idempotent it is not tried again",
        ),
        (
            given_up(was_lost("its worker died"), replace(ONCE, retry=RetrySpec(errors=(("lost", 1),))), 1),
            "its worker died; as it is not idempotent it is not tried again",
        ),
        (
            of_unknown_outcome(ran_too_long(5)),
            "it ran longer than its timeout of 5 s; its outcome is unknown, and as it is not idempotent it is not tried again",
        ),
        (
            given_up(was_lost("its worker died"), replace(ONCE, retry=RetrySpec(errors=(("lost", 3),))), 3),
            "its worker died; it is not tried again after 3 such attempts",
        ),
        (was_overdue(), "it was stopped, because the run is past its deadline"),
    ],
)
def test_messages(failure: Failure, message: str) -> None:
    assert failure.message == message


def test_only_what_may_have_had_its_effect_has_an_unknown_outcome() -> None:
    assert given_up(was_lost("gone"), ONCE, 1).reason == "unknown_outcome"
    assert given_up(was_lost("gone"), replace(ONCE, idempotent=True), 11).reason == "lost"
    assert given_up(Failure("moved", reason="input_moved"), ONCE, 1).reason == "input_moved"
    assert given_up(was_lost("gone"), replace(ONCE, retry=RetrySpec(errors=(("lost", 1),))), 1).reason == "lost"


def test_result_facts_are_what_the_result_writes() -> None:
    result = AttemptResult(
        "t",
        Failure("no", trace="…", exit_code=3, classes=("builtins.OSError",)),
        (WrittenOutput("output", "/a", 3, "d", 1),),
        values={"deep": {"list": [1, 2]}},
    )
    assert json.loads(json.dumps(result_facts(result))) == json.loads(result.to_json())
    assert (
        json.loads(json.dumps(failure_facts(Failure("no"))))
        == json.loads(AttemptResult("t", Failure("no")).to_json())["failure"]
    )
