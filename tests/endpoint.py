"""A real HTTP server on this machine: it keeps what it is told, and answers as it is asked to."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, BinaryIO

from tests.serving import serving

PATIENCE = 20.0
"""Seconds after which a test that waits for a request fails."""


@dataclass(frozen=True)
class Request:
    """One request as it came: header names are in lower case."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    method: str = "POST"

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Respond = Callable[[Request, BinaryIO], None]
"""Writes the whole answer, from its status line on."""


def answer(status: int, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Respond:
    """A plain answer."""
    lines = [f"HTTP/1.1 {status} said", *(f"{name}: {value}" for name, value in (headers or {}).items())]
    head = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode()
    return verbatim(head + body)


def verbatim(text: bytes) -> Respond:
    """These bytes, whatever they are."""

    def respond(_request: Request, out: BinaryIO) -> None:
        out.write(text)

    return respond


OK = answer(204)


@dataclass
class Endpoint:
    """What was told, by the order in which it came. `respond` answers each request; it may be replaced at any time."""

    respond: Respond = OK
    requests: list[Request] = field(default_factory=list)
    port: int = 0
    _changed: threading.Condition = field(default_factory=threading.Condition)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def wait_for(self, count: int) -> list[Request]:
        """The requests, once there are so many."""
        with self._changed:
            come = self._changed.wait_for(lambda: len(self.requests) >= count, PATIENCE)
            assert come, f"{len(self.requests)} of {count} requests came"
            return list(self.requests)

    def take(self, request: Request) -> None:
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()


@contextmanager
def endpoint(respond: Respond = OK, secure: ssl.SSLContext | None = None) -> Iterator[Endpoint]:
    """A server that is there until the block ends; with `secure`, it speaks TLS."""
    told = Endpoint(respond)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the library's name
            """Nothing is printed."""

        def _take(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Request(self.path, headers, body, self.command)
            told.take(request)
            with suppress(OSError):
                told.respond(request, self.wfile)  # type: ignore[arg-type]

        do_POST = do_GET = _take  # noqa: N815 - the library's names

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if secure is not None:
        server.socket = secure.wrap_socket(server.socket, server_side=True)
    told.port = server.server_port
    with serving(server):
        yield told
