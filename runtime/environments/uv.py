"""How uv is found, called and understood: it resolves packages, finds Pythons and builds environments."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from trc.runtime.taskside.records import record

INSTALL: Final = "install it: pip install 'trc-pipelines[environments]'"
_NOT_PASSED: Final = frozenset(
    {
        "VIRTUAL_ENV", "CONDA_PREFIX", "UV_PYTHON", "UV_SYSTEM_PYTHON", "UV_PROJECT_ENVIRONMENT", "UV_CONSTRAINT",
        "UV_OVERRIDE", "UV_BUILD_CONSTRAINT", "UV_REQUIRE_HASHES", "UV_PRERELEASE", "UV_RESOLUTION", "UV_TORCH_BACKEND",
        "UV_NO_DEPS", "UV_VENV_CLEAR", "UV_VENV_SEED", "UV_VENV_RELOCATABLE", "UV_COMPILE_BYTECODE", "UV_PROJECT",
    }
)  # fmt: skip
"""Variables of uv that would make something else of the same wishes. Where packages come from is for the user to say."""
_UNREACHABLE: Final = re.compile(
    r"error sending request|dns error|network was disabled|connection (?:refused|reset)|timed out|http status|request failed",
    re.IGNORECASE,
)
_PASSWORD: Final = re.compile(r"://[^/\s@]*@")
_BEGINS: Final = re.compile(r"\s*(?:\u00d7|[\u251c\u2570]\u2500\u25b6|(?:error|cause|hint|warning):)\s*")
"""Before a sentence, in either of the forms in which uv prints them; one of them is cut into lines of a width."""
_NOISE: Final = re.compile(
    r",? we can conclude that your requirements are unsatisfiable| for split \(markers: [^)]*\)|^(?:error|hint): "
)
_NOT_TOLD: Final = ("No solution found when resolving", "While the active Python version is")
"""Lines about how uv was called, which is not the reader's doing."""


@record(frozen=True, slots=True)
class Answer:
    """How a call of uv ended; `told` is what it said of a failure, in lines."""

    code: int
    out: str
    told: tuple[str, ...]

    @property
    def is_unreachable(self) -> bool:
        """Whether it failed because the network, or the index, does not answer."""
        return any(_UNREACHABLE.search(line) for line in self.told)


class NoUv(Exception):  # noqa: N818 - a fact of this machine
    """There is no uv to call."""


def find_uv() -> str:
    """The uv that was installed with trc, else one on the PATH. Raises `NoUv`."""
    if find_spec("uv") is not None:
        package: Any = import_module("uv")
        try:
            return str(package.find_uv_bin())
        except FileNotFoundError:
            pass
    found = shutil.which("uv")
    if found is None:
        raise NoUv(INSTALL)
    return found


def environment_of_uv(environ: Mapping[str, str]) -> dict[str, str]:
    """The caller's variables, without those that would change what is asked for."""
    return {name: value for name, value in environ.items() if name not in _NOT_PASSED}


def call_uv(
    arguments: Sequence[str],
    environ: Mapping[str, str],
    folder: Path,
    running: set[subprocess.Popen[str]] | None = None,
) -> Answer:
    """Calls uv in a folder, to its end; meanwhile its process is among those that are `running`.

    Nothing that a pipeline says is ever among the arguments. Raises `NoUv`.
    """
    with subprocess.Popen(
        [find_uv(), *arguments, "--color", "never", "--no-progress"],
        cwd=folder,
        env=environment_of_uv(environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    ) as process:
        if running is not None:
            running.add(process)
        try:
            out, err = process.communicate()
        finally:
            if running is not None:
                running.discard(process)
    return Answer(process.returncode, out, () if process.returncode == 0 else told_by(err))


def told_by(stderr: str) -> tuple[str, ...]:
    """What uv says of a failure, a sentence each, without its decorations and without credentials."""
    sentences: list[str] = []
    goes_on = False
    for line in _PASSWORD.sub("://", stderr).splitlines():
        begun = _BEGINS.sub("", line) if _BEGINS.match(line) else line.strip().removeprefix("\u2502").strip()
        if goes_on and not _BEGINS.match(line) and begun:
            sentences[-1] += f" {begun}"
        elif begun:
            sentences.append(begun)
        goes_on = bool(begun)
    told = (_NOISE.sub("", one).strip() for one in sentences)
    return tuple(one for one in told if one and not one.startswith(_NOT_TOLD))
