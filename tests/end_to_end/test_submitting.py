"""`--idempotency-key`: a second submission is answered with the run of the first."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest

PIPELINE = """
    name: shop
    params:
      region: {type: string, default: eu}
    nodes:
      - id: orders
        type: python
        params: {entrypoint: "t.py:step", args: {region: "{{ region }}"}}
    """
STEP = """
    import os


    def step(context):
        with open("ran", "a") as file:
            file.write(context.args["region"] + "\\n")
        if os.path.exists("gate"):
            open("gate").read()
        if os.path.exists("broken"):
            raise RuntimeError("no luck")
    """
KEY = ("--idempotency-key", "monday")


@pytest.fixture
def shop(space: Any) -> Any:
    space.write("p.yaml", PIPELINE)
    space.write("t.py", STEP)
    return space


def _ran(space: Any) -> list[str]:
    return list(space.read("ran").split())


def _submit(space: Any, *options: str, code: int = 0) -> Any:
    return space.trc("run", "p.yaml", "--json", *KEY, *options, code=code).json


def test_a_second_submission_runs_nothing(shop: Any) -> None:
    first = _submit(shop)
    again = _submit(shop)
    assert again["submitted_before"]
    assert again["run"]["id"] == first["run"]["id"]
    assert _ran(shop) == ["eu"]
    assert "was submitted under this key: success" in shop.trc("run", "p.yaml", *KEY).err
    # Without the key, and under another one, it is another run.
    shop.trc("run", "p.yaml")
    shop.trc("run", "p.yaml", "--idempotency-key", "tuesday")
    assert _ran(shop) == ["eu"] * 3


def test_a_failure_is_the_answer_too(shop: Any) -> None:
    shop.write("broken", "")
    _submit(shop, code=1)
    (shop.root / "broken").unlink()
    assert _submit(shop, code=1)["run"]["state"] == "failure"
    assert _ran(shop) == ["eu"]
    # What is wanted in its place is a retry of that run: it is the answer then.
    shop.trc("retry")
    assert _submit(shop)["run"]["state"] == "success"


def test_the_answer_is_that_of_the_first_whatever_was_edited_since(shop: Any) -> None:
    first = _submit(shop)
    shop.write("p.yaml", PIPELINE.replace("id: orders", "id: others"))
    assert _submit(shop)["run"]["id"] == first["run"]["id"]


@pytest.mark.parametrize(
    "options", [("--param", "region=us"), ("--at", "2026-01-01"), ("--select", "orders"), ("--force",)]
)
def test_another_run_is_not_taken_for_the_first(shop: Any, options: tuple[str, ...]) -> None:
    _submit(shop)
    refused = shop.trc("run", "p.yaml", *KEY, *options, code=3)
    assert "TRC619" in refused.err
    assert _ran(shop) == ["eu"]


def test_one_that_goes_on_is_told_of_and_one_whose_process_died_goes_on(shop: Any) -> None:
    os.mkfifo(shop.root / "gate")
    process = shop.start("run", "p.yaml", *KEY)
    gate = os.open(shop.root / "gate", os.O_WRONLY)
    going = _submit(shop)
    assert (going["run"]["state"], going["submitted_before"]) == ("running", True)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    os.close(gate)
    (shop.root / "gate").unlink()
    report = _submit(shop)
    assert report["resumed"]
    assert (report["run"]["id"], report["run"]["state"]) == (going["run"]["id"], "success")


def test_bad_uses_are_refused(shop: Any) -> None:
    for options in (("--idempotency-key", " "), (*KEY, "--new")):
        assert "--idempotency-key" in shop.trc("run", "p.yaml", *options, code=3).err
