"""Runs that are taken up again after their end, and the dead letters that say what failed for good."""

from __future__ import annotations

import os
import signal
from typing import Any

import duckdb  # noqa: TID253 - makes the files that the pipeline reads
import pytest

PIPELINE = """
    name: shop
    nodes:
      - id: stage
        type: python
        params: {entrypoint: "t.py:step", inputs: {}, output_uri: out/stage.txt, output_format: file}
        incremental: {enabled: true}
      - id: load
        type: python
        params: {entrypoint: "t.py:step", inputs: {before: stage}, output_uri: out/load.txt, output_format: file}
        incremental: {enabled: true}
        retries: {max_attempts: 2, initial_delay: 0s}
      - id: report
        type: python
        params: {entrypoint: "t.py:step", inputs: {before: load}, output_uri: out/report.txt, output_format: file}
        incremental: {enabled: true}
    """
STEP = """
    import os


    def step(context):
        print(f"{context.task} begins")
        with open("ran", "a") as file:
            file.write(f"{context.task}\\n")
        if os.path.exists(f"broken-{context.task}"):
            raise RuntimeError(f"{context.task} has no luck")
        with open(context.output.path, "w") as file:
            file.write(context.task)
    """


@pytest.fixture
def shop(space: Any) -> Any:
    space.write("p.yaml", PIPELINE)
    space.write("t.py", STEP)
    space.write("broken-load", "")
    assert space.states(code=1) == {"stage": "success", "load": "failure", "report": "upstream_failed"}
    return space


def _ran(space: Any) -> list[str]:
    return list(space.read("ran").split())


def _letters(space: Any, *options: str) -> list[tuple[int, str, str, int]]:
    told = space.trc("dlq", "list", "--json", *options).json["letters"]
    return [(one["number"], one["task"], one["state"], one["attempt"]) for one in told]


def test_retry_runs_what_did_not_succeed_and_nothing_else(shop: Any) -> None:
    failed = shop.trc("runs", "--json").json["runs"][0]
    (shop.root / "broken-load").unlink()
    report = shop.trc("retry", "--json").json
    assert report["run"]["id"] == failed["id"]
    assert report["run"]["state"] == "success"
    assert {one["task"]: one["state"] for one in report["tasks"]} == dict.fromkeys(
        ("stage", "load", "report"), "success"
    )
    assert _ran(shop) == ["stage", "load", "load", "load", "report"]
    assert set(shop.states().values()) == {"skipped"}
    assert [one["state"] for one in shop.trc("runs", "--json").json["runs"]] == ["success", "success"]


def test_each_go_has_all_its_attempts_and_leaves_its_letter(shop: Any) -> None:
    assert _letters(shop) == [(1, "load", "open", 2)]
    done = shop.trc("retry", code=1)
    assert "load has no luck" in done.err
    assert _ran(shop).count("load") == 4
    assert _letters(shop) == [(2, "load", "open", 4)]
    assert _letters(shop, "--all") == [(2, "load", "open", 4), (1, "load", "replayed", 2)]


def test_retry_from_a_task_runs_it_and_all_below_it(shop: Any) -> None:
    (shop.root / "broken-load").unlink()
    shop.trc("retry")
    before = len(_ran(shop))
    refused = shop.trc("retry", code=3)
    assert "TRC628" in refused.err
    assert "--from" in refused.err
    report = shop.trc("retry", "--from", "LOAD", "--json").json
    assert _ran(shop)[before:] == ["load", "report"]
    reasons = {one["task"]: (one["reason"] or {}).get("code") for one in report["tasks"]}
    assert reasons["load"] == "forced"
    assert "TRC625" in shop.trc("retry", "--from", "nobody", code=3).err


def test_replay_takes_up_the_run_and_settles_the_letter(shop: Any) -> None:
    (shop.root / "broken-load").unlink()
    done = shop.trc("dlq", "replay", "1", "--json").json
    assert [one["run"]["state"] for one in done["runs"]] == ["success"]
    assert _letters(shop) == []
    assert _letters(shop, "--all") == [(1, "load", "replayed", 2)]
    assert "TRC629" in shop.trc("dlq", "replay", "1", code=3).err


