"""The streams of one container: orders go in, messages come out, both through one connection to the engine."""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

_HEADER: Final = struct.Struct(">BxxxI")
_STDERR: Final = 2
_CHUNK: Final = 1 << 16
_KEPT: Final = 8192
"""Bytes of what a container says beside its messages, which are told where it never began."""


class Attached:
    """Does not block. It is made before its container starts, so that nothing is missed."""

    def __init__(self, opened: Any) -> None:
        # docker-py hands out the file of a socket; what keeps the response alive keeps the connection.
        self._opened = opened
        self._socket: socket.socket = opened._sock  # noqa: SLF001 - the socket itself, which can be half closed
        self._socket.setblocking(False)
        self._received = bytearray()
        self._line = bytearray()
        self._unsent = bytearray()
        self.said = bytearray()

    def fileno(self) -> int:
        return self._socket.fileno()

    @property
    def has_unsent(self) -> bool:
        return bool(self._unsent)

    def send(self, line: bytes) -> None:
        """Sends an order, or as much as fits: the rest follows with `send_rest`."""
        self._unsent += line
        self.send_rest()

    def send_rest(self) -> None:
        try:
            while self._unsent:
                del self._unsent[: self._socket.send(self._unsent)]
        except BlockingIOError:
            pass
        except OSError:  # its end is about to be seen
            self._unsent.clear()

    def finish(self) -> None:
        """Ends the orders: whatever runs in the container is killed by its own guardian."""
        self._unsent.clear()
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def receive(self) -> list[dict[str, Any]] | None:
        """The messages that have arrived; None when there will be no more."""
        messages: list[dict[str, Any]] = []
        while True:
            try:
                chunk = self._socket.recv(_CHUNK)
            except BlockingIOError:
                return messages
            except OSError:
                return messages or None
            if not chunk:
                return messages or None
            self._received += chunk
            for kind, payload in self._frames():
                if kind == _STDERR:
                    self.said = (self.said + payload)[-_KEPT:]
                else:
                    messages += self._messages(payload)

    def close(self) -> None:
        # docker-py keeps the response at its socket.
        for one in (self._opened._response, self._opened, self._socket):  # noqa: SLF001
            with suppress(OSError, ValueError):
                one.close()

    def last_words(self) -> str:
        """The last line that the container printed beside its messages."""
        lines = self.said.decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""

    def _frames(self) -> Iterator[tuple[int, bytes]]:
        while len(self._received) >= _HEADER.size:
            kind, size = _HEADER.unpack_from(self._received)
            end = _HEADER.size + size
            if len(self._received) < end:
                return
            yield kind, bytes(self._received[_HEADER.size : end])
            del self._received[:end]

    def _messages(self, payload: bytes) -> Iterator[dict[str, Any]]:
        self._line += payload
        if b"\n" not in payload:
            return
        *complete, rest = self._line.split(b"\n")
        self._line = bytearray(rest)
        for line in complete:
            # A worker that dies in the middle of a message leaves a part of it.
            with suppress(ValueError):
                found = json.loads(line.decode())
                if isinstance(found, dict):
                    yield found


def opened(api: Any, container: str) -> Attached:
    """The streams of a container that was made and has not started."""
    wanted = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1, "logs": 0}
    return Attached(api.attach_socket(container, params=wanted))


def wake(pipe: int) -> None:
    """Has whoever selects on the pipe look."""
    with suppress(OSError):
        os.write(pipe, b".")
