"""Builds virtual environments ahead of runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from trc.backends.base import Built
from trc.backends.building import Begun, built, each_built
from trc.runtime.environments.built import Environments, NotBuilt, cache_folder, locked_environment
from trc.runtime.executor import Needed
from trc.runtime.taskside.result import Failure


def build(needed: Sequence[Needed], environ: Mapping[str, str]) -> Iterator[Built]:
    """One for each environment that the lock file has; one that is there is not built again."""
    environments = Environments(cache_folder(environ), environ)

    def one(each: Needed) -> Built:
        def make(begun: Begun) -> str:
            return str(environments.ready(each.project, each.environment, lambda _locked: begun()).parents[1])

        try:
            what = locked_environment(each.project, each.environment).described
        except NotBuilt as error:
            return Built("", "", each.tasks, failure=_failure(error))
        return built(what, each.tasks, make, _failure)

    try:
        yield from each_built([each for each in needed if each.environment], one)
    finally:
        environments.close()


def _failure(error: Exception) -> Failure | None:
    if not isinstance(error, NotBuilt):
        return None
    return Failure(str(error), "temporary" if error.is_temporary else "permanent", error.reason)
