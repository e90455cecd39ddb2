"""Documents as sessions: their files are written, their commands are run, and what these print is compared."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from tests.warm import COMMANDS

from trc.cli import group

FENCE = re.compile(r"^```(?P<kind>\w*)(?P<info>[^\n]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
TITLE = re.compile(r'title="([^"]+)"')

QUICK: Final = {"check", "test", "plan", "explain", "compile", "fmt", "graph"}
TERMINAL: Final = {"NO_COLOR": "1", "COLUMNS": "100"}
SHELL: Final = re.compile(r"[|<>&;$*]")

NOBODY = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Nobody"), ("EMAIL", "nobody@example.org"), ("DATE", "2026-01-01T00:00:00Z"))
}
"""Who commits in a session, and when: so that git asks for nothing, and its commits are the same each time."""

MASKS = (
    (re.compile(r"(?<=[ _]seconds=)\d+(\.\d+)?(e-\d+)?|(?<= peak_memory=)\d+"), "NUMBER"),
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d| UTC)?"), "TIME"),
    (re.compile(r"\b[0-9a-f]{17}\b"), "RUN"),
    (re.compile(r"(?<=\.)[0-9a-f]{12}(?=-)"), "TOKEN"),
    (re.compile(r"(?<=\.trc/staging/)[0-9a-f](?=/)"), "DIGIT"),
    (re.compile(r"│[ ~^]+$", re.MULTILINE), "MARKS"),
    (re.compile(r"\b(sha256:)?[0-9a-f]{32,64}\b"), "DIGEST"),
    (re.compile(r"\([0-9a-f]{9}\)"), "(COMMIT)"),
    (re.compile(r"\b\d+m \d+s\b|\b\d+(\.\d+)? ?m?s\b"), "DURATION"),
    (re.compile(r"(?<= )[0-9a-f]{8}$", re.MULTILINE), "CODE"),
    (re.compile(r"(?<=memory-limits ) *a limit of .*$", re.MULTILINE), "LIMITS"),
    (re.compile(r"[ \t]+"), " "),
)
"""What differs from run to run."""


@dataclass(frozen=True)
class Block:
    """A fenced block: its text, and where that stands in the document."""

    kind: str
    info: str
    body: str
    start: int

    @property
    def title(self) -> str | None:
        match = TITLE.search(self.info)
        return match[1] if match else None

    def has(self, word: str) -> bool:
        return word in TITLE.sub("", self.info).split()


@dataclass
class Session:
    """A folder in which a document is played; commands that run no task are called in this process if they may be."""

    home: Path
    folder: Path
    is_quick: bool = False

    def run(self, command: str) -> str:
        """Runs a line as a shell would, from where the last `cd` went; answers what it printed."""
        if command.startswith("cd "):
            self.folder = self.folder / command[3:].strip()
            return ""
        words = shlex.split(command)
        if self.is_quick and words[0] == "trc" and words[1] in QUICK and not SHELL.search(command):
            return self._call(words[1:])
        if words[0] == "trc" and not SHELL.search(command) and not COMMANDS.is_cold:
            said = COMMANDS.run(words[1:], self.folder, {**NOBODY, **TERMINAL}, merged=True).out
            return said.replace(str(self.home) + "/", "")
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environment = {**os.environ, **NOBODY, **TERMINAL, "PATH": path, "PYTHONWARNINGS": "error"}
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=self.folder, env=environment, text=True, check=False, timeout=120,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        return done.stdout.replace(str(self.home) + "/", "")

    def _call(self, arguments: list[str]) -> str:
        printed = io.StringIO()
        with contextlib.chdir(self.folder), contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            group.run(arguments)
        return printed.getvalue().replace(str(self.home) + "/", "")

    def write(self, block: Block) -> None:
        assert block.title is not None
        path = self.folder / block.title
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.body)


def blocks(document: Path) -> list[Block]:
    text = document.read_text(encoding="utf-8")
    return [Block(match["kind"], match["info"], match["body"], match.start("body")) for match in FENCE.finditer(text)]


def play_document(document: Path, session: Session) -> list[tuple[Block, str]]:
    """The blocks whose text a command makes, each with what it would say now."""
    played: list[tuple[Block, str]] = []
    for block in blocks(document):
        if block.title is not None and block.has("same"):
            played.append((block, (session.folder / block.title).read_text()))
        elif block.title is not None:
            session.write(block)
        elif block.kind == "console":
            played.append((block, play(session, block)))
    return played


def play(session: Session, block: Block) -> str:
    """The block as it would be written now: each command with what it printed."""
    lines: list[str] = []
    for line in block.body.splitlines():
        if line.startswith("$ "):
            lines.append(line)
            lines.extend(said.rstrip() for said in session.run(line[2:]).rstrip("\n").splitlines())
            if line != "$ cd" and not line.startswith("$ cd "):
                lines.append("")
    return "\n".join(lines).rstrip("\n") + "\n"


def masked(text: str) -> list[str]:
    for pattern, word in MASKS:
        text = pattern.sub(word, text)
    return [line.strip() for line in text.splitlines() if line.strip()]


def rewrite(document: Path, played: list[tuple[Block, str]]) -> None:
    text = document.read_text(encoding="utf-8")
    for number, (block, seen) in reversed(list(enumerate(played))):
        if masked(seen) != masked(block.body):
            text = text[: block.start] + seen + text[block.start + len(block.body) :]
            played[number] = (replace(block, body=seen), seen)
    document.write_text(text, encoding="utf-8")
