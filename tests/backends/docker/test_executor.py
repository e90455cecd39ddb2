"""The Docker executor: the suite of all backends, and what is its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from tests.contracts.backend_suite import BackendSuite, World, wait_for_death
from tests.engine import BASE, api, engine, pythons

from trc.backends.docker.containers import OWNER, RUN, TASK
from trc.backends.docker.executor import DockerExecutor
from trc.backends.registry import backend_named
from trc.runtime.executor import Ended, Executor, Lost, Started
from trc.runtime.taskside.order import OrderInput, OrderOutput

__all__ = ["engine"]
pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("engine")]

Make = Callable[..., World]


def executor_of(workers: int, state: Path, **options: Any) -> Executor:
    state.mkdir(exist_ok=True)
    return backend_named("docker").executor(workers, state, 0, {"base": BASE, "network": "none", **options})


def containers(world: World) -> list[dict[str, Any]]:
    """The containers of a world's executor, as the engine lists them."""
    executor = world.executor
    assert isinstance(executor, DockerExecutor)
    prefix = f"/trc-{executor._owner.id[:12]}-"
    listed = api().containers(all=True, filters={"label": OWNER})
    return [one for one in listed if one["Names"][0].startswith(prefix)]


def inside(world: World) -> dict[int, int]:
    """The processes in its containers: what they are called here, by what they are called there."""
    found = {}
    for container in containers(world):
        rows: Sequence[Sequence[str]] = ()
        with suppress(import_module("docker.errors").APIError):  # it is being removed
            rows = api().top(container["Id"], "-eo pid")["Processes"] or ()
        for here in (int(row[0]) for row in rows):
            with suppress(FileNotFoundError):
                found[_there(here)] = here
    return found


