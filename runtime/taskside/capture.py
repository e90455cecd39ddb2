"""Takes what an attempt prints: by Python, by C libraries and by child processes alike."""

from __future__ import annotations

import contextlib
import io
import os
import stat
import sys
from collections.abc import Iterator
from typing import Any, Callable, TextIO

from trc.runtime.taskside.descriptors import identity, out_of_the_way
from trc.runtime.taskside.libc import LIBC

Capture = Callable[[str], contextlib.AbstractContextManager[None]]

_OUT_AND_ERROR = (1, 2)


def blank_name(guardian: int) -> str:
    """What the worker under that process calls its blank log."""
    return f".blank-{guardian}"


class Blank:
    """An empty file that becomes one log after the other, by a second name, until something is written to it.

    Most attempts of small tasks print nothing, and a name that comes and goes costs a fraction of
    a file that is made and removed. It stays open, and standard output and error stay pointed at it
    between attempts: nobody who matters prints then.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._path = ""
        self._descriptor = -1
        self._identity: tuple[int, int] | None = None

    @contextlib.contextmanager
    def capture(self, log: str) -> Iterator[None]:
        """As `captured`, for a process whose own output is of no interest."""
        flush()
        try:
            self._become(log)
        except OSError:  # such as where files have one name only
            with captured(log):
                yield
            return
        streams = (sys.stdin, sys.stdout, sys.stderr)
        try:
            # Each time anew: a task may have pointed them elsewhere.
            for number in _OUT_AND_ERROR:
                os.dup2(self._descriptor, number)
            yield
        finally:
            flush()
            put_back(streams)
            if self._is_empty():
                _remove(log)
            else:
                self.drop()

    def drop(self) -> None:
        """Gives the file up: what was written to it stays in the log."""
        if self._path:
            _remove(self._path)
        if self._identity is not None and identity(self._descriptor) == self._identity:
            os.close(self._descriptor)
        self._path, self._descriptor, self._identity = "", -1, None

    def _become(self, log: str) -> None:
        """Has the file be called `log` as well; raises OSError."""
        path = os.path.join(os.path.dirname(log), self._name)
        # Something that an earlier attempt left behind may have printed since.
        if path != self._path or not self._is_empty():
            self.drop()
            self._renew(path)
        try:
            os.link(path, log)
        except OSError:
            self.drop()
            raise

    def _renew(self, path: str) -> None:
        _remove(path)  # it may be the log of a process that had this number before
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._descriptor = out_of_the_way(os.open(path, flags, 0o666))
        self._path, self._identity = path, identity(self._descriptor)

    def _is_empty(self) -> bool:
        """Whether the file is at hand, and nothing is written to it."""
        try:
            found = os.fstat(self._descriptor)
        except OSError:  # the task closed descriptors that are not its own
            return False
        return found.st_size == 0 and (found.st_dev, found.st_ino) == self._identity


@contextlib.contextmanager
def captured(log: str) -> Iterator[None]:
    """Points file descriptors 1 and 2 at the file `log` for the time being; an empty file is removed.

    Raises OSError where the file cannot be opened.
    """
    flush()
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
    saved = [_saved(number) for number in _OUT_AND_ERROR]
    streams = (sys.stdin, sys.stdout, sys.stderr)
    try:
        for number in _OUT_AND_ERROR:
            os.dup2(descriptor, number)
        yield
    finally:
        flush()
        for number, copy in zip(_OUT_AND_ERROR, saved):
            _restore(number, copy)
        put_back(streams)
        _close_or_remove(descriptor, log)


def flush() -> None:
    """Writes what Python's and C's streams hold back; a stream that a task closed holds nothing."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    if LIBC is not None:
        LIBC.fflush(None)


def open_stream(number: int) -> TextIO:
    """A text stream on a file descriptor: a line at a time, so that a crash loses none; closing it closes nothing."""
    raw: Any = io.FileIO(number, "w", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(raw), encoding="utf-8", errors="backslashreplace", line_buffering=True, newline="\n"
    )


def _saved(number: int) -> int | None:
    try:
        return os.dup(number)
    except OSError:  # closed by whoever started this process
        return None


def _restore(number: int, copy: int | None) -> None:
    if copy is not None:
        try:
            os.dup2(copy, number)
            os.close(copy)
        except OSError:  # the task closed descriptors that are not its own
            copy = None
    if copy is None:
        null = os.open(os.devnull, os.O_WRONLY)
        if null != number:
            os.dup2(null, number)
            os.close(null)


def put_back(streams: tuple[Any, Any, Any]) -> None:
    """Undoes what an attempt did to Python's own streams."""
    sys.stdin = streams[0]
    sys.stdout, sys.stderr = _usable(streams[1], 1), _usable(streams[2], 2)


def _usable(stream: Any, number: int) -> TextIO:
    if stream is None or stream.closed:
        return open_stream(number)
    usable: TextIO = stream
    return usable


def _close_or_remove(descriptor: int, log: str) -> None:
    with contextlib.suppress(OSError):  # the task closed descriptors that are not its own
        found = os.fstat(descriptor)
        if found.st_size == 0 and stat.S_ISREG(found.st_mode):
            os.unlink(log)
        os.close(descriptor)


def _remove(path: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)
