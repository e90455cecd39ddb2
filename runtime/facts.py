"""What a run that skipped everything has looked at: files, folders, and names that stood for nothing."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from trc.compiler.ir.uris import fixed_prefix, is_glob, is_remote
from trc.runtime.folders import STATE_FOLDER
from trc.runtime.repeated import is_item
from trc.runtime.spec import PipelineSpec
from trc.runtime.standing import FOR_EVER
from trc.runtime.store.results import Result, StoredOutput
from trc.runtime.taskside.records import record

_MOST_FOLDERS = 10_000


@record(frozen=True, slots=True)
class Facts:
    """Absolute paths that are there and that are not; `expires` is in seconds since the epoch."""

    present: frozenset[str]
    absent: frozenset[str]
    expires: float


def compile_facts(looked_at: Mapping[str, bool], asked: Iterable[str]) -> Facts | None:
    """The facts behind a compiled pipeline; None where they cannot be told.

    `looked_at` says of each path that the compiler asked for whether it was there; `asked` are the
    files and patterns that it listed, or whose columns it wanted to know.
    """
    present = {path for path, was_there in looked_at.items() if was_there}
    absent = {path for path, was_there in looked_at.items() if not was_there}
    for uri in asked:
        if is_remote(uri):
            continue
        if is_glob(uri):
            folders = _folders(uri)
            if folders is None:
                return None
            present |= folders
        else:
            (present if _is_there(uri) else absent).add(uri)
    return Facts(frozenset(present), frozenset(absent), FOR_EVER)


def run_facts(
    spec: PipelineSpec, compiled: Facts, results: Mapping[str, Result], outputs: Collection[StoredOutput]
) -> Facts | None:
    """The facts behind "everything is up to date", those of the compiled pipeline among them."""
    read = [read.uri for task in spec.tasks for read in (*task.reads, *task.check_reads) if read.uri is not None]
    if any(is_remote(uri) for uri in (*read, *(output.path for output in outputs))):
        # Whether objects are what they were, no file tells.
        return None
    if any(task.image and "@" not in task.image for task in spec.tasks):
        # Whether a tag means another image by now, no file tells.
        return None
    if any(secret.versioned for task in spec.tasks for secret in task.secrets):
        # Whether such a one has another value by now, no file tells.
        return None
    facts = compile_facts({output.path: True for output in outputs if not output.is_view}, read)
    if facts is None:
        return None
    expires = min(compiled.expires, _expires(spec, results))
    return Facts(facts.present | compiled.present, facts.absent | compiled.absent, expires)


def _is_there(path: str) -> bool:
    try:
        return Path(path).exists()
    except OSError:
        # Such as a name that is too long for any file.
        return False


def _folders(pattern: str) -> set[str] | None:
    """Every folder in which a file could come to match, and every file there; None if there are very many."""
    found: set[str] = set()
    start = fixed_prefix(pattern).rstrip("/") or "/"
    deep = "**" in pattern
    depth = pattern.count("/") - start.count("/")
    for folder, folders, files in os.walk(start, followlinks=True):
        if STATE_FOLDER in folders:
            folders.remove(STATE_FOLDER)
        found.add(folder)
        found.update(f"{folder}/{name}" for name in files)
        if not deep and folder.count("/") - start.count("/") >= depth - 1:
            folders.clear()
        if len(found) > _MOST_FOLDERS:
            return None
    return found if Path(start).is_dir() else None


def _expires(spec: PipelineSpec, results: Mapping[str, Result]) -> float:
    ends = [
        result.committed_at + task.skip.max_age
        for task in spec.tasks
        if task.skip.max_age is not None
        for name, result in results.items()
        if name == task.name or is_item(name, task.name)
    ]
    return min(ends, default=FOR_EVER)
