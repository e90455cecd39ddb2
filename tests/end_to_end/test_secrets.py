"""A secret goes into its task, and into nothing that trc writes or prints."""

from __future__ import annotations

import base64
import json
import shlex
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from tests.quick import few

VALUES = {"TOKEN": 'hunter2/"is" + se?cret', "PASSWORD": "correct horse battery staple"}
AWS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": "eu-west-1"}
FILE = "-----BEGIN-----\nMIIEpAIBAAKCAQEA1c7\n-----END-----"

TASKS = """
import base64
import os
import subprocess
import sys
from urllib.parse import quote

from trc import TaskResult


def spill(context):
    for value in (context.args["token"], os.environ["PASSWORD"], context.args["deep"][0]["key"]):
        print("raw", value)
        print("base64", *(base64.b64encode(b"x" * n + value.encode()).decode() for n in range(3)))
        print("url", quote(value, safe=""), file=sys.stderr)
        print("repr", repr(value), [value])
    subprocess.run(["/bin/sh", "-xc", 'echo "$PASSWORD"; printf %s "$PASSWORD" | base64'], check=True)
    subprocess.run(["env"], check=True)
    print(context)


def spills(context):
    spill(context)
    with open(context.output.path, "w") as file:
        file.write("done")
    return TaskResult(message="with " + context.args["token"], values={"used": os.environ["PASSWORD"]})


def fails(context):
    spill(context)
    raise ValueError("refused: " + context.args["token"] + os.environ["PASSWORD"])


def dies(context):
    spill(context)
    sys.stdout.flush()
    os.kill(os.getpid(), 9)
"""
ARGS = '{token: {secret: "env:TOKEN"}, deep: [{key: {secret: "file:secrets/key.pem"}}]}'
ENVIRONMENT = '{env: {PASSWORD: {secret: "env:PASSWORD"}}}'
PIPELINE = f"""
name: spilling
nodes:
  - id: spills
    type: python
    params: {{entrypoint: tasks.py:spills, args: {ARGS}, output_uri: out/done.txt, inputs: []}}
    environment: {ENVIRONMENT}
    incremental: {{enabled: true}}
  - id: fails
    type: python
    params: {{entrypoint: tasks.py:fails, args: {ARGS}}}
    environment: {ENVIRONMENT}
    retries: {{max_attempts: 2, initial_delay: 10ms, jitter: none}}
  - id: dies
    type: python
    params: {{entrypoint: tasks.py:dies, args: {ARGS}}}
    environment: {ENVIRONMENT}
  - id: command
    type: shell
    params: {{command: 'echo "$PASSWORD" | tee /dev/stderr; echo "no $PASSWORD" >&2; exit 4'}}
    environment: {ENVIRONMENT}
  - id: lacks
    type: shell
    params: {{command: "true"}}
    environment: {{env: {{NOPE: {{secret: "env:NOPE"}}}}}}
"""


