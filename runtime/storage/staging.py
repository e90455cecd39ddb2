"""Where attempts write until they are published, and the step that publishes."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import stat
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from zlib import crc32

from trc.compiler.ir.uris import is_remote
from trc.runtime.folders import STATE_FOLDER
from trc.runtime.storage.errors import PublishError, unpublishable

_PLAIN_NAME = re.compile(r"\w[\w.]{0,80}", re.ASCII)
_PLAIN_SUFFIX = re.compile(r"(\.\w{1,16}){0,2}", re.ASCII)
_SPREAD = 16
_DIGITS = frozenset("0123456789abcdef")
_SPILLED = re.compile(r"(?:spill|fetched)-(\d+)(?:-\w+)?", re.ASCII)
# A folder of that name, or a file system without links, or one that is another than where files are staged.
_NO_LINKS = frozenset({errno.EPERM, errno.EXDEV, errno.ENOTSUP, errno.EMLINK, errno.EACCES})
_COMPRESSIONS = frozenset({".gz", ".zst", ".bz2", ".xz", ".lz4", ".br", ".snappy"})


class Staging:
    """Staged files lie under `<state>/staging`, or beside their final place if that is on another file system.

    The folders of the second kind are noted in `<state>/staging-elsewhere`, so that they can be swept.
    Attempts spread over folders of one hexadecimal digit: who makes or moves a file locks its folder, and
    workers and driver would wait for each other's at every turn.
    """

    def __init__(self, state: Path) -> None:
        self._here = state / "staging"
        self._elsewhere = state / "staging-elsewhere"
        self._folders: dict[tuple[str, str], str] = {}

    def path(self, final: str | None, token: str, name: str) -> str:
        suffix = "" if final is None else _suffix(final)
        plain = name if _PLAIN_NAME.fullmatch(name) else sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        suffix = "" if plain.endswith(suffix) else suffix
        return os.path.join(self._folder(final, token), f"{token}-{plain}{suffix}")  # noqa: PTH118 - text in, text out

    def publish(self, staged: str, final: str) -> None:
        _require_file(staged)
        self._put(staged, final)

    def publish_all(self, files: Sequence[tuple[str, str]]) -> None:
        for staged, _ in files:
            _require_file(staged)
        if len(files) == 1:
            self._put(*files[0])
            return
        done: list[tuple[str, str | None]] = []
        aside: list[str] = []
        try:
            for staged, final in files:
                before = self._keep_aside(staged, final)
                if before is not None:
                    aside.append(before)
                self._put(staged, final)
                done.append((final, before))
        except BaseException:
            for final, before in reversed(done):
                _put_back(final, before)
            raise
        finally:
            for before in aside:
                self.discard(before)

    def _keep_aside(self, staged: str, final: str) -> str | None:
        """A second name for the file that is to be replaced, or None where there is none."""
        before = f"{staged}.before"
        try:
            self._name_aside(final, before)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise unpublishable(error, final) from error
        return before

    def _name_aside(self, final: str, before: str) -> None:
        try:
            os.link(final, before, follow_symlinks=False)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            shutil.copy2(final, before, follow_symlinks=False)

    def discard(self, staged: str) -> None:
        _remove(Path(staged))

    def sweep(self, alive: Callable[[], Collection[str]]) -> None:
        staged = self.leftovers(())
        # An attempt is recorded before it stages anything: who is asked now knows of all whose files were seen.
        tokens = frozenset(alive()) if staged else frozenset[str]()
        for path in staged:
            if not any(start in tokens for start in _starts(os.path.basename(path))):  # noqa: PTH119 - as above
                _remove(Path(path))

    def leftovers(self, tokens_alive: Collection[str]) -> list[str]:
        """What is staged, and of no attempt that lives."""
        alive = frozenset(tokens_alive)
        return [path for folder in (str(self._here), *self._noted()) for path in _left(folder, alive)]

    def _folder(self, final: str | None, token: str) -> str:
        where = None if final is None or is_remote(final) else final.rpartition("/")[0] or "/"
        place = (where or "", f"{crc32(token.encode('utf-8', 'surrogatepass')) % _SPREAD:x}")
        known = self._folders.get(place)
        if known is None:
            known = self._folders[place] = self._choose(where, place[1])
        return known

    def _choose(self, where: str | None, digit: str) -> str:
        try:
            self._here.mkdir(parents=True, exist_ok=True)
            is_here = where is None or self._here.stat().st_dev == _device(Path(where))
            folder = Path(self._here if is_here or where is None else self._beside(where), digit)
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise unpublishable(error, where or str(self._here)) from error
        return str(folder)

    def _beside(self, where: str) -> str:
        """The staging folder on the file system of `where`, made and noted."""
        folder = Path(where, STATE_FOLDER, "staging")
        folder.mkdir(parents=True, exist_ok=True)
        if str(folder) not in self._noted():
            self._elsewhere.parent.mkdir(parents=True, exist_ok=True)
            with self._elsewhere.open("a", encoding="ascii") as notes:
                notes.write(json.dumps(str(folder)) + "\n")
        return str(folder)

    def _noted(self) -> list[str]:
        try:
            lines = self._elsewhere.read_text(encoding="ascii").splitlines()
        except FileNotFoundError:
            return []
        return list(_texts(lines))

    def _put(self, staged: str, final: str) -> None:
        try:
            self._replace(staged, final)
        except OSError as error:
            raise unpublishable(error, final) from error

    def _replace(self, staged: str, final: str) -> None:
        try:
            self._move(staged, final)
        except FileNotFoundError:
            # The folder is there as a rule, so it is made only when it turns out to be missing.
            Path(final).parent.mkdir(parents=True, exist_ok=True)
            self._move(staged, final)

    def _move(self, staged: str, final: str) -> None:
        try:
            os.replace(staged, final)  # noqa: PTH105 - text in, text out
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            self._copy(staged, final)

    def _copy(self, staged: str, final: str) -> None:
        """Two mounts can be one device and yet refuse to rename: copied beside the place, then renamed."""
        beside = Path(self._beside(str(Path(final).parent)), Path(staged).name)
        try:
            shutil.copyfile(staged, beside)
            shutil.copymode(staged, beside)
            beside.replace(final)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
        with suppress(FileNotFoundError):
            Path(staged).unlink()


def _put_back(final: str, before: str | None) -> None:
    # Whoever undoes has an error to tell already; what cannot be put back is seen at the next run by its digest.
    with suppress(OSError):
        if before is None:
            os.unlink(final)  # noqa: PTH108 - text in, text out
        else:
            os.replace(before, final)  # noqa: PTH105


def _require_file(staged: str) -> None:
    try:
        mode = os.lstat(staged).st_mode
    except FileNotFoundError as error:
        raise PublishError(f'the file "{staged}" is gone before it was published') from error
    if stat.S_ISDIR(mode):
        raise PublishError(f'a folder was written to "{staged}", where one file was to be')
    if not stat.S_ISREG(mode):
        raise PublishError(f'what was written to "{staged}" is not a file of its own')


def _device(folder: Path) -> int:
    """The file system that a folder is or will be made on."""
    for place in (folder, *folder.parents):
        with suppress(FileNotFoundError):
            return place.stat().st_dev
    raise FileNotFoundError(folder)


def _suffix(final: str) -> str:
    """What writers guess format and compression from, such as `.parquet` or `.csv.gz`."""
    name = os.path.basename(final)  # noqa: PTH119 - a Path costs ten times as much
    suffixes = [] if name.endswith(".") else [f".{one}" for one in name.lstrip(".").split(".")[1:]]
    kept = suffixes[-2:] if suffixes and suffixes[-1].lower() in _COMPRESSIONS else suffixes[-1:]
    suffix = "".join(kept)
    return suffix if _PLAIN_SUFFIX.fullmatch(suffix) else ""


def _left(folder: str, alive: frozenset[str]) -> Iterator[str]:
    try:
        names = os.listdir(folder)  # noqa: PTH208 - names are what is asked for
    except (FileNotFoundError, NotADirectoryError):
        return
    for name in names:
        inner = os.path.join(folder, name)  # noqa: PTH118 - as above
        # A link would lead to files that are not ours: it is left over like any other.
        if name in _DIGITS and not os.path.islink(inner):  # noqa: PTH114
            yield from _left(inner, alive)
        elif not _is_spilling(name) and not any(start in alive for start in _starts(name)):
            yield inner


def _is_spilling(name: str) -> bool:
    """Whether a process that may live keeps there what does not fit into its memory, or what it fetched."""
    spilled = _SPILLED.fullmatch(name)
    if spilled is None:
        return False
    try:
        os.kill(int(spilled[1]), 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _starts(name: str) -> Iterator[str]:
    """What may be the token in a staged file's name: it ends before a dash, and may hold some."""
    place = name.find("-")
    while place >= 0:
        yield name[:place]
        place = name.find("-", place + 1)


def _remove(staged: Path) -> None:
    # Another command may sweep at the same time, and what cannot be removed harms nobody.
    with suppress(OSError):
        if staged.is_dir() and not staged.is_symlink():
            shutil.rmtree(staged)
        else:
            staged.unlink()


def _texts(lines: list[str]) -> Iterator[str]:
    for line in lines:
        # A line that was cut short by a crash names no folder that anything was staged in.
        with suppress(ValueError):
            text = json.loads(line)
            if isinstance(text, str):
                yield text
