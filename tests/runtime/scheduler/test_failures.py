import json

import pytest

from trc.runtime.scheduler.failures import failure_facts, fell_silent, given_up, ran_too_long, result_facts, was_lost
from trc.runtime.taskside.result import AttemptResult, Failure, WrittenOutput


@pytest.mark.parametrize(
    ("failure", "message"),
    [
        (ran_too_long(90), "it ran longer than its timeout of 90 s"),
        (ran_too_long(86_400.0), "it ran longer than its timeout of 86400 s"),
        (ran_too_long(0.25), "it ran longer than its timeout of 0.25 s"),
        (fell_silent(60), "it gave no sign of life for 60 s, its heartbeat timeout"),
        (
            given_up(was_lost("its worker died"), idempotent=False),
            "its worker died; its outcome is unknown, and as it is not idempotent it is not tried again",
        ),
        (
            given_up(was_lost("its worker died"), idempotent=True),
            "its worker died; it is not tried again after 11 such attempts",
        ),
        (
            given_up(Failure("a.csv changed", "temporary", "input_moved"), idempotent=False),
            "a.csv changed; as it is not idempotent it is not tried again",
        ),
    ],
)
def test_messages(failure: Failure, message: str) -> None:
    assert failure.message == message


def test_given_up_keeps_what_happened() -> None:
    assert given_up(was_lost("gone"), idempotent=False).reason == "lost"


def test_result_facts_are_what_the_result_writes() -> None:
    result = AttemptResult(
        "t",
        Failure("no", trace="…", exit_code=3),
        (WrittenOutput("output", "/a", 3, "d", 1),),
        values={"deep": {"list": [1, 2]}},
    )
    assert json.loads(json.dumps(result_facts(result))) == json.loads(result.to_json())
    assert (
        json.loads(json.dumps(failure_facts(Failure("no"))))
        == json.loads(AttemptResult("t", Failure("no")).to_json())["failure"]
    )
