"""What the file system of a state folder does: it is written to with a probe that is removed again."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from trc.runtime.health.finding import Finding, ok
from trc.runtime.storage.errors import reason

MOMENT: Final = 2.0
"""Seconds by which file times may differ from the clock: digests of files that are younger are not believed."""


def look_at_place(folder: Path, shown: str, now: Callable[[], float]) -> Iterator[Finding]:
    """Whether files in a folder can be written, synced, renamed and linked, and what times they get.

    `shown` is what the user calls the folder; `now` tells seconds since the epoch.
    """
    probe = folder / f".trc-probe-{os.getpid()}-{os.urandom(4).hex()}"
    second, third = probe.with_name(f"{probe.name}.renamed"), probe.with_name(f"{probe.name}.linked")
    try:
        before = now()
        try:
            _write(probe)
        except OSError as error:
            remedy = f'let this user write to "{shown}", and look at the disk that it lies on'
            yield Finding("state-folder", "error", f'"{shown}" cannot be written: {reason(error)}', remedy)
            return
        yield ok("state-folder", f'"{shown}" can be written, and what is written can be synced')
        yield _clock(probe.stat().st_mtime, before, now())
        yield _rename(probe, second, shown)
        yield _link(second if second.exists() else probe, third, shown)
    finally:
        for path in (probe, second, third):
            with suppress(OSError):
                path.unlink()


def _write(path: Path) -> None:
    with path.open("xb") as file:
        file.write(b"trc\n")
        file.flush()
        os.fsync(file.fileno())
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _clock(written_at: float, before: float, after: float) -> Finding:
    remedy = "set the clocks of this machine, and of the machine that holds the files, by one time server"
    if written_at > after + MOMENT:
        text = f"a file that is written now is dated {written_at - after:.0f} s in the future: what changes later looks older"
        return Finding("clock", "error", text, remedy)
    if written_at < before - MOMENT:
        text = f"a file that is written now is dated {before - written_at:.0f} s back: it is believed to be settled too soon"
        return Finding("clock", "error", text, remedy)
    return ok("clock", "files get the time of this machine's clock")


def _rename(before: Path, after: Path, shown: str) -> Finding:
    try:
        after.write_bytes(b"old\n")
        before.replace(after)
        if after.read_bytes() == b"trc\n" and not before.exists():
            return ok("rename", "a file can be put in the place of another")
        text = f'a file in "{shown}" that is renamed over another does not take its place'
    except OSError as error:
        text = f'a file in "{shown}" cannot be put in the place of another: {reason(error)}'
    return Finding("rename", "error", text, "keep the project on a local file system")


def _link(path: Path, second: Path, shown: str) -> Finding:
    try:
        second.hardlink_to(path)
    except OSError as error:
        text = f'a file in "{shown}" cannot have a second name ({reason(error)}): outputs that are replaced together are copied first'
        return Finding("hard-links", "warn", text, "keep the project on a file system that has hard links")
    return ok("hard-links", "a file can have a second name")
