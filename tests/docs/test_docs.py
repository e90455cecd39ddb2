"""Every document is a session that is played: its files are written, its commands run, what they print compared.

A fenced block with `title="name"` is a file (`wrong` beside it: `trc check` must refuse it; `same`: a
command wrote it already, and so it reads). A `console` block holds commands after `$` and what they
print. `--update` writes what is seen now. YAML is a whole pipeline, unless the block is a `fragment`;
statements of the `.trc` language are completed to one.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import click
import pytest
import yaml

from trc.cli.group import COMMANDS, group

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])
EXAMPLE = ROOT / "examples" / "flights" / "README.md"
NOT_PLAYED = {"cli.md"}
"""Its blocks stand for themselves, each for any project: their commands and options are looked up."""
FENCE = re.compile(r"^```(?P<kind>\w*)(?P<info>[^\n]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
TITLE = re.compile(r'title="([^"]+)"')

NOBODY = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Nobody"), ("EMAIL", "nobody@example.org"), ("DATE", "2026-01-01T00:00:00Z"))
}
"""Who commits in a session, and when: so that git asks for nothing, and its commits are the same each time."""

MASKS = (
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d| UTC)?"), "TIME"),
    (re.compile(r"\b[0-9a-f]{17}\b"), "RUN"),
    (re.compile(r"\b(sha256:)?[0-9a-f]{32,64}\b"), "DIGEST"),
    (re.compile(r"\([0-9a-f]{9}\)"), "(COMMIT)"),
    (re.compile(r"\b\d+m \d+s\b|\b\d+(\.\d+)? ?m?s\b"), "DURATION"),
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
    """A folder in which a document is played."""

    home: Path
    folder: Path

    def run(self, command: str) -> str:
        """Runs a line as a shell would, from where the last `cd` went; answers what it printed."""
        if command.startswith("cd "):
            self.folder = self.folder / command[3:].strip()
            return ""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environment = {
            **os.environ,
            **NOBODY,
            "PATH": path,
            "NO_COLOR": "1",
            "COLUMNS": "100",
            "PYTHONWARNINGS": "error",
        }
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=self.folder, env=environment, text=True, check=False, timeout=120,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        return done.stdout.replace(str(self.home) + "/", "")

    def write(self, block: Block) -> None:
        assert block.title is not None
        path = self.folder / block.title
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.body)


def blocks(document: Path) -> list[Block]:
    text = document.read_text(encoding="utf-8")
    return [Block(match["kind"], match["info"], match["body"], match.start("body")) for match in FENCE.finditer(text)]


def name_of(document: Path) -> str:
    return document.name


@pytest.mark.parametrize("document", [one for one in DOCUMENTS if one.name not in NOT_PLAYED], ids=name_of)
def test_document_plays_as_it_is_written(document: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    session = Session(tmp_path, tmp_path)
    played: list[tuple[Block, str]] = []
    for block in blocks(document):
        if block.title is not None and block.has("same"):
            played.append((block, (session.folder / block.title).read_text()))
        elif block.title is not None:
            session.write(block)
        elif block.kind == "console":
            played.append((block, play(session, block)))
    if request.config.getoption("--update"):
        rewrite(document, played)
    for block, seen in played:
        assert masked(seen) == masked(block.body)


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


def pipelines() -> list[tuple[Path, int, Block]]:
    """Every block that is a whole pipeline, or statements of one."""
    return [
        (document, number, block)
        for document in DOCUMENTS
        for number, block in enumerate(blocks(document))
        if block.kind in {"yaml", "trc"} and not block.has("fragment") and not block.has("same")
    ]


@pytest.mark.parametrize(
    ("document", "number", "block"), pipelines(), ids=[f"{one[0].name}-{one[1]}" for one in pipelines()]
)
def test_pipeline_of_a_document_checks(document: Path, number: int, block: Block, tmp_path: Path) -> None:
    """With the files that stand before it, each pipeline says what its document claims of it."""
    session = Session(tmp_path, tmp_path)
    for other in blocks(document)[:number]:
        if other.title is not None and not other.has("same"):
            session.write(other)
    name = f"under_test.{block.kind}"
    (tmp_path / name).write_text(block.body if block.kind == "yaml" else completed(block.body))
    done = subprocess.run(
        [sys.executable, "-m", "trc", "check", name],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    told = done.stdout + done.stderr
    assert done.returncode == (2 if block.has("wrong") else 0), told


def completed(body: str) -> str:
    """Statements with those that no file can do without."""
    needed = {"pipeline": 'pipeline "doc" { }', "task": "task added = sql $$ select 1 as one $$"}
    missing = [text for word, text in needed.items() if not re.search(rf"^{word}\b", body, re.MULTILINE)]
    return "\n".join([body, *missing, ""])


@pytest.mark.parametrize("document", [*DOCUMENTS, EXAMPLE], ids=lambda path: str(path.relative_to(ROOT)))
def test_fragment_parses_and_links_lead_somewhere(document: Path) -> None:
    for block in blocks(document):
        if block.kind == "yaml":
            assert yaml.safe_load(block.body) is not None
    text = FENCE.sub("", document.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if "://" not in target:
            assert (document.parent / target).exists(), f"{document.name} links to {target}"


@pytest.mark.parametrize("document", [*DOCUMENTS, EXAMPLE], ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_and_their_options_exist(document: Path) -> None:
    for block in blocks(document):
        for line in block.body.splitlines() if block.kind in {"console", "sh"} else []:
            words = shlex.split(line.removeprefix("$ ").partition(" | ")[0], comments=True)
            if words[:1] != ["trc"] or (block.kind == "console" and not line.startswith("$ ")) or len(words) < 2:
                continue
            if words[1].startswith("-"):
                continue
            assert words[1] in COMMANDS, line
            command = group.get_command(click.Context(group), words[1])
            assert command is not None
            known = {option for param in command.params for option in (*param.opts, *param.secondary_opts)}
            used = {word.partition("=")[0] for word in words[2:] if word.startswith("-")}
            assert used - known - {"-h", "--help"} == set(), line
