"""A real web server on loopback: it keeps resources with versions, answers ranges, and fails where it is told to."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.serving import serving

ALLOWED = '[network]\nallow_hosts = ["127.0.0.1"]\n'


@dataclass
class Page:
    """A resource. Without an `etag` of its own, it has one of its bytes; an empty one is not told."""

    body: bytes
    etag: str | None = None
    modified: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    chunked: bool = False
    """Whether its length is not told."""

    @property
    def version(self) -> str:
        return f'"{hashlib.md5(self.body).hexdigest()}"' if self.etag is None else self.etag


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""


@dataclass
class Website:
    """By path, what there is; `asked` are the requests that came."""

    port: int = 0
    pages: dict[str, Page] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    """What the next requests are answered with instead; 0 for as usual."""
    cut: list[int] = field(default_factory=list)
    """For the next answers to GET, after how many bytes each breaks off."""
    refuses_head: bool = False
    ranges: bool = True
    before: Callable[[Asked], None] = lambda _asked: None
    """Called ahead of each request."""
    redirects: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def put(self, path: str, body: str | bytes, **facts: object) -> str:
        """Its address."""
        self.pages[path] = Page(body.encode() if isinstance(body, str) else body, **facts)  # type: ignore[arg-type]
        return self.url + path

    def methods(self) -> list[str]:
        return [one.method for one in self.asked]

    def gets(self) -> list[Asked]:
        return [one for one in self.asked if one.method == "GET"]


@contextmanager
def website() -> Iterator[Website]:
    found = Website()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the library's name
            """Nothing is printed."""

        def _take(self) -> None:
            self.close_connection = True
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            asked = Asked(self.command, self.path, {n.lower(): v for n, v in self.headers.items()}, body)
            found.asked.append(asked)
            found.before(asked)
            with suppress(OSError):
                self._answer(asked)

        def _answer(self, asked: Asked) -> None:
            status = found.statuses.pop(0) if found.statuses else 0
            page = found.pages.get(asked.path)
            if asked.path in found.redirects and not status:
                self._head(302, {"Location": found.redirects[asked.path], "Content-Length": "0"})
            elif status or page is None:
                self._head(status or 404, {"Content-Length": "0"})
            elif asked.method == "HEAD" and found.refuses_head:
                self._head(405, {"Content-Length": "0"})
            else:
                self._page(asked, page)

        def _page(self, asked: Asked, page: Page) -> None:
            told = {"ETag": page.version} if page.version else {}
            told |= {"Last-Modified": page.modified} if page.modified else {}
            start, whole = 0, len(page.body)
            pins = (page.version, page.modified)
            wanted = asked.headers.get("range", "") if asked.headers.get("if-range", page.version) in pins else ""
            body = page.body
            if found.ranges and wanted and start_of(wanted) < whole:
                first, _, last = wanted.removeprefix("bytes=").partition("-")
                start, end = int(first), int(last or whole - 1)
                body = page.body[start : end + 1]
                told["Content-Range"] = f"bytes {start}-{start + len(body) - 1}/{whole}"
                status = 206
            elif found.ranges and wanted:
                return self._head(416, {"Content-Range": f"bytes */{whole}", "Content-Length": "0", **told})
            else:
                status = 200
            told["Transfer-Encoding" if page.chunked else "Content-Length"] = (
                "chunked" if page.chunked else str(len(body))
            )
            self._head(status, {**told, **page.headers})
            if asked.method == "HEAD":
                return None
            is_cut = bool(found.cut)
            sent = body[: found.cut.pop(0)] if is_cut else body
            if page.chunked:
                self.wfile.write(f"{len(sent):x}\r\n".encode() + sent + b"\r\n" + (b"" if is_cut else b"0\r\n\r\n"))
            else:
                self.wfile.write(sent)
            return None

        def _head(self, status: int, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = _take  # noqa: N815 - the library's names

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    found.port = server.server_port
    with serving(server):
        yield found


def start_of(wanted: str) -> int:
    return int(wanted.removeprefix("bytes=").partition("-")[0])
