"""Hooks from the pipeline to a real endpoint: what is told and when, signed, and told in any case."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Event
from typing import Any, BinaryIO

import pytest
from tests.docs.playing import blocks
from tests.endpoint import OK, PATIENCE, Endpoint, Request, answer, endpoint

ALLOWED = '[network]\nallow_hosts = ["127.0.0.1"]\n'
KEY = "sesame, open yourself"
EVENTS = ("start", "success", "failure", "cancel", "retry")
GUIDE = Path(__file__).resolve().parents[2] / "docs" / "hooks.md"


@pytest.fixture
def told() -> Iterator[Endpoint]:
    with endpoint() as found:
        yield found


def hooked(told: Endpoint, of: str, indent: str = "") -> str:
    """All hooks, each telling at a path of its own."""
    return "".join(f'{indent}on_{event}: [{{webhook: "{told.url}/{of}/{event}"}}]\n' for event in EVENTS)


def write(space: Any, told: Endpoint, nodes: str, *, tasks: bool = True, settings: str = ALLOWED) -> None:
    """A pipeline with all hooks of its own, and with `tasks` all hooks of each of its tasks."""
    defaults = f"defaults:\n{hooked(told, 'task', '  ')}" if tasks else ""
    (space.root / "p.yaml").write_text(f"name: shop\n{hooked(told, 'pipeline')}{defaults}nodes:\n{nodes}")
    space.write("trc.toml", settings)


def test_metrics_count_what_was_told_and_what_could_not_be(space: Any, told: Endpoint) -> None:
    write(space, told, ONE, tasks=False)
    for _ in range(2):
        space.trc("run", "p.yaml", "--force", "--metrics", "trc.prom")
    assert 'trc_hook_messages_total{pipeline="shop",end="delivered"} 4' in space.read("trc.prom")
    write(space, told, ONE.replace("one", "two"), tasks=False, settings="")
    space.write("p.yaml", space.read("p.yaml").replace(told.url, "http://127.0.0.1:9"))
    space.write("trc.toml", ALLOWED)
    space.trc("run", "p.yaml", "--metrics", "trc.prom")
    assert 'trc_hook_messages_total{pipeline="shop",end="failed"}' in space.read("trc.prom")


ONE = "  - {id: one, type: duckdb_sql, params: {sql: select 1 as x}}\n"
FLAKY = """\
  - id: flaky
    type: shell
    params: {command: 'test -e tried || { touch tried; echo "no luck" >&2; exit 3; }', files: []}
    retries: {max_attempts: 2, initial_delay: 0s}
  - {id: boom, type: shell, params: {command: exit 4, files: []}, needs: [flaky]}
  - {id: after, type: shell, params: {command: "true", files: []}, needs: [boom]}
"""
SLEEPING = """\
  - {id: sleeping, type: shell, params: {command: "touch began; exec sleep 60", files: []}}
