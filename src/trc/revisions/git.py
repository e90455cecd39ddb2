"""Asks git about a repository: without a shell, and so that nothing in the repository is run.

Objects are read as they are stored: no filter, no hook and no attribute takes part, and what is not
there is not fetched.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trc.runtime.errors import Stopped, stopped

_SAFE: Final = (
    "--no-pager",
    "--literal-pathspecs",
    "-c", "core.fsmonitor=false",
    "-c", "core.hooksPath=/dev/null",
    "-c", "protocol.allow=never",
)  # fmt: skip
_PASSED: Final = ("PATH", "HOME", "XDG_CONFIG_HOME", "TMPDIR", "LD_LIBRARY_PATH")
_FIXED: Final = {"LC_ALL": "C.UTF-8", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1"}
_PATIENCE: Final = 120


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository's working tree: its topmost folder, and where in it the user stands, as git writes paths."""

    top: Path
    inside: str


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a revision's tree: its mode and object, and its path as the bytes that git keeps."""

    mode: str
    oid: str
    path: bytes


def find_repository(folder: Path) -> Repository:
    """The repository that a folder lies in; stops where there is none, or git does not let itself be asked."""
    top = _ask(folder, "rev-parse", "--show-toplevel")
    inside = _ask(folder, "rev-parse", "--show-prefix")
    return Repository(Path(os.fsdecode(top.removesuffix(b"\n"))), os.fsdecode(inside.removesuffix(b"\n")).rstrip("/"))


