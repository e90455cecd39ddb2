"""`trc schema` and `trc lineage` over pipelines; each in tests/cases/lineage/pipelines says what is asked of it."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb  # noqa: TID253 - it writes a file to read
import pytest

from trc import api
from trc.cli import answer
from trc.compiler.ir.types import Unknown
from trc.compiler.lineage.origins import trace_all
from trc.compiler.lineage.steps import columns_read

CASES = Path(__file__).parents[1] / "cases" / "lineage" / "pipelines"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with all the cases, where the commands are given."""
    for path in CASES.iterdir():
        shutil.copy(path, tmp_path / path.name)
    (tmp_path / "data").mkdir()
    rows = "SELECT 1::INTEGER AS k, 2::DECIMAL(10,2) AS v"
    duckdb.execute(f"COPY ({rows}) TO '{tmp_path}/data/known.parquet'")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def asked(text: str, file: str) -> list[list[str]]:
    """The commands at the head of a pipeline, with its file after the words that name the command."""
    commands = [shlex.split(line[4:]) for line in text.splitlines() if line.startswith("# $ ")]
    split = [2 if words[0] == "lineage" else 1 for words in commands]
    return [[*words[:count], file, *words[count:]] for words, count in zip(commands, split)]


@pytest.mark.parametrize("case", sorted(CASES.glob("*.yaml")), ids=lambda path: path.stem)
@pytest.mark.usefixtures("project")
def test_commands_say(case: Path, capsys: pytest.CaptureFixture[str], snapshot: Callable[[Path, str], None]) -> None:
    parts: list[str] = []
    for words in asked(case.read_text(), case.name):
        code = answer(words)
        told = capsys.readouterr()
        ended = f"(exit code {code})\n" if code else ""
        parts.append(f"$ trc {shlex.join(words)}\n{told.out}{told.err}{ended}")
    assert parts
    snapshot(case.with_suffix(".expected"), "\n".join(parts))


def test_columns_read_are_those_that_count(project: Path) -> None:
    steps = api.schema(project / "shop.yaml").steps
    read: dict[tuple[str, str], frozenset[str] | Unknown] = {
        ("paid", "orders"): frozenset({"order_id", "customer", "ordered_on", "status", "amount", "note"}),
        ("revenue", "paid"): frozenset({"customer", "amount", "ordered_on"}),
        ("rated", "scores"): frozenset({"customer", "score"}),
        ("rated", "orders"): frozenset(),
    }
    assert {pair: columns_read(steps, *pair) for pair in read} == read
    unknown = columns_read(steps, "page", "revenue")
    assert isinstance(unknown, Unknown)
    assert "python" in unknown.reason


def test_columns_read_of_rows_alone_are_none(project: Path) -> None:
    (project / "counted.yaml").write_text(
        "name: counted\n"
        "sources: {facts: {parquet: facts.parquet, columns: {x: integer}}}\n"
        "nodes:\n"
        "  - {id: n, type: duckdb_sql, params: {sql: select count(*) as n from facts}}\n"
    )
    steps = api.schema(project / "counted.yaml").steps
    assert columns_read(steps, "n", "facts") == frozenset()


def test_lineage_across_tasks_names_ends_only(project: Path) -> None:
    """What is made of known columns is never an end; a task that tells nothing is."""
    steps = api.schema(project / "shop.yaml").steps
    traced = trace_all(steps)
    assert {key.dataset for one in traced.values() for key in one.lineage.read} == {"orders", "scores"}
    assert "page" not in traced


def test_a_long_pipeline_is_traced_in_no_time(project: Path) -> None:
    """Diamonds do not multiply: each column is followed once."""
    tasks = [
        f"  - {{id: t{i}, type: duckdb_sql, params: {{sql: select l.x + r.x as x from t{i - 1} l join t{i - 1} r using (x)}}}}\n"
        for i in range(1, 60)
    ]
    (project / "long.yaml").write_text(
        "name: long\nsources: {t0: {parquet: t0.parquet, columns: {x: integer}}}\nnodes:\n" + "".join(tasks)
    )
    lineage = api.column_of(project / "long.yaml", "t59.x").lineage
    assert [(one.dataset, one.column, one.how) for one in lineage.sources] == [("t0", "x", ("transformed",))]


@pytest.mark.parametrize("module", ["trc.cli.check", "trc.api"])
def test_no_parser_of_sql_beside_duckdb_is_loaded(module: str) -> None:
    code = f"import sys, {module}; print([name for name in sys.modules if name in ('sqlglot', 'duckdb')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
