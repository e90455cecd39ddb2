"""What one task asks of its environment: a Python, packages, and those that its type needs."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field

from trc.compiler.environments.requirement import Requirement


@dataclass(frozen=True, slots=True)
class Wanted:
    """An environment as it is asked for. Equal ones are one environment, whoever asks."""

    python: str | None = None
    """A minor version, such as 3.12; None where any will do."""
    requirements: tuple[Requirement, ...] = ()
    """What authors wrote, sorted."""
    brought: tuple[str, ...] = ()
    """What the task types need beside that, by name, sorted."""

    @property
    def id(self) -> str:
        """What a lock file files it under: equal for the same wishes, however they are spelled and ordered."""
        asked = [[one.text, *one.hashes] for one in self.requirements]
        told = json.dumps([self.python, asked, self.brought])
        return hashlib.sha256(told.encode()).hexdigest()[:16]

    def names(self, package: str) -> bool:
        """Whether an author asks for a package by name."""
        return any(one.name == package for one in self.requirements)


@dataclass(frozen=True, slots=True)
class Locked:
    """A package of a locked environment; it is installed where its `marker` holds, everywhere without one."""

    name: str
    version: str
    hashes: tuple[str, ...]
    marker: str = ""


@dataclass(frozen=True, slots=True)
class LockedEnvironment:
    """What an environment was resolved to: every package, with its version and the hashes of its files."""

    python: str
    requirements: tuple[str, ...] = ()
    brought: tuple[str, ...] = ()
    packages: tuple[Locked, ...] = field(default=())

    @property
    def digest(self) -> str:
        """What it holds, whoever asked for it and however: 64 hexadecimal digits."""
        told = [self.python, [[one.name, one.version, one.marker, *one.hashes] for one in self.packages]]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()

    @property
    def described(self) -> str:
        """In words: its Python, and how many packages."""
        number = len(self.packages)
        return f"Python {self.python}, {number} package{'' if number == 1 else 's'}"

    def versions(self) -> dict[str, str]:
        """By name, the version of each package; those that differ by platform, with the conditions of each."""
        found: dict[str, list[Locked]] = {}
        for one in self.packages:
            found.setdefault(one.name, []).append(one)
        return {
            name: several[0].version
            if len(several) == 1
            else "; ".join(f"{one.version} where {one.marker or 'nothing else is said'}" for one in several)
            for name, several in found.items()
        }


@dataclass(frozen=True, slots=True)
class TaskEnvironment:
    """What a task asks for, and what that was resolved to; None where no lock file says."""

    wanted: Wanted
    locked: LockedEnvironment | None = None
