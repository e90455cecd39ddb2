"""A proxy on loopback that gets in the way of requests: it drops, delays, cuts and refuses them, and tells which came."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import urlsplit

from tests.serving import serving

_OF_ONE_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "expect", "content-length", "date", "server"})


@dataclass(frozen=True)
class Passing:
    """One request that passes through."""

    method: str
    path: str
    query: str


@dataclass(frozen=True)
class Fault:
    """What happens to a request in the place of, or besides, its being passed on.

    `drop` ends the connection before the request is passed on, `lose` after it was served, `cut` after half of the answer's body;
    `answer` is what is said in its place. `also` is done before it is passed on, `then` when it was served.
    """

    what: Literal["pass", "drop", "lose", "cut", "answer"] = "pass"
    status: int = 503
    code: str = "SlowDown"
    delay: float = 0.0
    also: Callable[[], None] = lambda: None
    then: Callable[[], None] = lambda: None


@dataclass
class Rule:
    """Which requests have the fault: those that `fits` says, from the `first` on, as many as `times`."""

    fits: Callable[[Passing], bool]
    fault: Fault
    first: int = 0
    times: int = 1_000_000
    seen: int = 0

    def takes(self, passing: Passing) -> bool:
        if not self.fits(passing):
            return False
        self.seen += 1
        return self.first < self.seen <= self.first + self.times


@dataclass
class Faulty:
    """The proxy. `hit` are the requests that a rule had a fault for."""

    upstream: str
    port: int = 0
    rules: list[Rule] = field(default_factory=list)
    passed: list[Passing] = field(default_factory=list)
    hit: list[Passing] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def fault_of(self, passing: Passing) -> Fault:
        with self._lock:
            self.passed.append(passing)
            found = [rule.fault for rule in self.rules if rule.takes(passing)]
            if found:
                self.hit.append(passing)
            return found[0] if found else Fault()


@contextmanager
def faulty(upstream: str) -> Iterator[Faulty]:
    """A proxy to that address, until the block ends."""
    found = Faulty(upstream)
    host = urlsplit(upstream).netloc

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the library's name
            """Nothing is printed."""

        def _pass(self) -> None:
            self.close_connection = True
            body = self._body()
            split = urlsplit(self.path)
            fault = found.fault_of(Passing(self.command, split.path, split.query))
            if fault.delay:
                threading.Event().wait(fault.delay)
            fault.also()
            with suppress(OSError):
                self._do(fault, body)

        def _do(self, fault: Fault, body: bytes) -> None:
            if fault.what == "drop":
                self._hang_up()
                return
            if fault.what == "answer":
                said = b"" if self.command == "HEAD" else f"<Error><Code>{fault.code}</Code></Error>".encode()
                self._answer(fault.status, [("Content-Type", "application/xml")], len(said), said)
                return
            status, headers, length, answer = self._served(body)
            fault.then()
            if fault.what == "lose":
                self._hang_up()
            else:
                self._answer(status, headers, length, answer[: len(answer) // 2] if fault.what == "cut" else answer)

        def _served(self, body: bytes) -> tuple[int, list[tuple[str, str]], int, bytes]:
            connection = HTTPConnection(host, timeout=60)
            try:
                connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                for name, value in self.headers.items():
                    if name.lower() not in _OF_ONE_HOP:
                        connection.putheader(name, value)
                if body or self.command in ("PUT", "POST"):
                    connection.putheader("Content-Length", str(len(body)))
                connection.endheaders(body)
                answer = connection.getresponse()
                held = answer.read()
                headers = [(name, value) for name, value in answer.getheaders() if name.lower() not in _OF_ONE_HOP]
                told = answer.getheader("Content-Length")
                return answer.status, headers, int(told) if told is not None else len(held), held
            except (OSError, HTTPException):
                return 502, [], 0, b""
            finally:
                connection.close()

        def _answer(self, status: int, headers: list[tuple[str, str]], length: int, body: bytes) -> None:
            self.send_response_only(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(length))
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()

        def _hang_up(self) -> None:
            # Without lingering, the other end is told at once that nothing more will come.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()

        def _body(self) -> bytes:
            if self.headers.get("transfer-encoding", "").lower() != "chunked":
                return self.rfile.read(int(self.headers.get("content-length") or 0))
            held = b""
            while size := int(self.rfile.readline().partition(b";")[0], 16):
                held += self.rfile.read(size)
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
            return held

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = _pass  # noqa: N815 - the library's names

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A connection that was hung up is none."""

    server = Server(("127.0.0.1", 0), Handler)
    found.port = server.server_port
    with serving(server):
        yield found
