"""A PostgreSQL server of our own for tests: a throw-away cluster behind a socket in a folder, which ends with its tests."""

from __future__ import annotations

import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import IO, Any

import pytest

# Debian keeps the server's programs outside of PATH.
_PLACES = (*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True), *map(Path, os.get_exec_path()))
_USERS = ("postgres", "nobody")
_DIE_WITH_PARENT = 1
# Nothing of it has to survive a power cut.
_FAST = ("fsync=off", "full_page_writes=off", "listen_addresses=", "max_connections=60", "shared_buffers=32MB")
_NUMBERS = count(1)

KEEPER = "keeper"
"""The role that is asked for a password; tests make it."""


@dataclass
class Cluster:
    """A running server. Each schema is a state store of its own."""

    folder: Path
    programs: Path
    process: subprocess.Popen[str]

    def url(self, schema: str | None = None, *, user: str = "postgres", database: str = "postgres") -> str:
        """An address there; without a schema, of one that nobody else has."""
        schema = schema or f"store_{next(_NUMBERS)}"
        return f"postgresql://{user}@/{database}?host={self.folder}&schema={schema}"

    def sql(self, statement: str, *, database: str = "postgres") -> list[tuple[object, ...]]:
        """Carries out a statement as the server's superuser."""
        import psycopg

        url = f"postgresql://postgres@/{database}?host={self.folder}"
        with psycopg.connect(url, autocommit=True) as opened:
            # It wants statements that are written out where they are used.
            connection: Any = opened
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Ends the server: by default with all its connections."""
        self.process.send_signal(how)
        self.process.wait()

    def start(self) -> None:
        """Starts the server, and returns when it takes connections."""
        self.process = _start(self.programs, self.folder)


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    """A new cluster; the test is skipped where PostgreSQL is not installed."""
    programs = next((place for place in _PLACES if (place / "initdb").is_file()), None)
    if programs is None:
        pytest.skip("PostgreSQL is not installed (Debian: postgresql)")
    # Not below pytest's folder: that one is closed to others, and the path of a socket has to be short.
    folder = Path(tempfile.mkdtemp(prefix="trc-pg-"))
    try:
        if (user := _user()) is not None:
            shutil.chown(folder, user)
        subprocess.run(
            [programs / "initdb", "-D", folder / "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"],
            user=user, env=_environ(), cwd=folder, check=True, capture_output=True,
        )  # fmt: skip
        access = folder / "data/pg_hba.conf"
        access.write_text(f"local all {KEEPER} scram-sha-256\nlocal all all trust\n")
        cluster = Cluster(folder, programs, _start(programs, folder))
        try:
            yield cluster
        finally:
            if cluster.process.poll() is None:
                cluster.stop(signal.SIGQUIT)
    finally:
        shutil.rmtree(folder)


def _start(programs: Path, folder: Path) -> subprocess.Popen[str]:
    settings = [word for one in (*_FAST, f"unix_socket_directories={folder}") for word in ("-c", one)]
    process = subprocess.Popen(
        [programs / "postgres", "-D", folder / "data", *settings],
        user=_user(), env=_environ(), cwd=folder, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, preexec_fn=_end_with_tests,  # noqa: PLW1509 - makes one call
    )  # fmt: skip
    assert process.stderr is not None
    told: list[str] = []
    for line in process.stderr:
        told.append(line)
        if "ready to accept connections" in line:
            threading.Thread(target=_drain, args=(process.stderr,), daemon=True).start()
            return process
    raise RuntimeError(f"PostgreSQL did not start: {''.join(told)}")


def _drain(stream: IO[str]) -> None:
    with stream:
        for _ in stream:
            pass


def _end_with_tests() -> None:
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGQUIT)


def _user() -> str | None:
    """Whom the server runs as: it refuses to be the superuser."""
    if os.getuid() != 0:
        return None
    known = {one.pw_name for one in pwd.getpwall()}
    return next(name for name in _USERS if name in known)


def _environ() -> dict[str, str]:
    return {"LC_ALL": "C.UTF-8", "PATH": os.defpath}
