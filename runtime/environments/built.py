"""Environments as they lie on this machine: built once from what is locked, shared by whoever runs the same."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final

from trc.compiler.environments.lockfile import LOCK_FILE, Unreadable, read_lock
from trc.compiler.environments.wanted import Locked, LockedEnvironment
from trc.runtime.environments.bundle import digest_of, task_side
from trc.runtime.environments.pythons import find_python, how_to_get
from trc.runtime.environments.uv import Answer, NoUv, call_uv
from trc.runtime.taskside.records import record

_FOLDER: Final = "environments"
_LOCKS: Final = "locks"
_ASIDE: Final = ".new-"
"""What the name of a folder holds that is not finished: the next who builds there removes it."""
_STAMP: Final = "used"
_FULL: Final = re.compile(r"no space left on device|disk quota exceeded", re.IGNORECASE)
_REFUSED: Final = re.compile(r"permission denied \(os error 13\)|read-only file system", re.IGNORECASE)
AT_A_TIME: Final = max(2, os.cpu_count() or 2)
"""How many environments a run builds beside each other."""


class NotBuilt(Exception):  # noqa: N818 - a fact of this machine
    """An environment cannot be had here. `is_temporary` where it may be had another time."""

    def __init__(self, message: str, *, is_temporary: bool = False, reason: str = "environment") -> None:
        super().__init__(message)
        self.is_temporary = is_temporary
        self.reason = reason


@record(frozen=True, slots=True)
class Kept:
    """An environment on disk: how large it is, when it was used last, and whether it is in use now."""

    name: str
    python: str
    size: int
    used_at: float
    is_used: bool


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Where trc keeps what is not a project's own: TRC_CACHE, else `trc` in the user's cache folder."""
    given = environ.get("TRC_CACHE")
    if given:
        return Path(given)
    home = environ.get("XDG_CACHE_HOME") or f"{environ.get('HOME') or '/var/tmp'}/.cache"  # noqa: S108 - where nobody has a home
    return Path(home) / "trc"


def locked_environment(project: str, digest: str) -> LockedEnvironment:
    """The environment of that digest in a project's lock file. Raises `NotBuilt` where it is gone."""
    try:
        lock = read_lock((Path(project) / LOCK_FILE).read_bytes())
    except (OSError, Unreadable) as error:
        raise NotBuilt(f'"{LOCK_FILE}" cannot be read: {error}') from error
    found = next((one for one in lock.values() if one.digest == digest), None)
    if found is None:
        raise NotBuilt(f'"{LOCK_FILE}" changed since the run began: run it again')
    return found


