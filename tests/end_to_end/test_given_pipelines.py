"""Pipelines that others made: the field's format as published, and real graphs and models said in it."""

from __future__ import annotations

import gzip
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.given import given

from trc import api
from trc.texts import convert_file, format_files

WORKFLOWS = [
    "nextflow__mag-dirt02-001",
    "pegasus__1000genome__1000genome-chameleon-2ch-100k-001",
    pytest.param("pegasus__montage__montage-chameleon-dss-15d-001", marks=pytest.mark.long),
]


def assert_one_pipeline(written: Path) -> None:
    """In `.trc`, in YAML again, and laid out anew: the same bytes of IR each time."""
    said = api.emit(written, "ir")
    there = written.with_suffix(".trc")
    there.write_text(convert_file(written, "trc"), encoding="utf-8")
    back = written.with_name(f"{written.stem}.yml")
    back.write_text(convert_file(there, "yaml"), encoding="utf-8")
    files = [written, there, back]
    assert [api.emit(file, "ir") == said for file in files] == [True, True, True]
    for file in format_files(files).files:
        assert file.after is not None
        file.path.write_text(file.after, encoding="utf-8")
    assert [api.emit(file, "ir") == said for file in files] == [True, True, True]
    assert not [file.path for file in format_files(files).files if file.differs]


def errors(file: Path) -> list[str]:
    return [f"{one.code} {one.message}" for one in api.check([file]).diagnostics if one.severity == "error"]


def test_published_pipeline_is_read_as_it_is(tmp_path: Path) -> None:
    file = Path(shutil.copy(given("design/examples/seed-workflow.yaml"), tmp_path))
    assert errors(file) == []
    assert_one_pipeline(file)


@pytest.mark.parametrize("name", ["jaffle_shop", "dbt_synthea_omop"])
def test_models_of_a_real_project_are_one_pipeline_in_both_languages(name: str, tmp_path: Path) -> None:
    folder = given(f"real/{name}")
    project = json.loads((folder / "project.json").read_text())
    nodes = [
        {"id": task["id"], "type": "duckdb_sql", "params": {"sql": sql_of(folder / task["file"])}}
        for task in project["tasks"]
    ]
    sources = {name: {"parquet": str(folder / path)} for name, path in project["sources"].items()}
    file = write(tmp_path, {"name": name, "sources": sources, "nodes": nodes})
    assert errors(file) == []
    assert_one_pipeline(file)


def sql_of(model: Path) -> str:
    """The model's query: `@r(name)` is how the project marks what it reads."""
    return re.sub(r"@\w\((\w+)\)", r'"\1"', model.read_text())


@pytest.mark.parametrize("name", WORKFLOWS)
def test_graph_of_a_real_workflow_is_one_pipeline_in_both_languages(name: str, tmp_path: Path) -> None:
    workflow = json.loads(gzip.decompress((given("real/wf") / f"{name}.json.gz").read_bytes()))
    nodes = [
        {
            "id": plain(task["id"]),
            "type": "shell",
            "params": {"command": "true"},
            "needs": [plain(one) for one in dict.fromkeys(task["needs"])],
        }
        for task in workflow["tasks"]
    ]
    file = write(tmp_path, {"name": plain(name), "nodes": nodes})
    assert errors(file) == []
    assert_one_pipeline(file)


def plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)


def write(folder: Path, document: dict[str, Any]) -> Path:
    file = folder / "p.yaml"
    file.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return file
