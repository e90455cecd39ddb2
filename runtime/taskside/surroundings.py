"""What one attempt sees of its process, put back afterwards: variables, folder, search path."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator, Mapping


@contextlib.contextmanager
def surroundings(folder: str, variables: Mapping[str, str]) -> Iterator[None]:
    """Works in `folder` with `variables` set. Raises OSError where the folder cannot be entered."""
    before = _variables()
    path, argv = list(sys.path), list(sys.argv)
    here = _current_folder()
    mask = os.umask(0o022)
    os.umask(mask)
    try:
        os.chdir(folder)
        if variables:
            _set_variables({**before, **{os.fsencode(name): os.fsencode(value) for name, value in variables.items()}})
        yield
    finally:
        _set_variables(before)
        sys.path[:], sys.argv[:] = path, argv
        os.umask(mask)
        with contextlib.suppress(OSError):
            os.chdir(here)


def _variables() -> dict[bytes, bytes]:
    # Its public views decode each name and value, which would cost more than a small task.
    return dict(os.environ._data)  # type: ignore[attr-defined]  # noqa: SLF001


def _current_folder() -> str:
    try:
        return os.getcwd()
    except FileNotFoundError:
        return "/"


def _set_variables(wanted: Mapping[bytes, bytes]) -> None:
    present = _variables()
    if present == wanted:
        return
    for name in present.keys() - wanted.keys():
        del os.environb[name]
    for name, value in wanted.items():
        if present.get(name) != value:
            os.environb[name] = value
    if present.get(b"TZ") != wanted.get(b"TZ"):
        time.tzset()
