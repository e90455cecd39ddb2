"""A Docker engine beside the one of the tests, for what an engine has to be another for: it takes root, and ends with its test."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

PATH: Final = f"{os.environ['PATH']}:/usr/sbin:/sbin"
"""Where Debian has the programs of an engine, too."""


def can_run() -> bool:
    return os.getuid() == 0 and shutil.which("dockerd", path=PATH) is not None


@contextmanager
def running(folder: Path, data: Path, *flags: str, within: Sequence[str] = ()) -> Iterator[str]:
    """Its address. It keeps its images under `data`, gives containers no network, and is started `within` another command."""
    address = f"unix://{folder}/docker.sock"
    own = {
        "host": address,
        "data-root": data,
        "exec-root": folder / "exec",
        "pidfile": folder / "pid",
        "bridge": "none",
    }
    words = [
        "dockerd",
        "--log-level=warn",
        "--iptables=false",
        *(f"--{name}={value}" for name, value in own.items()),
        *flags,
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*within, *words], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            env={**os.environ, "PATH": PATH},
        )  # fmt: skip
    try:
        until = time.monotonic() + 60
        while subprocess.run(["docker", "-H", address, "version"], capture_output=True, check=False).returncode != 0:
            is_late = time.monotonic() > until or process.poll() is not None
            assert not is_late, (folder / "log").read_text(errors="replace")
            time.sleep(0.1)
        yield address
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
