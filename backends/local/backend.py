"""The local backend: what it can do, its executor, and the folder that `trc compile` writes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from trc.backends.base import NOTHING_BESIDE, OF_NODES, OF_THE_RUNTIME, Artefacts, Beside
from trc.backends.local.workers import LocalExecutor
from trc.compiler.capabilities import Capabilities
from trc.runtime.clock import SystemClock
from trc.runtime.spec import PipelineSpec
from trc.runtime.surroundings import clean

if TYPE_CHECKING:
    from trc.backends.base import Built
    from trc.backends.local.environments import Antechamber
    from trc.compiler.ir.pipeline import Pipeline
    from trc.runtime.executor import Needed

_CAPABILITIES: Final = Capabilities(
    backend="local",
    supports=OF_THE_RUNTIME | {"uris.s3", "uris.http", "uris.https"},
    unenforced={
        "resources.cpu": "the local backend gives DuckDB as many threads, and does not limit other code",
    },
    remedies=OF_NODES
    | {
        "environment.system_packages": "the local backend installs nothing on this machine, a container can, with --backend docker: "
        "to run it here, install the packages yourself and remove this",
        "environment.image": "the local backend runs no containers, Docker does, with --backend docker: "
        "to run it here, say the Python and its packages instead",
    },
)


class LocalBackend:
    """Runs attempts on this machine, and asks for nothing to be installed."""

    name = "local"
    capabilities = _CAPABILITIES

    def executor(
        self, workers: int, state: Path, max_async: int = 0, options: Mapping[str, Any] | None = None
    ) -> LocalExecutor:
        """Worker processes on this machine; they keep nothing under `state`, and have no options."""
        del state, options
        return LocalExecutor(workers, clean(os.environ), SystemClock(), max_async, _antechamber)

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
        """The IR, the pipeline as planning and running see it, and each task's SQL."""
        del options, beside
        artefacts = {"ir.json": pipeline.dump(), "plan.json": _json(asdict(spec))}
        for task in spec.tasks:
            if task.query is not None:
                artefacts[f"sql/{quote(task.name, safe=' ')}.sql"] = _line_ended(task.query)
        return artefacts

    def build(self, needed: Sequence[Needed], options: Mapping[str, Any] | None = None) -> Iterator[Built]:
        """A virtual environment for each; what runs in trc's own needs none."""
        del options
        building: Any = import_module("trc.backends.local.building")
        found: Iterator[Built] = building.build(needed, os.environ)
        return found

    def build_own(self, options: Mapping[str, Any] | None = None) -> None:
        """None: it takes trc as it is installed."""
        del options


def _antechamber() -> Antechamber:
    # Loaded for runs whose tasks have environments of their own.
    environments: Any = import_module("trc.backends.local.environments")
    made: Antechamber = environments.antechamber(os.environ)
    return made


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()


def _line_ended(query: str) -> bytes:
    return (query if query.endswith("\n") else query + "\n").encode()
