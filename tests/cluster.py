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
    return _start(
        "--head",
        f"--port={port}",
        f"--num-cpus={cpus}",
        "--include-dashboard=false",
        "--disable-usage-stats",
        f"--temp-dir={folder}",
    )


@contextmanager
def joining(head: str, *options: str) -> Iterator[None]:
    """A node more, on this machine, which has one processor and what the options say."""
    node = _start(f"--address={head}", "--num-cpus=1", *options)
    try:
        yield
    finally:
        end_node(node)


def _start(*options: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", _START, *options, f"--object-store-memory={100 << 20}"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        # Its head is on loopback, where Ray by itself wants no second node.
        env={
            **os.environ,
            "PYTHONUNBUFFERED": "1",
            "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": str(int("--head" not in options)),
        },
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
