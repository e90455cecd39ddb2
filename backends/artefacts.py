"""Writes what a backend deploys into a folder: whole or not at all, and nothing but that."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from trc.runtime.errors import stopped

MANIFEST = "artefacts.json"


def write(folder: Path, artefacts: Mapping[str, bytes]) -> tuple[Path, ...]:
    """Makes `folder` hold these files and a manifest; answers their paths, in order of their names.

    What an earlier call wrote is replaced. A folder that holds anything else is left as it is: Stopped.
    """
    _refuse_others(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        new, old = aside / "new", aside / "old"
        for name, content in {**artefacts, MANIFEST: _manifest(artefacts)}.items():
            path = new / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        if folder.exists():
            folder.rename(old)
        new.rename(folder)
    finally:
        shutil.rmtree(aside)
    return tuple(folder / name for name in sorted(artefacts))


def _manifest(artefacts: Mapping[str, bytes]) -> bytes:
    digests = {name: "sha256:" + sha256(artefacts[name]).hexdigest() for name in sorted(artefacts)}
    return (json.dumps(digests, indent=2) + "\n").encode()


def _refuse_others(folder: Path) -> None:
    if folder.is_dir() and not folder.is_symlink():
        written = {MANIFEST, *_written(folder)}
        held = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())
        other = next((name for name in sorted(held) if name not in written), None)
        if other is None:
            return
        found = f'it holds "{other}", which trc did not write'
    elif folder.exists() or folder.is_symlink():
        found = "it is not a folder"
    else:
        return
    raise stopped(
        "TRC611", f'the artefacts cannot be written to "{folder}": {found}', "name a folder that is for them alone"
    )


def _written(folder: Path) -> set[str]:
    try:
        return set(json.loads((folder / MANIFEST).read_bytes()))
    except (OSError, ValueError, TypeError):
        return set()
