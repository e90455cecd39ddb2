"""Runs git on a bare repository of its own: no configuration, hook, credential or template of the user's account takes part."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import IO

from trc.runtime.taskside.errors import AttemptFailed
from trc.runtime.taskside.result import Failure

_SETTINGS = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.bigFileThreshold": "4m",
    "core.deltaBaseCacheLimit": "16m",
    "core.packedGitWindowSize": "1m",
    "core.packedGitLimit": "8m",
    "core.alternateRefsCommand": "",
    "pack.threads": "1",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "transfer.unpackLimit": "1",
    "fetch.recurseSubmodules": "false",
    "credential.helper": "",
    "http.proxy": "",
    "http.followRedirects": "false",
    "http.postBuffer": str(16 << 20),
    "protocol.allow": "never",
    "protocol.http.allow": "always",
    "advice.detachedHead": "false",
}
_SAID = 4096


class Git:
    """A bare repository in a folder that nothing else uses. Arguments are never read by a shell."""

    def __init__(self, folder: str) -> None:
        found = shutil.which("git")
        if found is None:
            message = 'there is no git here\ninstall it, or add "git" to the system_packages of the task\'s environment'
            raise failed(message)
        os.mkdir(folder, 0o700)
        self._git, self._folder = found, folder
        self.run("init", "--quiet", "--bare", "--template=", folder)

    def remote(self, name: str, url: str) -> None:
        """Names an address: other users of the machine see arguments, and not this file."""
        with open(os.path.join(self._folder, "config"), "a", encoding="utf-8") as file:
            file.write(f'[remote "{name}"]\n\turl = {url}\n')

    def run(self, *arguments: str, most: int = 1 << 20) -> bytes:
        """What it prints, of which there may not be more than `most` bytes. Raises GitFailed."""
        with self.printing(*arguments) as out:
            found = out.read(most + 1)
        if len(found) > most:
            raise failed(f'"git {arguments[0]}" tells more than {most:,} bytes')
        return found

    @contextmanager
    def printing(self, *arguments: str) -> Iterator[IO[bytes]]:
        """What it prints, as it comes; it is ended where nobody reads on. Raises GitFailed once all was read."""
        with self._started(arguments, subprocess.DEVNULL) as (process, said):
            assert process.stdout is not None
            yield process.stdout
            if process.stdout.read(1):
                return
            if process.wait():
                raise GitFailed(arguments[0], _last(said))

    @contextmanager
    def asking(self, *arguments: str) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
        """What takes its questions, and what has the answers."""
        with self._started(arguments, subprocess.PIPE) as (process, _):
            assert process.stdin is not None
            assert process.stdout is not None
            yield process.stdin, process.stdout

    @contextmanager
    def _started(self, arguments: Sequence[str], stdin: int) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
        """The process, and a file that takes what it says: a pipe would have to be read beside the other."""
        settings = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
        with tempfile.TemporaryFile(dir=self._folder) as said:
            process = subprocess.Popen(
                [self._git, f"--git-dir={self._folder}", *settings, *arguments],
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=said,
                cwd=self._folder,
                env=self._environment(),
            )
            try:
                yield process, said
            finally:
                process.kill()
                for pipe in (process.stdin, process.stdout):
                    if pipe is not None:
                        with suppress(OSError):
                            pipe.close()
                process.wait()

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": self._folder,
            "XDG_CONFIG_HOME": self._folder,
            "LC_ALL": "C",
            "TZ": "UTC",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "false",
            "GIT_ALLOW_PROTOCOL": "http",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_OPTIONAL_LOCKS": "0",
            "NO_PROXY": "*",
            "no_proxy": "*",
        }


class GitFailed(Exception):  # noqa: N818 - an outcome of a command
    """git ended with an error, of which `said` is the last line that it printed."""

    def __init__(self, command: str, said: str) -> None:
        super().__init__(f"git {command}: {said}")
        self.said = said


def failed(message: str) -> AttemptFailed:
    return AttemptFailed(Failure(message, "permanent", "git"))


def _last(said: IO[bytes]) -> str:
    """What it says of its failure."""
    size = said.seek(0, os.SEEK_END)
    said.seek(max(0, size - _SAID))
    lines = said.read().decode("utf-8", "replace").strip().splitlines()
    return next(
        (one for one in reversed(lines) if one.startswith(("fatal:", "error:"))),
        lines[-1] if lines else "it gave no reason",
    )