def test_a_letter_that_fails_again_fails_the_command(shop: Any) -> None:
    shop.trc("dlq", "replay", "1", code=1)
    assert _letters(shop) == [(2, "load", "open", 4)]


def test_a_letter_shows_all_that_is_known(shop: Any) -> None:
    told = shop.trc("dlq", "show", "1", "--json").json
    assert told["error"]["message"] == "load has no luck"
    assert told["log"].startswith("load begins")
    assert told["order"]["inputs"][0]["files"] == [str(shop.root / "out/stage.txt")]
    shown = shop.trc("dlq", "show", "1").out
    for part in ("dead letter 1: load of shop, open", "RuntimeError: load has no luck", "load begins", '"attempt": 2'):
        assert part in shown


def test_a_later_run_is_told_of_beside_the_letter(shop: Any) -> None:
    (shop.root / "broken-load").unlink()
    shop.states("--new")
    (letter,) = shop.trc("dlq", "list", "--json").json["letters"]
    assert letter["state"] == "open"
    assert letter["succeeded_since"] is not None
    assert "succeeded since" in shop.trc("dlq", "list").out
    shop.trc("dlq", "drop", "1")
    assert _letters(shop) == []


def test_letters_are_dropped_all_or_none(shop: Any) -> None:
    assert "TRC609" in shop.trc("dlq", "drop", "1", "7", code=3).err
    assert _letters(shop) == [(1, "load", "open", 2)]
    shop.trc("dlq", "drop", "1", "1")
    assert _letters(shop, "--all") == [(1, "load", "dropped", 2)]
    assert "TRC629" in shop.trc("dlq", "drop", "1", code=3).err


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [("p.yaml", "out/report.txt", "out/other.txt"), ("t.py", "begins", "starts")],
    ids=["the pipeline", "its code"],
)
def test_what_was_changed_since_is_no_retry(shop: Any, name: str, old: str, new: str) -> None:
    shop.write(name, shop.read(name).replace(old, new))
    before = _ran(shop)
    refused = shop.trc("retry", code=3)
    assert "TRC628" in refused.err
    assert "trc run" in refused.err
    assert _ran(shop) == before
    assert shop.trc("runs", "--json").json["runs"][0]["state"] == "failure"


def test_a_pipeline_that_is_gone_is_no_retry(shop: Any) -> None:
    (shop.root / "p.yaml").unlink()
    assert "is gone" in shop.trc("retry", code=3).err


