"""trc's own image: its Python, what it stands on, and itself, in one folder that can be laid into any image."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.metadata import version
from importlib.resources import files
from typing import Final

from trc.backends.docker.dockerfile import INDEX_ARGUMENTS
from trc.backends.docker.images import digest_of
from trc.backends.docker.options import DockerOptions
from trc.backends.docker.recipes import own_environment
from trc.backends.docker.wheel import DISTRIBUTION, constraints, wheel
from trc.runtime.taskside.records import record

REPOSITORY: Final = "trc"
_HERE: Final = "trc.backends.docker"


@record(frozen=True, slots=True)
class OwnImage:
    """What it is called, what it is built on, and what it is built from."""

    name: str
    base: str
    context: Mapping[str, bytes]


def own_image(options: DockerOptions) -> OwnImage:
    """The image of trc as it is installed here: equal installations are one image, by one name."""
    base = options.base.replace("{python}", own_environment().python)
    name, content = wheel()
    found = {
        "Dockerfile": _dockerfile(base, name),
        "constraints.txt": constraints().encode(),
        "relocate.py": (files(_HERE) / "relocate.py").read_bytes(),
        name: content,
    }
    tag = re.sub(r"[^A-Za-z0-9_.-]", "-", version(DISTRIBUTION))
    return OwnImage(f"{REPOSITORY}:{tag}-{digest_of(found)[:12]}", base, found)


def _dockerfile(base: str, wheel_name: str) -> bytes:
    text = (files(_HERE) / "templates/Dockerfile").read_text(encoding="utf-8")
    values = {
        "base": base,
        "wheel": wheel_name,
        "version": version(DISTRIBUTION),
        "arguments": "\n".join(f"ARG {name}" for name in INDEX_ARGUMENTS),
    }
    for key, value in values.items():
        text = text.replace(f"@{key}@", value)
    return text.encode()
