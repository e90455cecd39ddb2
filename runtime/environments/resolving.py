"""Resolves what an environment asks for into packages with versions and hashes."""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, Literal

from trc.compiler.environments.requirement import normal
from trc.compiler.environments.wanted import Locked, LockedEnvironment, Wanted
from trc.runtime.environments.uv import Answer, call_uv
from trc.runtime.taskside.records import record

_PINNED: Final = re.compile(r"([A-Za-z0-9._-]+)==([^\s;\\]+)\s*(?:;\s*([^\\]*?))?\s*\\?$")
_HASH: Final = re.compile(r"--hash=(\S+)")


@record(frozen=True, slots=True)
class Unresolved:
    """Why there is nothing to lock, in lines; `packages` are those of the wanted ones that it is about."""

    why: Literal["conflict", "unreachable"]
    lines: tuple[str, ...]
    packages: tuple[str, ...] = ()


def resolve(
    wanted: Wanted, python: str, preferred: Mapping[str, str], environ: Mapping[str, str]
) -> LockedEnvironment | Unresolved:
    """The packages for a minor version of Python, on every platform. `preferred` versions are taken where they may be.

    Only wheels are: to lock and to build an environment runs nobody's code. Raises `NoUv`.
    """
    with tempfile.TemporaryDirectory(prefix="trc-lock-") as name:
        folder = Path(name)
        bound = _bound(python)
        (folder / "pyproject.toml").write_text(f'[tool.uv]\nenvironments = ["{bound}"]\n')
        lines = [*(one.text for one in wanted.requirements), *wanted.brought]
        (folder / "wanted.in").write_text("".join(f"{line}\n" for line in lines))
        # What a file to be written says already is what uv keeps to.
        found = folder / "found.txt"
        found.write_text("".join(f"{package}=={version}\n" for package, version in sorted(preferred.items())))
        answer = call_uv(
            [
                "pip", "compile", "--quiet", "--universal", "--generate-hashes", "--no-header", "--no-annotate",
                "--no-emit-index-url", "--no-emit-find-links", "--no-build", "--no-python-downloads",
                "--python", sys.executable, "--python-version", python, "--output-file", found.name, "wanted.in",
            ],
            environ,
            folder,
        )  # fmt: skip
        if answer.code != 0:
            return _unresolved(answer, wanted)
        packages = tuple(_packages(found.read_text(), bound))
    return _held_to_hashes(wanted, python, packages)


def _bound(python: str) -> str:
    major, minor = python.split(".")
    return f"python_full_version < '{major}.{int(minor) + 1}'"


def _packages(text: str, bound: str) -> Iterator[Locked]:
    current: tuple[str, str, str] | None = None
    hashes: list[str] = []
    for line in (*text.splitlines(), "end==0"):
        pinned = _PINNED.match(line)
        if pinned is None:
            hashes += _HASH.findall(line)
            continue
        if current is not None:
            name, version, marker = current
            yield Locked(normal(name), version, tuple(sorted(hashes)), marker)
        current, hashes = (pinned[1], pinned[2], _without(pinned[3] or "", bound)), []


def _without(marker: str, bound: str) -> str:
    """The marker without the condition that holds in all of the environment."""
    marker = marker.strip()
    if marker == bound:
        return ""
    before = f"{bound} and "
    is_plain = marker.startswith(before) and " or " not in marker
    return marker.removeprefix(before) if is_plain else marker


def _held_to_hashes(wanted: Wanted, python: str, packages: tuple[Locked, ...]) -> LockedEnvironment | Unresolved:
    """The environment with only those files that the author allows, where hashes are written."""
    allowed = {one.name: set(one.hashes) for one in wanted.requirements if one.hashes}
    held = []
    for one in packages:
        hashes = (
            tuple(value for value in one.hashes if value in allowed[one.name]) if one.name in allowed else one.hashes
        )
        if not hashes:
            line = f"no file of {one.name} {one.version} has a hash that is written beside it"
            return Unresolved("conflict", (line,), (one.name,))
        held.append(Locked(one.name, one.version, hashes, one.marker))
    return LockedEnvironment(
        python, tuple(one.text for one in wanted.requirements), wanted.brought, tuple(sorted(held, key=_order))
    )


def _order(one: Locked) -> tuple[str, str, str]:
    return one.name, one.version, one.marker


def _unresolved(answer: Answer, wanted: Wanted) -> Unresolved:
    if answer.is_unreachable:
        return Unresolved("unreachable", answer.told)
    return Unresolved("conflict", answer.told, tuple(_mentioned(" ".join(answer.told), wanted)))


def _mentioned(text: str, wanted: Wanted) -> Iterable[str]:
    """The wanted packages that a text speaks of, in the order in which it does."""
    places = {}
    for name in {one.name for one in wanted.requirements}:
        found = re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", text, re.IGNORECASE)
        if found:
            places[name] = found.start()
    return sorted(places, key=places.__getitem__)
