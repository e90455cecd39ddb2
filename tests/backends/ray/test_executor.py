"""The Ray executor: the suite of all backends, and what is its own."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from tests.cluster import cluster_token, head, joining
from tests.contracts.backend_suite import LONG, BackendSuite, World, wait_for_death

import trc
from trc.backends.ray.executor import RayExecutor
from trc.backends.ray.host import Terms, _refusal
from trc.backends.registry import backend_named
from trc.runtime.executor import Ended, Executor, Lost, Needed, Started

__all__ = ["cluster_token", "head"]
pytestmark = [pytest.mark.long, pytest.mark.usefixtures("joined")]


@pytest.fixture(scope="module")
def joined(head: str) -> Iterator[Any]:
    """This process is part of the cluster, so that not each executor has to join it."""
    ray: Any = import_module("ray")
    ray.init(address=head, log_to_driver=False, configure_logging=False)
    yield ray
    ray.shutdown()


def executor_of(workers: int, folder: Path, **options: Any) -> Executor:
    return backend_named("ray").executor(
        workers, folder / ".trc", 0, {"address": "auto", "workers": workers, **options}
    )


class TestRayExecutor(BackendSuite):
    def make_executor(self, workers: int, folder: Path) -> Executor:
        return executor_of(workers, folder)


Make = Callable[..., World]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Worlds with options of their own; nothing of them is left."""
    made: list[World] = []

    def world(workers: int = 1, **options: Any) -> World:
        made.append(World(tmp_path, executor_of(workers, tmp_path, **options), workers))
        return made[-1]

    yield world
    for one in made:
        one.executor.close()
    assert not (tmp_path / ".trc/ray").exists()


TELL = "import os\ndef go(context):\n    return {'worker': os.getpid(), 'host': os.getppid()}\n"


# ── hosts ──


def test_attempts_of_one_kind_share_a_process(make: Make) -> None:
    world = make()
    world.write(TELL)
    told = [world.success(world.order("go", attempt=n)).values for n in range(3)]
    assert told[0] == told[1] == told[2]


def test_what_asks_for_more_takes_the_place_of_what_is_idle(make: Make) -> None:
    world = make(2)
    world.write(TELL)
    # The cluster has two processors, of which the first host holds one.
    for n, cpus in enumerate((None, 2.0, 0.5, 2.0)):
        world.success(world.order("go", attempt=n, cpus=cpus))


def test_two_run_beside_each_other(make: Make) -> None:
    world = make(2)
    one, other = str(world.fifo("one")), str(world.fifo("other"))
    orders = [
        world.order("meet", attempt=1, args={"mine": one, "other": other}),
        world.order("meet", attempt=2, args={"mine": other, "other": one}),
    ]
    # Neither ends before the other has begun.
    world.write(
        "import threading\n"
        "def meet(context):\n"
        "    opening = threading.Thread(target=lambda: open(context.args['mine'], 'w').close())\n"
        "    opening.start()\n"
        "    open(context.args['other']).close()\n"
        "    opening.join()\n"
    )
    for order in orders:
        world.executor.start(order)
    for order in orders:
        assert world.wait(Ended, order.token).result.failure is None


def test_a_host_that_dies_loses_its_attempt_and_no_other(make: Make) -> None:
    world = make(2)
    world.write(
        """
        import os, signal
        def stay(context):
            with open("told", "w") as told:
                told.write(str(os.getpid()))
            signal.pause()
        def fine(context):
            return {"n": context.attempt}
        """
    )
    told = world.fifo("told")
    order, fine = world.order("stay"), [world.order("fine", attempt=n) for n in range(3)]
    world.executor.start(order)
    world.wait(Started, order.token)
    process = int(told.read_text())
    executor = world.executor
    assert isinstance(executor, RayExecutor)
    (host,) = [one for one in executor._hosts if one.running is order]
    assert host.greeted is not None
    os.kill(host.greeted.process, signal.SIGKILL)
    lost = world.wait(Lost, order.token)
    assert lost.why.startswith(f"its Ray actor on node {host.greeted.node[:12]} died: ")
    wait_for_death(process)
    for one in fine:
        assert world.success(one).values == {"n": one.attempt}


