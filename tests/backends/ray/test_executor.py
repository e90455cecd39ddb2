"""The Ray executor: the suite of all backends, and what is its own."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from tests.cluster import cluster
from tests.contracts.backend_suite import BackendSuite

from trc.backends.registry import backend_named
from trc.runtime.executor import Executor

__all__ = ["cluster"]
pytestmark = [pytest.mark.long, pytest.mark.usefixtures("joined")]


@pytest.fixture(scope="module")
def joined(cluster: str) -> Iterator[Any]:
    """This process is part of the cluster, so that not each executor has to join it."""
    ray: Any = import_module("ray")
    ray.init(address=cluster, log_to_driver=False, configure_logging=False)
    yield ray
    ray.shutdown()


def executor_of(workers: int, folder: Path, **options: Any) -> Executor:
    return backend_named("ray").executor(
        workers, folder / ".trc", 0, {"address": "auto", "workers": workers, **options}
    )


class TestRayExecutor(BackendSuite):
    def make_executor(self, workers: int, folder: Path) -> Executor:
        return executor_of(workers, folder)