class TestDockerExecutor(BackendSuite):
    def make_executor(self, workers: int, folder: Path) -> Executor:
        return executor_of(workers, folder / ".trc")

    def processes(self, world: World, *told: int) -> list[int]:
        found = inside(world)
        return [found[one] for one in told if one in found]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Worlds with options of their own; nothing of them is left."""
    made: list[World] = []

    def world(workers: int = 1, **options: Any) -> World:
        made.append(World(tmp_path, executor_of(workers, tmp_path / ".trc", **options)))
        return made[-1]

    yield world
    for one in made:
        one.executor.close()
        assert not containers(one)
    assert not list((tmp_path / ".trc").glob("containers/*"))


# ── containers ──


@pytest.mark.parametrize("isolation", ["warm", "strict"])
def test_attempts_share_a_container_or_have_one_each(make: Make, isolation: str) -> None:
    world = make(isolation=isolation)
    world.write("import os\ndef go(context):\n    return {'name': os.uname().nodename}\n")
    names = {world.success(world.order("go", attempt=n)).values["name"] for n in range(3)}
    assert len(names) == (1 if isolation == "warm" else 3)


def test_labels_say_whose_a_container_is(make: Make) -> None:
    world = make(isolation="strict")
    world.write("def stay(context):\n    open('told', 'w').close()\n    open('never').close()\n")
    told = world.fifo("told")
    world.fifo("never")
    order = world.order("stay")
    world.executor.start(order)
    world.wait(Started, order.token)
    told.read_text()
    (found,) = containers(world)
    assert (found["Labels"][RUN], found["Labels"][TASK]) == ("r1", "stay")


def test_what_it_may_not_do(make: Make) -> None:
    world = make()
    world.write(
        """
        import os, socket
        def look(context):
            def refused(call):
                try:
                    call()
                except OSError as error:
                    return type(error).__name__ + ": " + (error.strerror or str(error))
                return "done"
            with open("/proc/self/status") as status:
                facts = dict(line.split(":", 1) for line in status.read().splitlines())
            return {
                "root": refused(lambda: open("/usr/new", "w")),
                "own": refused(lambda: open("/tmp/new", "w")),
                "project": refused(lambda: open("new", "w")),
                "network": refused(lambda: socket.create_connection(("192.0.2.1", 80), 5)),
                "capabilities": int(facts["CapEff"], 16),
                "new": facts["NoNewPrivs"].strip(),
                "user": [os.getuid(), os.getgid()],
                "home": os.environ["HOME"],
                "secrets": sorted(name for name in os.environ if "TOKEN" in name),
            }
        """
    )
    assert world.success(world.order("look")).values == {
        "root": "OSError: Read-only file system",
        "own": "done",
        "project": "done",
        "network": "OSError: Network is unreachable",
        "capabilities": 0,
        "new": "1",
        "user": [os.getuid(), os.getgid()],
        "home": "/tmp",
        "secrets": [],
    }
    assert (world.folder / "new").stat().st_uid == os.getuid()


def test_an_image_may_be_written_to_where_the_project_says_so(make: Make) -> None:
    world = make(read_only=False)
    world.write("def go(context):\n    open('/var/tmp/new', 'w').close()\n")
    world.success(world.order("go"))


def test_limits_are_those_of_the_container(make: Make) -> None:
    world = make(pids=40, shm=32 << 20)
    world.write(
        """
        import os
        def go(context):
            found = os.statvfs("/dev/shm")
            children = []
            try:
                for _ in range(60):
                    child = os.fork()
                    if child == 0:
                        os.read(os.pipe()[0], 1)
                        os._exit(0)
                    children.append(child)
            except OSError as error:
                refused = error.strerror
            for child in children:
                os.kill(child, 9)
            for base in ("/sys/fs/cgroup/cpu", "/sys/fs/cgroup"):
                for name in ("cpu.cfs_quota_us", "cpu.max"):
                    if os.path.exists(base + "/" + name):
                        quota = open(base + "/" + name).read().split()[0]
            return {"shm": found.f_blocks * found.f_frsize, "forked": len(children) < 40, "refused": refused, "quota": quota}
        """
    )
    told = world.success(world.order("go", cpus=0.5)).values
    refused = "Resource temporarily unavailable"
    assert told == {"shm": 32 << 20, "forked": True, "refused": refused, "quota": "50000"}


def test_folders_beyond_the_project_are_seen_and_inputs_are_only_read(make: Make, tmp_path_factory: Any) -> None:
    far = tmp_path_factory.mktemp("far")
    (far / "in").mkdir()
    (far / "out").mkdir()
    (far / "linked").mkdir()
    (far / "in/a.txt").write_text("a")
    (far / "linked/b.txt").write_text("b")
    (far / "in/b.txt").symlink_to(far / "linked/b.txt")
    world = make()
    world.write(
        """
        def go(context):
            text = "".join(open(path).read() for path in context.inputs["data"].paths)
            with open(context.output.path, "w") as file:
                file.write(text)
            try:
                open(context.inputs["data"].paths[0], "w")
            except OSError as error:
                return {"refused": error.strerror}
        """
    )
    order = world.order(
        "go",
        inputs=(OrderInput("data", "file", (str(far / "in/a.txt"), str(far / "in/b.txt"))),),
        outputs=(OrderOutput("output", "file", str(far / "out/staged")),),
    )
    assert world.success(order).values == {"refused": "Read-only file system"}
    assert (far / "out/staged").read_text() == "ab"


def test_paths_may_hold_any_character_and_none_is_made(tmp_path: Path) -> None:
    folder = tmp_path / "a:b, é=c"
    folder.mkdir()
    world = World(folder, executor_of(1, folder / ".trc"))
    world.write("def go(context):\n    open(context.output.path, 'w').close()\n")
    gone = tmp_path / "gone/in"
    given = (OrderInput("data", "file", (str(gone / "a.txt"),)),)
    try:
        world.success(world.order("go", output=True, inputs=given))
    finally:
        world.executor.close()
    # An engine could make the folder, as root's.
    assert not gone.exists()


def test_containers_keep_their_logs_apart(make: Make) -> None:
    world = make(4)
    world.write("def quiet(context):\n    pass\ndef loud(context):\n    print(context.attempt)\n")
    for name in ("quiet", "loud"):
        orders = [world.order(name, attempt=number) for number in range(4)]
        for order in orders:
            world.executor.start(order)
        for order in orders:
            world.wait(Ended, order.token)
    # Process ids in containers are equal, and so must be nothing that is named after them.
    assert [world.log(order) for order in orders] == [f"{number}\n" for number in range(4)]


# ── memory ──

GREEDY = """
    import subprocess, sys
    def itself(context):
        held = bytearray(400 << 20)
    def child(context):
        subprocess.run([sys.executable, "-c", "bytearray(400 << 20)"], check=True)
    def fine(context):
        subprocess.run([sys.executable, "-c", "bytearray(400 << 20)"])
    def unrelated(context):
        raise ValueError("odd")
