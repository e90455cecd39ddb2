"""A server on loopback through which git reaches repositories: trc makes the calls, by its own rules of which addresses are called.

So git itself speaks to nobody else: a name that leads elsewhere a moment later, a redirect, a proxy or a
submodule's address cannot take it there, and it never has the credentials.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from secrets import token_hex
from typing import Callable

from trc.runtime.taskside.errors import AttemptFailed
from trc.runtime.taskside.gitrefs import SERVICE, require_git
from trc.runtime.taskside.result import Failure
from trc.runtime.taskside.web import Answer, Cut, Web

LARGEST_REQUEST = 16 << 20
"""Bytes of what git asks for in one request."""
_MOVED = frozenset({301, 302, 303, 307, 308})
_TOLD = ("content-type", "content-encoding", "git-protocol", "accept")


class Relay:
    """Repositories by number, each with its address and the headers that it is asked with. `limit` is in bytes, over all answers."""

    def __init__(self, web: Web, limit: int, report: Callable[[int, int | None], None]) -> None:
        self._web, self._limit, self._report = web, limit, report
        self._secret = token_hex(16)
        self._repositories: list[tuple[str, Mapping[str, str]]] = []
        self._received = 0
        self._lock = threading.Lock()
        self.port = 0
        self.failure: Failure | None = None
        """What became of the first call that did not succeed."""

    def add(self, url: str, headers: Mapping[str, str]) -> str:
        """The address that stands for a repository here, which nobody else of this machine can guess."""
        self._repositories.append((url.rstrip("/"), headers))
        return f"http://127.0.0.1:{self.port}/{self._secret}/{len(self._repositories) - 1}"

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> Answer | None:
        """What the repository's server answers; None for what is not passed on. Raises AttemptFailed."""
        target, _, query = path.partition("?")
        parts = target.split("/", 3)
        if len(parts) != 4 or parts[1] != self._secret or not parts[2].isdigit():
            return None
        asks = (method, parts[3], query)
        if asks not in (("GET", "info/refs", f"service={SERVICE}"), ("POST", SERVICE, "")):
            return None
        url, own = self._repositories[int(parts[2])]
        told = {name: value for name, value in headers.items() if name in _TOLD}
        found = self._web.ask(method, f"{url}/{parts[3]}" + (f"?{query}" if query else ""), own, body, told)
        shown = url.partition("://")[2]
        try:
            _require_here(found, method, shown)
            require_git(found, shown, "result" if method == "POST" else "advertisement")
        except BaseException:
            found.close()
            raise
        return found

    def note(self, failure: Failure) -> None:
        """What failed first is what there is to tell."""
        with self._lock:
            self.failure = self.failure or failure

    def count(self, size: int) -> None:
        """Raises AttemptFailed where there is more than may be fetched."""
        with self._lock:
            self._received += size
            received = self._received
        self._report(received, None)
        if received > self._limit:
            message = f"there is more to fetch than the {self._limit:,} bytes that max_size allows"
            raise AttemptFailed(Failure(message, "permanent", "git_size"))


def _require_here(found: Answer, method: str, shown: str) -> None:
    """Raises AttemptFailed where a question that only reads was led elsewhere, and this one is not."""
    if method == "POST" and found.status in _MOVED:
        message = f'"{shown}" has moved to another address\nwrite the address that it has now'
        raise AttemptFailed(Failure(message, "permanent", "web_refused"))


@contextmanager
def relaying(web: Web, limit: int, report: Callable[[int, int | None], None]) -> Iterator[Relay]:
    """A relay that answers until the block ends."""
    relay = Relay(web, limit, report)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the library's name
            """Nothing is printed: addresses may be told to nobody."""

        def _pass(self) -> None:
            self.close_connection = True
            with suppress(OSError):
                try:
                    self._answer()
                except AttemptFailed as error:
                    relay.note(error.failure)
                    self._refuse(502)
                except Cut as error:
                    relay.note(Failure(str(error), "temporary", "web_unreachable"))

        def _answer(self) -> None:
            length = self.headers.get("content-length", "0")
            if not length.isdigit() or int(length) > LARGEST_REQUEST or "transfer-encoding" in self.headers:
                self._refuse(413)
                return
            body = self.rfile.read(int(length)) if self.command == "POST" else None
            headers = {name.lower(): value for name, value in self.headers.items()}
            found = relay.answer(self.command, self.path, headers, body)
            if found is None:
                self._refuse(404)
                return
            with closing(found):
                self._copy(found)

        def _copy(self, answer: Answer) -> None:
            self.send_response(200)
            self.send_header("Content-Type", answer.headers["content-type"])
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            size = 0
            for chunk in answer.chunks():
                size += len(chunk)
                try:
                    relay.count(len(chunk))
                except AttemptFailed as error:
                    # Without its end, git takes nothing of it.
                    relay.note(error.failure)
                    return
                self.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
            told = answer.headers.get("content-length", "")
            if told.isdigit() and size < int(told):
                raise Cut(f'"{answer.host}" ended its answer too early')
            self.wfile.write(b"0\r\n\r\n")

        def _refuse(self, status: int) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST = _pass  # noqa: N815 - the library's names

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    relay.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield relay
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
