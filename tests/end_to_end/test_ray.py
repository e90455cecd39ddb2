"""Pipelines whose tasks run on a Ray cluster, through the real command."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from tests.cluster import cluster_token, head
from tests.contracts.backend_suite import wait_for_death
from tests.environments import cache, index

from trc.backends.ray.troubles import not_joined

__all__ = ["cache", "cluster_token", "head", "index"]
pytestmark = pytest.mark.long

CODE = """
import os, signal, sys


def tell(context):
    import six
    with open(context.output.path, "w") as file:
        file.write(six.__version__)


def fine(context):
    open(context.output.path, "w").close()


def stay(context):
    with open(context.args["told"], "w") as told:
        told.write(str(os.getpid()))
    signal.pause()


def parent_of(process):
    with open("/proc/%d/stat" % process) as file:
        return int(file.read().rpartition(")")[2].split()[1])


def kill_host(context):
    if context.attempt == 1:
        print("on attempt 1", flush=True)
        os.kill(parent_of(parent_of(os.getppid())), signal.SIGKILL)
        signal.pause()
    open(context.output.path, "w").close()
"""


def task(name: str, function: str, more: str = "") -> str:
    return f'task {name} = python("tasks.py:{function}") {{\n  output = file("{name}.txt")\n  {more}\n}}\n'


@pytest.fixture
def shop(space: Any) -> Any:
    space.write("tasks.py", CODE)
    return space


@pytest.fixture
def joined(shop: Any, head: str) -> Any:
    """The project, whose tasks run on a cluster that is there."""
    shop.write("trc.toml", f'[ray]\naddress = "{head}"\n')
    return shop


def run(shop: Any, *more: str, code: int = 0) -> dict[str, str]:
    report = shop.trc("run", "p.trc", "--json", "--backend", "ray", *more, code=code).json
    return {one["task"]: one["state"] for one in report["tasks"]}


# ── on a cluster that is there ──


def test_skips_are_shared_with_this_machine(joined: Any) -> None:
    joined.write(
        "p.trc",
        'pipeline "p" { }\ntarget "far" { backend = "ray" }\ntask n = sql $$ select 1 as n $$ { output = csv("n.csv") }\n',
    )
    report = joined.trc("run", "p.trc", "--json", "--target", "far").json
    assert [one["state"] for one in report["tasks"]] == ["success"]
    report = joined.trc("run", "p.trc", "--json").json
    assert [one["state"] for one in report["tasks"]] == ["skipped"]


def test_an_attempt_whose_actor_dies_is_lost_and_tried_again(joined: Any) -> None:
    joined.write("p.trc", 'pipeline "p" { }\n' + task("once", "kill_host"))
    report = joined.trc("run", "p.trc", "--json", "--backend", "ray").json
    (once,) = report["tasks"]
    assert (once["state"], once["attempt"]) == ("success", 2)
    assert [one["state"] for one in joined.trc("status", "--json").json["tasks"]] == ["success"]


def test_a_task_runs_in_its_own_environment_there(joined: Any, index: None) -> None:
    del index
    joined.write("p.trc", 'pipeline "p" { }\n' + task("old", "tell", 'environment { requirements = ["six==1.15.0"] }'))
    joined.trc("lock")
    assert run(joined) == {"old": "success"}
    assert joined.read("old.txt") == "1.15.0"


def test_a_timeout_reaches_the_process(joined: Any) -> None:
    told = joined.root / "told"
    os.mkfifo(told)
    joined.write("p.trc", 'pipeline "p" { }\n' + task("long", "stay", f'timeout = 2s\n  args {{ told = "{told}" }}'))
    running = joined.start("run", "p.trc", "--backend", "ray")
    process = int(told.read_text())
    _, err = running.communicate(timeout=120)
    assert running.returncode == 1
    assert "error[TRC603]" in err
    assert not Path(f"/proc/{process}").exists()


def test_what_no_node_has_is_told_at_what_asks_for_it(joined: Any) -> None:
    with (joined.root / "trc.toml").open("a") as file:
        file.write("wait_for_nodes = 0\n")
    joined.write("p.trc", 'pipeline "p" { }\n' + task("much", "fine", "gpu = 8") + task("little", "fine"))
    done = joined.trc("run", "p.trc", "--backend", "ray", code=1)
    assert (
        'error[TRC534]: task "much" failed: no node of the Ray cluster can run this: it asks for 1 CPU, 8 GPUs'
        in done.err
    )
    assert "3 |   gpu = 8" in done.err.replace("4 |", "3 |")
    assert "a node has 2 CPUs" in done.err
    assert (joined.root / "little.txt").exists()


# ── on one that is not ──


def refused(shop: Any, code: str, *told: str) -> None:
    shop.write("p.trc", 'pipeline "p" { }\n' + task("a", "fine") + task("b", "fine"))
    done = shop.trc("run", "p.trc", "--backend", "ray", code=1)
    assert f"error[{code}]" in done.err
    for text in (*told, '"a" and 1 more were to run there', "\n1 error\n"):
        assert text in done.err


def test_a_cluster_that_is_not_there_is_told_once(shop: Any) -> None:
    shop.write("trc.toml", '[ray]\naddress = "127.0.0.1:1"\n')
    refused(shop, "TRC531", "no Ray cluster answers at 127.0.0.1:1", "[ray] in trc.toml")


def test_a_cluster_that_a_variable_names_in_vain_is_told_once(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    shop.write("trc.toml", '[ray]\naddress = "auto"\n')
    refused(shop, "TRC531", "no Ray cluster answers at 127.0.0.1:1", "RAY_ADDRESS")


def test_a_wrong_token_is_told_once(joined: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN", "0" * 64)
    refused(joined, "TRC533", "does not let this user in", "RAY_AUTH_TOKEN")


@pytest.mark.parametrize(
    ("theirs", "told"),
    [
        ({"ray_version": "2.58.1"}, "runs Ray 2.58.1, and this is Ray "),
        ({"python_version": "3.9.1"}, "runs Python 3.9.1, and this is Python "),
    ],
)
def test_another_version_is_told_by_what_differs(theirs: dict[str, str], told: str) -> None:
    utils: Any = import_module("ray._private.utils")
    ray_version, python_version, *_ = utils.compute_version_info()
    there = {"ray_version": ray_version, "python_version": python_version, **theirs}
    with pytest.raises(RuntimeError) as found:
        utils.check_version_info(there, "this node")
    trouble = not_joined("10.0.0.5:6379", found.value)
    assert trouble.reason == "ray_version"
    assert str(trouble).startswith(f"the Ray cluster at 10.0.0.5:6379 {told}")


WITHOUT = "import sys; sys.modules['ray'] = None; from trc.cli import main; sys.exit(main())"


def test_ray_that_is_not_installed_is_told_with_how_to_install_it(shop: Any) -> None:
    shop.write("p.trc", 'pipeline "p" { }\n' + task("a", "fine"))
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, "run", "p.trc", "--backend", "ray"],
        cwd=shop.root, text=True, capture_output=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 1
    assert 'error[TRC620]: the Ray backend needs the package "ray", which is not installed' in done.stderr
    assert "pip install 'trc-pipelines[ray]'" in done.stderr


def test_what_cannot_be_written_says_so(shop: Any) -> None:
    shop.write("p.trc", 'pipeline "p" { }\n' + task("a", "fine"))
    done = shop.trc("compile", "p.trc", "--backend", "ray", code=None)
    assert done.code != 0
    assert "error[TRC501]" in done.err


def test_what_a_node_cannot_give_is_refused_before_anything_runs(shop: Any) -> None:
    shop.write("p.trc", 'pipeline "p" { }\n' + task("a", "fine", 'environment { image = "python:3.12" }'))
    done = shop.trc("plan", "p.trc", "--backend", "ray", code=2)
    assert "tasks run in processes of the nodes" in done.err


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ('address = "ray://10.0.0.5:10001"', '"ray.address" is "auto", or the host and port'),
        ("workers = 0", '"ray.workers" takes a whole number from 1 to 100000'),
        ('object_store = "1 MB"', '"ray.object_store" takes a size of at least 80 MiB'),
        ("wait_for_nodes = true", '"ray.wait_for_nodes" takes a whole number of seconds'),
        ("adress = 1", 'did you mean "address"?'),
    ],
)
def test_a_wrong_setting_is_told(shop: Any, table: str, told: str) -> None:
    shop.write("trc.toml", f"[ray]\n{table}\n")
    shop.write("p.trc", 'pipeline "p" { }\n' + task("a", "fine"))
    done = shop.trc("run", "p.trc", "--backend", "ray", code=2)
    assert "error[TRC111]" in done.err
    assert told in done.err


# ── on one that is started for the run ──


@pytest.fixture
def alone(shop: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The project, while nothing is said of any cluster."""
    for name in [name for name in os.environ if name.startswith("RAY_")]:
        monkeypatch.delenv(name)
    return shop