"""


@pytest.mark.parametrize("name", ["itself", "child"])
def test_a_task_over_its_memory_is_told_with_the_limit_and_the_peak(make: Make, name: str) -> None:
    world = make()
    world.write(GREEDY)
    result = world.result(world.order(name, memory=128 << 20))
    assert result.failure is not None
    assert result.failure.reason == "memory"
    assert result.failure.message == "killed at its memory limit of 128 MiB; it held 128 MiB at most"
    # Nobody is left in it who could tell what it used, and it is told all the same.
    assert result.peak_memory == pytest.approx(128 << 20, rel=0.01)
    assert 0 < result.cpu_seconds < 60


def test_what_a_task_used_that_was_killed_is_told_where_its_container_served_it_alone(make: Make) -> None:
    code = "import os\ndef burn(context):\n    sum(range(20_000_000))\n    os.kill(os.getpid(), 9)\n"
    used = {}
    for isolation in ("warm", "strict"):
        world = make(isolation=isolation)
        world.write(code)
        result = world.result(world.order("burn"))
        assert result.failure is not None
        assert result.failure.reason == "signal"
        used[isolation] = (result.cpu_seconds > 0.1, result.peak_memory > 1 << 20)
    assert used == {"warm": (False, False), "strict": (True, True)}


def test_a_failure_under_a_limit_is_not_taken_for_one_of_memory(make: Make) -> None:
    world = make()
    world.write(GREEDY)
    failure = world.failure(world.order("unrelated", memory=128 << 20))
    assert (failure.reason, failure.message) == ("error", "odd")
    # A child was killed, and the task went on: that is its own affair.
    world.success(world.order("fine", memory=128 << 20))


# ── losses ──

STAY = """
    import os
    def stay(context):
        with open("told", "w") as told:
            told.write(str(os.getpid()))
        open("never").close()