"""


def events(requests: list[Request]) -> list[tuple[str, str | None, int]]:
    return [(one.json["type"], one.json.get("task"), one.json["attempt"]) for one in requests]


def test_a_run_is_told_as_it_goes(space: Any, told: Endpoint) -> None:
    write(space, told, FLAKY)
    done = space.trc("run", "p.yaml", code=1)
    assert "TRC624" not in done.err
    assert events(told.requests) == [
        ("pipeline.start", None, 1),
        ("task.start", "flaky", 1),
        ("task.retry", "flaky", 1),
        ("task.success", "flaky", 2),
        ("task.start", "boom", 1),
        ("task.failure", "boom", 1),
        ("pipeline.failure", None, 1),
    ]
    for one in told.requests:
        assert one.path == "/" + one.json["type"].replace(".", "/")
        assert one.json["run"] == told.requests[0].json["run"]
        assert one.headers["content-type"] == "application/json"
        assert one.headers["user-agent"].startswith("trc/")
    retried, failed, end = (told.requests[number].json for number in (2, 5, 6))
    assert retried["error"]["message"] == "the command ended with exit code 3: no luck"
    assert failed["error"]["reason"] == "exit"
    assert (end["tasks"], end["failed"]) == ({"failure": 1, "success": 1, "upstream_failed": 1}, ["boom"])
    assert len({one.json["id"] for one in told.requests}) == 7


def test_what_is_up_to_date_is_not_told_but_each_run_is(space: Any, told: Endpoint) -> None:
    write(space, told, ONE)
    for _ in range(3):
        space.age()
        space.trc("run", "p.yaml")
    kinds = [kind for kind, _, _ in events(told.requests)]
    assert kinds.count("pipeline.start") == kinds.count("pipeline.success") == 3
    assert kinds.count("task.start") == kinds.count("task.success") == 1


def test_a_retry_by_hand_is_told_as_one(space: Any, told: Endpoint) -> None:
    write(space, told, "  - {id: boom, type: shell, params: {command: test -e there, files: []}}\n")
    space.trc("run", "p.yaml", code=1)
    space.write("there", "")
    space.trc("retry")
    assert events(told.requests)[4:] == [
        ("pipeline.retry", None, 2),
        ("task.start", "boom", 2),
        ("task.success", "boom", 2),
        ("pipeline.success", None, 2),
    ]


def test_a_run_that_is_interrupted_is_told_as_canceled(space: Any, told: Endpoint) -> None:
    write(space, told, SLEEPING)
    process = space.start("run", "p.yaml")
    told.wait_for(2)
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE) == 130
    assert [kind for kind, _, _ in events(told.requests)] == [
        "pipeline.start",
        "task.start",
        "task.cancel",
        "pipeline.cancel",
    ]


# Signatures


def verifier() -> dict[str, Any]:
    """The snippet of the guide."""
    (block,) = [one for one in blocks(GUIDE) if one.title == "verify.py"]
    names: dict[str, Any] = {}
    exec(compile(block.body, "verify.py", "exec"), names)
    return names


@pytest.mark.parametrize(
    ("key", "secret"), [(KEY, KEY.encode()), ("whsec_c2VzYW1lLCBvcGVuIHlvdXJzZWxm", b"sesame, open yourself")]
)
def test_messages_are_signed_as_the_guide_verifies_them(
    space: Any, told: Endpoint, monkeypatch: pytest.MonkeyPatch, key: str, secret: bytes
) -> None:
    monkeypatch.setenv("HOOK_KEY", key)
    write(space, told, ONE, settings=f'{ALLOWED}\n[hooks]\nkey = "env:HOOK_KEY"\n')
    space.trc("run", "p.yaml")
    verify = verifier()["verify"]
    assert len(told.requests) == 4
    for one in told.requests:
        assert verify(one.headers, one.body, secret)
        assert not verify(one.headers, one.body + b" ", secret)
        assert not verify(one.headers, one.body, b"another key")
        assert not verify({**one.headers, "webhook-id": "msg_other"}, one.body, secret)
        later = str(int(one.headers["webhook-timestamp"]) + 1)
        assert not verify({**one.headers, "webhook-timestamp": later}, one.body, secret)
        assert not verify(one.headers, one.body, secret, now=time.time() + 600)
        assert not verify({"webhook-id": "m"}, one.body, secret)
        assert one.headers["webhook-id"] == one.json["id"]
    for path in (space.root / ".trc").rglob("*"):
        assert not path.is_file() or key.encode() not in path.read_bytes(), path


def test_without_its_key_nothing_is_sent(space: Any, told: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOOK_KEY", raising=False)
    write(space, told, ONE, tasks=False, settings=f'{ALLOWED}\n[hooks]\nkey = "env:HOOK_KEY"\n')
    done = space.trc("run", "p.yaml")
    assert told.requests == []
    assert 'it cannot be signed: the secret "env:HOOK_KEY" is not there' in done.err
    monkeypatch.setenv("HOOK_KEY", KEY)
    assert "delivered 2 messages of 2" in space.trc("hooks", "replay").err
    assert all(verifier()["verify"](one.headers, one.body, KEY.encode()) for one in told.requests)


def test_what_a_task_fails_with_holds_no_secret(space: Any, told: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "correct horse battery staple")
    space.write("t.py", "import os\n\ndef leak(context):\n    raise RuntimeError(os.environ['TOKEN'])\n")
    write(
        space,
        told,
        "  - id: leak\n    type: python\n    params: {entrypoint: 't.py:leak'}\n"
        "    environment: {env: {TOKEN: {secret: 'env:TOKEN'}}}\n",
    )
    space.trc("run", "p.yaml", code=1)
    failed = next(one for one in told.requests if one.json["type"] == "task.failure")
    assert failed.json["error"]["type"] == "RuntimeError"
    assert not any(b"battery" in one.body for one in told.requests)


# Told in any case


def hanging(until: Event) -> Any:
    def hang(request: Request, out: BinaryIO) -> None:
        until.wait(PATIENCE)
        OK(request, out)

    return hang


def killed(space: Any, told: Endpoint) -> list[dict[str, Any]]:
    """A run whose driver is killed while the first of its messages is on its way; all that it has committed."""
    released = Event()
    told.respond = hanging(released)
    process = space.start("run", "p.yaml")
    told.wait_for(1)
    deadline = time.monotonic() + PATIENCE
    while len(space.trc("hooks", "list", "--json").json["messages"]) < 2:
        assert time.monotonic() < deadline
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    released.set()
    told.respond = OK
    left: list[dict[str, Any]] = space.trc("hooks", "list", "--json").json["messages"]
    return left


def test_what_was_committed_when_the_driver_was_killed_is_told_by_whoever_drives_next(
    space: Any, told: Endpoint
) -> None:
    write(space, told, SLEEPING)
    left = killed(space, told)
    assert sorted(one["event"] for one in left) == ["pipeline.start", "task.start"]
    first = told.requests[0]
    space.write("other.yaml", "name: other\nnodes:\n" + ONE)
    space.trc("run", "other.yaml")
    again = told.requests[1:]
    assert {one.json["id"] for one in again} == {one["id"] for one in left}
    repeated = next(one for one in again if one.json["id"] == first.json["id"])
    assert (repeated.body, repeated.headers["webhook-id"]) == (first.body, first.headers["webhook-id"])
    assert space.trc("hooks", "list", "--json").json["messages"] == []


def test_a_run_that_goes_on_tells_each_thing_once_and_the_lost_attempt_as_retried(space: Any, told: Endpoint) -> None:
    write(space, told, SLEEPING)
    killed(space, told)
    text = (space.root / "p.yaml").read_text()
    # The same pipeline still: what the command does is up to a file.
    assert "exec sleep 60" in text
    process = space.start("run", "p.yaml")
    told.wait_for(5)
    process.send_signal(signal.SIGINT)
    process.wait(PATIENCE)
    once = {one.json["id"]: one for one in told.requests}
    assert sorted(events(list(once.values())), key=str) == sorted(
        [
            ("pipeline.start", None, 1),
            ("task.start", "sleeping", 1),
            ("pipeline.retry", None, 2),
            ("task.retry", "sleeping", 1),
            ("task.cancel", "sleeping", 2),
            ("pipeline.cancel", None, 2),
        ],
        key=str,
    )
    retried = next(one for one in once.values() if one.json["type"] == "task.retry")
    assert retried.json["error"]["reason"] == "lost"


def test_a_run_that_is_left_behind_is_told_as_failed(space: Any, told: Endpoint) -> None:
    write(space, told, SLEEPING)
    killed(space, told)
    write(space, told, ONE)
    space.trc("run", "p.yaml", "--new")
    left = [one.json for one in told.requests if one.json["type"] == "pipeline.failure"]
    assert [(one["state"], one["run"]) for one in left] == [("abandoned", told.requests[0].json["run"])]


def test_an_endpoint_that_is_down_costs_a_run_nothing_but_a_warning(space: Any, told: Endpoint) -> None:
    told.respond = answer(503)
    write(space, told, ONE)
    done = space.trc("run", "p.yaml")
    assert done.err.count("warning[TRC624]") == 1
    assert f"4 messages of hooks were not delivered to {told.url}: it answered 503" in done.err
    listed = space.trc("hooks", "list").out
    assert listed.count("pending") == 4
    assert "/task/start" not in listed, "paths may hold what proves who asks"
    failing = space.trc("hooks", "replay", code=1)
    assert "delivered 0 messages of 4" in failing.err
    assert "4 messages of hooks wait to be delivered" in space.trc("doctor", code=None).out
    told.respond = OK
    assert "delivered 4 messages of 4" in space.trc("hooks", "replay").err
    assert "all messages are delivered" in space.trc("hooks", "list").err
    assert space.trc("hooks", "list", "--all", "latest").out.count("delivered") == 4
    assert "no message has the number 99" in space.trc("hooks", "replay", "99", code=3).err


def test_a_run_with_nothing_to_do_delivers_what_is_left(space: Any, told: Endpoint) -> None:
    told.respond = answer(503)
    write(space, told, ONE)
    (space.root / "p.yaml").write_text(f"name: shop\ndefaults:\n{hooked(told, 'task', '  ')}nodes:\n{ONE}")
    space.age()
    space.trc("run", "p.yaml")
    came = len(told.requests)
    told.respond = OK
    for _ in range(2):
        # They rest for a while after each try that fails.
        with closing(sqlite3.connect(space.root / ".trc/state.db")) as store:
            store.execute("UPDATE messages SET due_at = due_at - 60")
            store.commit()
        space.age()
        space.trc("run", "p.yaml")
    assert len(told.requests) == came + 2
    assert "all messages are delivered" in space.trc("hooks", "list").err


def test_what_was_given_up_is_told_and_can_be_delivered_all_the_same(space: Any, told: Endpoint) -> None:
    told.respond = answer(410)
    write(space, told, ONE, tasks=False)
    done = space.trc("run", "p.yaml")
    assert "nobody tries again by itself" in done.err
    told.respond = OK
    space.trc("run", "p.yaml", "--force")
    assert len(told.requests) == 4
    assert [one["state"] for one in space.trc("hooks", "list", "--json").json["messages"]] == ["dead", "dead"]
    space.trc("hooks", "replay", "1")
    assert told.requests[4].body == told.requests[0].body
    assert told.requests[4].headers["webhook-id"] == told.requests[0].headers["webhook-id"]


def test_runs_that_are_compared_tell_nobody(space: Any, told: Endpoint) -> None:
    write(space, told, "  - {id: one, type: duckdb_sql, params: {sql: select 1 as x, output_uri: o.csv}}\n")
    space.trc("verify", "p.yaml")
    space.trc("plan", "p.yaml")
    space.trc("check", "p.yaml")
    assert told.requests == []


# What is not called


def test_this_machine_is_not_called_unless_that_is_allowed(space: Any, told: Endpoint) -> None:
    write(space, told, ONE, tasks=False, settings="")
    for command in ("check", "plan", "run"):
        done = space.trc(command, "p.yaml", code=2)
        assert "error[TRC638]" in done.err
        assert "would be called by http" in done.err
    space.write("trc.toml", ALLOWED)
    space.trc("check", "p.yaml")
    space.write("trc.toml", ALLOWED.replace("127.0.0.1", "127.0.0.2"))
    assert "error[TRC638]" in space.trc("check", "p.yaml", code=2).err
    assert told.requests == []


def test_a_message_in_the_store_is_held_to_the_rules_when_it_is_sent(space: Any, told: Endpoint) -> None:
    """Who may write to the store, or takes back what was allowed, does not get a URL called by it."""
    told.respond = answer(503)
    write(space, told, ONE, tasks=False)
    space.trc("run", "p.yaml")
    space.write("trc.toml", "")
    came = len(told.requests)
    with closing(sqlite3.connect(space.root / ".trc/state.db")) as store:
        store.execute("UPDATE messages SET url = 'https://localhost/x' WHERE number = 2")
        store.commit()
    space.trc("hooks", "replay", code=1)
    found = space.trc("hooks", "list", "--json").json["messages"]
    assert [one["state"] for one in found] == ["dead", "dead"]
    assert ["is this machine" in found[0]["error"], "by http" in found[1]["error"]] == [True, True]
    assert len(told.requests) == came


def test_a_redirect_to_metadata_is_not_followed(space: Any, told: Endpoint) -> None:
    told.respond = answer(307, {"Location": "http://169.254.169.254/latest/meta-data/iam"})
    write(space, told, ONE, tasks=False)
    done = space.trc("run", "p.yaml")
    assert "redirects to where trc does not call" in done.err
    assert len(told.requests) == 2


def test_documents_of_messages_are_plain(space: Any, told: Endpoint) -> None:
    write(space, told, ONE, tasks=False)
    space.trc("run", "p.yaml")
    found = json.loads(space.trc("hooks", "list", "--all", "--json").out)["messages"]
    assert [one["event"] for one in found] == ["pipeline.success", "pipeline.start"]
    assert {one["to"] for one in found} == {told.url}
    assert set(found[0]) == {
        "number", "id", "state", "event", "run", "task", "to", "tries", "error", "created_at", "due_at", "settled_at",
    }  # fmt: skip