@pytest.fixture
def spilling(space: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in VALUES.items():
        monkeypatch.setenv(name, value)
    space.write("p.yaml", PIPELINE)
    space.write("tasks.py", TASKS)
    space.write("secrets/key.pem", FILE + "\n")
    return space


def needles() -> list[bytes]:
    """The secrets, whole and by their lines, in what they could have been printed as."""
    found: set[bytes] = set()
    for value in (*VALUES.values(), FILE, *FILE.split("\n")):
        raw = value.encode()
        found |= {raw, repr(value)[1:-1].encode(), json.dumps(value)[1:-1].encode()}
        found |= {quote(value, safe="").encode(), quote_plus(value).encode(), shlex.quote(value).encode()}
        for before in range(3):
            start, end = -(-before * 8 // 6), (before + len(raw)) * 8 // 6
            found.add(base64.b64encode(b"\0" * before + raw)[start:end])
    return sorted(found)


def assert_clean(where: str, data: bytes) -> None:
    for text in (data, data.translate(None, b"\r\n")):
        leaked = [needle for needle in needles() if needle in text]
        assert not leaked, f"{where} holds {leaked}"


def files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file() and path.name not in ("key.pem", "tasks.py")]


def test_nothing_that_is_written_or_printed_holds_a_secret(spilling: Any) -> None:
    commands = [
        (("run", "p.yaml"), 1), (("run", "p.yaml", "--json", "--new"), 1), (("run", "p.yaml", "--force"), 1),
        (("check", "p.yaml"), 0), (("plan", "p.yaml"), 0), (("plan", "p.yaml", "--json"), 0),
        (("compile", "p.yaml", "-o", "build"), 0), (("compile", "p.yaml", "--emit", "plan"), 0), (("compile", "p.yaml", "--emit", "ir"), 0),
        (("status",), 0), (("status", "--json"), 0), (("runs",), 0), (("runs", "--json"), 0),
        (("logs",), 0), (("logs", "--json"), 0), (("graph", "p.yaml", "--format", "html"), 0),
        (("convert", "p.yaml", "--to", "trc"), 0),
        *((("explain", f"task:{task}", *more), 0) for task in ("spills", "fails") for more in ((), ("--json",))),
    ]  # fmt: skip
    printed = {}
    for command, code in commands:
        done = spilling.trc(*command, code=None)
        assert done.code == code, (command, done.code, done.out, done.err)
        printed[" ".join(command)] = done.out + done.err
        assert_clean(" ".join(command), (done.out + done.err).encode())
    assert printed["logs"].count("raw ***") >= 9
    assert 'secret("env:TOKEN")' in printed["convert p.yaml --to trc"]
    written = files(spilling.root)
    assert any("state.db" in path.name for path in written)
    assert any(path.suffix == ".log" for path in written)
    for path in written:
        assert_clean(str(path.relative_to(spilling.root)), path.read_bytes())


def test_what_happened_is_still_told(spilling: Any) -> None:
    report = spilling.trc("run", "p.yaml", "--json", code=1).json
    told = {one["task"]: one for one in report["diagnostics"]}
    assert told["fails"]["code"] == "TRC601"
    assert told["fails"]["message"] == 'task "fails" failed after 2 attempts: ValueError: refused: ******'
    assert told["dies"]["code"] == "TRC602"
    assert told["command"]["message"] == 'task "command" failed: the command ended with exit code 4: no ***'
    assert told["lacks"]["code"] == "TRC612"
    assert (
        told["lacks"]["line"]
        == PIPELINE[1:].split("\n").index('    environment: {env: {NOPE: {secret: "env:NOPE"}}}') + 1
    )
    assert {task["task"]: task["state"] for task in report["tasks"]}["spills"] == "success"


def test_a_key_holds_where_a_secret_lies_and_not_what_it_is(spilling: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    spilling.trc("run", "p.yaml", code=1)
    monkeypatch.setenv("TOKEN", "another value")
    (spilling.root / "secrets" / "key.pem").write_text("another key\n")
    assert spilling.states(code=1)["spills"] == "skipped"
    moved = PIPELINE.replace('token: {secret: "env:TOKEN"}', 'token: {secret: "env:PASSWORD"}')
    spilling.write("p.yaml", moved)
    assert spilling.states(code=1)["spills"] == "success"
    changes = spilling.why("spills")["changes"]
    assert [change["field"] for change in changes] == ["params.args"]
    assert '"secret": "env:PASSWORD"' in changes[0]["new"]


def test_checking_and_planning_need_no_secret(space: Any) -> None:
    """Neither the variables nor the file are there."""
    space.write("p.yaml", PIPELINE)
    space.write("tasks.py", TASKS)
    space.trc("check", "p.yaml")
    space.trc("plan", "p.yaml")
    space.trc("compile", "p.yaml")


def test_a_secret_that_is_too_short_is_refused(spilling: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSWORD", "abc")
    report = spilling.trc("run", "p.yaml", "--json", code=1).json
    told = next(one for one in report["diagnostics"] if one["task"] == "command")
    assert told["code"] == "TRC614"
    assert told["message"] == 'task "command" failed: the secret "env:PASSWORD" has fewer than 4 characters'


MISPLACED = {
    "a map on the command line": (("--param", 'm={"secret": "env:TOKEN"}'), {}, "p.yaml:6:51"),
    "a map in a file": (("--params", "v.yaml"), {"v.yaml": 'm: {secret: "env:TOKEN"}\n'}, "v.yaml:1:4"),
    "a map of a target": (("--target", "prod"), {}, "p.yaml:3:46"),
    "the project file": ((), {"trc.toml": '[defaults.environment.env]\nA = {secret = "env:TOKEN"}\n'}, "trc.toml:2:5"),
}


@pytest.mark.parametrize("case", MISPLACED)
def test_no_value_from_elsewhere_is_a_secret(space: Any, case: str) -> None:
    """Whoever chooses a parameter's value does not choose which of the machine's secrets a task is given."""
    arguments, more, place = MISPLACED[case]
    space.write(
        "p.yaml",
        """
        name: p
        params: {m: {type: map, default: {}}}
        targets: {prod: {backend: local, params: {m: {secret: "env:TOKEN"}}}}
        nodes:
          - id: send
            params: {entrypoint: tasks.py:send, args: {m: "{{ m }}"}}
            type: python
        """,
    )
    if case != "a map of a target":
        text = space.read("p.yaml")
        space.write("p.yaml", text.replace('{m: {secret: "env:TOKEN"}}', "{m: {}}"))
    space.write("tasks.py", "def send(context):\n    pass\n")
    for name, text in more.items():
        space.write(name, text)
    done = space.trc("run", "p.yaml", *arguments, code=2)
    assert "error[TRC220]" in done.err
    assert place in done.err


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server: Any = import_module("moto.server").ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def test_a_new_value_with_aws_makes_its_task_run(space: Any, endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**AWS, "AWS_ENDPOINT_URL": endpoint}.items():
        monkeypatch.setenv(name, value)
    manager: Any = import_module("boto3").client("secretsmanager")
    first = manager.create_secret(Name="shop/db", SecretString='{"password": "correct horse"}')["VersionId"]
    space.write(
        "p.yaml",
        """
        name: p
        nodes:
          - id: send
            type: shell
            params: {command: 'printf %s "$PASSWORD" | wc -c > "$TRC_OUTPUT_OUTPUT"', files: [p.yaml], output_uri: out/n.txt}
            environment: {env: {PASSWORD: {secret: "aws-secretsmanager:shop/db#password"}}}
        """,
    )
    space.age()
    assert space.states() == {"send": "success"}
    assert space.read("out/n.txt").strip() == "13"
    assert space.states() == {"send": "skipped"}
    assert space.states() == {"send": "skipped"}
    second = manager.put_secret_value(SecretId="shop/db", SecretString='{"password": "battery staple"}')["VersionId"]
    assert space.states() == {"send": "success"}
    assert space.read("out/n.txt").strip() == "14"
    field = "secrets.aws-secretsmanager:shop/db#password"
    assert space.why("send")["changes"] == [{"field": field, "old": first, "new": second}]
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    [planned] = space.trc("plan", "p.yaml", "--json").json["tasks"]
    assert (planned["action"], planned["reason"]["code"]) == ("run", "no_key")
    for path in files(space.root):
        for leaked in (b"correct horse", b"battery staple"):
            assert leaked not in path.read_bytes(), path


def test_an_unreachable_provider_is_tried_again(space: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**AWS, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}.items():
        monkeypatch.setenv(name, value)
    space.write(
        "p.yaml",
        """
        name: p
        nodes:
          - id: send
            type: shell
            params: {command: "true"}
            environment: {env: {TOKEN: {secret: "aws-ssm:/token"}}}
            retries: {max_attempts: 3, initial_delay: 1ms, jitter: none}
        """,
    )
    report = space.trc("run", "p.yaml", "--json", code=1).json
    [told] = report["diagnostics"]
    assert told["code"] == "TRC613"
    assert told["message"].startswith('task "send" failed after 3 attempts: the secret "aws-ssm:/token" cannot be had')


LEAKING = """
import base64
import os


def leaks(context):
    value = os.environ["PASSWORD"]
    broken = base64.encodebytes(("x" * 40 + value + value).encode()).decode()
    with open(context.output.path, "w") as file:
        file.write("n,who,broken\\n")
        for number in (-1, -2):
            file.write(f'{number},{value},"{broken}"\\n')
"""
HOLDING = """
name: holding
nodes:
  - id: leaks
    type: python
    params: {entrypoint: tasks.py:leaks, output_uri: out/who.csv, inputs: [], args: {deep: {secret: "env:TOKEN"}}}
    environment: {env: {PASSWORD: {secret: "env:PASSWORD"}}}
    incremental: {enabled: true}
    columns: {n: bigint, who: varchar, broken: varchar}
    expect: EXPECT
"""
UNMET = [
    '{check: "n > 0", store_failures: true, severity: SEVERITY}',
    "{unique: who, severity: SEVERITY}",
    '{check: "CAST(who AS BIGINT) > 0", severity: SEVERITY}',
    '{check: "CAST(broken AS BIGINT) > 0", store_failures: true, severity: SEVERITY}',
]


def told_of_its_data(space: Any, severity: str) -> dict[str, Any]:
    """What a run tells of data that hold a secret and break expectations; nothing but the output holds it."""
    expect = [one.replace("SEVERITY", severity) for one in UNMET]
    space.write("p.yaml", HOLDING.replace("EXPECT", f"[{', '.join(expect)}]"))
    code = 0 if severity == "warn" else 1
    report = space.trc("run", "p.yaml", "--json", code=code)
    shown = [report]
    shown += [
        space.trc(*command) for command in (("status",), ("explain", "leaks"), ("explain", "task:leaks", "--json"))
    ]
    shown.append(space.trc("run", "p.yaml", code=code))
    for one in shown:
        assert_clean("what was printed", (one.out + one.err).encode())
    for path in files(space.root):
        if path.name != "who.csv":
            assert_clean(str(path.relative_to(space.root)), path.read_bytes())
    assert not (space.root / ".trc" / "failures").exists()
    told: dict[str, Any] = report.json
    return told


@pytest.mark.parametrize("severity", few(("warn", "error"), ("warn",)))
def test_what_expectations_tell_of_data_holds_no_secret(spilling: Any, severity: str) -> None:
    spilling.write("tasks.py", LEAKING)
    report = told_of_its_data(spilling, severity)
    again = spilling.trc("run", "p.yaml", "--force", code=None)
    assert_clean("the second run", (again.out + again.err).encode())
    kept, doubled, cast, broken = report["expectations"]["leaks"]
    assert kept["found"] == "2 of 2 rows break it; no rows are kept, for the task is given a secret"
    assert (kept["sample"], kept["kept"]) == ([], "")
    assert doubled["found"] == "2 of 2 rows share a value with another"
    assert "'***'" in cast["error"]
    assert "***" in broken["error"]
    assert all("store_failures" not in line for one in report["diagnostics"] for line in one.get("help", ()))


def test_what_is_only_checked_is_masked_too(spilling: Any) -> None:
    """No code runs that is given the secrets, and the stored data hold one."""
    spilling.write("tasks.py", LEAKING)
    spilling.write("p.yaml", HOLDING.replace("EXPECT", "[{not_null: n}]"))
    assert spilling.states() == {"leaks": "success"}
    report = told_of_its_data(spilling, "error")
    assert spilling.why("leaks")["code"] == "unchecked"
    assert "'***'" in report["expectations"]["leaks"][2]["error"]
