"""The files of diagnostics as services that know a checkout want them: relative to the folder where the command runs."""

from __future__ import annotations

import os.path


def relative(name: str, folder: str) -> str | None:
    """The file relative to `folder`, with slashes; None where it lies elsewhere."""
    path = os.path.relpath(os.path.join(folder, name), folder)  # noqa: PTH118 - links are kept
    inside = path.replace(os.sep, "/")
    return None if inside == ".." or inside.startswith("../") else inside


def absolute(name: str, folder: str) -> str:
    """The file's whole path."""
    return os.path.normpath(os.path.join(folder, name))  # noqa: PTH118 - links are kept
