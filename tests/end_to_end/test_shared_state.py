"""A project whose state lies on PostgreSQL: runs, resumes and tells of it as one with a file does, for several machines."""

from __future__ import annotations

import os
import re
import shutil
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.end_to_end.conftest import Space
from tests.postgres import KEEPER, Cluster

from trc.runtime.store.address import address_of
from trc.runtime.store.postgres import PostgresStore
from trc.runtime.store.sqlite import SqliteStore

PIPELINE = """
    name: shop
    targets:
      prod: {backend: local}
      own: {backend: local, state: "postgresql://h/d"}
    nodes:
      - id: first
        type: python
        params: {entrypoint: "t.py:step", inputs: {}, output_uri: out/first.txt, output_format: file}
        incremental: {enabled: true}
      - id: second
        type: python
        params: {entrypoint: "t.py:step", inputs: {before: first}, output_uri: out/second.txt, output_format: file}
        incremental: {enabled: true}
    """
STEP = """
    import os


    def step(context):
        print("at work on", context.task)
        with open("ran", "a") as file:
            file.write(f"{context.task}\\n")
        if os.path.exists(f"gate-{context.task}"):
            open(f"gate-{context.task}").read()
        if os.path.exists(f"broken-{context.task}"):
            raise ValueError("broken")
        with open(context.output.path, "w") as file:
            file.write(context.task)
    """


@pytest.fixture
def url(cluster: Cluster) -> str:
    return cluster.url()


@pytest.fixture
def shop(space: Space, url: str) -> Space:
    space.write("trc.toml", f'state = "{url}"\n')
    space.write("p.yaml", PIPELINE)
    space.write("t.py", STEP)
    return space


def killed_at(space: Space, task: str) -> None:
    """Runs until a task waits at its gate, and kills the orchestrator there."""
    os.mkfifo(space.root / f"gate-{task}")
    process = space.start("run", "p.yaml")
    gate = os.open(space.root / f"gate-{task}", os.O_WRONLY)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    os.close(gate)
    (space.root / f"gate-{task}").unlink()


def copied(space: Space, folder: Path) -> Space:
    """The project as another machine has it: with what it made, and without what it knows."""
    shutil.copytree(space.root, folder, ignore=shutil.ignore_patterns(".trc"))
    return Space(folder)


def test_a_run_is_recorded_there_and_skips_by_it(shop: Space) -> None:
    assert set(shop.states().values()) == {"success"}
    assert set(shop.states().values()) == {"skipped"}
    assert shop.read("ran").split() == ["first", "second"]
    runs = shop.trc("runs", "--json").json["runs"]
    assert [run["state"] for run in runs] == ["success", "success"]


def test_a_killed_run_goes_on_under_its_id(shop: Space) -> None:
    killed_at(shop, "second")
    killed = shop.trc("status", "--json").json
    assert killed["run"]["state"] == "running"
    assert not killed["alive"]
    report = shop.trc("run", "p.yaml", "--json").json
    assert report["resumed"]
    assert report["run"]["id"] == killed["run"]["id"]
    assert shop.read("ran").split() == ["first", "second", "second"]
    assert set(shop.states().values()) == {"skipped"}


def test_a_run_outlives_its_connection(shop: Space, cluster: Cluster) -> None:
    os.mkfifo(shop.root / "gate-first")
    process = shop.start("run", "p.yaml")
    gate = os.open(shop.root / "gate-first", os.O_WRONLY)
    cluster.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'trc'")
    os.close(gate)
    (shop.root / "gate-first").unlink()
    _, told = process.communicate(timeout=60)
    assert process.returncode == 0, told
    assert shop.trc("status", "--json").json["run"]["state"] == "success"


def test_what_one_machine_built_another_skips_where_it_has_the_files(shop: Space, tmp_path_factory: Any) -> None:
    assert set(shop.states().values()) == {"success"}
    other = copied(shop, tmp_path_factory.mktemp("other") / "shop")
    assert set(other.states().values()) == {"skipped"}
    (other.root / "out/second.txt").unlink()
    assert other.states() == {"first": "skipped", "second": "success"}
    assert len(shop.trc("runs", "--json").json["runs"]) == 3
    # A log lies where its attempt ran.
    shutil.rmtree(shop.root / ".trc/logs")
    first = other.trc("runs", "--json").json["runs"][-1]["id"]
    assert "there is no log on this machine" in other.trc("logs", first).err


