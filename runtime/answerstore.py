"""Keeps bytes under names in a folder: whole or not at all, for their owner alone, and never too many."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from hashlib import blake2b
from typing import Final

from trc.runtime.standing import write_whole

MOST_FILES: Final = 20_000
MOST_BYTES: Final = 256 * 1024 * 1024
LARGEST: Final = 4 * 1024 * 1024
_SEAL: Final = 16
_IGNORED: Final = "# Written by trc. It may be removed at any time.\n*\n"


def recall(folder: str, name: str) -> bytes | None:
    """What was kept under a name; None where nothing was, or not by this user, or not in full."""
    try:
        opened = os.open(f"{folder}/{name}", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with open(opened, "rb") as file:  # noqa: PTH123 - a descriptor
        found = os.fstat(opened)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_size > LARGEST + _SEAL:
            return None
        try:
            data = file.read(LARGEST + _SEAL)
        except OSError:
            return None
    return data[_SEAL:] if _seal(data[_SEAL:]) == data[:_SEAL] else None


def keep(folder: str, name: str, data: bytes) -> bool:
    """Whether it could be kept. If not, an answer is lost, which costs time and nothing else."""
    if len(data) > LARGEST:
        return False
    if not os.path.isdir(folder):  # noqa: PTH112
        # The folder tells version control itself that it holds nothing for others.
        write_whole(f"{folder}/.gitignore", _IGNORED.encode())
    return write_whole(f"{folder}/{name}", _seal(data) + data)


def tidy(folder: str, files: int = MOST_FILES, size: int = MOST_BYTES) -> None:
    """Removes the oldest, until half of what may be there is left; nothing while there are fewer and smaller ones."""
    found: list[tuple[int, int, str]] = []
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(OSError):
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(status.st_mode) and entry.name != ".gitignore":
                    found.append((status.st_mtime_ns, status.st_size, entry.path))
    count, total = len(found), sum(length for _, length, _ in found)
    if count <= files and total <= size:
        return
    for _, length, path in sorted(found):
        if count <= files // 2 and total <= size // 2:
            return
        with suppress(OSError):
            os.unlink(path)  # noqa: PTH108
        count, total = count - 1, total - length


def _seal(data: bytes) -> bytes:
    return blake2b(data, digest_size=_SEAL).digest()
