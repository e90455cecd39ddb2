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
