"""`trc fmt` and `trc convert`: what they write, what they refuse, and how they end."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from trc.cli import exits
from trc.cli.group import run

UNTIDY = 'pipeline "p" {}\ntask a=sql $$ select 1 as x $$ { timeout=1h }  # why\n'
TIDY = 'pipeline "p" { }\n\ntask a = sql $$ select 1 as x $$ {\n  timeout = 1h\n}  # why\n'
BROKEN = "task a = sql select 1\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.trc").write_text(UNTIDY)
    return tmp_path


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    exit_code: int
    stdout: str
    stderr: str


Trc = Callable[..., Done]


@pytest.fixture
def trc(folder: Path, capsys: pytest.CaptureFixture[str]) -> Trc:  # noqa: ARG001 - where commands run
    def command(*words: str) -> Done:
        code = run(words)
        said = capsys.readouterr()
        return Done(code, said.out, said.err)

    return command


def test_files_are_laid_out_in_place(folder: Path, trc: Trc) -> None:
    (folder / "in").mkdir()
    (folder / "in" / "q.yaml").write_text("name:   q\nnodes:\n- {id: a,   type: shell}\n")
    done = trc("fmt", ".")
    assert (done.exit_code, done.stdout) == (exits.OK, "formatted in/q.yaml\nformatted p.trc\n")
    assert (folder / "p.trc").read_text() == TIDY
    assert (folder / "in" / "q.yaml").read_text() == "name: q\nnodes:\n  - {id: a, type: shell}\n"
    assert trc("fmt", ".").stdout == "2 files as they should be\n"


@pytest.mark.parametrize("option", ["--check", "--diff"])
def test_nothing_is_written_where_it_is_only_looked_at(folder: Path, trc: Trc, option: str) -> None:
    done = trc("fmt", option, "p.trc")
    assert done.exit_code == (exits.FAILED if option == "--check" else exits.OK)
    assert (folder / "p.trc").read_text() == UNTIDY
    assert ("would format p.trc" if option == "--check" else "+  timeout = 1h") in done.stdout


def test_file_that_cannot_be_read_keeps_no_other_from_being_laid_out(folder: Path, trc: Trc) -> None:
    (folder / "broken.trc").write_text(BROKEN)
    done = trc("fmt", "broken.trc", "p.trc", "missing.trc")
    assert done.exit_code == exits.WRONG_PIPELINE
    assert "error[TRC120]" in done.stderr
    assert "error[TRC101]" in done.stderr
    assert (folder / "broken.trc").read_text() == BROKEN
    assert (folder / "p.trc").read_text() == TIDY


def test_changes_are_told_as_json(trc: Trc) -> None:
    assert json.loads(trc("fmt", "--check", "--json", "p.trc").stdout) == {"changed": ["p.trc"], "files": ["p.trc"]}


def test_pipeline_is_said_in_another_language(folder: Path, trc: Trc) -> None:
    done = trc("convert", "p.trc", "--to", "yaml", "-o", "p.yaml")
    assert done.exit_code == exits.OK
    assert "id: a" in (folder / "p.yaml").read_text()
    assert "# why" in (folder / "p.yaml").read_text()
    back = trc("convert", "p.yaml", "--to", "trc")
    assert "task a = sql $$ select 1 as x $$ {" in back.stdout


def test_file_with_mistakes_is_not_converted(folder: Path, trc: Trc) -> None:
    (folder / "p.trc").write_text(BROKEN)
    done = trc("convert", "p.trc", "--to", "yaml", "-o", "p.yaml")
    assert done.exit_code == exits.WRONG_PIPELINE
    assert "error[TRC120]" in done.stderr
    assert not (folder / "p.yaml").exists()
