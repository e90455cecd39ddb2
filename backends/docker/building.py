"""Makes images ahead of runs: those of environments, and trc's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from trc.backends.base import Built
from trc.backends.building import Begun, built, each_built
from trc.backends.docker.engine import Engine
from trc.backends.docker.images import Images
from trc.backends.docker.options import DockerOptions
from trc.backends.docker.own import own_image
from trc.backends.docker.recipes import recipe_of
from trc.backends.trouble import Trouble
from trc.runtime.environments.built import NotBuilt
from trc.runtime.executor import Needed
from trc.runtime.taskside.result import Failure

_OWN: Final = "trc itself"


def build(needed: Sequence[Needed], environ: Mapping[str, str], options: DockerOptions) -> Iterator[Built]:
    """An image for each environment; one that is there is not built again."""
    engine = Engine(environ)
    images = Images(engine, options)

    def one(each: Needed) -> Built:
        try:
            recipe, _ = recipe_of(each.project, each.environment, each.image, each.system_packages, options.base)
        except NotBuilt as error:
            return Built(each.image, "", each.tasks, failure=_failure(error))
        return built(recipe.described, each.tasks, lambda begun: images.ready(recipe, begun), _failure)

    try:
        yield from each_built(needed, one)
    finally:
        engine.close()


def build_own(environ: Mapping[str, str], options: DockerOptions) -> Built:
    """An image of trc as it is installed here."""
    engine = Engine(environ)

    def make(begun: Begun) -> str:
        own = own_image(options)
        Images(engine, options).made_of(own.name, own.base, own.context, begun)
        return own.name

    try:
        return built(_OWN, (), make, _failure)
    finally:
        engine.close()


def _failure(error: Exception) -> Failure | None:
    if isinstance(error, Trouble):
        return error.failure
    if isinstance(error, NotBuilt):
        return Failure(str(error), "temporary" if error.is_temporary else "permanent", error.reason)
    return None
