"""What a backend is: where attempts run, and what is deployed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

from trc.runtime.taskside.records import record

if TYPE_CHECKING:
    from pathlib import Path

    from trc.compiler.capabilities import Capabilities
    from trc.compiler.ir.pipeline import Pipeline
    from trc.runtime.executor import Executor, Needed
    from trc.runtime.spec import PipelineSpec
    from trc.runtime.taskside.result import Failure

OF_THE_RUNTIME: Final = frozenset(
    {
        "environment.env",
        "environment.python_version",
        "environment.requirements",
        "environment.requirements_file",
        "resources.memory",
        "timeout",
        "heartbeat_timeout",
        "retries",
        "concurrency",
        "dedupe",
        "breaker",
        "deadline",
        "params",
        "templates",
        "expect",
        "for_each",
        "when",
        "secrets",
        "hooks",
        "pipeline.hooks",
    }
)
"""What the runtime does, wherever attempts run, and what every backend of ours is able to: a backend adds its own."""

OF_NODES: Final[dict[str, str]] = dict.fromkeys(
    ("resources.custom", "resources.node_labels"),
    "there is one machine here, nodes of a cluster can differ, with --backend ray: to run it here, remove this",
)
"""Remedies of backends that have no nodes to choose from."""

Artefacts = Mapping[str, bytes]
"""Files to deploy, by their path in a folder; separators are slashes."""


@record(frozen=True, slots=True)
class Beside:
    """What a pipeline is compiled from and for, beside its IR."""

    files: tuple[str, ...] = ()
    """The files of the project that the compiler read, by their paths in it."""
    chosen: tuple[str, ...] = ()
    """The target and the parameters that were chosen, as options of a command."""


NOTHING_BESIDE: Final = Beside()


@record(frozen=True, slots=True)
class Built:
    """What tasks run in as it is there now, or the failure of every attempt that would want it."""

    what: str
    """Such as `Python 3.12, 5 packages`."""
    name: str
    """What its backend finds it by, such as the name of an image; empty where it cannot be had."""
    tasks: tuple[str, ...] = ()
    is_new: bool = False
    """Whether it was not there before."""
    seconds: float = 0.0
    failure: Failure | None = None


class Backend(Protocol):
    """Found by the entry point group `trc.backends`; an instance is made without arguments."""

    @property
    def name(self) -> str:
        """What `--backend` calls it."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What it can do: all else is refused before anything runs."""
        ...

    def executor(
        self, workers: int, state: Path, max_async: int = 0, options: Mapping[str, Any] | None = None
    ) -> Executor:
        """Something that runs attempts, at most `workers` at a time; `state` is the project's state folder.

        Of asynchronous ones, `max_async` may share a process; with 0, each is run like any other. `options`
        is what the project file says in the backend's own table.
        """
        ...

    def image_digests(self, images: Sequence[str], options: Mapping[str, Any] | None = None) -> Mapping[str, str]:
        """By name, the digests of the images that tasks of these names would run in now; those that nobody can tell are left out."""
        ...

    def emit(
        self,
        pipeline: Pipeline,
        spec: PipelineSpec,
        options: Mapping[str, Any] | None = None,
        beside: Beside = NOTHING_BESIDE,
    ) -> Artefacts:
        """What is deployed to have the pipeline run: the same bytes for the same pipeline. `options` are as of `executor`.

        What is deployed has the files that are `beside` the pipeline, if it compiles anew, and runs as was chosen.
        """
        ...

    def build(self, needed: Sequence[Needed], options: Mapping[str, Any] | None = None) -> Iterator[Built]:
        """Has what tasks run in be there before any run wants it, beside each other; each is told when it is done.

        What needs no building, such as the environment of trc itself, is left out.
        """
        ...

    def build_own(self, options: Mapping[str, Any] | None = None) -> Built | None:
        """Has trc's own image be there, which drives runs elsewhere; None for a backend that takes trc as it is installed."""
        ...
