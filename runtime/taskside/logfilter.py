"""The process between what a sealed attempt prints and its log: secrets are masked before anything is on disk.

It is forked by the guardian, beside the worker: however the worker ends, what it printed until then is
read, masked and written. It knows the values as long as the worker lives, and is told them through a socket.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import socket
import struct
import termios
from collections.abc import Iterable

from trc.runtime.taskside.masking import Masker, Stream

SETTLE = b"s"
"""Asks for all that was printed so far to be in the log, but for what may be the beginning of a secret."""
END = b"e"
"""Asks for all of it, for the attempt is over."""
DONE = b"k"
LENGTH = struct.Struct("!Q")
"""Before an attempt's values: the length of their JSON. With it come the log and the pipe to be read."""
_INT = struct.Struct("i")
_CHUNK = 1 << 16
_LONGEST_END = 5.0
"""Seconds that it may take to write what was left when the worker has ended."""


def start_filter(close: Iterable[int]) -> tuple[int, int]:
    """Forks it; the process and the worker's end of the socket. It holds on to none of the descriptors in `close`."""
    own, theirs = socket.socketpair()
    process = os.fork()
    if process == 0:
        code = 1
        try:
            theirs.close()
            for descriptor in close:
                os.close(descriptor)
            _ignore_signals()
            _serve(own)
            code = 0
        finally:
            # Whatever it is, it must not unwind into the guardian's code; and nothing of it is told.
            os._exit(code)
    own.close()
    return process, theirs.detach()


def await_filter(process: int) -> None:
    """Waits for its end, which comes when nobody is left who could print; ends it where it takes too long."""
    try:
        if os.waitpid(process, os.WNOHANG)[0]:
            return
        ended = os.pidfd_open(process)
    except (ChildProcessError, ProcessLookupError):
        return
    poll = select.poll()
    poll.register(ended, select.POLLIN)
    if not poll.poll(_LONGEST_END * 1000):
        os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    os.close(ended)


def _ignore_signals() -> None:
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def _serve(control: socket.socket) -> None:
    """Takes one attempt after the other, until the worker is gone."""
    while True:
        head, descriptors, _, _ = socket.recv_fds(control, LENGTH.size, 2)
        if len(head) < LENGTH.size or len(descriptors) != 2:
            return
        (length,) = LENGTH.unpack(head)
        values = _exactly(control, length)
        if values is None:
            return
        log, printed = descriptors
        control.sendall(DONE)
        goes_on = _Attempt(control, log, printed, Stream(Masker(json.loads(values)))).follow()
        os.close(log)
        os.close(printed)
        if not goes_on:
            return


def _exactly(control: socket.socket, length: int) -> bytes | None:
    received = bytearray()
    while len(received) < length:
        chunk = control.recv(length - len(received))
        if not chunk:
            return None
        received += chunk
    return bytes(received)


class _Attempt:
    """What one attempt prints, on its way to the log."""

    def __init__(self, control: socket.socket, log: int, printed: int, stream: Stream) -> None:
        self._control = control
        self._log = log
        self._printed = printed
        self._stream = stream
        self._is_open = True

    def follow(self) -> bool:
        """Until the attempt is over; tells whether the worker is still there."""
        poll = select.poll()
        poll.register(self._printed, select.POLLIN)
        poll.register(self._control, select.POLLIN)
        while True:
            ready = dict(poll.poll())
            if self._is_open and self._printed in ready:
                self._read(_CHUNK)
            if not self._is_open and self._printed in ready:
                poll.unregister(self._printed)
            if self._control.fileno() in ready:
                asked = self._control.recv(1)
                if not asked:
                    self._read_to_the_end()
                    return False
                self._drain()
                if asked == END:
                    self._write(self._stream.end(is_cut=True))
                self._control.sendall(DONE)
                if asked == END:
                    return True

    def _read(self, most: int) -> int:
        """Reads a piece, which is there or is waited for; tells how much it was."""
        chunk = os.read(self._printed, most)
        self._is_open = bool(chunk)
        self._write(self._stream.feed(chunk))
        return len(chunk)

    def _drain(self) -> None:
        """Reads what is there now: somebody may go on printing for ever."""
        (waiting,) = _INT.unpack(fcntl.ioctl(self._printed, termios.FIONREAD, bytes(_INT.size)))
        while waiting > 0 and self._is_open:
            waiting -= self._read(min(waiting, _CHUNK))

    def _read_to_the_end(self) -> None:
        """The worker is dead; its processes are being ended, and with the last of them the pipe."""
        while self._is_open:
            self._read(_CHUNK)
        self._write(self._stream.end(is_cut=True))

    def _write(self, data: bytes) -> None:
        # A disk that is full takes the log's end away, and not the attempt's output pipe.
        with contextlib.suppress(OSError):
            while data:
                data = data[os.write(self._log, data) :]
