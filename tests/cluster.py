"""The Ray cluster that tests run attempts on: one for all of a session, on loopback, with a token of its own."""

from __future__ import annotations

import os
import secrets
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

_START = (
    "import sys; from ray.scripts.scripts import main; sys.argv = ['ray', 'start', '--block', *sys.argv[1:]]; main()"
)
_JOIN = """
import signal, sys
from ray._private.node import Node
from ray._private.parameter import RayParams
head, gpus, store = sys.argv[1:]
# `ray start` would take an address of loopback for one that others reach.
asked = RayParams(
    gcs_address=head, node_ip_address="127.0.0.1", num_cpus=1, num_gpus=int(gpus), object_store_memory=int(store)
)
Node(asked, head=False, shutdown_at_exit=True)
print("Ray runtime started")
signal.pause()
"""
_STARTED = b"Ray runtime started"
_LONG = 120.0
"""Seconds in which a head has to have started."""


@pytest.fixture(scope="session")
def head() -> Iterator[str]:
    """Where the head of a cluster of one node listens, which has two processors. Whatever is started meanwhile may join it."""
    with pytest.MonkeyPatch.context() as patch, socket.create_server(("127.0.0.1", 0)) as held:
        for name, value in (
            ("RAY_AUTH_MODE", "token"),
            ("RAY_AUTH_TOKEN", secrets.token_hex(32)),
            ("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0"),  # loopback
            ("RAY_USAGE_STATS_ENABLED", "0"),
        ):
            patch.setenv(name, value)
        port = held.getsockname()[1]
        held.close()
        folder = tempfile.mkdtemp(prefix="trc-ray-test-")
        process = start_head(port, folder)
        try:
            yield f"127.0.0.1:{port}"
        finally:
            end_node(process)
            shutil.rmtree(folder, ignore_errors=True)


def start_head(port: int, folder: str, cpus: int = 2) -> subprocess.Popen[bytes]:
    """Starts a head, and answers once it takes drivers."""
    return _run(
        _START,
        "--head",
        f"--port={port}",
        f"--num-cpus={cpus}",
        "--include-dashboard=false",
        "--disable-usage-stats",
        f"--temp-dir={folder}",
        f"--object-store-memory={100 << 20}",
    )


@contextmanager
def joining(head: str, gpus: int) -> Iterator[None]:
    """A node more, on this machine, which has one processor and so many GPUs."""
    node = _run(_JOIN, head, str(gpus), str(100 << 20))
    try:
        yield
    finally:
        end_node(node)


def _run(code: str, *arguments: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        _await(process)
    except BaseException:
        end_node(process)
        raise
    return process


def _await(process: subprocess.Popen[bytes]) -> None:
    """Returns once it says that it has started."""
    said = b""
    assert process.stdout is not None
    while _STARTED not in said:
        assert select.select([process.stdout], [], [], _LONG)[0], f"no node after {_LONG} s: {said.decode()}"
        chunk = os.read(process.stdout.fileno(), 1 << 16)
        assert chunk, said.decode()
        said += chunk


def end_node(process: subprocess.Popen[bytes]) -> None:
    """Ends a head with all that it has started."""
    process.send_signal(signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(30)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdout is not None:
        process.stdout.close()
