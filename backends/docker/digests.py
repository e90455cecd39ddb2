"""Which image a name means now: the digest that keys hold in the place of a tag, which can move."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from trc.backends.docker.engine import Engine
from trc.backends.docker.options import DockerOptions
from trc.backends.trouble import Trouble


def digests_of(images: Collection[str], engine: Engine, options: DockerOptions) -> dict[str, str]:
    """By name, the digest of the image that a task would run in. What nobody can tell now is left out.

    An image that is here and came from a registry has the digest by which that calls it, on every machine; one that was built
    here has its id.
    """
    found = {image: image.partition("@")[2] for image in images if "@" in image}
    tagged = [image for image in images if "@" not in image]
    try:
        for image in tagged:
            digest = _digest(image, engine, options)
            if digest is not None:
                found[image] = digest
    except Trouble:
        return found  # there is no engine: whoever has to run says so
    return found


def _digest(image: str, engine: Engine, options: DockerOptions) -> str | None:
    try:
        if options.pull != "always":
            return _here(image, engine.api.inspect_image(image))
    except engine.errors.ImageNotFound:
        if options.pull == "never":
            return None
    except (engine.errors.APIError, OSError):
        return None
    try:
        return str(engine.api.inspect_distribution(image)["Descriptor"]["digest"])
    except (engine.errors.APIError, OSError, LookupError):
        return None


def _here(image: str, told: dict[str, Any]) -> str:
    repository = image if ":" not in image.rpartition("/")[2] else image.rpartition(":")[0]
    for one in told.get("RepoDigests") or ():
        name, _, digest = one.partition("@")
        if name == repository:
            return str(digest)
    return str(told["Id"])
