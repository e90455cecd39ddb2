"""The digest of a file's bytes, told alike by whoever writes a file and by whoever reads it."""

from __future__ import annotations

import hashlib
import os
import threading
from collections import deque
from contextlib import suppress
from typing import Callable

PIECE = 16 << 20
"""Bytes. A longer file is hashed in pieces of that length, by several cores at a time."""
_BLOCK = 1 << 20
_MOST_THREADS = 8


def digest_of(path: str) -> tuple[int, str]:
    """Size and digest of the file at `path`, as of `digest_of_open`; raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return digest_of_open(descriptor)
    finally:
        os.close(descriptor)


def digest_of_open(descriptor: int, size: int | None = None) -> tuple[int, str]:
    """How many bytes the open file has, and their digest: `sha256:` and 64 hexadecimal digits.

    That of more than `PIECE` bytes is `sha256-16m:` and the SHA-256 of the SHA-256s of its pieces, in their order.
    Where whoever calls knows the `size`, it is not asked for. It is what the file has at the end: of one that is written
    meanwhile, the digest may be that of no content that it had. Raises OSError.
    """
    size = os.fstat(descriptor).st_size if size is None else size
    if (
        size < _BLOCK
    ):  # nearly all files: one that gives just as many bytes as it has, and not the one more, is read whole
        content = os.pread(descriptor, size + 1, 0)
        if len(content) == size:
            return size, "sha256:" + hashlib.sha256(content).hexdigest()
    pieces = [_Piece(start) for start in range(0, size, PIECE)] or [_Piece(0)]
    block = min(size + 1, _BLOCK)
    _hash_all(descriptor, pieces, block, min(_cores(), _MOST_THREADS))
    while pieces[-1].size == PIECE:  # what came since, or an end that has to be seen
        pieces.append(_Piece(len(pieces) * PIECE))
        pieces[-1].hash(descriptor, block)
    while len(pieces) > 1 and not pieces[-1].size:
        pieces.pop()
    total = sum(piece.size for piece in pieces)
    if len(pieces) == 1:
        return total, "sha256:" + pieces[0].digest.hex()
    return total, "sha256-16m:" + hashlib.sha256(b"".join(piece.digest for piece in pieces)).hexdigest()


class _Piece:
    """A part of a file; what is in it is known once it is hashed."""

    __slots__ = ("digest", "size", "start")

    def __init__(self, start: int) -> None:
        self.start = start
        self.size = 0
        self.digest = b""

    def hash(self, descriptor: int, block: int) -> None:
        """Reads it, a block of so many bytes at a time."""
        hashed = hashlib.sha256()
        read = _reader(descriptor, block)
        while self.size < PIECE:
            some = read(self.start + self.size, PIECE - self.size)
            if not some:
                break
            hashed.update(some)
            self.size += len(some)
        self.digest = hashed.digest()


def _reader(descriptor: int, block: int) -> Callable[[int, int], memoryview]:
    """Answers bytes from an offset, as many as fit into a block or are wanted: into the same memory each time."""
    memory = memoryview(bytearray(block))

    def read(offset: int, most: int) -> memoryview:
        wanted = memory[:most]
        if hasattr(os, "preadv"):
            return wanted[: os.preadv(descriptor, [wanted], offset)]
        found = os.pread(descriptor, len(wanted), offset)
        wanted[: len(found)] = found
        return wanted[: len(found)]

    return read


def _hash_all(descriptor: int, pieces: list[_Piece], block: int, most: int) -> None:
    left = deque(pieces)
    errors: list[OSError] = []

    def work() -> None:
        try:
            with suppress(IndexError):
                while not errors:
                    left.popleft().hash(descriptor, block)
        except OSError as error:
            errors.append(error)

    helpers: list[threading.Thread] = []
    # No more can be started where a limit is reached: then there are fewer.
    with suppress(RuntimeError):
        for _ in range(min(most, len(pieces)) - 1):
            helper = threading.Thread(target=work, name="hash", daemon=True)
            helper.start()
            helpers.append(helper)
    work()
    for helper in helpers:
        helper.join()
    if errors:
        raise errors[0]


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
