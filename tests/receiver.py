"""An OTLP receiver on loopback, which keeps the spans that are sent to it."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass
class Received:
    """The requests that arrived; `answer` is the status that they are answered with, `gate` is waited for before."""

    url: str = ""
    answer: int = 200
    gate: threading.Event = field(default_factory=threading.Event)
    paths: list[str] = field(default_factory=list)
    requests: list[Any] = field(default_factory=list)

    @property
    def spans(self) -> list[Any]:
        return [
            span
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    @property
    def resource(self) -> dict[str, Any]:
        return attributes(self.requests[0].resource_spans[0].resource)

    def named(self, name: str) -> Any:
        (found,) = [span for span in self.spans if span.name == name]
        return found

    def below(self, span: Any | None = None) -> list[str]:
        """The names of the spans whose parent is that one, or of those without, sorted."""
        parent = b"" if span is None else span.span_id
        return sorted(one.name for one in self.spans if one.parent_span_id == parent)


def attributes(holder: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in holder.attributes}


@contextmanager
def receiving(*, is_open: bool = True) -> Iterator[Received]:
    received = Received()
    if is_open:
        received.gate.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.gate.wait(60)
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            received.paths.append(self.path)
            received.requests.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(received.answer)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's signature
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads, server.block_on_close = True, False
    serving = threading.Thread(target=server.serve_forever, args=(0.02,))
    serving.start()
    try:
        received.url = f"http://127.0.0.1:{server.server_port}"
        yield received
    finally:
        received.gate.set()
        server.shutdown()
        server.server_close()
        serving.join()