def commit_of(repository: Repository, revision: str) -> str:
    """The commit that a revision names; stops where it names none."""
    _refuse_unwritable(revision)
    done = _run(repository.top, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    commit = done.stdout.decode("ascii", "replace").strip()
    if done.returncode != 0 or not commit.isalnum():
        raise _unknown(repository, revision)
    return commit


def fork_of(repository: Repository, base: str, head: str | None) -> str:
    """The commit in which the history of `head`, or of what is checked out, left that of `base`."""
    commits = (commit_of(repository, base), commit_of(repository, head or "HEAD"))
    done = _run(repository.top, "merge-base", "--end-of-options", *commits)
    commit = done.stdout.decode("ascii", "replace").strip()
    if done.returncode != 0 or not commit.isalnum():
        raise stopped(
            "TRC622",
            f'"{base}" and "{head or "HEAD"}" have no commit in common here',
            "in a shallow clone, fetch the whole history: git fetch --unshallow (fetch-depth: 0 for actions/checkout)",
        )
    return commit


def entries_of(repository: Repository, commit: str) -> list[Entry]:
    """All entries of a commit's tree, but for the trees themselves."""
    listed = _ask(repository.top, "ls-tree", "-r", "-z", "--full-tree", "--end-of-options", commit)
    found: list[Entry] = []
    for line in listed.split(b"\0")[:-1]:
        head, _, path = line.partition(b"\t")
        mode, _kind, oid = head.decode("ascii").split(" ")
        found.append(Entry(mode, oid, path))
    return found


def tracked_files(repository: Repository) -> frozenset[str]:
    """The files of the working tree that git tracks, as paths from the top."""
    return _files(repository, "--cached")


def kept_files(repository: Repository) -> frozenset[str]:
    """Those that git tracks or would track: what it is told to ignore is left out."""
    return _files(repository, "--cached", "--others", "--exclude-standard")


def _files(repository: Repository, *which: str) -> frozenset[str]:
    listed = _ask(repository.top, "ls-files", "-z", *which)
    return frozenset(os.fsdecode(path) for path in listed.split(b"\0")[:-1])


@dataclass(frozen=True, slots=True)
class Objects:
    """Open conversations with git about blobs: one question, one answer."""

    _sizes: subprocess.Popen[bytes]
    _contents: subprocess.Popen[bytes]

    def size(self, oid: str) -> int | None:
        """The size of a blob; None where it is not here."""
        return _answer(self._sizes, oid)

    def content(self, oid: str) -> bytes | None:
        """A blob's bytes, as they are stored; None where it is not here."""
        size = _answer(self._contents, oid)
        if size is None:
            return None
        assert self._contents.stdout is not None
        return self._contents.stdout.read(size + 1)[:size]


@contextmanager
def opened(repository: Repository) -> Iterator[Objects]:
    """The repository's objects, for as long as the context lasts."""
    with _conversation(repository, "--batch-check") as sizes, _conversation(repository, "--batch") as contents:
        yield Objects(sizes, contents)


@contextmanager
def _conversation(repository: Repository, form: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        ["git", *_SAFE, "cat-file", form],
        cwd=repository.top,
        env=_environment(os.environ),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def _answer(process: subprocess.Popen[bytes], oid: str) -> int | None:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{oid}\n".encode("ascii"))
    process.stdin.flush()
    words = process.stdout.readline().split()
    return int(words[2]) if len(words) == 3 and words[1] == b"blob" else None


def _ask(folder: Path, *arguments: str) -> bytes:
    """What git answers; stops with git's own words where it has no answer."""
    done = _run(folder, *arguments)
    if done.returncode != 0:
        raise _refused(folder, done.stderr.decode("utf-8", "replace"))
    return done.stdout


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            ["git", *_SAFE, *arguments],
            cwd=folder,
            env=_environment(os.environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
        )
    except FileNotFoundError as error:
        if not folder.is_dir():
            raise stopped("TRC621", f'there is no folder "{folder}"', "check the path") from error
        raise stopped("TRC621", "git is not installed, or not on the PATH", "install git") from error
    except NotADirectoryError as error:
        raise stopped("TRC621", f'"{folder}" is not a folder', "name a folder") from error
    except OSError as error:
        raise stopped("TRC621", f"git cannot be started: {error.strerror}", "see that `git --version` works") from error
    except subprocess.TimeoutExpired as error:
        raise stopped("TRC621", f"git did not answer within {_PATIENCE}s", "see how long `git status` takes") from error


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What git sees of the user's variables: none of those by which a repository is found or code is named."""
    return {name: environ[name] for name in _PASSED if name in environ} | _FIXED


def _refused(folder: Path, said: str) -> Stopped:
    words = _first_line(said)
    if "not a git repository" in said:
        remedy = "go to a folder that git keeps, or make it one: git init, git add, git commit"
        return stopped("TRC621", f'"{folder.resolve()}" is in no git repository', remedy)
    if "must be run in a work tree" in said:
        return stopped(
            "TRC621", f'"{folder.resolve()}" is in no working tree', "go to a working tree of the repository"
        )
    remedies: Sequence[str] = ("see what `git status` says there",)
    if "dubious ownership" in said:
        remedies = (f'if you trust it: git config --global --add safe.directory "{folder.resolve()}"',)
    return stopped("TRC621", f"git does not answer: {words}", *remedies)


def _first_line(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[0].removeprefix("fatal: ") if lines else "it gave no reason"


def _refuse_unwritable(revision: str) -> None:
    """Stops at what can be no revision, an option least of all."""
    if not revision.strip() or revision.startswith("-") or any(char < " " or char == "\x7f" for char in revision):
        raise stopped(
            "TRC622", f'"{revision}" is not a revision', "name a branch, a tag or a commit, such as origin/main"
        )
    if ".." in revision:
        base, _, head = revision.replace("...", "..").partition("..")
        option = "--merge-base " if "..." in revision else ""
        remedy = f"write the revisions apart: trc diff {option}{base or 'HEAD'} {head or 'HEAD'}"
        raise stopped("TRC622", f'"{revision}" is a range, not a revision', remedy)


def _unknown(repository: Repository, revision: str) -> Stopped:
    if _run(repository.top, "rev-parse", "--verify", "--quiet", "HEAD").returncode != 0:
        return stopped(
            "TRC622", f'"{revision}" is not known: the repository has no commit yet', "commit something first"
        )
    remedies = ["`git branch --all` and `git tag` list what is known"]
    if _ask(repository.top, "rev-parse", "--is-shallow-repository").strip() == b"true":
        remedies = ["this is a shallow clone: fetch the whole history (fetch-depth: 0 for actions/checkout)"]
    elif "/" in revision:
        remedy = f"fetch it: git fetch {revision.partition('/')[0]}"
        remedies = [remedy, *remedies]
    return stopped("TRC622", f'git knows no revision "{revision}"', *remedies)
