"""Runs the Python file that builds a pipeline: in a process of its own, bounded, and without the caller's secrets."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import trc
from trc.compiler.context import Ran
from trc.runtime.taskside.records import record

SECONDS: Final = 10
MEMORY: Final = 1 << 30
LONGEST_ANSWER: Final = 64 << 20
_GRACE: Final = 5
"""How many seconds the process gets to end its children, before it is ended itself."""
_MOST_PRINTED: Final = 64 << 10
_HOME: Final = str(Path(trc.__file__).parent.parent)
_BOOTSTRAP: Final = (
    "import sys; sys.path.insert(0, sys.argv[1]); from trc.authoring.process import main; "
    "del sys.path[0]; sys.path.append(sys.argv[1]); main(*sys.argv[2:4], *map(int, sys.argv[4:]))"
)


@record(frozen=True, slots=True)
class PythonProcess:
    """Runs files with `environ` for all that they see of the caller's variables.

    What a set yields, and in which order, is the same each time. The process bounds its own time, ends what
    it started and dies with this one; it is ended from here if it does not.
    """

    environ: Mapping[str, str]
    seconds: int = SECONDS
    memory: int = MEMORY

    def run(self, file: Path, project: Path) -> Ran:
        folder = project.resolve()
        answer, theirs = os.pipe2(os.O_CLOEXEC)
        try:
            process = self._start(str(folder), file.resolve().relative_to(folder).as_posix(), theirs)
        finally:
            os.close(theirs)
        try:
            return self._watched(process, answer)
        finally:
            _end(process)
            os.close(answer)
            if process.stdout is not None:
                process.stdout.close()

    def _start(self, project: str, file: str, answer: int) -> subprocess.Popen[bytes]:
        numbers = (answer, os.getpid(), self.seconds, self.memory)
        return subprocess.Popen(
            [sys.executable, "-P", "-s", "-c", _BOOTSTRAP, _HOME, project, file, *map(str, numbers)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(answer,),
            env={**self.environ, "PYTHONHASHSEED": "0"},
            cwd="/",
            start_new_session=True,
        )

    def _watched(self, process: subprocess.Popen[bytes], answer: int) -> Ran:
        assert process.stdout is not None
        printed = process.stdout.fileno()
        kept = {answer: bytearray(), printed: bytearray()}
        most = {answer: LONGEST_ANSWER + 1, printed: _MOST_PRINTED}
        deadline = time.monotonic() + self.seconds + _GRACE
        with selectors.DefaultSelector() as selector:
            for descriptor in kept:
                selector.register(descriptor, selectors.EVENT_READ)
            while selector.get_map():
                left = deadline - time.monotonic()
                if left <= 0:
                    return Ran("time", limit=str(self.seconds), printed=_text(kept[printed]))
                if len(kept[answer]) > LONGEST_ANSWER:
                    return Ran("size", limit=f"{LONGEST_ANSWER >> 20} MiB", printed=_text(kept[printed]))
                for key, _events in selector.select(left):
                    chunk = os.read(key.fd, 1 << 16)
                    kept[key.fd] += chunk[: most[key.fd] - len(kept[key.fd])]
                    if not chunk:
                        selector.unregister(key.fd)
        return self._ended(bytes(kept[answer]), _wait(process, deadline), _text(kept[printed]))

    def _ended(self, answer: bytes, code: int, printed: str) -> Ran:
        if code == 0 and answer:
            return Ran("answered", answer, printed=printed)
        if code == -signal.SIGALRM:
            return Ran("time", limit=str(self.seconds), printed=printed)
        if code < 0:
            return Ran("signal", code=-code, printed=printed)
        return Ran("exit", code=code, printed=printed)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Has the process end all that it started, and then itself; by force, if it does not."""
    process.terminate()
    try:
        process.wait(_GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait(process: subprocess.Popen[bytes], deadline: float) -> int:
    """The exit code of a process that is about to end; of one that does not, as if its time was over."""
    try:
        return process.wait(max(deadline - time.monotonic(), 0))
    except subprocess.TimeoutExpired:
        return -signal.SIGALRM


def _text(printed: bytes | bytearray) -> str:
    return printed.decode(errors="replace")
