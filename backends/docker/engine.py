"""The connection to a Docker engine: found as Docker's own commands find it, and asked for what it is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from socket import AF_UNIX, socket
from threading import Lock, local
from typing import Any, Final

from trc.backends.docker.troubles import INSTALL, no_engine
from trc.backends.trouble import Trouble

_SOCKET: Final = "unix:///var/run/docker.sock"
_TIMEOUT: Final = 60
"""Seconds after which an answer that does not come is given up; builds and pulls answer as they go."""


@dataclass(slots=True)
class Engine:
    """An engine on this machine. Each thread has a connection of its own."""

    environ: Mapping[str, str]
    _clients: local = field(default_factory=local)
    _facts: dict[str, Any] = field(default_factory=dict[str, Any])
    _lock: Lock = field(default_factory=Lock)
    _opened: list[Any] = field(default_factory=list[Any])

    @property
    def address(self) -> str:
        return self.environ.get("DOCKER_HOST") or _SOCKET

    @property
    def api(self) -> Any:
        """A client of this thread's own. Raises `Trouble` where there can be none."""
        found = getattr(self._clients, "api", None)
        if found is None:
            found = self._clients.api = self._connected()
            self._opened.append(found)
        return found

    @property
    def errors(self) -> Any:
        """The module of docker-py's exceptions."""
        return import_module("docker.errors")

    def close(self) -> None:
        """Ends the connections of all threads."""
        while self._opened:
            self._opened.pop().close()

    def user(self) -> str:
        """Whom processes run as in containers, so that files belong to whoever runs trc."""
        # What such an engine calls root is the user who runs it.
        return "0:0" if self.is_rootless else f"{os.getuid()}:{os.getgid()}"

    @property
    def is_rootless(self) -> bool:
        return any("rootless" in one for one in self.facts().get("SecurityOptions") or ())

    @property
    def is_remapped(self) -> bool:
        """Whether its containers' users are others on this machine, unless a container is made otherwise."""
        return any(one.partition(",")[0] == "name=userns" for one in self.facts().get("SecurityOptions") or ())

    def facts(self) -> dict[str, Any]:
        """What the engine says of itself, asked for once."""
        with self._lock:
            if not self._facts:
                self._facts.update(self.api.info())
            return self._facts

    def _connected(self) -> Any:
        if not self.address.startswith("unix://"):
            raise Trouble(
                "docker_elsewhere",
                f"the Docker engine at {self.address} is reached over a network, and tasks read and write files of this machine",
                "run trc where the engine is, or say one of this machine with DOCKER_HOST",
            )
        try:
            docker: Any = import_module("docker")
        except ImportError as error:
            raise Trouble(
                "docker_package", 'the Docker backend needs the package "docker", which is not installed', INSTALL
            ) from error
        try:
            # docker-py would tell less of a socket that nobody serves, and leave it open.
            with socket(AF_UNIX) as tried:
                tried.connect(self.address.removeprefix("unix://"))
            client = docker.APIClient(base_url=self.address, version="auto", timeout=_TIMEOUT)
        except Exception as error:
            # Of whatever class: docker-py passes on those of the libraries that it stands on.
            raise no_engine(self.address, error) from error
        return client