def test_a_variable_of_the_cluster_is_none_of_the_tasks(make: Make) -> None:
    world = make()
    world.write("import os\ndef go(context):\n    return {'seen': sorted(os.environ)}\n")
    seen = world.success(world.order("go")).values["seen"]
    assert not [name for name in seen if "RAY" in name or "TOKEN" in name]


# ── what nodes have ──


def test_what_no_node_can_run_fails_after_a_while_and_keeps_nobody_waiting(make: Make) -> None:
    world = make(wait_for_nodes=1)
    world.write(TELL)
    too_much, fine = world.order("go", cpus=64.0, memory=1 << 50), world.order("go", attempt=2)
    world.executor.start(too_much)
    assert world.success(fine).values
    failure = world.wait(Ended, too_much.token).result.failure
    assert failure is not None
    assert (failure.kind, failure.reason) == ("permanent", "ray_resources")
    first, node, _remedy = failure.message.splitlines()
    assert first == (
        "no node of the Ray cluster can run this: it asks for 64 CPUs, 1,048,576.0 GiB, and none joined in 1 s"
    )
    assert re.fullmatch(r"a node has 2 CPUs, [\d,.]+ GiB", node)


def test_what_no_node_can_run_can_be_stopped(make: Make) -> None:
    world = make()
    order = world.order("go", gpus=3)
    world.executor.start(order)
    world.executor.poll(0.0)
    world.executor.stop(order.token, LONG)
    assert world.wait(Lost, order.token).why == "stopped"


def test_what_a_node_can_run_that_joins_runs_there(make: Make, head: str) -> None:
    world = make()
    world.write("import os\ndef go(context):\n    return {'gpus': os.environ.get('CUDA_VISIBLE_DEVICES')}\n")
    order = world.order("go", gpus=1)
    world.executor.start(order)
    assert world.executor.poll(0.0) == []
    with joining(head, 1):
        assert world.wait(Ended, order.token).result.values == {"gpus": "0"}


def test_what_asks_for_a_resource_and_a_label_runs_on_the_node_that_has_them(make: Make, head: str) -> None:
    world = make()
    world.write("import os\ndef go(context):\n    return {'parents': os.getppid()}\n")
    order = world.order("go", resources=(("licence", 2),), node_labels=(("zone", "on-premise"),))
    world.executor.start(order)
    assert world.executor.poll(0.0) == []
    # Each of these has a part of it.
    with joining(head, resources={"licence": 2}), joining(head, labels={"zone": "on-premise"}):
        assert not [one for one in world.executor.poll(3.0) if isinstance(one, Ended)]
        with joining(head, resources={"licence": 2}, labels={"zone": "on-premise"}):
            assert world.wait(Ended, order.token).result.failure is None


def test_what_no_node_has_is_told_with_the_resources_and_labels_of_nodes(make: Make, head: str) -> None:
    with joining(head, resources={"licence": 2}, labels={"zone": "eu"}):
        world = make(wait_for_nodes=0)
        failure = world.failure(world.order("go", resources=(("licence", 3),), node_labels=(("zone", "us"),)))
    assert failure.reason == "ray_resources"
    first, *nodes, _remedy = failure.message.splitlines()
    assert first == 'no node of the Ray cluster can run this: it asks for 1 CPU, 3 licence, zone = "us"'
    # Nodes of tests before count as alive for a while.
    assert any(re.fullmatch(r'a node has 1 CPU, [\d,.]+ GiB, 2 licence, zone = "eu"', node) for node in nodes)


# ── nodes that are not fit ──


def test_a_node_that_does_not_see_the_project_is_refused(make: Make) -> None:
    world = make()
    world.executor.prepare((Needed(("go",), str(world.folder)),))
    (mark,) = (world.folder / ".trc/ray").iterdir()
    mark.write_text("of somebody else")
    failure = world.failure(world.order("go"))
    assert (failure.kind, failure.reason) == ("permanent", "ray_node")
    assert failure.message.startswith(
        f'a node of the Ray cluster does not see the folder "{mark.parent}" of this machine\n'
    )


def test_a_node_with_another_trc_is_refused() -> None:
    refusal = _refusal(Terms("0.0.7", "/nowhere", "x", 1.0))
    assert refusal[0] == f"a node of the Ray cluster has trc {trc.__version__}, and this is trc 0.0.7"
