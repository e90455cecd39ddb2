"""trc as it is installed here, as a wheel: the same bytes for the same files."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

import trc
from trc.compiler.environments.requirement import read_requirement

DISTRIBUTION: Final = "trc-pipelines"
_STEM = "trc_pipelines"
_OLDEST = (1980, 1, 1, 0, 0, 0)
_EXTRAS: Final = ("aws", "docker", "environments", "otel", "postgres", "s3")
"""What runs may need; the others are for whoever writes pipelines."""


def wheel() -> tuple[str, bytes]:
    """Its name and its content."""
    found = distribution(DISTRIBUTION)
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
    todo = [DISTRIBUTION]
    wanted = extras()
    while todo:
        name = todo.pop()
        for asked in _requirements(name, wanted if name == DISTRIBUTION else ()):
            try:
                version = distribution(asked).version
            except PackageNotFoundError:  # for another platform, or not installed here
                continue
            if asked not in versions:
                versions[asked] = version
                todo.append(asked)
    return "".join(f"{name}=={version}\n" for name, version in sorted(versions.items()))


def extras() -> tuple[str, ...]:
    """The extras of trc that are installed here as a whole, of those that runs may need."""
    return tuple(one for one in _EXTRAS if all(map(_is_installed, _requirements(DISTRIBUTION, (one,), alone=True))))


def _is_installed(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True


def _requirements(name: str, wanted: Sequence[str], *, alone: bool = False) -> Iterator[str]:
    """The packages that one asks for, with these extras; or what these extras alone ask for."""
    for text in distribution(name).requires or ():
        package, _, marker = text.partition(";")
        marker = marker.replace("'", '"')
        is_extra = any(f'extra == "{one}"' in marker for one in wanted)
        if is_extra or ("extra" not in marker and not alone):
            yield _package(package)


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
