"""The cluster that a run has: started on this machine and ended with the run, or joined."""

from __future__ import annotations

import atexit
import logging
import os
import secrets
import shutil
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

from trc.backends.ray.folders import own_folder
from trc.backends.ray.options import RayOptions
from trc.backends.ray.shapes import Shape, nodes_of
from trc.backends.ray.troubles import no_cluster, no_dashboard, no_package, not_joined, not_started
from trc.backends.ray.watch import Post
from trc.runtime.surroundings import cores

_REACHED: Final = 5.0
"""Seconds in which the head of a cluster has to take a connection."""
_OF_ANY: Final = {
    # Ray would tell its makers of each cluster, and look for `uv run` above this process.
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
}
_OF_JOINED: Final = {
    # How often it asks a head that is there, and may not let us in.
    "RAY_NUM_REDIS_GET_RETRIES": "3",
}
_OF_OWN: Final = {
    # Nobody else is to be served. Ray has this switch for systems whose firewalls ask about each port:
    # an address of loopback that it is given, it replaces by one that others reach.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_AUTH_MODE": "token",
}


class Cluster:
    """All of its methods but `ray` are called in one thread, which has to live as long as the cluster does.

    The processes that Ray starts end when the thread does that started them.
    """

    def __init__(self, options: RayOptions, workers: int, environ: Mapping[str, str]) -> None:
        self._options = options
        self._address = options.address
        if self._address == "auto" and (said := environ.get("RAY_ADDRESS")):
            self._address = said
        self._workers = workers
        self._before: dict[str, str | None] = {}
        """Variables of this process as they were."""
        self._folder = ""
        self._is_ours = False
        self.ray: Any = None

    @property
    def address(self) -> str:
        """What was said of where it is."""
        return self._address

    @property
    def is_joined(self) -> bool:
        return bool(self._address)

    def open(self) -> tuple[Shape, ...]:
        """Starts or joins the cluster, and answers its nodes. Raises `Trouble`."""
        self._set(_OF_ANY)
        own = {**_OF_OWN, "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        self._set(_OF_JOINED if self.is_joined else own)
        try:
            self.ray = import_module("ray")
        except ImportError as error:
            raise no_package(error) from error
        self._silence()
        # A process that has joined a cluster itself is left there.
        if not self.ray.is_initialized():
            self._is_ours = True
            if self.is_joined:
                self._join(self._address)
            else:
                self._start()
        return self.nodes()

    def abandon(self) -> None:
        """Keeps Ray from taking its leave of a cluster that is gone as this process ends: it would wait for the answer."""
        atexit.unregister(self.ray.shutdown)

    def nodes(self) -> tuple[Shape, ...]:
        """Those that live."""
        return nodes_of(self.ray.nodes())

    def posts(self) -> tuple[Post, ...]:
        """What has to answer for anything to run: the head, and the node that this process is on."""
        context = self.ray.get_runtime_context()
        host, _, port = context.gcs_address.rpartition(":")
        own = next(one for one in self.ray.nodes() if one["NodeID"] == context.get_node_id())
        return (
            # A head that keeps its state elsewhere may be started again.
            Post("head", host.strip("[]"), int(port), comes_back=True),
            Post("node", own["NodeManagerAddress"], own["NodeManagerPort"], comes_back=False),
        )

    def close(self) -> None:
        """Leaves the cluster; one that was started ends."""
        if self.ray is not None and self._is_ours:
            self.ray.shutdown()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

    def _join(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        if host and port.isdigit():
            # Ray itself would try for a minute.
            try:
                socket.create_connection((host.strip("[]"), int(port)), _REACHED).close()
            except (OSError, OverflowError) as error:
                raise no_cluster(address) from error
        self._init(lambda error: not_joined(address, error), address=address)

    def _start(self) -> None:
        if self._options.dashboard and find_spec("aiohttp_cors") is None:
            raise no_dashboard()
        self._folder = own_folder("trc-ray-")
        self._init(
            not_started,
            address="local",
            num_cpus=max(self._workers, cores()),
            include_dashboard=self._options.dashboard,
            object_store_memory=self._options.object_store,
            _temp_dir=self._folder,
        )

    def _init(self, trouble: Callable[[BaseException], Exception], **arguments: Any) -> None:
        try:
            self.ray.init(**arguments, log_to_driver=False, configure_logging=False)
        except Exception as error:
            # Of whatever class: Ray raises those of its transport, too.
            with suppress(Exception):
                self.ray.shutdown()
            raise trouble(error) from error

    def _set(self, variables: Mapping[str, str]) -> None:
        """Sets variables that Ray reads, where the user has not."""
        for name, value in variables.items():
            self._before.setdefault(name, os.environ.get(name))
            os.environ.setdefault(name, value)

    def _silence(self) -> None:
        """Nothing of Ray's is printed among what trc says."""
        logger = logging.getLogger("ray")
        logger.setLevel(logging.CRITICAL)
        # It prints what nodes tell of lost workers on standard output, and has no setting against it.
        worker: Any = import_module("ray._private.worker")
        worker.print_to_stdstream = _print_nothing


def _print_nothing(*_arguments: object, **_named: object) -> None:
    """Stands for what Ray prints with: we tell of lost attempts ourselves."""