def test_the_choices_of_the_run_are_those_of_the_retry(space: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    space.write(
        "p.yaml",
        """
        name: days
        params:
          day: {type: date}
          greeting: {type: string, default: hello}
        nodes:
          - id: report
            type: python
            params: {entrypoint: "t.py:step", args: {day: "{{ day }}", greeting: "{{ greeting }}"}}
        """,
    )
    space.write(
        "t.py",
        """
        import os


        def step(context):
            with open("ran", "a") as file:
                file.write(f"{context.args['day']} {context.args['greeting']}\\n")
            if not os.path.exists("fixed"):
                raise RuntimeError("no luck")
        """,
    )
    monkeypatch.setenv("TRC_PARAM_GREETING", "ciao")
    space.trc("run", "p.yaml", "--param", "day=2026-01-15", "--at", "2026-02-01T00:00Z", code=1)
    monkeypatch.delenv("TRC_PARAM_GREETING")
    space.write("fixed", "")
    report = space.trc("retry", "--json").json
    assert report["run"]["logical_time"].startswith("2026-02-01")
    assert space.read("ran").splitlines() == ["2026-01-15 ciao"] * 2


def test_a_run_that_goes_on_is_not_retried(space: Any) -> None:
    space.write("p.yaml", PIPELINE)
    space.write("t.py", STEP.replace('print(f"{context.task} begins")', 'open("gate").read()'))
    os.mkfifo(space.root / "gate")
    process = space.start("run", "p.yaml")
    gate = os.open(space.root / "gate", os.O_WRONLY)
    assert "still running" in space.trc("retry", code=3).err
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    os.close(gate)
    (space.root / "gate").unlink()
    space.write("gate", "")
    # One whose driver has died is simply gone on with.
    assert space.trc("retry", "--json").json["run"]["state"] == "success"
    assert _letters(space, "--all") == []


def test_there_is_nothing_to_look_after_where_nothing_ran(space: Any) -> None:
    space.write("p.yaml", PIPELINE)
    for words in (("retry",), ("dlq", "list"), ("dlq", "show", "1"), ("dlq", "replay", "1"), ("dlq", "drop", "1")):
        assert "TRC609" in space.trc(*words, code=3).err


def test_the_run_of_a_saved_plan_is_retried_alike(shop: Any) -> None:
    shop.trc("plan", "p.yaml", "--exclude", "report", "-o", "p.trcplan")
    shop.trc("run", "p.trcplan", code=1)
    (shop.root / "broken-load").unlink()
    report = shop.trc("retry", "--json").json
    assert {one["task"]: one["state"] for one in report["tasks"]} == {"stage": "skipped", "load": "success"}


def test_what_was_forced_is_forced_again(shop: Any) -> None:
    (shop.root / "broken-load").unlink()
    shop.states()
    shop.write("broken-load", "")
    shop.states("--force", code=1)
    (shop.root / "broken-load").unlink()
    before = len(_ran(shop))
    report = shop.trc("retry", "--json").json
    # What is stored of an earlier run is up to date, and no answer to who wanted it made again.
    assert _ran(shop)[before:] == ["load", "report"]
    assert {one["task"]: one["state"] for one in report["tasks"]} == dict.fromkeys(
        ("stage", "load", "report"), "success"
    )


def test_what_was_to_be_built_again_is_built_by_the_retry(space: Any) -> None:
    for day in ("2026-01-01", "2026-01-02"):
        folder = space.root / f"raw/day={day}"
        folder.mkdir(parents=True)
        duckdb.sql("select 5::bigint as amount").write_parquet(str(folder / "a.parquet"))
    space.write(
        "p.trc",
        """
        pipeline "days" {}

        source raw = parquet("raw/day=*/*.parquet")

        task orders = sql $$ select day, amount from raw $$ {
          output = "out/orders.csv"
          incremental { by = partition(day) }
        }

        task gate = shell "test ! -e broken" { files = [] }
        """,
    )
    space.write("p.trc", space.read("p.trc").replace("output = ", "needs = [gate]\n  output = "))
    space.trc("run", "p.trc")
    space.write("broken", "")
    failed = space.trc("backfill", "p.trc", "orders", "--from", "2026-01-02", code=1)
    assert "gate" in failed.err
    (space.root / "broken").unlink()
    report = space.trc("retry", "--json").json
    (orders,) = [one for one in report["tasks"] if one["task"] == "orders"]
    assert (orders["state"], orders["reason"]["code"]) == ("success", "backfilled")
    built = space.trc("status", "--json").json["partitions"]["orders"]["built"]
    assert [one["value"] for one in built if one["run"] == report["run"]["id"]] == ["2026-01-02"]


@pytest.mark.parametrize("words", [("retry",), ("run", "p.yaml", "--idempotency-key", "monday")])
def test_what_a_dead_run_holds_keeps_nobody_waiting(shop: Any, words: tuple[str, ...]) -> None:
    failed = shop.trc("runs", "--json").json["runs"][0]["id"]
    (shop.root / "broken-load").unlink()
    # Another run of the pipeline dies, and with it the leases on all outputs are left behind.
    shop.write("t.py", STEP.replace('print(f"{context.task} begins")', 'open("gate").read()'))
    os.mkfifo(shop.root / "gate")
    process = shop.start("run", "p.yaml", "--new")
    gate = os.open(shop.root / "gate", os.O_WRONLY)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    os.close(gate)
    shop.write("t.py", STEP)
    words = ("retry", failed) if words == ("retry",) else words
    assert shop.trc(*words, "--json").json["run"]["state"] == "success"
    states = {one["id"]: one["state"] for one in shop.trc("runs", "--json").json["runs"]}
    assert sorted(states.values()) == sorted(["abandoned", "success", *([] if words[0] == "retry" else ["failure"])])
