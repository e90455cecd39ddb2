"""Fetches a commit, and those of its submodules, each into a repository of its own, through the relay."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Callable
from urllib.parse import urljoin, urlsplit

from trc.runtime.taskside.errors import AttemptFailed
from trc.runtime.taskside.gitrefs import is_commit, refs_of
from trc.runtime.taskside.result import Failure
from trc.runtime.taskside.web import Web
from trc.stdlib_tasks.git_clone_to_s3.run.git import Git, GitFailed, failed
from trc.stdlib_tasks.git_clone_to_s3.run.relay import Relay
from trc.stdlib_tasks.git_clone_to_s3.run.tree import Entry, Limits, Wanted, entries_of

_WANTED = "refs/trc/wanted"
_ALL = ("+refs/heads/*:refs/trc/heads/*", "+refs/tags/*:refs/trc/tags/*")
_MOST_MODULES = 100
_CHUNK = 1 << 18
_BROKEN = (
    "not our ref",
    "unadvertised object",
    "does not allow request",
    "no such remote ref",
    "couldn't find remote ref",
)


class Fetched:
    """A repository that has the files of one commit."""

    def __init__(self, git: Git, number: int, url: str, commit: str) -> None:
        self.git, self.number, self.url, self.commit = git, number, url, commit

    def committed_at(self) -> str:
        """When the commit was made, in ISO 8601."""
        return self.git.run("show", "--no-patch", "--no-notes", "--format=%cI", self.commit).decode().strip()

    def commits(self, most: int) -> Iterator[tuple[str, ...]]:
        """The commit and those before it, the newest first: each by its name, author, time and subject."""
        asked = ("log", "-z", f"--max-count={most}", "--no-notes", "--format=%H%x1f%an%x1f%cI%x1f%s", self.commit)
        with self.git.printing(*asked) as out:
            for line in _split(out):
                yield tuple(line.decode("utf-8", "replace").split("\x1f", 3))


class Repositories:
    """The repositories of one clone. What is sent to the first one's server as `headers` is sent to no other server."""

    def __init__(self, web: Web, relay: Relay, folder: str, headers: Mapping[str, str], url: str) -> None:
        self._web, self._relay, self._folder, self._headers = web, relay, folder, headers
        self._origin = _origin(url)
        self._fetched: list[Fetched] = []

    def fetch(self, url: str, ref: str, depth: int) -> Fetched:
        """Fetches what the reference points to, with as many commits as `depth` says. Raises AttemptFailed."""
        headers = self._headers if _origin(url) == self._origin else {}
        number = len(self._fetched)
        name = ref if is_commit(ref) else refs_of(self._web, url, headers).find(ref).name
        git = Git(os.path.join(self._folder, str(number)))
        git.remote("origin", self._relay.add(url, headers))
        self._get(git, url, name, depth)
        commit = (
            git.run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{_WANTED}^{{commit}}").decode().strip()
        )
        found = Fetched(git, number, url, commit)
        self._fetched.append(found)
        return found

    def entries(
        self, found: Fetched, wanted: Wanted, limits: Limits, *, is_deep: bool, below: str = ""
    ) -> Iterator[Entry]:
        """What the commit holds, as far as it is wanted, and with `is_deep` what its submodules hold."""
        modules: list[Entry] = []
        with found.git.printing("ls-tree", "-r", "-z", "-l", "--full-tree", found.commit) as out:
            for one in entries_of(out, below, wanted, limits, found.number):
                if one.kind == "submodule":
                    modules.append(one)
                if one.kind != "submodule" or (not is_deep and wanted.has(one.path)):
                    yield one
        if modules and is_deep:
            urls = _module_urls(found)
            for one in modules:
                yield from self._module(one, urls.get(one.path[len(below) :]), wanted, limits)

    def copy(self, entries: Iterable[Entry], folder: str, progress: Callable[[int], None]) -> None:
        """Writes the bytes of each file to the folder, once under the name that Git has for them."""
        done, size = set[str](), 0
        by_repository: dict[int, list[Entry]] = {}
        for one in entries:
            if one.is_file and one.blob not in done:
                done.add(one.blob)
                by_repository.setdefault(one.repository, []).append(one)
        for number, files in by_repository.items():
            with self._fetched[number].git.asking("cat-file", "--batch") as (asked, told):
                for one in files:
                    asked.write(one.blob.encode() + b"\n")
                    asked.flush()
                    _copy(told, one, os.path.join(folder, one.blob))
                    size += one.size
                    progress(size)

    def _module(self, module: Entry, url: str | None, wanted: Wanted, limits: Limits) -> Iterator[Entry]:
        if url is None:
            raise failed(f'the submodule "{module.path}" has no address in .gitmodules\nleave submodules out')
        if len(self._fetched) > _MOST_MODULES:
            raise failed(f"it has more than {_MOST_MODULES} submodules, each within another or beside it")
        found = self.fetch(url, module.blob, 1)
        yield from self.entries(found, wanted, limits, is_deep=True, below=module.path + "/")

    def _get(self, git: Git, url: str, name: str, depth: int) -> None:
        try:
            self._fetch(git, f"--depth={depth}", f"+{name}:{_WANTED}")
        except GitFailed as error:
            if not is_commit(name) or not any(one in error.said for one in _BROKEN):
                raise self._told(error, url) from None
            # A server may give away nothing but what its references point to, and what lies before that.
            try:
                self._fetch(git, *_ALL)
                git.run("update-ref", _WANTED, f"{name}^{{commit}}")
            except GitFailed as other:
                if self._relay.failure is None and "update-ref" in str(other):
                    raise failed(f'"{_shown(url)}" has no commit {name}') from None
                raise self._told(other, url) from None

    def _fetch(self, git: Git, *arguments: str) -> None:
        options = ("--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head")
        specs = [one for one in arguments if one.startswith("+")]
        git.run("fetch", *options, *(one for one in arguments if one not in specs), "origin", *specs)

    def _told(self, error: GitFailed, url: str) -> AttemptFailed:
        """By what became of the calls; git itself only knows that one failed."""
        if self._relay.failure is not None:
            return AttemptFailed(self._relay.failure)
        shown = _shown(url)
        if any(one in error.said for one in _BROKEN):
            return AttemptFailed(Failure(f'"{shown}" has another commit there by now', "temporary", "input_moved"))
        kind = "temporary" if "disconnect" in error.said or "early EOF" in error.said else "permanent"
        return AttemptFailed(Failure(f'"{shown}" cannot be cloned: {error.said}', kind, "git"))


