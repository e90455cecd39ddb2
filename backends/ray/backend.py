"""The Ray backend: what it can do, and its executor."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from trc.backends.base import NOTHING_BESIDE, OF_THE_RUNTIME, Beside
from trc.compiler.capabilities import Capabilities
from trc.runtime.clock import SystemClock
from trc.runtime.errors import stopped
from trc.runtime.spec import PipelineSpec

if TYPE_CHECKING:
    from trc.backends.base import Artefacts, Built
    from trc.compiler.ir.pipeline import Pipeline
    from trc.runtime.executor import Executor, Needed

_CAPABILITIES: Final = Capabilities(
    backend="ray",
    supports=OF_THE_RUNTIME | {"resources.gpu", "resources.custom", "resources.node_labels"},
    unenforced={
        "resources.cpu": "Ray places tasks by it, DuckDB is given as many threads, and other code is not limited",
    },
    remedies={
        "environment.system_packages": "nodes of a cluster are as they are, a container can, with --backend docker: "
        "to run it here, install the packages on all nodes and remove this",
        "environment.image": "tasks run in processes of the nodes, Docker runs containers, with --backend docker: "
        "to run it here, say the Python and its packages instead",
    },
)


class RayBackend:
    """Runs attempts on a Ray cluster, one that is started for the run or one that is joined."""

    name = "ray"
    capabilities = _CAPABILITIES

    def executor(
        self, workers: int, state: Path, max_async: int = 0, options: Mapping[str, Any] | None = None
    ) -> Executor:
        """Actors, whose nodes see the project and the `state` folder under their own paths; asynchronous attempts have one each."""
        del max_async
        # Loaded for runs: most commands only ask what the backend can do.
        executor: Any = import_module("trc.backends.ray.executor")
        of: Any = import_module("trc.backends.ray.options").options_of
        made: Executor = executor.RayExecutor(workers, state, os.environ, SystemClock(), of(options or {}))
        return made

    def image_digests(self, images: Sequence[str], options: Mapping[str, Any] | None = None) -> Mapping[str, str]:
        """None: no task runs in an image here."""
        del images, options
        return {}

    def emit(
        self,
        pipeline: Pipeline,
        spec: PipelineSpec,
        options: Mapping[str, Any] | None = None,
        beside: Beside = NOTHING_BESIDE,
    ) -> Artefacts:
        """Nothing is deployed: a run joins the cluster. Stopped, with what is to be done instead."""
        del pipeline, spec, options, beside
        raise stopped(
            "TRC501",
            'for the backend "ray" nothing can be written that runs by itself',
            "run it on a node of the cluster: trc run --backend ray",
        )

    def build(self, needed: Sequence[Needed], options: Mapping[str, Any] | None = None) -> Iterator[Built]:
        """A virtual environment for each, on this machine; other nodes of a cluster build theirs with the first task."""
        del options
        building: Any = import_module("trc.backends.local.building")
        found: Iterator[Built] = building.build(needed, os.environ)
        return found

    def build_own(self, options: Mapping[str, Any] | None = None) -> None:
        """None: nodes have trc as it is installed there."""
        del options
