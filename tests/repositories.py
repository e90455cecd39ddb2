"""Real Git repositories behind a real server on loopback: `git http-backend`, as web servers call it."""

from __future__ import annotations

import os
import shutil
import subprocess
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from tests.serving import serving

_HERE = dict(os.environ)
_GIT = shutil.which("git") or "git"
_OWN = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_TERMINAL_PROMPT": "0"}
_WHO = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in
        (("NAME", "Ada"), ("EMAIL", "ada@example.com"), ("DATE", "2026-01-02T03:04:05+00:00"))}  # fmt: skip


def git(folder: Path, *arguments: str, text: bytes = b"") -> str:
    """What git prints in a folder, without the configuration of whoever runs the tests."""
    done = subprocess.run(
        [_GIT, *arguments], cwd=folder, input=text, capture_output=True, check=False, env={**_HERE, **_OWN, **_WHO}
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().strip()


@dataclass
class Repository:
    """One that is worked in; what is committed is served at once."""

    folder: Path
    url: str

    def write(self, name: str, content: str | bytes) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    def commit(self, subject: str = "change", **files: str | bytes) -> str:
        """The name of the commit of all that is there by then."""
        for name, content in files.items():
            self.write(name.replace("__", "/").replace("_csv", ".csv"), content)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", subject)
        return self.git("rev-parse", "HEAD")

    def git(self, *arguments: str, text: bytes = b"") -> str:
        return git(self.folder, *arguments, text=text)

    def tree(self, *lines: str) -> str:
        """A tree of these entries, written as they are, with names that `git add` would refuse."""
        return self.git("mktree", "--missing", text="".join(f"{line}\n" for line in lines).encode())


@dataclass
class GitServer:
    root: Path
    port: int = 0
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Method and path of each request."""
    headers: list[dict[str, str]] = field(default_factory=list)
    password: str = ""
    """What user `git` has to send; empty where everybody may read."""
    redirects: dict[str, str] = field(default_factory=dict)
    status: int = 0
    """What all requests are answered with instead."""
    before: Callable[[str, str], None] = lambda _method, _path: None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def repository(self, name: str = "shop") -> Repository:
        folder = self.root / name
        folder.mkdir(parents=True)
        found = Repository(folder, f"{self.url}/{name}")
        found.git("init", "--quiet", "--initial-branch=main")
        return found

    def fetches(self) -> list[str]:
        return [path for method, path in self.asked if method == "POST"]


@contextmanager
def git_server(root: Path) -> Iterator[GitServer]:
    """Serves the repositories below a folder until the block ends."""
    found = GitServer(root)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the library's name
            """Nothing is printed."""

        def _take(self) -> None:
            self.close_connection = True
            found.asked.append((self.command, self.path))
            found.headers.append({name.lower(): value for name, value in self.headers.items()})
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            found.before(self.command, self.path)
            wanted = "Basic " + b64encode(f"git:{found.password}".encode()).decode()
            if found.status:
                self._say(found.status, {})
            elif self.path in found.redirects:
                self._say(302, {"Location": found.redirects[self.path]})
            elif found.password and self.headers.get("authorization") != wanted:
                self._say(401, {"WWW-Authenticate": 'Basic realm="git"'})
            else:
                self._serve(body)

        def _serve(self, body: bytes) -> None:
            split = urlsplit(self.path)
            environment = {
                **_HERE,
                **_OWN,
                "GIT_PROJECT_ROOT": str(found.root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "PATH_INFO": split.path,
                "QUERY_STRING": split.query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("content-type") or "",
                "CONTENT_LENGTH": str(len(body)),
                "HTTP_CONTENT_ENCODING": self.headers.get("content-encoding") or "",
                "GIT_PROTOCOL": self.headers.get("git-protocol") or "",
            }
            done = subprocess.run([_GIT, "http-backend"], input=body, capture_output=True, check=False, env=environment)
            head, _, answer = done.stdout.partition(b"\r\n\r\n")
            told = dict(line.split(": ", 1) for line in head.decode().splitlines() if line)
            status = int(told.pop("Status", "200 OK").split()[0])
            self._say(status, told, answer)

        def _say(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = _take  # noqa: N815 - the library's names

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    found.port = server.server_port
    with serving(server):
        yield found
