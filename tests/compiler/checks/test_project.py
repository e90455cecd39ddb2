"""Pipelines of one project may not get in each other's way; those of two projects may do as they like."""

from __future__ import annotations

from pathlib import Path

import pytest

from trc import api

PIPELINE = """\
name: {name}
nodes:
  - id: a
    type: duckdb_sql
    params: {{sql: select 1 as x, output_uri: {uri}}}
"""


@pytest.mark.parametrize(
    ("name", "uri", "expected"),
    [
        ("two", "out/b.csv", []),
        ("ONE", "out/b.csv", [("TRC206", "b.yaml", 1, 7)]),
        ("two", "./out//a.csv", [("TRC303", "b.yaml", 5, 46)]),
    ],
)
def test_check_finds_what_two_pipelines_share(
    tmp_path: Path, name: str, uri: str, expected: list[tuple[str, str, int, int]]
) -> None:
    (tmp_path / "a.yaml").write_text(PIPELINE.format(name="one", uri="out/a.csv"))
    (tmp_path / "b.yaml").write_text(PIPELINE.format(name=name, uri=uri))
    report = api.check([tmp_path])
    found = []
    for diagnostic in report.diagnostics:
        assert diagnostic.span is not None
        position = report.sources[diagnostic.span.file].position(diagnostic.span.start)
        found.append((diagnostic.code, Path(diagnostic.span.file).name, position.line, position.column))
    assert found == expected


def test_projects_are_apart(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "p.yaml").write_text(PIPELINE.format(name="one", uri="out/a.csv"))
    assert api.check([tmp_path]).diagnostics == ()


COMMON = {
    "common.trc": 'import "deeper.yaml"\nsource orders = csv("orders.csv")\n',
    "deeper.yaml": "params: {limit: {type: integer, default: 3}}\n",
    "p.trc": 'pipeline "p" {}\nimport "common.trc"\ntask a = sql $$ select id from orders limit {{ limit }} $$\n',
    "orders.csv": "id\n1\n",
}


def checked(folder: Path, files: dict[str, str], *paths: str) -> tuple[list[str], list[str]]:
    for name, text in files.items():
        (folder / name).write_text(text)
    report = api.check([folder / path for path in paths])
    errors = [one.code for one in report.diagnostics if one.severity == "error"]
    return sorted(Path(file).name for file in report.files), errors


def test_files_that_are_only_imported_are_no_pipelines(tmp_path: Path) -> None:
    assert checked(tmp_path, COMMON, ".") == (["p.trc"], [])


def test_mistake_in_an_imported_file_is_told_once(tmp_path: Path) -> None:
    wrong = {**COMMON, "deeper.yaml": "params: {limit: {type: integer, defualt: 3}}\n"}
    assert checked(tmp_path, wrong, ".") == (["p.trc"], ["TRC201"])


def test_file_that_nobody_imports_is_taken_for_a_pipeline(tmp_path: Path) -> None:
    files, errors = checked(tmp_path, {**COMMON, "p.trc": COMMON["p.trc"].replace('import "common.trc"', "")}, ".")
    assert files == ["common.trc", "p.trc"]
    assert "TRC202" in errors


def test_file_that_is_named_is_checked_as_a_pipeline(tmp_path: Path) -> None:
    files, errors = checked(tmp_path, COMMON, "common.trc", "p.trc")
    assert files == ["common.trc", "p.trc"]
    assert "TRC202" in errors


def test_pipeline_that_another_imports_is_still_one(tmp_path: Path) -> None:
    files, errors = checked(tmp_path, {**COMMON, "q.trc": COMMON["p.trc"].replace("common.trc", "p.trc")}, ".")
    assert files == ["p.trc", "q.trc"]
    assert "TRC215" in errors


def test_projects_below_a_folder_list_their_own_pipelines(tmp_path: Path) -> None:
    """A folder of projects was searched by suffix, and twins that a project left out of its list got in each other's way."""
    for name in ("a.yaml", "twin.yaml"):
        (tmp_path / "lists" / "deep").mkdir(parents=True, exist_ok=True)
        (tmp_path / "lists" / name).write_text(PIPELINE.format(name="one", uri="out/a.csv"))
        (tmp_path / "lists" / "deep" / name).write_text(PIPELINE.format(name="one", uri="out/a.csv"))
    (tmp_path / "lists" / "trc.toml").write_text('pipelines = ["a.yaml"]\n')
    (tmp_path / "any").mkdir()
    (tmp_path / "any" / "trc.toml").write_text("")
    (tmp_path / "any" / "b.yaml").write_text(PIPELINE.format(name="two", uri="out/a.csv"))
    report = api.check([tmp_path])
    assert report.diagnostics == ()
    assert [Path(file).name for file in report.files] == ["b.yaml", "a.yaml"]
    assert [Path(file).name for file in api.check([tmp_path / "lists"]).files] == ["a.yaml"]
