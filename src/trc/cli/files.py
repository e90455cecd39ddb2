"""Files that commands write: whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import click


def write_whole(path: Path, text: str) -> None:
    """Writes a file beside its place and renames it: a reader sees the old text or the new."""
    place = path.resolve()
    if place.exists() and not place.is_file():
        _write(place, text, "w")  # a pipe or a device: there is nothing to rename over, or a folder: refused
        return
    staged = place.with_name(f".{place.name}.{os.getpid()}.part")
    try:
        _write(staged, text, "w", path)
        staged.replace(place)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        staged.unlink(missing_ok=True)


def create_all(folder: Path, files: Mapping[str, str]) -> None:
    """Writes new files below a folder; if one of them is there already, none is written."""
    there = [f'"{folder / name}"' for name in files if os.path.lexists(folder / name)]
    if there:
        raise click.ClickException(f"nothing was written, so as not to overwrite {', '.join(there)}")
    for name, text in files.items():
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unwritable(path.parent, error) from error
        _write(path, text, "x")


def _write(path: Path, text: str, mode: str, meant: Path | None = None) -> None:
    """Writes a file; where that fails, the one that is told is the one that was `meant`."""
    try:
        with path.open(mode, encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise _unwritable(meant or path, error) from error


def _unwritable(path: Path, error: OSError) -> click.ClickException:
    return click.ClickException(f'"{path}" cannot be written: {(error.strerror or str(error)).lower()}')
