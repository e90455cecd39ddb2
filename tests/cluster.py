"""The Ray clusters that tests run attempts on: one of each size for all of a session, on loopback, with a token of their own."""

from __future__ import annotations

import json
import os
import secrets
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

_START = (
    "import sys; from ray.scripts.scripts import main; sys.argv = ['ray', 'start', '--block', *sys.argv[1:]]; main()"
)
_JOIN = """
import json, signal, sys
from ray._private.node import Node
from ray._private.parameter import RayParams
head, gpus, store, resources, labels = sys.argv[1:]
# `ray start` would take an address of loopback for one that others reach.
asked = RayParams(
    gcs_address=head, node_ip_address="127.0.0.1", num_cpus=1, num_gpus=int(gpus), object_store_memory=int(store),
    resources=json.loads(resources), labels=json.loads(labels),
)
Node(asked, head=False, shutdown_at_exit=True)
print("Ray runtime started")
signal.pause()
"""
_THREE = """
import signal, sys
from ray.cluster_utils import Cluster
folder, store = sys.argv[1:]
small = {"node_ip_address": "127.0.0.1", "num_cpus": 1, "object_store_memory": int(store)}
# A worker that nobody asked for takes a second of a processor, and its memory.
few = {"enable_worker_prestart": False, "prestart_worker_first_driver": False}
cluster = Cluster(True, head_node_args={**small, "temp_dir": folder, "include_dashboard": False, "_system_config": few})
for _ in range(2):
    cluster.add_node(**small)
print("listens at", cluster.address + ";", "Ray runtime started")
signal.pause()
"""
_STARTED = b"Ray runtime started"
_LONG = 120.0
"""Seconds in which a head has to have started."""


@pytest.fixture(scope="session")
def cluster_token() -> Iterator[str]:
    """What lets processes that are started meanwhile into the clusters, and those into each other's nodes."""
    with pytest.MonkeyPatch.context() as patch:
        token = secrets.token_hex(32)
        for name, value in (
            ("RAY_AUTH_MODE", "token"),
            ("RAY_AUTH_TOKEN", token),
            ("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0"),  # loopback
            ("RAY_USAGE_STATS_ENABLED", "0"),
        ):
            patch.setenv(name, value)
        yield token


@pytest.fixture(scope="session")
def head(cluster_token: str) -> Iterator[str]:
    """Where the head of a cluster of one node listens, which has two processors. Whatever is started meanwhile may join it."""
    del cluster_token
    port, folder = free_port(), tempfile.mkdtemp(prefix="trc-ray-test-")
    process = start_head(port, folder)
    try:
        yield f"127.0.0.1:{port}"
    finally:
        end_node(process)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def three_nodes(cluster_token: str) -> Iterator[str]:
    """Where the head of a cluster of three nodes listens, each of which has one processor."""
    del cluster_token
    folder = tempfile.mkdtemp(prefix="trc-ray-test-")
    process, said = _run(_THREE, folder, str(100 << 20))
    try:
        yield said.partition("listens at ")[2].partition(";")[0]
    finally:
        kill_node(process)
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        port: int = held.getsockname()[1]
        return port


def start_head(port: int, folder: str, cpus: int = 2) -> subprocess.Popen[bytes]:
    """Starts a head, and answers once it takes drivers."""
    process, _said = _run(
        _START,
        "--head",
        f"--port={port}",
        f"--num-cpus={cpus}",
        "--include-dashboard=false",
        "--disable-usage-stats",
        f"--temp-dir={folder}",
        f"--object-store-memory={100 << 20}",
    )
    return process


@contextmanager
def joining(
    head: str, gpus: int = 0, resources: Mapping[str, float] | None = None, labels: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A node more, on this machine, which has one processor, so many GPUs, and what else is said."""
    node, _said = _run(_JOIN, head, str(gpus), str(100 << 20), json.dumps(resources or {}), json.dumps(labels or {}))
    try:
        yield node
    finally:
        kill_node(node)


def _run(code: str, *arguments: str) -> tuple[subprocess.Popen[bytes], str]:
    """Answers the process once it says that it has started, and what it has said."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        return process, _await(process).decode()
    except BaseException:
        end_node(process)
        raise


def _await(process: subprocess.Popen[bytes]) -> bytes:
    said = b""
    assert process.stdout is not None
    while _STARTED not in said:
        assert select.select([process.stdout], [], [], _LONG)[0], f"no node after {_LONG} s: {said.decode()}"
        chunk = os.read(process.stdout.fileno(), 1 << 16)
        assert chunk, said.decode()
        said += chunk
    return said


def end_node(process: subprocess.Popen[bytes]) -> None:
    """Ends a head with all that it has started."""
    process.send_signal(signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(30)
    kill_node(process)


def kill_node(process: subprocess.Popen[bytes]) -> None:
    """Ends all that a node consists of at once, as a loss of power would: what hosts have started, too."""
    # Who is stopped starts nobody any more, and its children stay its own.
    tree = [process.pid]
    for one in tree:
        with suppress(ProcessLookupError):
            os.kill(one, signal.SIGSTOP)
        tree += _children(one)
    for one in tree:
        with suppress(ProcessLookupError):
            os.kill(one, signal.SIGKILL)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _children(process: int) -> list[int]:
    with suppress(OSError):
        threads = list(Path("/proc", str(process), "task").iterdir())
        return [int(child) for thread in threads for child in (thread / "children").read_text().split()]
    return []
