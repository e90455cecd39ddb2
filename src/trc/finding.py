"""Finds the pipelines' files that a path stands for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from trc.compiler.frontends.suffixes import CODE, READ
from trc.settings import listed_pipelines, project_of


def pipeline_files(path: Path) -> Iterator[Path]:
    """The file itself; of a folder, those that its project lists, else all below it whose suffix tells a pipeline.

    Hidden folders are passed over. Code is run only where a project says that it may be.
    """
    if not path.is_dir():
        yield path
        return
    project = project_of(path)
    if project is not None and project.pipelines is not None:
        yield from listed_pipelines(path)
        return
    yield from sorted(_below(path))
    yield from (file for file in listed_pipelines(path) if file.suffix.lower() == CODE)


def _below(path: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(path):
        folders[:] = [name for name in folders if not name.startswith(".")]
        here = Path(folder)
        yield from (here / name for name in (*folders, *files) if name.endswith(READ) and not name.startswith("."))