COMMANDS: dict[str, tuple[tuple[str, ...], int, str]] = {
    "runs": (("runs",), 0, "failure"),
    "status": (("status",), 0, "upstream_failed"),
    "logs": (("logs", "latest", "first"), 0, "at work on first"),
    "follow": (("logs", "--follow"), 0, "at work on first"),
    "explain": (("explain", "task:first"), 0, "attempt 1: failure"),
    "letters": (("dlq", "list"), 0, "first"),
    "letter": (("dlq", "show", "1"), 0, "broken"),
    "lineage of a run": (("lineage", "run"), 0, "it committed nothing"),
    "lineage of nothing": (("lineage", "asset", "shop.first"), 3, "nothing is recorded"),
    "report": (("report",), 0, "written to"),
    "savings": (("incremental", "summary"), 0, "shop"),
    "doctor": (("doctor",), 0, "PostgreSQL"),
    "tidying": (("state", "gc", "--keep", "0", "--older-than", "1d"), 0, "forgot 0 runs"),
    "cancel": (("cancel",), 3, "has ended already"),
    "selecting": (("plan", "p.yaml", "--select", "state:failed"), 0, "first"),
    "retry": (("retry",), 1, "failure"),
    "replay": (("dlq", "replay", "2"), 1, "failure"),
    "drop": (("dlq", "drop", "3"), 0, ""),
}


def test_every_command_that_reads_the_state_reads_it_there(shop: Space) -> None:
    (shop.root / "broken-first").touch()
    assert shop.states(code=1) == {"first": "failure", "second": "upstream_failed"}
    for name, (arguments, code, words) in COMMANDS.items():
        done = shop.trc(*arguments, code=None)
        assert (name, done.code) == (name, code), f"{done.out}\n{done.err}"
        assert words in done.out + done.err, name
        assert "this is a bug" not in done.err


def test_another_terminal_cancels_a_run_and_ends_a_dead_one(shop: Space) -> None:
    os.mkfifo(shop.root / "gate-first")
    process = shop.start("run", "p.yaml")
    gate = os.open(shop.root / "gate-first", os.O_WRONLY)
    shop.trc("cancel")
    process.communicate(timeout=60)
    assert process.returncode == 130
    os.close(gate)
    (shop.root / "gate-first").unlink()
    killed_at(shop, "first")
    shop.trc("cancel")
    assert [run["state"] for run in shop.trc("runs", "--json").json["runs"]] == ["canceled", "canceled"]