def test_a_ray_of_this_machine_ends_with_the_run(alone: Any) -> None:
    alone.write("p.trc", 'pipeline "p" { }\n' + task("a", "fine") + task("b", "fine"))
    running = alone.start("run", "p.trc", "--json", "--backend", "ray")
    out, err = running.communicate(timeout=120)
    assert running.returncode == 0, err
    assert [line.split()[0] for line in err.splitlines()] == ["running", "done", "done"]
    assert {one["task"]: one["state"] for one in json.loads(out)["tasks"]} == {"a": "success", "b": "success"}
    assert not of_driver(running.pid)
    assert not (Path(os.environ["HOME"]) / ".ray").exists()


def of_driver(process: int) -> list[str]:
    """What is left of the Ray that a driver had: its folder, and the command lines of processes that name it."""
    name = f"trc-ray-{process}-"
    found = [str(path) for path in Path(tempfile.gettempdir()).glob(f"{name}*")]
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            found += [line] if name in line else []
    return found


def test_a_ray_of_this_machine_dies_with_its_driver(alone: Any) -> None:
    told = alone.root / "told"
    os.mkfifo(told)
    alone.write("p.trc", 'pipeline "p" { }\n' + task("long", "stay", f'args {{ told = "{told}" }}'))
    running = alone.start("run", "p.trc", "--backend", "ray")
    process = int(told.read_text())
    running.kill()
    # Agents of Ray itself look for their head for a minute more.
    wait_for_death(process)


def test_an_interrupt_ends_it(alone: Any) -> None:
    told = alone.root / "told"
    os.mkfifo(told)
    alone.write("p.trc", 'pipeline "p" { }\n' + task("long", "stay", f'args {{ told = "{told}" }}'))
    running = alone.start("run", "p.trc", "--backend", "ray")
    process = int(told.read_text())
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=120)
    assert running.returncode not in {0, None}, out + err
    assert not Path(f"/proc/{process}").exists()
    assert not of_driver(running.pid)


def test_more_than_this_machine_has_is_told_at_once(alone: Any) -> None:
    alone.write("p.trc", 'pipeline "p" { }\n' + task("much", "fine", "cpu = 1024"))
    done = alone.trc("run", "p.trc", "--backend", "ray", code=1)
    assert "it asks for 1,024 CPUs\n" in done.err
