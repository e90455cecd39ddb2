"""Names of images and of system packages, as Docker and Debian write them: what is none is told before anybody is asked for it."""

from __future__ import annotations

import re
from typing import Final

_HOST: Final = r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::\d+)?"
_PART: Final = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_TAG: Final = r"\w[\w.-]{0,127}"
_DIGEST: Final = r"[A-Za-z][A-Za-z0-9]*(?:[+._-][A-Za-z0-9]+)*:[0-9a-fA-F]{32,}"
_IMAGE: Final = re.compile(rf"(?:{_HOST}/)?{_PART}(?:/{_PART})*(?::{_TAG})?(?:@{_DIGEST})?", re.ASCII)
_PACKAGE: Final = re.compile(r"[a-z0-9][a-z0-9+.-]+(?::[a-z0-9]+)?(?:=[A-Za-z0-9.+:~-]+)?")

IMAGE_LIKE: Final = "write it like python:3.12-slim"
PACKAGE_LIKE: Final = "write it like libgomp1, or libgomp1=12.2.0-14"


def is_image(text: str) -> bool:
    """Whether a text can be the name of an image, with a registry, a tag and a digest or without."""
    return _IMAGE.fullmatch(text) is not None


def is_system_package(text: str) -> bool:
    """Whether a text can be the name of a Debian package, with an architecture and a version or without."""
    return _PACKAGE.fullmatch(text) is not None
