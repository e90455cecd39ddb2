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


def test_file_that_cannot_be_read_is_not_said_to_be_right(folder: Path, trc: Trc) -> None:
    (folder / "p.trc").write_text("pipeline {\n")
    done = trc("fmt", "--check", ".")
    assert (done.exit_code, done.stdout) == (exits.WRONG_PIPELINE, "")


def test_changes_are_told_as_json(trc: Trc) -> None:
    told = json.loads(trc("fmt", "--check", "--json", "p.trc").stdout)
    assert told == {"changed": ["p.trc"], "files": ["p.trc"], "left_as_they_are": [], "sql_left_as_it_is": []}


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


QUERY = "select a,\n    sum(b) as b from t -- why\n    where d = {{ day }} group by a"
LAID_OUT = "select\n  a,\n  sum(b) as b\nfrom t  -- why\nwhere d = {{ day }}\ngroup by a\n"


def block(query: str, indent: str) -> str:
    return "".join(f"{indent}{line}\n" for line in query.splitlines())


def test_sql_is_laid_out_where_it_is_asked_for(folder: Path, trc: Trc) -> None:
    (folder / "p.trc").write_text(f'pipeline "p" {{ }}\n\ntask a = sql $$\n{block(QUERY, "  ")}$$\n')
    before = (folder / "p.trc").read_text()
    assert trc("fmt", "p.trc").exit_code == exits.OK
    assert (folder / "p.trc").read_text() == before
    assert trc("fmt", "--sql", "--check", "p.trc").exit_code == exits.FAILED
    assert trc("fmt", "--sql", "p.trc").stdout == "formatted p.trc\n"
    assert (folder / "p.trc").read_text() == f'pipeline "p" {{ }}\n\ntask a = sql $$\n{block(LAID_OUT, "  ")}$$\n'
    assert trc("fmt", "--sql", "--check", "p.trc").exit_code == exits.OK


@pytest.mark.parametrize("header", ["|", "|-", "|+", "| # a note"])
def test_sql_in_blocks_of_yaml_is_laid_out(folder: Path, trc: Trc, header: str) -> None:
    text = "name: p\nnodes:\n  - id: a\n    type: duckdb_sql\n    params:\n      sql: {}\n{}    tags: [x]\n"
    (folder / "p.yaml").write_text(text.format(header, block(QUERY, "          ")))
    assert trc("fmt", "--sql", "p.yaml").stderr == ""
    seen = (folder / "p.yaml").read_text()
    assert block(LAID_OUT, "        ") in seen
    assert seen.startswith(text.partition("{}")[0])
    assert trc("fmt", "--sql", "--check", "p.yaml").exit_code == exits.OK
    assert trc("fmt", "--check", "p.yaml").exit_code == exits.OK


def test_sql_in_quotes_and_other_texts_are_left(folder: Path, trc: Trc) -> None:
    text = (
        "name: p\nnodes:\n  - id: a\n    type: duckdb_sql\n    params: {sql: 'select 1,   2'}\n"
        "  - id: b\n    type: shell\n    params:\n      command: |\n        select   1,\n        2\n"
    )
    (folder / "p.yaml").write_text(text)
    assert trc("fmt", "--sql", "--check", "p.yaml").exit_code == exits.OK


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("select 'a,\n  2", "a quote or a comment in it is never closed"),
        ("select (1,\n  2", "its brackets do not match"),
        ("select " + "(" * 65 + "1" + ")" * 65, "its brackets nest deeper than 64 levels"),
        ("select {{ a,\n  2", '"{{" is never closed'),
    ],
)
def test_sql_that_cannot_be_laid_out_is_left_and_told(folder: Path, trc: Trc, query: str, why: str) -> None:
    (folder / "p.trc").write_text(f'pipeline "p" {{ }}\n\ntask a = sql $$\n{block(query, "  ")}$$\n')
    done = trc("fmt", "--sql", "p.trc")
    assert done.exit_code == exits.OK
    assert done.stderr == f'p.trc:3: the SQL of "a" is left as it is: {why}\n'
    assert done.stdout == "1 file as it should be\n"
    [told] = json.loads(trc("fmt", "--sql", "--json", "p.trc").stdout)["sql_left_as_it_is"]
    assert told == {"file": "p.trc", "line": 3, "task": "a", "why": why}


def test_layout_of_sql_changes_no_key(folder: Path, trc: Trc) -> None:
    """A task that ran is not run again for its SQL's layout."""
    (folder / "p.trc").write_text(
        'pipeline "p" { }\ntask a = sql $$\n  select 1 as x,\n    2 as y -- why\n$$ { output = csv("o.csv") }\n'
    )
    assert trc("run", "p.trc").exit_code == exits.OK
    assert "formatted" in trc("fmt", "--sql", "p.trc").stdout
    [task] = json.loads(trc("plan", "p.trc", "--json").stdout)["tasks"]
    assert task["action"] == "skip"


def test_text_of_several_lines_stays_a_text(folder: Path, trc: Trc) -> None:
    """A folded text that is laid out on one line was given no quotes, and then said something else."""
    head = "name: p\ndescription: {}\nnodes:\n  - {{id: a, type: shell, params: {{command: x}}}}\n"
    for written in (">-\n  nightly,\n  by day", '"nightly,\n  by day"', "'nightly,\n  by day'"):
        (folder / "folded.yaml").write_text(head.format(written))
        assert trc("fmt", "folded.yaml").exit_code == exits.OK
        assert 'description: "nightly, by day"\n' in (folder / "folded.yaml").read_text()


@pytest.mark.parametrize(
    "key", ["(" * 5000, "a" * 1020, '"' + "\\u0001" * 200 + '"'], ids=["signs", "letters", "escapes"]
)
def test_key_that_is_too_long_for_a_colon_is_marked(folder: Path, trc: Trc, key: str) -> None:
    """In braces a key may be long, but on a line of its own no reader of YAML took it for one."""
    text = "name: p\nnodes:\n  - id: a\n    type: shell\n    params: {{command: x}}\n    metadata: {{{key}, b: 1}}\n"
    (folder / "long.yaml").write_text(text.format(key=key))
    assert trc("fmt", "long.yaml").exit_code == exits.OK
    seen = (folder / "long.yaml").read_text()
    assert f"      ? {key}\n" in seen
    assert trc("fmt", "--check", "long.yaml").exit_code == exits.OK


def test_what_is_empty_stands_behind_its_key_however_long_that_is(folder: Path, trc: Trc) -> None:
    """There is no place for it on lines of its own: it was laid out as nothing."""
    text = f"name: p\nnodes:\n  - {{id: a, type: shell, params: {{command: x}}}}\nmetadata:\n  {'k' * 90}: []\n  {'m' * 90}: {{}}\n"
    (folder / "empty.yaml").write_text(text)
    assert trc("fmt", "empty.yaml").exit_code == exits.OK
    assert (folder / "empty.yaml").read_text().endswith(f"  {'k' * 90}: []\n  {'m' * 90}: {{}}\n")


def test_what_is_empty_keeps_its_anchor(folder: Path, trc: Trc) -> None:
    """It was laid out as the anchor alone, of nothing."""
    node = "  - id: {}\n    type: shell\n    params: {{command: x}}\n    metadata: {}\n    tags: {}\n"
    text = "name: p\nnodes:\n" + node.format("a", "&x {}", "&y []") + node.format("b", "*x", "*y")
    (folder / "anchored.yaml").write_text(text)
    assert trc("fmt", "anchored.yaml").exit_code == exits.OK
    assert "metadata: &x {}\n    tags: &y []\n" in (folder / "anchored.yaml").read_text()