class Environments:
    """The environments under a cache folder. Those that were asked for stay in use until `close`."""

    def __init__(self, cache: Path, environ: Mapping[str, str]) -> None:
        self._folder = cache / _FOLDER
        self._environ = environ
        self._held: list[int] = []
        self._running: set[subprocess.Popen[str]] = set()

    def ready(
        self, project: str, digest: str, begun: Callable[[LockedEnvironment], None] = lambda _locked: None
    ) -> Path:
        """The interpreter of an environment, which is built if it is not there: `begun` is told so. Raises `NotBuilt`.

        Whoever else wants to build it waits; nobody sees it before it is whole.
        """
        locked = locked_environment(project, digest)

        def build(folder: Path) -> None:
            begun(locked)
            self._build(locked, folder)

        try:
            return self._made_once(name_of(locked), "bin/python", build)
        except NoUv as error:
            raise NotBuilt(
                f"uv is not installed, which builds environments\n{error}", reason="environment_uv"
            ) from error

    def task_side(self) -> Path:
        """The folder that processes in environments find trc's task side in. Raises `NotBuilt`."""
        files = task_side()
        name = f"task-side-{digest_of(files)[:24]}"
        return self._made_once(name, "trc/__init__.py", partial(_write, files)).parents[1]

    def bytecode(self, image: str, compiled: Callable[[Path], None]) -> Path:
        """The folder with the bytecode that processes of an image begin with, which `compiled` writes into it once. Raises `NotBuilt`.

        `image` tells the image and the task side apart from others: 48 hexadecimal digits.
        """
        return self._made_once(f"bytecode-{image}", _STAMP, compiled).parent

    def close(self) -> None:
        """Ends what is being built, and lets go of all that is in use."""
        for process in list(self._running):
            process.kill()
        while self._held:
            os.close(self._held.pop())

    def kept(self) -> Iterator[Kept]:
        """What there is, by name."""
        for folder in sorted(self._folders()):
            with suppress(FileNotFoundError):
                used_at = (folder / _STAMP).stat().st_mtime
                python = folder.name.partition("-py")[2]
                yield Kept(folder.name, python, _size(folder), used_at, not self._try(folder.name, lambda: None))

    def collect(self, age: float, *, dry: bool = False) -> tuple[Kept, ...]:
        """Removes what nobody has used for `age` seconds, and what was left unfinished; answers what there was of it."""
        gone = []
        for one in list(self.kept()):
            folder = self._folder / one.name
            if one.used_at > time.time() - age or one.is_used:
                continue
            if dry or self._try(one.name, partial(_remove, folder)):
                gone.append(one)
        if not dry:
            for aside in self._folder.glob(f"*{_ASIDE}*"):
                self._try(aside.name.partition(_ASIDE)[0], partial(_remove, aside))
        return tuple(gone)

    def _made_once(self, name: str, sign: str, make: Callable[[Path], None]) -> Path:
        """What is at `sign` in a folder, which is made aside and put in its place as a whole where it is not there."""
        place = self._folder / name
        try:
            self._hold(name)
            if not os.access(place / sign, os.R_OK):
                with self._locked(f"{name}.build"):
                    if not os.access(place / sign, os.R_OK):
                        self._make(place, make)
            os.utime(place / _STAMP)
        except OSError as error:
            raise _not_written(self._folder, error.errno == errno.ENOSPC, str(error)) from error
        return place / sign

    def _make(self, place: Path, make: Callable[[Path], None]) -> None:
        for left in self._folder.glob(f"{place.name}{_ASIDE}*"):
            _remove(left)
        aside = Path(tempfile.mkdtemp(prefix=f"{place.name}{_ASIDE}", dir=self._folder))
        try:
            make(aside)
            (aside / _STAMP).touch()
            aside.chmod(0o755)
            # What is there is of no use any more: the interpreter that it was built on was removed.
            _remove(place)
            aside.rename(place)
        except BaseException:
            _remove(aside)
            raise

    def _folders(self) -> Iterator[Path]:
        with suppress(FileNotFoundError):
            for one in self._folder.iterdir():
                if one.is_dir() and one.name != _LOCKS and _ASIDE not in one.name:
                    yield one

    def _hold(self, name: str) -> None:
        """Marks an environment as in use, until this process lets go of it or ends."""
        descriptor = self._opened(f"{name}.use")
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        self._held.append(descriptor)

    @contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        descriptor = self._opened(name)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _try(self, name: str, action: Callable[[], None]) -> bool:
        """Does something to an environment if nobody uses it; who wants to use it meanwhile waits."""
        descriptor = self._opened(f"{name}.use")
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        else:
            action()
            return True
        finally:
            os.close(descriptor)

    def _opened(self, name: str) -> int:
        folder = self._folder / _LOCKS
        folder.mkdir(parents=True, exist_ok=True)
        return os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)

    def _build(self, locked: LockedEnvironment, folder: Path) -> None:
        interpreter = find_python(locked.python, self._environ)
        if interpreter is None:
            message = f"there is no Python {locked.python} on this machine\n{how_to_get(locked.python)}"
            raise NotBuilt(message, reason="environment_python")
        self._call(
            "venv", "--quiet", "--no-project", "--relocatable", "--allow-existing", "--python", interpreter, str(folder)
        )
        requirements = folder / "locked.txt"
        requirements.write_text("".join(map(_line, locked.packages)))
        self._call(
            "pip", "sync", "--quiet", "--require-hashes", "--no-build", "--no-python-downloads",
            "--allow-empty-requirements", "--python", str(folder / "bin" / "python"), str(requirements),
        )  # fmt: skip

    def _call(self, *arguments: str) -> None:
        answer = call_uv(arguments, self._environ, Path("/"), self._running)
        if answer.code != 0:
            raise _not_built(answer, self._folder)


def name_of(locked: LockedEnvironment) -> str:
    """What the folder of an environment is called: equal for equal environments, on machines of one kind."""
    kind = os.uname()
    return f"{locked.digest[:24]}-{kind.sysname.lower()}-{kind.machine}-py{locked.python}"


def _line(one: Locked) -> str:
    marker = f" ; {one.marker}" if one.marker else ""
    return f"{one.name}=={one.version}{marker}{''.join(f' --hash={value}' for value in one.hashes)}\n"


def _not_built(answer: Answer, folder: Path) -> NotBuilt:
    told = "\n".join(answer.told) or "uv gave no reason"
    if _FULL.search(told) or _REFUSED.search(told):
        return _not_written(folder, _FULL.search(told) is not None, told)
    if answer.is_unreachable:
        message = f"the environment cannot be built: the package index cannot be reached\n{told}"
        return NotBuilt(message, is_temporary=True, reason="environment_index")
    return NotBuilt(f"the environment cannot be built: {told}")


def _not_written(folder: Path, is_full: bool, told: str) -> NotBuilt:
    elsewhere = "TRC_CACHE names another folder for environments, and UV_CACHE_DIR one for what uv fetches"
    if is_full:
        message = f'the environment cannot be built: there is no room left for it in "{folder}"'
        remedy = f"`trc env gc` removes those that no run has used for 30 days; {elsewhere}"
        return NotBuilt(f"{message}\n{told}\n{remedy}", is_temporary=True, reason="environment_disk")
    message = f'the environment cannot be built: "{folder}" cannot be written'
    return NotBuilt(f"{message}\n{told}\n{elsewhere}", is_temporary=True, reason="environment_folder")


def _write(files: Mapping[str, bytes], folder: Path) -> None:
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)


def _size(folder: Path) -> int:
    total = 0
    for place, _, files in os.walk(folder):
        for name in files:
            with suppress(OSError):
                total += os.lstat(f"{place}/{name}").st_size
    return total


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
