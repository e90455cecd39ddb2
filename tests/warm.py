"""`trc` commands for tests, each in a process of its own that has imported already.

Most of what a short command costs is the start of Python and its imports. So one process imports everything that the
commands may need and forks for each of them: a command has its own folder, environment, descriptors and exit code, as one from a shell has,
and does at its end what Python does there, but for taking apart all that was imported, which costs more than most
commands. Where the start itself is what is tested (lazy imports, interpreter options, signals), and under `--cold`
(`make test-all`), commands start and end as those of users do.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import pkgutil
import runpy
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn, cast

from pydantic import BaseModel

import trc

TRC: Final = (sys.executable, "-m", "trc")
DEADLINE: Final = 120
"""Seconds, in which a command that is waited for has to end."""

LEFT_OUT: Final = ("trc.stdlib_tasks.duckdb_sql.run", "trc.runtime.taskside", "trc.cli.lsp", "trc.lsp")
"""What runs in workers alone, or is a server."""

IMPORTED_LATE: Final = ("lark.lark", "lark.lexer", "lark.parsers.lalr_parser", "_duckdb")
"""What functions import where they need it; of DuckDB not `duckdb`, which starts a thread that would be missing in a fork."""

LARGEST: Final = 1 << 17


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Commands:
    """Starts commands, of which it keeps the process that they are forked from."""

    def __init__(self) -> None:
        self.is_cold = False
        self._parent: tuple[subprocess.Popen[bytes], socket.socket] | None = None

    def run(
        self, arguments: Sequence[str], folder: Path, environ: Mapping[str, str] | None = None, *, merged: bool = False
    ) -> Done:
        """Runs `trc` to its end; with `merged`, what it says on both streams is in `out`, in the order it was said."""
        environ = {**os.environ, **(environ or {})}
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            streams = out, out if merged else err
            # An option of the interpreter has its effect where one starts.
            if self.is_cold or _options(environ) != OPTIONS:
                code = subprocess.run(
                    [*TRC, *arguments], cwd=folder, env=environ, timeout=DEADLINE, check=False,
                    stdin=subprocess.DEVNULL, stdout=streams[0], stderr=streams[1],
                ).returncode  # fmt: skip
            else:
                code = self._fork(arguments, folder, environ, streams)
            return Done(code, _text(out), _text(err))

    def close(self) -> None:
        """Ends the process that commands are forked from."""
        if self._parent is not None:
            process, line = self._parent
            line.close()
            process.wait(DEADLINE)
            self._parent = None

    def _fork(
        self, arguments: Sequence[str], folder: Path, environ: Mapping[str, str], streams: tuple[Any, Any]
    ) -> int:
        process, line = self._parent or self._start()
        order = json.dumps([list(arguments), str(folder), dict(environ)]).encode()
        with Path(os.devnull).open("rb") as nothing:
            socket.send_fds(line, [order], [nothing.fileno(), *(stream.fileno() for stream in streams)])
        try:
            return int(line.recv(64) or b"-1")
        except TimeoutError:
            process.kill()
            self.close()
            raise

    def _start(self) -> tuple[subprocess.Popen[bytes], socket.socket]:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(DEADLINE)
        with theirs:
            fd = theirs.fileno()
            process = subprocess.Popen([sys.executable, __file__, str(fd)], pass_fds=[fd], stdin=subprocess.DEVNULL)
        self._parent = process, ours
        return self._parent


def _options(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name.startswith("PYTHON")}


OPTIONS: Final = _options(os.environ)
COMMANDS: Final = Commands()


def _text(file: Any) -> str:
    file.seek(0)
    return str(file.read().decode().replace("\r\n", "\n"))


def _import_all() -> None:
    for module in pkgutil.walk_packages(trc.__path__, "trc."):
        if not module.name.startswith(LEFT_OUT) and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for name in IMPORTED_LATE:
        importlib.import_module(name)
    for model in _models(BaseModel):
        model.model_rebuild()


def _models(base: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """Those that are derived from it: each is built when it is used first."""
    for one in base.__subclasses__():
        yield one
        yield from _models(one)


def _serve(line: socket.socket) -> None:
    """Forks for each order; returns, in a fork, when that is to be the command, and never in the parent."""
    while True:
        order, streams, _, _ = socket.recv_fds(line, LARGEST, 3)
        if not order:
            sys.exit()
        child = os.fork()
        if child == 0:
            line.close()
            arguments, folder, environ = json.loads(order)
            for number, stream in enumerate(streams):
                os.dup2(stream, number)
                os.close(stream)
            os.chdir(folder)
            os.environ.clear()
            os.environ.update(environ)
            sys.argv = ["trc", *arguments]
            sys.path[0] = folder
            return
        for stream in streams:
            os.close(stream)
        line.send(str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])).encode())


def _command() -> int:
    """Runs `trc`; answers the exit code that Python would end with."""
    try:
        runpy.run_module("trc", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return (end.code or 0) & 0xFF
        sys.stderr.write(f"{end.code}\n")
        return 1
    except BaseException:  # noqa: BLE001 - as at the end of any program
        sys.excepthook(*cast("Any", sys.exc_info()))
        return 1
    return 0


def _end(code: int) -> NoReturn:
    """Ends the process as Python does: threads are awaited, what is registered is called, and nothing printed is lost."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        code = code or 120
    os._exit(code)


if __name__ == "__main__":
    _import_all()
    gc.freeze()
    _serve(socket.socket(fileno=int(sys.argv[1])))
    _end(_command())
