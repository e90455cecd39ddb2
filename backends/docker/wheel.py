"""trc as it is installed here, as a wheel: the same bytes for the same files."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import zipfile
from collections.abc import Iterator, Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import trc
from trc.compiler.environments.requirement import read_requirement

_NAME = "trc-pipelines"
_STEM = "trc_pipelines"
_OLDEST = (1980, 1, 1, 0, 0, 0)
_EXTRA = "docker"


def wheel() -> tuple[str, bytes]:
    """Its name and its content."""
    found = distribution(_NAME)
    info = f"{_STEM}-{found.version}.dist-info"
    files = {**_modules(Path(trc.__file__).parent), **_facts(found, info)}
    record = "".join(f"{path},{_digest(content)},{len(content)}\n" for path, content in sorted(files.items()))
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in sorted(files.items()):
            entry = zipfile.ZipInfo(path, _OLDEST)
            entry.external_attr = 0o100644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return f"{_STEM}-{found.version}-py3-none-any.whl", buffer.getvalue()


def constraints() -> str:
    """The versions of what trc stands on, as they are here: what runs there is what was tried here."""
    versions: dict[str, str] = {}
    todo = [_NAME]
    while todo:
        name = todo.pop()
        for asked in _requirements(name, _EXTRA if name == _NAME else ""):
            try:
                version = distribution(asked).version
            except PackageNotFoundError:  # for another platform, or not installed here
                continue
            if asked not in versions:
                versions[asked] = version
                todo.append(asked)
    return "".join(f"{name}=={version}\n" for name, version in sorted(versions.items()))


def _requirements(name: str, extra: str) -> Iterator[str]:
    for text in distribution(name).requires or ():
        wanted, _, marker = text.partition(";")
        if "extra" in marker and f'extra == "{extra}"' not in marker.replace("'", '"'):
            continue
        yield _package(wanted)


def _package(text: str) -> str:
    found = read_requirement(text)
    name = getattr(found, "name", "")
    assert name, f"installed packages have requirements that can be read: {text}"
    return str(name)


def _modules(package: Path) -> Mapping[str, bytes]:
    files = {}
    for folder, folders, names in os.walk(package, followlinks=True):
        folders[:] = sorted(one for one in folders if one != "__pycache__")
        for name in names:
            if not name.endswith((".pyc", ".pyo")):
                path = Path(folder, name)
                files[f"trc/{path.relative_to(package).as_posix()}"] = path.read_bytes()
    return files


def _facts(found: Distribution, info: str) -> Mapping[str, bytes]:
    metadata = found.read_text("METADATA") or ""
    # What README says is not for a machine that runs pipelines.
    head, _, _ = metadata.partition("\n\n")
    kind = "Wheel-Version: 1.0\nGenerator: trc\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    return {
        f"{info}/METADATA": f"{head}\n".encode(),
        f"{info}/WHEEL": kind.encode(),
        f"{info}/entry_points.txt": (found.read_text("entry_points.txt") or "").encode(),
    }


def _digest(content: bytes) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
