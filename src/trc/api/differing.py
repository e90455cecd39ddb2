"""Compares revisions of a project."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from trc.checking import pipeline_files
from trc.compiler.choices import NO_CHOICES
from trc.compiler.compile import Compiled
from trc.compiler.compile import compile_file as run_compiler
from trc.contexts import context_of
from trc.revisions.comparison import compare
from trc.revisions.report import DiffReport
from trc.revisions.side import Reader, UnreadSources
from trc.settings import settings_for


def diff(folder: Path, base: str, head: str | None = None, *, from_fork: bool = False) -> DiffReport:
    """What differs in meaning between two revisions of the pipelines below a folder; without `head`, to its files.

    What is written is compared: no choice is made, no data is read and no code is run. With `from_fork`, the
    base is the commit in which the history of the other side left that of `base`.
    """
    now = datetime.now(UTC)

    def compiled(file: Path) -> Compiled:
        context = context_of(settings_for(file), NO_CHOICES, now)
        name = Path(os.path.relpath(file)) if file.is_relative_to(Path.cwd()) else file
        return run_compiler(file, str(name), replace(context, python=None, sources=UnreadSources()))

    return compare(folder, base, head, Reader(pipeline_files, compiled), from_fork=from_fork)
