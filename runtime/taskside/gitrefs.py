"""What the references of a Git repository point to, asked of its server in the protocol that all of them speak."""

from __future__ import annotations

import difflib
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import field
from typing import Any

from trc.runtime.taskside.errors import AttemptFailed
from trc.runtime.taskside.records import record
from trc.runtime.taskside.result import Failure
from trc.runtime.taskside.web import Answer, Cut, Web, refusal

SERVICE = "git-upload-pack"
SCHEME = "git+"
"""What the location of a commit begins with, before the address of its repository."""

_MOST = 64 << 20
"""Bytes of a list of references, which is some half a million of them."""
_COMMIT = re.compile(r"[0-9a-f]{40}")
_LENGTH = 4
_PLACES = ("refs/heads/", "refs/tags/")
_NAMED = 5


def location_of(url: str, ref: str) -> str:
    """What names the commit that a reference of a repository points to, as a location that is read."""
    return f"{SCHEME}{url}#{ref}"


def is_commit(ref: str) -> bool:
    """Whether a reference is a commit itself, which never points to another one."""
    return _COMMIT.fullmatch(ref) is not None


def headers_of(credentials: Mapping[str, Any]) -> dict[str, str]:
    """The header that credentials are sent in; none without a password."""
    password = credentials.get("password")
    if not password:
        return {}
    told = b64encode(f"{credentials.get('username') or 'git'}:{password}".encode()).decode()
    return {"Authorization": f"Basic {told}"}


@record(frozen=True)
class Found:
    """A reference by its whole name, and its commit; of a tag that has a message, the commit that it is of."""

    name: str
    commit: str


@record(frozen=True)
class Refs:
    """By whole names, what a server has: `HEAD` among them."""

    shown: str
    """The repository, as messages name it."""
    commits: Mapping[str, str] = field(default_factory=dict)

    def find(self, ref: str) -> Found:
        """What a reference means: a whole name, else a branch, else a tag. Raises AttemptFailed."""
        if is_commit(ref):
            return Found(ref, ref)
        for name in (ref, *(place + ref for place in _PLACES)):
            commit = self.commits.get(name + "^{}") or self.commits.get(name)
            if commit is not None:
                return Found(name, commit)
        raise _failed(f'"{self.shown}" has no branch and no tag "{ref}"{self._instead(ref)}')

    def _instead(self, ref: str) -> str:
        names = sorted(
            name[len(place) :]
            for name in self.commits
            for place in _PLACES
            if name.startswith(place) and not name.endswith("^{}")
        )
        if not names:
            return ": it has no commits"
        near = difflib.get_close_matches(ref, names, 1)
        if near:
            return f'; did you mean "{near[0]}"'
        return f"; it has {', '.join(names[:_NAMED])}{', …' if len(names) > _NAMED else ''}"


def refs_of(web: Web, url: str, headers: Mapping[str, str]) -> Refs:
    """The references of the repository at an address of the web. Raises AttemptFailed."""
    shown = url.partition("://")[2]
    with closing(web.ask("GET", f"{url.rstrip('/')}/info/refs?service={SERVICE}", headers)) as answer:
        require_git(answer, shown)
        try:
            return Refs(shown, dict(_parsed(_lines(_bounded(answer, shown)), shown)))
        except Cut as error:
            raise AttemptFailed(Failure(str(error), "temporary", "web_unreachable")) from None


def require_git(answer: Answer, shown: str, kind: str = "advertisement") -> None:
    """Raises AttemptFailed unless a Git server answers, and with what it was asked for."""
    if answer.status != 200:
        raise AttemptFailed(refusal(answer, f"a clone of {shown}"))
    if answer.headers.get("content-type", "").partition(";")[0].strip() != f"application/x-{SERVICE}-{kind}":
        raise _failed(f'there is no Git repository at "{shown}": what answers there does not speak its protocol')


def _bounded(answer: Answer, shown: str) -> Iterator[bytes]:
    size = 0
    for chunk in answer.chunks():
        size += len(chunk)
        if size > _MOST:
            raise _failed(f'"{shown}" has more than {_MOST >> 20} MiB of references')
        yield chunk


def _lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The packets: four hexadecimal digits tell the length of each, themselves included. Raises Cut."""
    held = b""
    for chunk in chunks:
        held += chunk
        start = 0
        while len(held) - start >= _LENGTH:
            length = _length(held[start : start + _LENGTH])
            if length < _LENGTH:
                # A mark, and no line.
                start += _LENGTH
                continue
            if len(held) - start < length:
                break
            yield held[start + _LENGTH : start + length]
            start += length
        held = held[start:]
    if held:
        raise Cut("the Git server ended its answer too early")


def _length(digits: bytes) -> int:
    try:
        return int(digits, 16)
    except ValueError:
        raise _failed("the Git server does not answer in its protocol") from None


def _parsed(lines: Iterator[bytes], shown: str) -> Iterator[tuple[str, str]]:
    for line in lines:
        text = line.partition(b"\0")[0].rstrip(b"\n").decode("utf-8", "replace")
        if text.startswith("# "):
            continue
        if text.startswith("ERR "):
            raise _failed(f'"{shown}" answers: {text[4:200]}')
        commit, _, name = text.partition(" ")
        if not is_commit(commit):
            raise _failed(f'"{shown}" names its commits in a way that is not known: {commit[:80]!a}')
        if name != "capabilities^{}":
            yield name, commit


def _failed(message: str) -> AttemptFailed:
    return AttemptFailed(Failure(message, "permanent", "git"))
