"""What becomes of a run on a Ray cluster when something dies: a node, its driver, the head."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import sqlite3
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests.cluster import cluster_token, free_port, head, joining, kill_node, start_head
from tests.contracts.backend_suite import wait_for_death

__all__ = ["cluster_token", "head"]
pytestmark = pytest.mark.long

CODE = """
import fcntl, os, signal


def parents():
    process = os.getpid()
    while process > 1:
        yield process
        with open("/proc/%d/stat" % process) as file:
            process = int(file.read().rpartition(")")[2].split()[1])


def tell(context):
    with open(context.args["told"], "w") as told:
        told.write(str(os.getpid()))
    signal.pause()


def go(context):
    # The first that runs on the node which is to die stays there, and the others do not end before it has begun.
    if int(context.args["node"]) in parents() and context.attempt == 1:
        tell(context)
    with open("gate") as gate:
        fcntl.flock(gate, fcntl.LOCK_SH)
    fine(context)


def stay(context):
    if context.attempt == 1:
        tell(context)
    fine(context)


def fine(context):
    with open(context.output.path, "w") as file:
        file.write(str(context.attempt))
"""


@pytest.fixture
def shop(space: Any) -> Any:
    space.write("tasks.py", CODE)
    os.mkfifo(space.root / "told")
    return space


def task(name: str, function: str, more: str = 'node = "0"') -> str:
    return f"""task {name} = python("tasks.py:{function}") {{
  output = file("out/{name}.txt")
  args {{ told = "told", {more} }}
}}
"""


def joined(shop: Any, address: str) -> Path:
    """Has the project's tasks run on that cluster; answers where they tell that they stay."""
    shop.write("trc.toml", f'[ray]\naddress = "{address}"\n')
    told: Path = shop.root / "told"
    return told


def attempts(shop: Any) -> dict[str, list[str]]:
    """By task, the states of all its attempts in all runs."""
    with sqlite3.connect(shop.root / ".trc/state.db") as store:
        found: dict[str, list[str]] = {}
        for name, state in store.execute("SELECT task, state FROM attempts ORDER BY task, number"):
            found.setdefault(name, []).append(state)
    return found


def test_a_node_that_dies_in_the_middle_of_many_tasks_loses_only_what_ran_there(shop: Any, head: str) -> None:
    many = 1000
    told = joined(shop, head)
    with joining(head) as node:
        tasks = (task(f"t{n}", "go", f'node = "{node.pid}"') for n in range(many))
        shop.write("p.trc", 'pipeline "p" { }\n' + "".join(tasks))
        with (shop.root / "gate").open("w") as gate:
            fcntl.flock(gate, fcntl.LOCK_EX)
            running = shop.start("run", "p.trc", "--json", "--backend", "ray")
            process = int(told.read_text())
        kill_node(node)
        wait_for_death(process)
        out, err = running.communicate(timeout=300)
    assert running.returncode == 0, err[-2000:]
    assert Counter(one["state"] for one in json.loads(out)["tasks"]) == {"success": many}
    assert len(list((shop.root / "out").iterdir())) == many
    told_of = Counter(map(tuple, attempts(shop).values()))
    assert told_of == {("success",): many - 1, ("lost", "success"): 1}


def test_a_run_whose_driver_is_killed_goes_on_with_the_next(shop: Any, head: str) -> None:
    told = joined(shop, head)
    shop.write("p.trc", 'pipeline "p" { }\n' + task("first", "fine") + task("long", "stay"))
    running = shop.start("run", "p.trc", "--backend", "ray")
    process = int(told.read_text())
    running.kill()
    running.communicate()
    report = shop.trc("run", "p.trc", "--json", "--backend", "ray").json
    assert report["run"]["resumed"] == 1
    assert {one["task"]: (one["state"], one["attempt"]) for one in report["tasks"]}["long"] == ("success", 2)
    wait_for_death(process)
    assert attempts(shop)["long"] == ["lost", "success"]
    assert shop.read("out/long.txt") == "2"


def test_a_head_that_is_lost_ends_no_run(shop: Any, cluster_token: str) -> None:
    del cluster_token
    port, folder = free_port(), tempfile.mkdtemp(prefix="trc-ray-test-")
    told = joined(shop, f"127.0.0.1:{port}")
    shop.write("p.trc", 'pipeline "p" { }\n' + task("first", "fine") + task("long", "stay"))
    server = start_head(port, folder, cpus=1)
    try:
        running = shop.start("run", "p.trc", "--backend", "ray")
        told.read_text()
        kill_node(server)
        _, err = running.communicate(timeout=120)
        assert running.returncode == 1
        assert f"error[TRC536]: the Ray cluster at 127.0.0.1:{port} was lost: the node of this machine is gone" in err
        assert '"long" ran there' in err
        assert "\n1 error\n" in err
        assert "`trc run` again: it goes on with this run" in err
        assert "rpc_client" not in err
        server = start_head(port, folder, cpus=1)
        report = shop.trc("run", "p.trc", "--json", "--backend", "ray").json
    finally:
        kill_node(server)
    assert report["run"]["resumed"] == 1
    *lost, last = attempts(shop)["long"]
    # The end of its actor may have been heard of before that of the cluster.
    assert (set(lost), last) == ({"lost"}, "success")
    assert attempts(shop)["first"] == ["success"]


def test_a_ray_of_this_machine_that_is_killed_is_told(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("RAY_")]:
        monkeypatch.delenv(name)
    shop.write("p.trc", 'pipeline "p" { }\n' + task("long", "stay"))
    running = shop.start("run", "p.trc", "--backend", "ray")
    (shop.root / "told").read_text()
    for process in servers_of(running.pid):
        os.kill(process, signal.SIGKILL)
    _, err = running.communicate(timeout=120)
    assert running.returncode == 1
    assert "error[TRC536]: the Ray cluster was lost: the node of this machine is gone" in err


def servers_of(driver: int) -> list[int]:
    """The processes that serve the Ray of a driver: its head, and its node."""
    name = f"trc-ray-{driver}-".encode()
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        line = path.read_bytes()
        if name in line and line.partition(b"\0")[0].endswith((b"/gcs_server", b"/raylet")):
            found.append(int(path.parent.name))
    return found
