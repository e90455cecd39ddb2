"""Serves the metrics of a run on this machine, as long as the run goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import AF_INET, AF_INET6
from typing import Any

from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.runtime.telemetry.exposition import CONTENT_TYPE, Family, Series, written
from trc.runtime.telemetry.untold import cannot_be_served


@dataclass(slots=True)
class Served:
    """Answers `GET /metrics` with the numbers that it was shown last."""

    address: tuple[str, int]
    families: Sequence[Family]
    problems: list[Diagnostic] = field(default_factory=list[Diagnostic])
    _text: bytes = b""
    _server: ThreadingHTTPServer | None = None

    def show(self, series: Mapping[Series, float]) -> None:
        """From now on, these are answered with; the first call begins to serve."""
        self._text = written(self.families, series).encode()
        if self._server is None and not self.problems:
            self._begin()

    def close(self, series: Mapping[Series, float]) -> None:  # noqa: ARG002 - nobody asks any more
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def _begin(self) -> None:
        host, port = self.address
        try:
            self._server = _Server(host, port, lambda: self._text)
        except OSError as error:
            self.problems.append(cannot_be_served(f"{host}:{port}", error))
            return
        serve = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="trc-metrics", daemon=True)
        serve.start()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, host: str, port: int, text: Callable[[], bytes]) -> None:
        self.address_family = AF_INET6 if ":" in host else AF_INET
        super().__init__((host, port), partial(_Handler, text))


class _Handler(BaseHTTPRequestHandler):
    timeout = 10
    protocol_version = "HTTP/1.1"

    def __init__(self, text: Callable[[], bytes], *connection: Any) -> None:
        self._text = text
        super().__init__(*connection)

    def do_GET(self) -> None:
        is_known = self.path.partition("?")[0] in {"/", "/metrics"}
        body = self._text() if is_known else b"not found: the metrics are at /metrics\n"
        self.send_response(200 if is_known else 404)
        self.send_header("Content-Type", CONTENT_TYPE if is_known else "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's signature
        """Says nothing: the run's own words are on the screen."""
