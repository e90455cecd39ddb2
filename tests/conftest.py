"""What every test stands on: a world of its own, no network, snapshots that `--update` rewrites."""

from __future__ import annotations

import contextlib
import gc
import ipaddress
import os
import signal
import socket
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from tests.objects import ObjectServer, running_objects
from tests.postgres import Cluster, running_cluster
from tests.warm import COMMANDS

settings.register_profile(
    "same", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "explore", deadline=None, derandomize=False, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "nightly", deadline=None, derandomize=False, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
# Examples are the same in every run, so that a change fails for what it changed; to look for new ones is another errand.
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or "same")


# Who starts this in the background may have it ignore interrupts, and so would all that tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", default=False, help="rewrite snapshots to what is seen now")
    parser.addoption("--cold", action="store_true", default=False, help="start each command as users start it")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is collected stays to the end: there is nothing to look for while it grows, nor to look through afterwards."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session", autouse=True)
def _commands(request: pytest.FixtureRequest, _world_of_its_own: None) -> Iterator[None]:
    COMMANDS.is_cold = bool(request.config.getoption("--cold"))
    yield
    COMMANDS.close()


@pytest.fixture(scope="session", autouse=True)
def _world_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """HOME and the XDG folders are temporary, and nothing that the user set reaches a test or its processes."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("TRC_")]:
            patch.delenv(name)
        for name in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE"):
            patch.delenv(name, raising=False)
        patch.setenv("HOME", str(home))
        for name in ("CONFIG", "CACHE", "DATA", "STATE"):
            folder = home / f".{name.lower()}"
            folder.mkdir()
            patch.setenv(f"XDG_{name}_HOME", str(folder))
        yield


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL server, for all tests that want one."""
    with running_cluster() as found:
        yield found


@pytest.fixture(scope="session")
def object_server() -> Iterator[ObjectServer]:
    """An S3 endpoint on loopback, for all tests that want one."""
    with running_objects() as found:
        yield found


@pytest.fixture
def objects(object_server: ObjectServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectServer]:
    """The endpoint with nothing in it but an empty bucket `lake`, as the one that AWS's configuration names."""
    object_server.begin_anew()
    for name, value in object_server.variables.items():
        monkeypatch.setenv(name, value)
    yield object_server
    object_server.begin_anew()


_MOST_LEFT = 8
"""Descriptors of processes that a module may leave open: those of servers that all tests share."""


@pytest.fixture(scope="module", autouse=True)
def _processes_are_let_go() -> Iterator[None]:
    """Executors that nobody closed, with their workers, add up over a session until descriptors run out."""
    before = _of_processes()
    yield
    if _of_processes() - before > _MOST_LEFT:
        gc.collect()
        assert _of_processes() - before <= _MOST_LEFT, "pipes of processes, or what waits for their ends, are left open"


def _of_processes() -> int:
    links: list[str] = []
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - a path object for each costs too much
        with contextlib.suppress(FileNotFoundError):
            links.append(os.readlink(f"/proc/self/fd/{name}"))  # noqa: PTH115 - as above
    return sum(link.startswith(("pipe:", "anon_inode:")) for link in links)


@pytest.fixture(scope="session", autouse=True)
def _no_network() -> Iterator[None]:
    """A test that reaches beyond this machine fails and says where it wanted to go."""

    def guarded(real: Callable[..., Any]) -> Callable[..., Any]:
        def connect(self: socket.socket, address: Any) -> Any:
            if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_loopback(str(address[0])):
                pytest.fail(f"a test tried to connect to {address}", pytrace=True)
            return real(self, address)

        return connect

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded(socket.socket.connect))
        patch.setattr(socket.socket, "connect_ex", guarded(socket.socket.connect_ex))
        yield


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host in ("localhost", "")


@pytest.fixture
def snapshot(request: pytest.FixtureRequest) -> Callable[[Path, str], None]:
    """Compares a text with the file that holds what was expected; `--update` writes the file instead."""
    update = bool(request.config.getoption("--update"))

    def compare(path: Path, seen: str) -> None:
        if update:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(seen, encoding="utf-8", newline="")
            return
        assert path.exists(), f"{path.name} is missing; `pytest --update` writes it"
        # Bytes are compared: text mode would hide carriage returns.
        assert seen == path.read_bytes().decode(), f"differs from {path.name}; `pytest --update` rewrites it"

    return compare
