"""The Docker backend: what it can do, its executor, and the folder that `trc compile` writes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from trc.backends.base import NOTHING_BESIDE, OF_NODES, OF_THE_RUNTIME, Beside
from trc.compiler.capabilities import Capabilities
from trc.runtime.clock import SystemClock
from trc.runtime.spec import PipelineSpec

if TYPE_CHECKING:
    from trc.backends.base import Artefacts, Built
    from trc.compiler.ir.pipeline import Pipeline
    from trc.runtime.executor import Executor, Needed

_CAPABILITIES: Final = Capabilities(
    backend="docker",
    supports=OF_THE_RUNTIME
    | {"environment.image", "environment.system_packages", "resources.cpu", "resources.gpu"}
    | {"uris.s3", "uris.http", "uris.https"},
    remedies=OF_NODES,
)


class DockerBackend:
    """Runs attempts in containers of an engine on this machine."""

    name = "docker"
    capabilities = _CAPABILITIES

    def executor(
        self, workers: int, state: Path, max_async: int = 0, options: Mapping[str, Any] | None = None
    ) -> Executor:
        """Containers, which see the project and the `state` folder under their own paths; asynchronous attempts have one each."""
        del max_async
        # Loaded for runs: most commands only ask what the backend can do.
        executor: Any = import_module("trc.backends.docker.executor")
        made: Executor = executor.DockerExecutor(workers, state, os.environ, SystemClock(), _options(options or {}))
        return made

    def image_digests(self, images: Sequence[str], options: Mapping[str, Any] | None = None) -> Mapping[str, str]:
        """Those of images that are here, or as the engine asks their registry."""
        engine: Any = import_module("trc.backends.docker.engine").Engine(os.environ)
        try:
            found: Mapping[str, str] = import_module("trc.backends.docker.digests").digests_of(
                images, engine, _options(options or {})
            )
        finally:
            engine.close()
        return found

    def emit(
        self,
        pipeline: Pipeline,
        spec: PipelineSpec,
        options: Mapping[str, Any] | None = None,
        beside: Beside = NOTHING_BESIDE,
    ) -> Artefacts:
        """A folder that stands alone, and runs by `docker compose`."""
        emit: Any = import_module("trc.backends.docker.emit")
        artefacts: Artefacts = emit.artefacts(pipeline, spec, _options(options or {}), beside)
        return artefacts

    def build(self, needed: Sequence[Needed], options: Mapping[str, Any] | None = None) -> Iterator[Built]:
        """An image for each environment."""
        building: Any = import_module("trc.backends.docker.building")
        found: Iterator[Built] = building.build(needed, os.environ, _options(options or {}))
        return found

    def build_own(self, options: Mapping[str, Any] | None = None) -> Built:
        """An image of trc as it is installed here, with its Python and all that it stands on."""
        building: Any = import_module("trc.backends.docker.building")
        found: Built = building.build_own(os.environ, _options(options or {}))
        return found


def _options(written: Mapping[str, Any]) -> Any:
    return import_module("trc.backends.docker.options").options_of(written)
