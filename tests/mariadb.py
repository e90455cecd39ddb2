"""A MariaDB server of our own for tests, on a socket in a folder, which ends with its tests."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

_PLACES = (*map(Path, os.get_exec_path()), Path("/usr/sbin"), Path("/usr/local/sbin"))
_PATIENCE = 60.0


@dataclass
class Server:
    """A running server with a database `shop`, whose user `root` has no password."""

    folder: Path

    @property
    def socket(self) -> str:
        return str(self.folder / "s")

    def sql(self, statement: str, database: str = "shop") -> list[list[str]]:
        """Carries out statements; answers the lines of what they say."""
        command = [
            "mariadb",
            "--no-defaults",
            f"--socket={self.socket}",
            "-uroot",
            "-N",
            "-B",
            "-e",
            statement,
            database,
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return [line.split("\t") for line in done.stdout.splitlines()]


@contextmanager
def running_mariadb() -> Iterator[Server]:
    """A new server; the test is skipped where MariaDB is not installed."""
    programs = {name: _found(name) for name in ("mariadbd", "mariadb-install-db", "mariadb")}
    if None in programs.values():
        pytest.skip("MariaDB is not installed (Debian: mariadb-server)")
    # The path of a socket has to be short.
    folder = Path(tempfile.mkdtemp(prefix="trc-my-"))
    user = pwd.getpwuid(os.getuid()).pw_name
    plain = ["--no-defaults", f"--datadir={folder}/data", f"--user={user}"]
    process = None
    try:
        install = [str(programs["mariadb-install-db"]), *plain, "--auth-root-authentication-method=normal"]
        subprocess.run([*install, "--skip-test-db"], check=True, capture_output=True)
        process = subprocess.Popen(
            [
                str(programs["mariadbd"]),
                *plain,
                f"--socket={folder}/s",
                f"--pid-file={folder}/pid",
                "--skip-networking",
                "--innodb-flush-log-at-trx-commit=0",
                "--innodb-buffer-pool-size=32M",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        found = Server(folder)
        _wait(found, process)
        found.sql("create database shop", "mysql")
        yield found
    finally:
        if process is not None:
            process.terminate()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _found(name: str) -> Path | None:
    return next((place / name for place in _PLACES if (place / name).is_file()), None)


def _wait(server: Server, process: subprocess.Popen[bytes]) -> None:
    """Until the server answers; it has no way to tell by itself."""
    end = time.monotonic() + _PATIENCE
    ping = ["mariadb", "--no-defaults", f"--socket={server.socket}", "-uroot", "-e", "select 1"]
    while subprocess.run(ping, capture_output=True, check=False).returncode:
        assert process.poll() is None, "the server ended"
        assert time.monotonic() < end, "the server does not answer"
        time.sleep(0.1)
