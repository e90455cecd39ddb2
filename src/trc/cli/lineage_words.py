"""How recorded lineage is told: outputs, reads and what became of them since, in words and as documents."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, assert_never

from trc.api.tracing import OnDisk
from trc.cli.documents import time_document
from trc.cli.output import shown_path
from trc.cli.quantities import count, moment, size
from trc.runtime.lineage.query import Made, Unknown
from trc.runtime.lineage.reads import FileRead, FilesRead, Read, TaskRead
from trc.runtime.store.results import StoredOutput

Disk = Mapping[tuple[str, str], OnDisk]
_NOW: Final[Mapping[OnDisk, str]] = {
    "same": "",
    "changed": "now other content on disk",
    "gone": "now gone from disk",
    "unreadable": "cannot be read now",
}
_SHOWN_DIGITS: Final = 12
_LONG: Final = re.compile(r"\b[0-9a-f]{32,64}\b")
_COLUMNS_NAME: Final = re.compile(r" \([0-9a-f]{32}\)$")


def short(digest: str) -> str:
    """What a reader knew an input by, with digests cut to their beginnings: its bytes, or the tuples of some columns."""
    return _LONG.sub(lambda found: found[0][:_SHOWN_DIGITS], _COLUMNS_NAME.sub("", digest))


def output_words(output: StoredOutput, disk: Disk) -> str:
    """An output: where it lies, how much it is, its digest, and whether that is still there."""
    if output.is_view:
        return "not stored, computed within the tasks that read it"
    facts = [shown_path(output.path, Path.cwd()) if output.path else "its place is not recorded any more"]
    if output.rows is not None:
        facts.append(count(output.rows, "row"))
    facts += [size(output.size), short(output.digest)]
    if output.home:
        facts.append(f"the same as {output.home}")
    return ", ".join([*facts, *_now(output.path, output.digest, disk)])


def made_words(made: Made) -> str:
    """Which attempt made an output, and when."""
    commit = made.commit
    return f"{made.name}: run {commit.run}, attempt {commit.attempt}, {moment(commit.at)}"


def read_words(read: Read, source: Made | Read | Unknown, disk: Disk) -> str:
    """What an attempt read, and what that was."""
    checked = " (by expectations)" if read.is_checked else ""
    match source:
        case Made():
            known_by = read.digest if isinstance(read, TaskRead) else source.output.digest
            return f"{made_words(source)}, {short(known_by)}{checked}"
        case FileRead():
            return f"{file_words(source, disk)}{checked}"
        case FilesRead():
            return f"{source.name}: {count(source.count, 'file')}, {source.digest[:_SHOWN_DIGITS]}{checked}"
        case TaskRead():
            return f"{source.name}, {short(source.digest)}{checked}"
        case Unknown():
            return f"{read.name}, {short(read.digest)}: {source.why}{checked}"
        case _:
            assert_never(source)


def file_words(read: FileRead, disk: Disk) -> str:
    """A source file with the content that it had."""
    return ", ".join([shown_path(read.path, Path.cwd()), short(read.digest), *_now(read.path, read.digest, disk)])


def _now(path: str, digest: str, disk: Disk) -> list[str]:
    state = disk.get((path, digest))
    return [_NOW[state]] if state is not None and _NOW[state] else []


def made_document(made: Made, disk: Disk) -> dict[str, Any]:
    """An output with the attempt that made it."""
    commit, output = made.commit, made.output
    return {
        "kind": "output",
        "dataset": made.name,
        "pipeline": commit.pipeline,
        "task": commit.task,
        "output": output.name,
        "run": commit.run,
        "attempt": commit.attempt,
        "committed_at": time_document(commit.at),
        "key": commit.key,
        "path": output.path or None,
        "digest": output.digest,
        "rows": output.rows,
        "size": None if output.is_view else output.size,
        "stored": not output.is_view,
        "on_disk": disk.get((output.path, output.digest)),
    }


def source_document(what: Made | Read | Unknown, disk: Disk) -> dict[str, Any]:
    """What was read: an output, a file, many files, or why it is not known."""
    match what:
        case Made():
            return made_document(what, disk)
        case FileRead():
            now = disk.get((what.path, what.digest))
            return {"kind": "file", "path": what.path, "digest": what.digest, "on_disk": now}
        case FilesRead():
            return {"kind": "files", "files": what.count, "digest": what.digest}
        case TaskRead():
            return {"kind": "output", "dataset": what.name, "digest": what.digest}
        case Unknown():
            return {"kind": "unknown", "why": what.why}
        case _:
            assert_never(what)


def read_document(read: Read, source: Made | Read | Unknown, disk: Disk) -> dict[str, Any]:
    """What the reader called it and knew it by, and what it was."""
    purpose = "expectations" if read.is_checked else "task"
    return {"name": read.name, "known_by": read.digest, "for": purpose, "source": source_document(source, disk)}
