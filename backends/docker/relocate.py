"""Copies the Python that runs this into a folder that works wherever it is put, with the libraries that it is linked with.

    python3 relocate.py FOLDER

It runs while an image is built: trc's own Python is then of use in images that have none, or another. The C library
is the image's: nothing older than the one of this image will do. The program `patchelf` has the copy look for its libraries beside it.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from pathlib import Path

_OF_SYSTEM = re.compile(
    r"(?:ld-linux.*|ld64|linux-vdso|libc|libm|libdl|libpthread|librt|libutil|libresolv|libcrypt)\.so"
)
"""The C library and its loader, which come together or not at all."""
_LEFT_OUT = ("__pycache__", "site-packages", "dist-packages", "test", "idlelib", "tkinter", "turtledemo", "config-*")


def relocate(folder: Path) -> None:
    """Makes `folder/bin/python3` and all that it needs."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    library, program = folder / "lib" / version, folder / "bin" / version
    program.parent.mkdir(parents=True)
    shutil.copytree(sysconfig.get_path("stdlib"), library, symlinks=True, ignore=shutil.ignore_patterns(*_LEFT_OUT))
    shutil.copy2(Path(sys.executable).resolve(), program)
    (folder / "bin/python3").symlink_to(version)
    modules = list(library.glob("lib-dynload/*.so"))
    for one in _libraries([program, *modules]):
        shutil.copy2(one, folder / "lib" / one.name)
    _look_in("$ORIGIN/../lib", [program])
    _look_in("$ORIGIN/../..", modules)


def _look_in(place: str, binaries: Sequence[Path]) -> None:
    # Of the two ways to say it, this one holds for what the libraries need, too.
    subprocess.run(["patchelf", "--force-rpath", "--set-rpath", place, *binaries], check=True)


def _libraries(binaries: Sequence[Path]) -> Iterator[Path]:
    found = set()
    for binary in binaries:
        told = subprocess.run(["ldd", binary], capture_output=True, text=True, check=True).stdout
        found |= set(re.findall(r"=> (/\S+)", told))
    return (Path(one) for one in sorted(found) if not _OF_SYSTEM.match(Path(one).name))


if __name__ == "__main__":
    relocate(Path(sys.argv[1]))
