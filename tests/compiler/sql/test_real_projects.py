"""Real dbt projects: every model binds against its upstreams, with the columns that dbt built."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from trc.compiler.ir.dataset import Column
from trc.compiler.ir.types import Known, Schema
from trc.compiler.sql.bind import Binder
from trc.compiler.sql.parse import Parsed, parse

REAL = Path(__file__).parents[3].resolve().parent / "shared" / "real"
PROJECTS = ["jaffle_shop", "dbt_synthea_omop"]


def schema_of(path: Path) -> Schema:
    import duckdb

    rows = duckdb.execute("describe from read_parquet(?)", [str(path)]).fetchall()
    return Known(tuple(Column(name=row[0], type=row[1]) for row in rows))


@pytest.mark.parametrize("name", PROJECTS)
def test_every_model_binds(name: str) -> None:
    folder = REAL / name
    if not folder.exists():
        pytest.skip(f"{name} is not on this machine")
    project = json.loads((folder / "project.json").read_text())
    schemas = {source: schema_of(folder / path) for source, path in project["sources"].items()}
    todo = {task["id"]: task for task in project["tasks"]}
    with Binder() as binder:
        while todo:
            ready = [task for task in todo.values() if not set(task["needs"]) & todo.keys()]
            assert ready
            for task in ready:
                sql = re.sub(r"@\w\((\w+)\)", r'"\1"', (folder / task["file"]).read_text())
                parsed = parse(sql)
                assert isinstance(parsed, Parsed), task["id"]
                # dbt's `needs` are between models; sources are read besides.
                assert set(parsed.table_names) - set(project["sources"]) == set(task["needs"]), task["id"]
                bound = binder.bind(parsed, schemas, {})
                assert bound.problems == (), task["id"]
                assert isinstance(bound.schema, Known), (task["id"], bound.schema)
                assert [column.name for column in bound.schema.columns] == task["expect"]["columns"], task["id"]
                schemas[task["id"]] = bound.schema
                del todo[task["id"]]
