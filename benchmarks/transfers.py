"""How much memory transfers hold, with all their processes: it does not grow with what is moved."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from measure import TRC, Row, peak, table
from syncing import BUCKET, endpoint

LARGE = 1 << 30
CLONED = 256 << 20
LIMIT = 128
"""MiB."""
GIT = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}

TASKS = {
    "upload of 1 GiB": 's3_sync { source = "site/", destination = "s3://bench/up/"',
    "synchronisation of 1 GiB from S3": 's3_sync { source = "s3://bench/up/", destination = "down/"',
    "download of 1 GiB to S3": 'download_to_s3 { url = "{web}/one.bin", s3_uri = "s3://bench/web.bin"',
    "extraction of 1 GiB to S3": (
        's3_extract_archive { src_uri = "packed.gz", max_ratio = 100000, output = file("s3://bench/unpacked.bin")'
    ),
    "clone of 256 MiB to S3": 'git_clone_to_s3 { url = "{web}/git/large", destination = "s3://bench/clone/"',
}


def main() -> str:
    with tempfile.TemporaryDirectory(prefix="trc-bench-") as made, endpoint() as client, website(Path(made)) as web:
        folder = Path(made)
        write_all(folder)
        rows = []
        for what, task in TASKS.items():
            rows.append(row(what, task, folder, web))
            forget(client)
    return table("Memory of transfers", rows)


def forget(client: Any) -> None:
    """Removes what is not read again: the endpoint holds it in its memory."""
    for one in client.list_objects_v2(Bucket=BUCKET).get("Contents", ()):
        if not one["Key"].startswith("up/"):
            client.delete_object(Bucket=BUCKET, Key=one["Key"])


def row(what: str, task: str, folder: Path, web: str) -> Row:
    (folder / "p.trc").write_text(f'pipeline "p" {{ }}\ntask moved = {task.replace("{web}", web)} }}\n')
    return Row(what, peak([*TRC, "run", "p.trc"], folder), LIMIT, "MiB", 1.0)


def write_all(folder: Path) -> None:
    (folder / "trc.toml").write_text('[network]\nallow_hosts = ["127.0.0.1"]\n')
    (folder / "site").mkdir()
    with (folder / "site/one.bin").open("wb") as file:
        for _ in range(LARGE >> 20):
            file.write(os.urandom(1 << 20))
    with gzip.open(folder / "packed.gz", "wb", 1) as packed:
        for _ in range(LARGE >> 20):
            packed.write(bytes(1 << 20))
    repository = folder / "git" / "large"
    repository.mkdir(parents=True)
    for number in range(CLONED >> 26):
        (repository / f"{number}.bin").write_bytes(os.urandom(1 << 26))
    who = ("-c", "user.name=bench", "-c", "user.email=bench@example.com")
    for arguments in (["init", "--quiet"], ["add", "."], [*who, "commit", "--quiet", "--message", "large"]):
        subprocess.run(["git", *arguments], cwd=repository, check=True, env=GIT)


class Site(BaseHTTPRequestHandler):
    """Answers for the folder `site`, and for the repositories below `git`."""

    folder = Path()
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the library's name
        """Nothing is printed."""

    def do_HEAD(self) -> None:
        path = self.folder / "site" / self.path[1:]
        self.send_response(200)
        for name, value in (("ETag", '"one"'), ("Content-Length", path.stat().st_size), ("Connection", "close")):
            self.send_header(name, str(value))
        self.end_headers()

    def do_GET(self) -> None:
        if self.path.startswith("/git/"):
            self.do_POST()
            return
        self.do_HEAD()
        with (self.folder / "site" / self.path[1:]).open("rb") as file:
            shutil.copyfileobj(file, self.wfile, 1 << 20)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        path, _, query = self.path.removeprefix("/git").partition("?")
        variables = {
            "GIT_PROJECT_ROOT": str(self.folder / "git"),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("content-type") or "",
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("content-encoding") or "",
            "GIT_PROTOCOL": self.headers.get("git-protocol") or "",
        }
        command = ["git", "http-backend"]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**GIT, **variables}
        ) as backend:
            assert backend.stdin is not None
            assert backend.stdout is not None
            backend.stdin.write(body)
            backend.stdin.close()
            self.send_response(200)
            self.send_header("Connection", "close")
            for line in iter(backend.stdout.readline, b"\r\n"):
                name, _, value = line.decode().strip().partition(": ")
                self.send_header(name, value)
            self.end_headers()
            shutil.copyfileobj(backend.stdout, self.wfile, 1 << 20)


@contextmanager
def website(folder: Path) -> Iterator[str]:
    """The address of a server of that folder, in a thread."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Here", (Site,), {"folder": folder}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


if __name__ == "__main__":
    print(main())