"""


@pytest.mark.parametrize(
    ("end", "why"),
    [
        (lambda name: api().remove_container(name, force=True), "its container was removed by somebody else"),
        (lambda name: api().kill(name), "its container was ended by somebody else"),
    ],
    ids=["removed", "killed"],
)
def test_a_container_that_somebody_ends_is_lost(make: Make, end: Callable[[str], None], why: str) -> None:
    world = make()
    world.write(STAY + "    def fine(context):\n        pass\n")
    told = world.fifo("told")
    world.fifo("never")
    order = world.order("stay")
    world.executor.start(order)
    world.wait(Started, order.token)
    told.read_text()
    (found,) = containers(world)
    end(found["Id"])
    lost = world.wait(Lost, order.token).why
    assert lost in {why, "its container was ended by somebody else"}
    world.success(world.order("fine"))


def test_nothing_outlives_an_orchestrator_that_is_killed_and_the_next_clears_up(make: Make, tmp_path: Path) -> None:
    world = make()
    world.write(STAY + "    def fine(context):\n        pass\n")
    world.success(world.order("fine"))
    told = world.fifo("told")
    world.fifo("never")
    script = f"""
        import sys
        from pathlib import Path
        from tests.backends.docker.test_executor import executor_of
        from tests.contracts.backend_suite import World
        world = World(Path({str(tmp_path)!r}), executor_of(1, Path({str(tmp_path / ".trc")!r})))
        world.executor.start(world.order("stay"))
        while True:
            world.executor.poll(None)
    """
    other = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    )
    there = int(told.read_text())
    owned = [
        one for one in api().containers(all=True, filters={"label": OWNER}) if f" {other.pid} " in one["Labels"][OWNER]
    ]
    (row,) = (row for row in api().top(owned[0]["Id"], "-eo pid")["Processes"] if _there(int(row[0])) == there)
    other.send_signal(signal.SIGKILL)
    other.wait()
    # The engine sees its orders end, and so does the guardian.
    wait_for_death(int(row[0]))
    world.executor.close()
    left = [one["Id"] for one in api().containers(all=True) if one["Id"] == owned[0]["Id"]]
    assert left == [owned[0]["Id"]]
    again = make()
    again.success(again.order("fine", attempt=2))
    assert not [one for one in api().containers(all=True) if one["Id"] == owned[0]["Id"]]


def _there(process: int) -> int:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("NSpid:")).split()[-1])


def test_stopping_what_is_being_started_ends_it(make: Make) -> None:
    world = make()
    world.write(STAY + "    def fine(context):\n        pass\n")
    world.success(world.order("fine"))
    order = world.order("stay", env={"X": "another container"})
    world.executor.start(order)
    world.executor.poll(0)
    world.executor.stop(order.token, 0)
    assert world.wait(Lost, order.token).why == "stopped"
    world.success(world.order("fine", attempt=2))


# ── what cannot be had ──


def test_every_python_runs_the_task_side(make: Make) -> None:
    world = make(2)
    world.write("import sys\ndef go(context):\n    return {'python': '%d.%d' % sys.version_info[:2]}\n")
    for number, version in enumerate(pythons()):
        order = world.order("go", attempt=number, image=f"trc-test/python:{version}")
        assert world.success(order).values == {"python": version}


@pytest.mark.parametrize(
    ("image", "reason", "first", "remedy"),
    [
        ("trc-test/absent:1", "docker_pull", 'the image "trc-test/absent:1" cannot be pulled: docker.io ', "look"),
        ("registry.invalid/x:1", "docker_pull", 'the image "registry.invalid/x:1" cannot be pulled: registry.invalid ',
         "look at the network of the Docker engine"),
        ("trc-test/bare", "docker_python", 'the image "trc-test/bare" has no python3', "tasks run on Python 3.9"),
        ("a b", "docker_pull", '"a b" is not the name of an image', "write it like python:3.12-slim"),
    ],
)  # fmt: skip
def test_an_image_that_cannot_be_used_is_told(make: Make, image: str, reason: str, first: str, remedy: str) -> None:
    world = make()
    world.write("def go(context):\n    pass\n")
    subprocess.run(["docker", "tag", "trc-test/debian", "trc-test/bare"], check=True)
    failure = world.failure(world.order("go", image=image))
    told, *_, last = failure.message.splitlines()
    assert (failure.reason, told[: len(first)], last[: len(remedy)]) == (reason, first, remedy)


def test_policies_that_forbid_to_get_an_image(make: Make) -> None:
    world = make(pull="never", base="trc-test/absent:{python}")
    world.write("def go(context):\n    pass\n")
    failure = world.failure(world.order("go"))
    assert failure.message.splitlines()[0].endswith('here, and [docker] says pull = "never"')
    other = make(build="never")
    order = other.order("go", attempt=2, system_packages=("libgomp1", "zlib1g"))
    assert 'and [docker] says build = "never"' in other.failure(order).message


@pytest.mark.parametrize(
    ("asked", "options", "word", "remedy"),
    [
        ({"gpus": 1}, {}, "the engine has no GPU to give", "install the NVIDIA container toolkit"),
        ({}, {"network": "trc-absent"}, "trc-absent", "`docker network ls` tells which there are"),
        ({"memory": 1 << 20}, {}, "the engine does not take the limits of the task", "`docker info` tells"),
    ],
)
def test_what_the_engine_does_not_take_is_told(
    make: Make, asked: dict[str, Any], options: dict[str, Any], word: str, remedy: str
) -> None:
    world = make(**options)
    world.write("def go(context):\n    pass\n")
    failure = world.failure(world.order("go", **asked))
    told, *_, last = failure.message.splitlines()
    assert failure.reason == "docker_limits"
    assert word in told
    assert last.startswith(remedy)


@pytest.mark.parametrize(
    ("address", "reason", "word"),
    [
        ("unix:///nowhere/docker.sock", "docker_engine", "no Docker engine answers at unix:///nowhere/docker.sock"),
        ("tcp://192.0.2.1:2375", "docker_elsewhere", "is reached over a network"),
    ],
)
def test_an_engine_that_cannot_be_used_is_told(
    make: Make, monkeypatch: pytest.MonkeyPatch, address: str, reason: str, word: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("DOCKER_HOST", address)
        # What it is given is looked at when there is an order.
        world = make()
        world.write("def go(context):\n    pass\n")
        failure = world.failure(world.order("go"))
        world.executor.close()
    assert (failure.reason, word in failure.message) == (reason, True)


def test_a_warm_task_costs_no_start(make: Make) -> None:
    world = make()
    world.write("def go(context):\n    pass\n")
    world.success(world.order("go"))
    began = time.monotonic()
    for number in range(2, 42):
        world.success(world.order("go", attempt=number))
    # Each is well under the 30 ms that a start must not cost; a bound that a busy machine keeps.
    assert (time.monotonic() - began) / 40 < 0.2
    assert len([report for report in world.reports if isinstance(report, Ended)]) == 41


def test_a_container_compiles_nothing_that_was_compiled_for_its_image_before(make: Make) -> None:
    world = make(isolation="strict")
    world.write(
        """
        import os, sys
        def look(context):
            import asyncio
            loaded = ("json", "dataclasses", "trc.runtime.taskside.worker", "trc.stdlib_tasks.python.run", "asyncio")
            found = {name: sys.modules[name].__cached__ for name in loaded}
            return {"found": found, "there": [name for name in loaded if os.path.exists(found[name])]}
        """
    )
    (python,) = {one for one in pythons() if one == f"{sys.version_info[0]}.{sys.version_info[1]}"}
    told = world.success(world.order("look", image=BASE.format(python=python))).values
    assert set(told["there"]) == told["found"].keys() - {"asyncio"}
    begun = [name for name, path in told["found"].items() if path.startswith("/opt/trc/bytecode/")]
    assert begun == ["json", "dataclasses", "trc.runtime.taskside.worker"]
    # What the task itself imports, its own packages above all, has its bytecode where it always has.
    assert told["found"]["asyncio"].startswith("/usr/")
