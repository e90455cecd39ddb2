"""Repositories in folders of their own, made by the real git."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

NOBODY = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Nobody"), ("EMAIL", "nobody@example.org"), ("DATE", "2026-01-01T00:00:00Z"))
}


@dataclass(frozen=True)
class Repo:
    """A repository with its working tree."""

    root: Path

    def git(self, *arguments: str, given: bytes = b"") -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=self.root, env=os.environ | NOBODY, input=given, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode().strip()

    def write(self, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def commit(self, files: Mapping[str, str]) -> str:
        """A commit that holds these files and no others."""
        self.git("rm", "-rqf", "--ignore-unmatch", ".")
        self.write(files)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "a state")
        return self.git("rev-parse", "HEAD")

    def commit_tree(self, *entries: tuple[str, str, bytes]) -> str:
        """A commit of a tree of (mode, object, name), as they are: git itself would refuse some."""
        tree = self.tree(*entries)
        return self.git("commit-tree", tree, "-m", "a tree of its own")

    def blob(self, text: str) -> str:
        return self.git("hash-object", "-w", "--stdin", given=text.encode())

    def tree(self, *entries: tuple[str, str, bytes]) -> str:
        raw = b"".join(f"{mode} ".encode() + name + b"\0" + bytes.fromhex(oid) for mode, oid, name in entries)
        return self.git("hash-object", "-t", "tree", "--literally", "-w", "--stdin", given=raw)


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repo:
    made = Repo(tmp_path / "repo")
    made.root.mkdir()
    made.git("init", "--quiet", "--initial-branch", "main")
    monkeypatch.chdir(made.root)
    return made


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str


Trc = Callable[..., Done]


@pytest.fixture
def trc(repo: Repo, capsys: pytest.CaptureFixture[str]) -> Trc:  # noqa: ARG001 - where commands run
    from trc.cli.group import run

    def command(*words: str) -> Done:
        code = run(words)
        said = capsys.readouterr()
        assert "bug in trc" not in said.err, said.err
        return Done(code, said.out, said.err)

    return command
