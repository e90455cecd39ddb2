"""A registry of images on loopback that wants a password, for tests: Debian's `docker-registry`."""

from __future__ import annotations

import base64
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.error import HTTPError
from urllib.request import urlopen

PROGRAM: Final = "docker-registry"
USER: Final = "trc"
PASSWORD: Final = "open-sesame"
_HASHED: Final = "$2b$04$abcdefghijklmnopqrstuuXcjcm5avyCiJoD2uS24xa2lb6fjMB3G"
_CONFIGURATION: Final = """
version: 0.1
storage: {{filesystem: {{rootdirectory: {folder}/images}}}}
http: {{addr: {address}}}
auth: {{htpasswd: {{realm: trc, path: {folder}/htpasswd}}}}
log: {{level: error}}
"""


@dataclass(frozen=True, slots=True)
class Registry:
    """`address` is what stands before the names of its images."""

    address: str

    def log_in(self, folder: Path) -> None:
        """Writes what `docker login` does, into a folder that DOCKER_CONFIG is to name."""
        told = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps({"auths": {self.address: {"auth": told}}}))


def is_installed() -> bool:
    return shutil.which(PROGRAM) is not None


@contextmanager
def running(folder: Path) -> Iterator[Registry]:
    """One that keeps its images under the folder, until it is left."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        address = f"127.0.0.1:{found.getsockname()[1]}"
    (folder / "htpasswd").write_text(f"{USER}:{_HASHED}\n")
    (folder / "config.yml").write_text(_CONFIGURATION.format(folder=folder, address=address))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([PROGRAM, "serve", folder / "config.yml"], stdout=log, stderr=log)
    try:
        _await(address, process)
        yield Registry(address)
    finally:
        process.terminate()
        process.wait()


def _await(address: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until and process.poll() is None:
        try:
            urlopen(f"http://{address}/v2/", timeout=5).close()
        except HTTPError:  # it wants the password
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("the registry did not come up")
