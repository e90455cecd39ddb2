"""Every document is a session that is played: its files are written, its commands run, what they print compared.

A fenced block with `title="name"` is a file (`wrong` beside it: `trc check` must refuse it; `same`: a
command wrote it already, and so it reads). A `console` block holds commands after `$` and what they
print. `--update` writes what is seen now. YAML is a whole pipeline, unless the block is a `fragment`;
statements of the `.trc` language are completed to one.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest
import yaml
from tests.docs.playing import FENCE, Block, Session, blocks, masked, play_document, rewrite
from tests.objects import ObjectServer
from tests.warm import COMMANDS as PROCESSES

from trc.cli.group import COMMANDS, group

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])
EXAMPLE = ROOT / "examples" / "flights" / "README.md"
PAGES = sorted((ROOT / "docs" / "errors").glob("*.md"))
LINKING = [*DOCUMENTS, EXAMPLE, *PAGES]
NOT_PLAYED = {"cli.md"}
"""Its blocks stand for themselves, each for any project: their commands and options are looked up."""


def name_of(document: Path) -> str:
    return document.name


@pytest.mark.parametrize("document", [one for one in DOCUMENTS if one.name not in NOT_PLAYED], ids=name_of)
def test_document_plays_as_it_is_written(document: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    if document.name == "storage.md":
        _fill(request.getfixturevalue("objects"))
    played = play_document(document, Session(tmp_path, tmp_path))
    if request.config.getoption("--update"):
        rewrite(document, played)
    for block, seen in played:
        assert masked(seen) == masked(block.body)


def _fill(objects: ObjectServer) -> None:
    """What the document says of the bucket."""
    objects.put("raw/a.csv", "id,amount\n1,10\n2,5\n")
    objects.put("raw/b.csv", "id,amount\n3,1\n")


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
    done = PROCESSES.run(["check", name], tmp_path)
    assert done.code == (2 if block.has("wrong") else 0), done.out + done.err


def completed(body: str) -> str:
    """Statements with those that no file can do without."""
    needed = {"pipeline": 'pipeline "doc" { }', "task": "task added = sql $$ select 1 as one $$"}
    missing = [text for word, text in needed.items() if not re.search(rf"^{word}\b", body, re.MULTILINE)]
    return "\n".join([body, *missing, ""])


@pytest.mark.parametrize("document", [*DOCUMENTS, EXAMPLE], ids=lambda path: str(path.relative_to(ROOT)))
def test_fragment_parses(document: Path) -> None:
    for block in blocks(document):
        if block.kind == "yaml":
            assert yaml.safe_load(block.body) is not None


@pytest.mark.parametrize("document", LINKING, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    text = FENCE.sub("", document.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if "://" not in target:
            assert (document.parent / target).exists(), f"{document.name} links to {target}"


@pytest.mark.parametrize("document", LINKING, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_and_their_options_exist(document: Path) -> None:
    for block in blocks(document):
        for line in block.body.splitlines() if block.kind in {"console", "sh"} else []:
            if block.kind == "console" and not line.startswith("$ "):
                continue
            words = shlex.split(line.removeprefix("$ ").partition(" | ")[0], comments=True)
            if words[:1] != ["trc"] or len(words) < 2:
                continue
            if words[1].startswith("-"):
                continue
            assert words[1] in COMMANDS, line
            command = group.get_command(click.Context(group), words[1])
            assert command is not None
            if isinstance(command, click.Group):
                assert words[2] in command.commands, line
                command = command.commands[words[2]]
            known = {option for param in command.params for option in (*param.opts, *param.secondary_opts)}
            used = {word.partition("=")[0] for word in words[2:] if word.startswith("-")}
            assert used - known - {"-h", "--help"} == set(), line
