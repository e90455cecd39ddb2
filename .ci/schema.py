"""Writes the published JSON Schemas under schemas/, or checks that they are those of the code."""
# ruff: noqa: INP001, T201

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from trc.compiler.frontends.yaml_schema import yaml_json_schema
from trc.compiler.ir.schema import ir_json_schema
from trc.contexts import task_types

ROOT = Path(__file__).resolve().parent.parent


def main(arguments: list[str]) -> int:
    """`--check` compares; without it the files are written."""
    outdated = [path for path, schema in published().items() if not _is_written(path, schema)]
    if "--check" not in arguments:
        for path, schema in published().items():
            path.write_text(json.dumps(schema, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        return 0
    for path in outdated:
        print(f"{path.relative_to(ROOT)} is not the schema of this code: make schema", file=sys.stderr)
    return 1 if outdated else 0


def published() -> dict[Path, dict[str, Any]]:
    """Each schema with its file."""
    return {
        ROOT / "schemas" / "trc-ir.schema.json": ir_json_schema(),
        ROOT / "schemas" / "trc-yaml.schema.json": yaml_json_schema(task_types()),
    }


def _is_written(path: Path, schema: dict[str, Any]) -> bool:
    return path.is_file() and json.loads(path.read_text(encoding="utf-8")) == schema


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
