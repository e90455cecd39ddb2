"""What trc itself is here: its own code, the interpreter, the packages that are installed, the zones that are known.

What trc said once, it says again only where all of these are the same.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

import trc
from trc.runtime.standing import Stamp, is_settled, stamp, stamp_of

_PACKAGES: Final = (".dist-info", ".egg-info", ".egg-link", ".pth")
_ZONES: Final = ("/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/usr/share/lib/zoneinfo", "/etc/zoneinfo")

Facts = tuple[tuple[str, Stamp | None], ...]


@dataclass(frozen=True, slots=True)
class World:
    """`identity` stands for everything; `settled` says that nothing of it moved just now."""

    identity: str
    settled: bool


def this_world(now_ns: int) -> World | None:
    """The world as it is at `now_ns`; None where trc's own code is not made of files."""
    home = os.path.dirname(os.path.abspath(trc.__file__))  # noqa: PTH100, PTH120 - this is asked at each check
    own = tuple(_files(home))
    if not own:
        return None
    places = tuple(sys.path)
    facts: Facts = (*own, *_packages(places), *_zones())
    named = (trc.__version__, sys.version, sys.executable, sys.flags.optimize, places, os.environ.get("PYTHONTZPATH"))
    settled = all(found is None or is_settled(found, now_ns) for _, found in facts)
    return World(blake2b(repr((named, facts)).encode("utf-8", "surrogateescape"), digest_size=16).hexdigest(), settled)


def _files(folder: str) -> Iterator[tuple[str, Stamp | None]]:
    """Every file of a package; in a checkout some of its folders are links."""
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if entry.name == "__pycache__":
            continue
        if entry.is_dir():
            yield from _files(entry.path)
        else:
            yield entry.path, stamp(entry.path)


def _packages(places: tuple[str, ...]) -> Iterator[tuple[str, Stamp | None]]:
    """What tells of each installed package: a folder that holds its version in its name, and what it offers."""
    for place in places:
        try:
            with os.scandir(place) as found:
                entries = sorted(
                    (entry for entry in found if entry.name.endswith(_PACKAGES)), key=lambda entry: entry.name
                )
        except NotADirectoryError:
            yield place, stamp(place)
            continue
        except OSError:
            continue
        for entry in entries:
            yield entry.path, _stamp_of(entry)
            if not entry.name.endswith(".pth"):
                offers = f"{entry.path}/entry_points.txt"
                yield offers, stamp(offers)


def _stamp_of(entry: os.DirEntry[str]) -> Stamp | None:
    try:
        return stamp_of(entry.stat())
    except OSError:
        return None


def _zones() -> Iterator[tuple[str, Stamp | None]]:
    for folder in _ZONES:
        for place in (folder, f"{folder}/tzdata.zi"):
            yield place, stamp(place)
