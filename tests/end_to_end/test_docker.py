"""Pipelines whose tasks run in containers, through the real command and a real engine."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from typing import Any

import pytest
from tests.engine import BASE, api, engine, pythons
from tests.environments import cache, index
from tests.warm import TRC

from trc.backends.docker.containers import OWNER

__all__ = ["cache", "engine", "index"]
pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("engine", "cache")]

TELL = """
import json, sys


def tell(context):
    import six
    with open(context.output.path, "w") as file:
        json.dump(["%d.%d" % sys.version_info[:2], six.__version__], file)


def big(context):
    bytearray(500 << 20)


def slow(context):
    print("begun", flush=True)
    open(context.args["gate"]).read()


def fine(context):
    open(context.output.path, "w").close()
"""


@pytest.fixture
def shop(space: Any) -> Any:
    space.write("tasks.py", TELL)
    space.write("trc.toml", f'[docker]\nbase = "{BASE}"\nnetwork = "none"\n')
    return space


def task(name: str, function: str, more: str = "") -> str:
    return f'task {name} = python("tasks.py:{function}") {{\n  output = file("{name}.txt")\n  {more}\n}}\n'


def run(shop: Any, *more: str, code: int = 0) -> dict[str, str]:
    report = shop.trc("run", "p.trc", "--json", "--backend", "docker", *more, code=code).json
    return {one["task"]: one["state"] for one in report["tasks"]}


def left() -> list[str]:
    mine = f" {os.getuid()}"
    listed = api().containers(all=True, filters={"label": OWNER})
    return [one["Names"][0] for one in listed if one["Labels"][OWNER].endswith(mine) and one["State"] != "running"]


def test_environments_are_one_image_each_and_skips_are_shared_with_this_machine(shop: Any, index: None) -> None:
    del index
    old, new = pythons()[0], pythons()[-1]
    skip = "incremental { enabled = true }"
    shop.write(
        "p.trc",
        'pipeline "p" { }\n'
        + task(
            "old",
            "tell",
            f'environment {{ python = "{old}", requirements = ["six==1.15.0"] }}\n  inputs = []\n  {skip}',
        )
        + task(
            "new",
            "tell",
            f'environment {{ python = "{new}", requirements = ["six==1.16.0"] }}\n  inputs = []\n  {skip}',
        )
        + 'task rows = sql $$ select 42 as answer $$ { output = parquet("rows.parquet") }\n',
    )
    shop.trc("lock")
    shop.age()
    assert set(run(shop).values()) == {"success"}
    assert json.loads(shop.read("old.txt")) == [old, "1.15.0"]
    assert json.loads(shop.read("new.txt")) == [new, "1.16.0"]
    assert {(shop.root / name).stat().st_uid for name in ("old.txt", "new.txt", "rows.parquet")} == {os.getuid()}
    # What a container made, a virtual environment need not make again.
    locally = shop.trc("run", "p.trc", "--json").json
    assert {one["state"] for one in locally["tasks"]} == {"skipped"}
    assert not left()


def test_system_packages_are_installed_and_a_mistake_is_told_at_its_line(shop: Any, index: None) -> None:
    del index
    shop.write(
        "p.trc",
        'pipeline "p" { }\n'
        'task good = shell $$ jq --version > "$TRC_OUTPUT_OUTPUT" $$ {\n'
        '  output = file("good.txt")\n  environment { system_packages = ["jq"] }\n}\n'
        "task bad = shell $$ true $$ {\n  environment {\n"
        '    system_packages = ["no-such-package"]\n  }\n}\n',
    )
    done = shop.trc("run", "p.trc", "--backend", "docker", code=1)
    assert shop.read("good.txt").startswith("jq-")
    assert 'error[TRC513]: task "bad" failed: the image of the environment cannot be built' in done.err
    assert "p.trc:8:5" in done.err
    assert "= E: Unable to locate package no-such-package" in done.err
    assert "= look what they are called in the Debian of trc-test/python:" in done.err


@pytest.mark.parametrize(
    ("more", "code", "place", "message"),
    [
        (
            'environment { image = "trc-test/absent:1" }',
            "TRC512",
            "5:17",
            'the image "trc-test/absent:1" cannot be pulled',
        ),
        ("gpu = 1", "TRC516", "5:3", "the engine has no GPU to give"),
        ('environment { image = "trc-test/debian" }', "TRC515", "5:17", 'the image "trc-test/debian" has no python3'),
    ],
)
def test_what_cannot_be_is_told_at_the_line_that_asks_for_it(
    shop: Any, more: str, code: str, place: str, message: str
) -> None:
    shop.write("p.trc", 'pipeline "p" { }\n\n' + task("odd", "fine", more) + task("even", "fine"))
    done = shop.trc("run", "p.trc", "--backend", "docker", code=1)
    assert f'error[{code}]: task "odd" failed: {message}' in done.err
    assert f"p.trc:{place}" in done.err
    assert (shop.root / "even.txt").exists()


def test_no_engine_is_told_once_before_anything_runs_and_what_is_up_to_date_needs_none(
    shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.write(
        "p.trc",
        'pipeline "p" { }\n'
        'task rows = sql $$ select 1 as n $$ { output = parquet("rows.parquet") }\n'
        'task more = sql $$ select n from rows $$ { output = csv("more.csv") }\n',
    )
    with monkeypatch.context() as patch:
        patch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
        done = shop.trc("run", "p.trc", "--backend", "docker", code=1)
    assert done.err.count("TRC510") == 1
    assert (
        "error[TRC510]: no Docker engine answers at unix:///nowhere/docker.sock\n"
        " --> p.trc:2:6\n  |\n"
        '2 | task rows = sql $$ select 1 as n $$ { output = parquet("rows.parquet") }\n'
        '  |      ^^^^ "rows" and 1 more were to run there\n  |\n'
        "  = start it, or say with DOCKER_HOST where it is; without --backend, tasks run on this machine\n"
    ) in done.err
    (ended,) = shop.trc("runs", "--json").json["runs"]
    assert ended["state"] == "failure"
    # It is no unfinished run: with an engine, a new one begins.
    assert run(shop) == {"rows": "success", "more": "success"}
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    assert run(shop) == {"rows": "skipped", "more": "skipped"}


def test_who_may_not_open_the_socket_is_told_so_once(shop: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Root may open any socket, unless it does without that right."""
    if os.getuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("takes root, and setpriv")
    shop.write("p.trc", 'pipeline "p" { }\n' + task("one", "fine") + task("two", "fine"))
    place = tmp_path_factory.mktemp("run") / "docker.sock"
    powerless = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all")
    with socket.socket(socket.AF_UNIX) as own:
        own.bind(str(place))
        own.listen()
        os.chown(place, 65534, 65534)
        place.chmod(0o600)
        done = subprocess.run(
            [*powerless, *TRC, "run", "p.trc", "--backend", "docker"],
            cwd=shop.root, env={**os.environ, "DOCKER_HOST": f"unix://{place}"}, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.count("TRC511") == 1
    assert (
        f"error[TRC511]: the Docker engine at unix://{place} does not let this user in\n --> p.trc:2:6" in done.stderr
    )
    assert "= add the user to the group that owns the socket, mostly `docker`, and log in anew" in done.stderr


def test_a_task_over_its_memory_and_one_over_its_time(shop: Any) -> None:
    gate = shop.root / "gate"
    os.mkfifo(gate)
    shop.write(
        "p.trc",
        'pipeline "p" { }\n'
        + task("big", "big", "memory = 128MiB")
        + f'task slow = python("tasks.py:slow") {{\n  timeout = 2s\n  args {{ gate = "{gate}" }}\n}}\n',
    )
    done = shop.trc("run", "p.trc", "--backend", "docker", code=1)
    assert (
        'error[TRC610]: task "big" failed: killed at its memory limit of 128 MiB; it held 128 MiB at most' in done.err
    )
    assert 'error[TRC603]: task "slow" failed' in done.err
    (log,) = shop.root.glob(".trc/logs/*/slow.1.log")
    assert log.read_text() == "begun\n"
    assert not left()


def test_what_does_not_fit_into_memory_is_spilled_in_the_container(shop: Any) -> None:
    query = "select i, md5(i::varchar) as h from range({n}) t(i) order by h"
    shop.write(
        "p.trc",
        'pipeline "p" { }\n'
        + "".join(
            f'task t{n} = sql $$ {query.format(n=3_000_000 + n)} $$ {{ output = parquet("t{n}.parquet"), memory = 200MiB }}\n'
            for n in (1, 2)
        ),
    )
    assert set(run(shop).values()) == {"success"}
    # Two containers have equal process ids: in one folder each would write into the other's files.
    assert not list(shop.root.glob(".trc/**/spill-*"))


def test_a_log_is_written_while_its_task_runs(shop: Any) -> None:
    gate = shop.root / "gate"
    os.mkfifo(gate)
    shop.write("p.trc", f'pipeline "p" {{ }}\ntask slow = python("tasks.py:slow") {{ args {{ gate = "{gate}" }} }}\n')
    process = shop.start("run", "p.trc", "--backend", "docker")
    with gate.open("w"):
        # Whoever opens the other end has printed before.
        (log,) = shop.root.glob(".trc/logs/*/slow.1.log")
        assert log.read_text() == "begun\n"
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_strict_is_said_by_the_project_and_a_wrong_word_is_refused(shop: Any) -> None:
    shop.write("trc.toml", f'[docker]\nbase = "{BASE}"\nisolation = "strict"\n')
    shop.write("p.trc", 'pipeline "p" { }\n' + task("one", "fine") + task("two", "fine"))
    assert set(run(shop).values()) == {"success"}
    shop.write("trc.toml", '[docker]\nisolation = "loose"\nshm = "much"\nbild = "never"\n')
    told = shop.trc("run", "p.trc", "--backend", "docker", code=2).err
    assert '"docker.isolation" is "strict" or "warm"' in told
    assert '"docker.shm" takes a size' in told
    assert 'did you mean "build"?' in told


def test_options_of_a_run_go_before_what_the_project_says(shop: Any) -> None:
    shop.write("trc.toml", f'[docker]\nbase = "{BASE}"\nnetwork = "none"\n')
    shop.write(
        "tasks.py", "import os\n\ndef net(context):\n    return {'seen': sorted(os.listdir('/sys/class/net'))}\n"
    )
    shop.write(
        "p.trc",
        'pipeline "p" { }\n'
        'task net = python("tasks.py:net")\ntask told = shell(["echo", "{{ tasks.net.values.seen }}"])\n',
    )
    seen = []
    for words in ((), ("--network", "bridge")):
        assert set(run(shop, *words).values()) == {"success"}
        seen.append(max(shop.root.glob(".trc/logs/*/told.1.log"), key=lambda path: path.stat().st_mtime_ns).read_text())
    assert "eth0" not in seen[0]
    assert "eth0" in seen[1]
    odd = shop.trc("run", "p.trc", "--backend", "docker", "--network", "trc-absent", code=1)
    assert 'task "net" failed: network trc-absent not found' in odd.err
    shop.write(
        "p.trc", 'pipeline "p" { }\n' + task("odd", "net", 'environment { system_packages = ["libgomp1", "bc"] }')
    )
    refused = shop.trc("run", "p.trc", "--backend", "docker", "--build", "never", code=1)
    assert 'and [docker] says build = "never"' in refused.err