def _module_urls(found: Fetched) -> dict[str, str]:
    """By path, the addresses of its submodules; relative ones are so to its own."""
    asked = ("config", "--no-includes", "--blob", f"{found.commit}:.gitmodules", "-z", "--get-regexp")
    try:
        told = found.git.run(*asked, r"^submodule\..*\.(path|url)$")
    except GitFailed:
        return {}
    facts: dict[str, dict[str, str]] = {}
    for line in told.decode("utf-8", "replace").split("\0"):
        name, _, value = line.partition("\n")
        start, _, key = name.rpartition(".")
        facts.setdefault(start, {})[key] = value
    return {
        one["path"].rstrip("/"): _absolute(one["url"], found.url)
        for one in facts.values()
        if one.get("path") and one.get("url")
    }


def _absolute(url: str, parent: str) -> str:
    joined = urljoin(parent.rstrip("/") + "/", url) if url.startswith(("./", "../")) else url
    parts = urlsplit(joined)
    if parts.scheme not in ("http", "https") or parts.username is not None or parts.query or parts.fragment:
        raise failed(f"a submodule lies at {url!a}, which trc does not call\nleave submodules out")
    return joined


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()


def _shown(url: str) -> str:
    return url.partition("://")[2]


def _split(out: IO[bytes]) -> Iterator[bytes]:
    held = b""
    while True:
        chunk = out.read(_CHUNK)
        *lines, held = (held + chunk).split(b"\0")
        yield from lines
        if not chunk:
            if held:
                yield held
            return


def _copy(told: IO[bytes], one: Entry, path: str) -> None:
    head = told.readline(256).split()
    if len(head) != 3 or head[1] != b"blob" or int(head[2]) != one.size:
        raise failed(f"the bytes of {one.path!a} are not in the repository that names them")
    left = one.size
    with open(path, "xb", buffering=0) as file:
        while left:
            chunk = memoryview(told.read(min(_CHUNK, left)))
            if not chunk:
                raise failed(f"the bytes of {one.path!a} cannot be read")
            left -= len(chunk)
            while chunk:
                chunk = chunk[file.write(chunk) or 0 :]
    told.read(1)
