"""Which files a path or glob names, by DuckDB's rules.

`*`, `?` and `[a-z]`, `[!a]` stay within one part of a path and match hidden names too; one part may
be `**`, any folders or none, through which symbolic links are not followed. DuckDB matches bytes,
and takes a backslash in a glob for a separator. A glob that matches nothing may be a file's name.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator

from trc.compiler.ir.uris import covers
from trc.runtime.folders import STATE_FOLDER
from trc.runtime.storage.errors import StorageError, unreadable

"""Folders of this name hold what is not yet published, and are never entered through a wildcard."""

_WILDCARD = re.compile(r"[*?\[]")
_SEPARATORS = re.compile(r"[/\\]+")


def is_glob(path: str) -> bool:
    """Whether DuckDB would look for files that match, not for one file."""
    return _WILDCARD.search(path) is not None


def list_files(uri: str) -> tuple[str, ...]:
    """The absolute paths of the files that a path or glob names, sorted, by DuckDB's rules.

    Raises `StorageError` for a folder that cannot be read, and for a name that no text can hold.
    """
    files = match_files(os.path.join(os.getcwd(), uri))  # noqa: PTH109, PTH118 - `..` and `//` are kept
    nameless = next((file for file in files if not file.isascii() and not _is_utf8(file)), None)
    if nameless is not None:
        raise StorageError(f'"{uri}" matches {nameless!a}, and a name that is not UTF-8 cannot be handed on')
    return files


def match_files(path: str) -> tuple[str, ...]:
    """The regular files that `path` names, sorted; raises `StorageError` for a folder that cannot be read."""
    if not is_glob(path):
        return (path,) if _is_file(path) else ()
    parts = [part for part in _SEPARATORS.split(path) if part]
    if parts.count("**") > 1:
        raise StorageError(f'"{path}" holds "**" more than once')
    # What matches is looked for once; a second way to a file (through a link's target) is another path.
    found = sorted(set(_matches("/" if path[0] in "/\\" else "", parts)))
    if not found and _is_file(path):
        return (path,)
    return tuple(found)


def _is_utf8(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _matches(start: str, parts: list[str]) -> Iterator[str]:
    """The files below `start` (a folder's name with its slash, or nothing) that the parts name."""
    met_wildcard = False
    places = [start]
    for number, part in enumerate(parts):
        is_last = number == len(parts) - 1
        met_wildcard = met_wildcard or is_glob(part)
        if part == "**":
            if is_last:
                yield from (file for place in places for file in _all_files(place))
                return
            places = [folder for place in places for folder in _all_folders(place)]
        elif is_glob(part):
            places = [name for place in places for name in _entries(place, part, folders=not is_last)]
        elif met_wildcard and part == STATE_FOLDER:
            return
        else:
            places = [place + part + ("" if is_last else "/") for place in places]
            if is_last:
                places = [place for place in places if _is_file(place)]
    yield from places


def _entries(place: str, part: str, *, folders: bool) -> Iterator[str]:
    """What lies directly in a folder and matches; folders with a slash at the end."""
    for entry in _scan(place):
        if not covers(part, entry.name):
            continue
        if folders:
            if entry.name != STATE_FOLDER and _is_dir(entry):
                yield place + entry.name + "/"
        elif _is_regular(entry):
            yield place + entry.name


def _all_folders(place: str) -> Iterator[str]:
    """The folder itself and those below it."""
    yield place
    for entry in _scan(place):
        if entry.name != STATE_FOLDER and entry.is_dir(follow_symlinks=False):
            yield from _all_folders(place + entry.name + "/")


def _all_files(place: str) -> Iterator[str]:
    """The files in the folder and below it; a `**` at the end takes no symbolic link for a file."""
    for entry in _scan(place):
        if entry.is_file(follow_symlinks=False):
            yield place + entry.name
        elif entry.name != STATE_FOLDER and entry.is_dir(follow_symlinks=False):
            yield from _all_files(place + entry.name + "/")


def _scan(place: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(place or ".") as entries:
            return list(entries)
    except (FileNotFoundError, NotADirectoryError):
        # It was removed since, or never was a folder: nothing lies in it.
        return []
    except OSError as error:
        raise unreadable(error, place) from error


def _is_dir(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _is_regular(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:
        return False


def _is_file(path: str) -> bool:
    try:
        return stat.S_ISREG(os.stat(path).st_mode)  # noqa: PTH116 - a path object for each file costs more than the call
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise unreadable(error, path) from error
    except ValueError:
        # A path that holds a zero byte names nothing.
        return False