def test_a_target_has_a_state_of_its_own(shop: Space, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.write("trc.toml", f'[targets.prod]\nbackend = "local"\nstate = "{cluster.url()}"\n')
    assert set(shop.states().values()) == {"success"}
    shop.trc("run", "p.yaml", "--target", "prod", "--force")
    shop.trc("run", "p.yaml", "--target", "prod")
    assert len(shop.trc("runs", "--json").json["runs"]) == 1
    monkeypatch.setenv("TRC_TARGET", "prod")
    assert len(shop.trc("runs", "--json").json["runs"]) == 2
    assert set(shop.states().values()) == {"skipped"}


def test_a_state_that_only_a_pipeline_tells_is_refused(shop: Space) -> None:
    told = shop.trc("run", "p.yaml", "--target", "own", code=2).err
    assert "TRC501" in told
    assert "[targets.own]" in told


def test_a_saved_plan_holds_for_the_state_that_it_was_made_with(shop: Space, cluster: Cluster) -> None:
    shop.trc("plan", "p.yaml", "-o", "saved.trcplan")
    assert "postgres@" not in shop.read("saved.trcplan")
    before = shop.read("trc.toml")
    shop.write("trc.toml", f'state = "{cluster.url()}"\n')
    assert "TRC633" in shop.trc("run", "saved.trcplan", code=2).err
    shop.write("trc.toml", before)
    shop.trc("run", "saved.trcplan")


def test_state_moves_between_a_file_and_a_database(shop: Space) -> None:
    assert set(shop.states().values()) == {"success"}
    shop.trc("state", "export", "all.jsonl")
    there = shop.read("trc.toml")
    shop.write("trc.toml", "")
    assert "took in 1 run, 2 tasks, 2 attempts" in shop.trc("state", "import", "all.jsonl").err
    assert set(shop.states().values()) == {"skipped"}
    shop.trc("state", "export", "again.jsonl")
    shop.write("trc.toml", there)
    document = shop.trc("state", "import", "again.jsonl", "--json").json
    assert (document["known_runs"], document["records"]["run"]) == (1, 1)
    assert "postgresql:///postgres?" in document["state"]
    assert len(shop.trc("runs", "--json").json["runs"]) == 2


# Passwords

SECRET = "correct-horse-battery"


def holders(space: Space, cluster: Cluster, url: str) -> list[str]:
    """All that a password must not be found in, and is."""
    files = [path for path in space.root.rglob("*") if path.is_file() and not path.is_symlink()]
    found = [str(path) for path in files if SECRET.encode() in path.read_bytes()]
    schema = re.search(r"schema=(\w+)", url)
    assert schema is not None
    tables = cluster.sql(f"SELECT table_name FROM information_schema.tables WHERE table_schema = '{schema[1]}'")
    for (table,) in tables:
        rows = cluster.sql(f'SELECT t::text FROM "{schema[1]}".{table} t')
        found += [str(table) for row in rows if SECRET in str(row)]
    return found


@pytest.mark.parametrize("way", ["PGPASSWORD", "PGPASSFILE", "reference"])
def test_a_password_goes_to_the_server_and_nowhere_else(
    shop: Space, cluster: Cluster, tmp_path_factory: Any, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    cluster.sql(f"DO $$ BEGIN CREATE ROLE {KEEPER} LOGIN SUPERUSER; EXCEPTION WHEN duplicate_object THEN END $$")
    cluster.sql(f"ALTER ROLE {KEEPER} PASSWORD '{SECRET}'")
    url = cluster.url(user=KEEPER)
    shop.write("trc.toml", f'state = "{url}"\n')
    assert "TRC636" in shop.trc("run", "p.yaml", code=3).err
    if way == "PGPASSFILE":
        file = tmp_path_factory.mktemp("keys") / "pass"
        file.write_text(f"*:*:*:{KEEPER}:{SECRET}\n")
        file.chmod(0o600)
        monkeypatch.setenv("PGPASSFILE", str(file))
    elif way == "PGPASSWORD":
        monkeypatch.setenv("PGPASSWORD", SECRET)
    else:
        shop.write("trc.toml", f'[state]\nurl = "{url}"\npassword = "env:STATE_PASSWORD"\n')
        told = shop.trc("run", "p.yaml", code=3).err
        assert "TRC612" in told
        assert "STATE_PASSWORD" in told
        monkeypatch.setenv("STATE_PASSWORD", SECRET)
    ran = [shop.trc("run", "p.yaml"), shop.trc("run", "p.yaml", "--force"), shop.trc("doctor"), shop.trc("report")]
    assert not any(SECRET in one.out + one.err or KEEPER in one.out + one.err for one in ran)
    assert holders(shop, cluster, url) == []


MISTAKES: dict[str, tuple[str, str]] = {
    "password in the address": (
        f'state = "postgresql://u:{SECRET}@h/d"', "a password stands in the address of the state"
    ),
    "password in a parameter": (
        f'state = "postgresql://h/d?password={SECRET}"', "a password stands in the address of the state"
    ),
    "password in place of its name": (
        f'state = {{url = "postgresql://h/d", password = "{SECRET}"}}', 'write password = "env:NAME"'
    ),
    "password of a target": (
        f'[targets.prod]\nbackend = "local"\nstate = "postgresql://u:{SECRET}@h/d"', '"targets.prod.state"'
    ),
    "a state elsewhere": ('state = "gs://bucket/s"', 'write state = "postgresql://host/database" or "s3://bucket'),
    "a bucket without folders": ('state = "s3://bucket"', "name them: s3://bucket/trc/shop"),
    "no bucket": ('state = "s3://A_b/s"', "this names no bucket of S3"),
    "a folder that is none": ('state = "s3://bucket/a/../b"', "is no name for a folder"),
    "a bucket of a target": ('[targets.prod]\nbackend = "local"\nstate = "s3://bucket"', '"targets.prod.state"'),
    "a password for S3": ('state = {url = "s3://bucket/a", password = "env:X"}', '"state.password" is for a database'),
    "a number": ("state = 3", '"state" takes the address'),
    "no address": ('state = {password = "env:X"}', '"state.url" takes the address'),
    "an unknown key": ('state = {url = "postgresql://h/d", user = "x"}', '"state.user" is not known here'),
    "a schema that is no name": ('state = "postgresql://h/d?schema=a-b"', "is no name for the schema"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_in_the_project_file_is_told_and_no_password_shown(shop: Space, name: str) -> None:
    text, words = MISTAKES[name]
    shop.write("trc.toml", f"{text}\n")
    for arguments in (("run", "p.yaml"), ("runs",), ("check", "p.yaml")):
        done = shop.trc(*arguments, code=None)
        assert done.code in {2, 3}
        assert "TRC111" in done.err
        assert words in done.err
        assert SECRET not in done.out + done.err


# Several machines


def test_a_run_that_another_machine_drives_is_its_own_while_its_lease_runs(
    shop: Space, url: str, tmp_path_factory: Any
) -> None:
    killed_at(shop, "second")
    local = tmp_path_factory.mktemp("local") / "state.db"
    with PostgresStore(address_of(url), lambda: SqliteStore(local)) as store:
        (run,) = store.runs()
        driver, _ = store.drivers()[run.driver]
        # As if the process had been on another machine, which gave a sign of life a moment ago.
        store.enrol(replace(driver, host="elsewhere"), time.time() + 60)
        assert shop.trc("status", "--json").json["alive"]
        told = shop.trc("run", "p.yaml", "--on-conflict", "fail", code=1).err
        assert f"run {run.id} is writing" in told
        store.enrol(replace(driver, host="elsewhere"), time.time() - 1)
        assert not shop.trc("status", "--json").json["alive"]
        report = shop.trc("run", "p.yaml", "--json").json
        assert (report["resumed"], report["run"]["id"]) == (True, run.id)


@pytest.mark.long
def test_a_run_that_is_killed_again_and_again_does_nothing_twice_that_is_done(space: Space, url: str) -> None:
    count = 8
    space.write("trc.toml", f'state = "{url}"\n')
    space.write("t.py", STEP)
    nodes = "".join(
        f"  - id: t{number}\n    type: python\n"
        f'    params: {{entrypoint: "t.py:step", inputs: {{{f"before: t{number - 1}" if number else ""}}}, '
        f"output_uri: out/{number}.txt, output_format: file}}\n"
        for number in range(count)
    )
    space.write("p.yaml", f"name: chain\nnodes:\n{nodes}")
    done: dict[str, int] = {}
    for _ in range(count):
        process = space.start("run", "p.yaml")
        assert process.stderr is not None
        # Killed as soon as it tells of another task: what it told is durable by then.
        for line in process.stderr:
            if line.startswith("done"):
                break
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
        status, ran = space.trc("status", "--json").json, space.read("ran").split()
        assert {task: ran.count(task) for task in done} == done, "what had succeeded ran again"
        done = {task["task"]: ran.count(task["task"]) for task in status["tasks"] if task["state"] == "success"}
        assert done
        if status["run"]["state"] == "success":
            break
    else:
        assert space.trc("run", "p.yaml", "--json").json["run"]["state"] == "success"
    assert len(list((space.root / "out").glob("*.txt"))) == count
