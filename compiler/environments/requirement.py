"""One requirement: a package and its versions. Where packages come from is not for a pipeline to say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final, Literal

_NAME: Final = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_WITH_PASSWORD: Final = re.compile(r"://[^/\s]*@")
_SINGLE: Final = re.compile(rf"\s*({_NAME})\s*=\s*([A-Za-z0-9_.]+)\s*")
_PLACE: Final = re.compile(
    rf"\s*(?:{_NAME}\s*(?:\[[^]]*\])?\s*@\s*\S|\w[\w+.-]*:/|[.~]{{0,2}}/|\S+\.(?:whl|zip|tar\.gz)\b)"
)
_HASH: Final = re.compile(r"\s--hash=(\S+)")
_SHA256: Final = re.compile(r"sha256:[0-9a-f]{64}")
_EXAMPLE: Final = "write a name and its versions, such as pandas==2.1.4 or requests>=2.31,<3"


@dataclass(frozen=True, slots=True)
class Requirement:
    """`text` is its one canonical way of writing; `hashes` are those that its files may have, if the author names some."""

    name: str
    text: str
    hashes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Mistake:
    """Why a text is no requirement. Of one that is `refused` by what it is, the grammar is right."""

    message: str
    help: str
    kind: Literal["malformed", "refused"] = "malformed"
    line: int = 0


def normal(name: str) -> str:
    """A distribution's name as all its spellings are compared."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_requirement(text: str) -> Requirement | Mistake:
    """The requirement that a text writes."""
    if _WITH_PASSWORD.search(text):
        remedy = "leave the credentials to uv's own settings: pipelines are shared and stored"
        return Mistake("a requirement holds credentials", remedy)
    if text.lstrip().startswith("-"):
        return Mistake(
            f'"{text}" is an option, and no requirement', f"options do not stand here: {_EXAMPLE}", "refused"
        )
    if _PLACE.match(text):
        remedy = f"packages come from the index that `trc lock` is set up for: {_EXAMPLE}"
        return Mistake(f'"{text}" says where a package comes from', remedy, "refused")
    try:
        parsed = _packaging().Requirement(text)
    except ValueError:
        single = _SINGLE.fullmatch(text)
        remedy = f'did you mean "{single[1]}=={single[2]}"?' if single else _EXAMPLE
        return Mistake(f'"{text}" is not a requirement', remedy)
    parsed.name = normal(parsed.name)
    return Requirement(parsed.name, str(parsed))


def allows(requirement: Requirement, version: str) -> bool:
    """Whether a requirement is met by a version of its package."""
    return bool(_packaging().Requirement(requirement.text).specifier.contains(version, prereleases=True))


def _packaging() -> Any:
    # Loaded where there is a requirement: most pipelines have none.
    return import_module("packaging.requirements")


def read_requirements(text: str) -> Iterator[Requirement | Mistake]:
    """The requirements of a file, one a line, with comments and hashes; all else that such files may hold is a mistake."""
    for number, line in _lines(text):
        bare = _HASH.sub("", line).strip()
        hashes = tuple(_HASH.findall(line))
        if not bare and not hashes:
            continue
        found = read_requirement(bare)
        odd = next((one for one in hashes if not _SHA256.fullmatch(one)), None)
        if isinstance(found, Mistake):
            yield Mistake(found.message, found.help, found.kind, number)
        elif odd is not None:
            remedy = "hashes are written --hash=sha256: and 64 hexadecimal digits"
            yield Mistake(f'"{odd}" is not a hash that can be compared', remedy, line=number)
        else:
            yield Requirement(found.name, found.text, tuple(sorted(set(hashes))))


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines, without comments, those that go on put together; each with the number of its first."""
    held, began = "", 0
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        began = began if held else number
        if line.endswith("\\") and not line.lstrip().startswith("#"):
            held += line[:-1] + " "
            continue
        yield began, re.sub(r"(^|\s)#.*$", "", held + line)
        held = ""
    if held:
        yield began, held
