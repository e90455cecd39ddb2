"""What of trc a task's own environment gets: the task side alone, which needs nothing that is installed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import trc

_PACKAGE = Path(trc.__file__).parent


def task_side() -> Mapping[str, bytes]:
    """The files, by their paths in a folder that Python looks for modules in."""
    return {f"trc/{file.relative_to(_PACKAGE).as_posix()}": file.read_bytes() for file in sorted(set(_files()))}


def digest_of(files: Mapping[str, bytes]) -> str:
    """What tells one set of files from another: 64 hexadecimal digits."""
    told = hashlib.sha256()
    for path, content in files.items():
        told.update(f"{path}\0{len(content)}\0".encode() + content)
    return told.hexdigest()


def _files() -> Iterator[Path]:
    yield from (_PACKAGE / "__init__.py", _PACKAGE / "runtime/__init__.py", _PACKAGE / "stdlib_tasks/__init__.py")
    # Which addresses may be called, and what patterns cover, whoever asks.
    yield from (_PACKAGE / "addresses.py", _PACKAGE / "patterns.py")
    yield from (_PACKAGE / "runtime/taskside").glob("*.py")
    # What a file of a pipeline in Python imports, which may hold tasks as well.
    yield from (_PACKAGE / "authoring").glob("*.py")
    for file in (_PACKAGE / "stdlib_tasks").glob("*/**/*.py"):
        parts = file.relative_to(_PACKAGE / "stdlib_tasks").parts
        if parts[1:] in {("__init__.py",), ("run.py",)} or parts[1] == "run":
            yield file
