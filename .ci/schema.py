"""Writes the published JSON Schemas under schemas/, or checks that they are those of the code."""
# ruff: noqa: INP001, T201

from __future__ import annotations

import json
import sys
from pathlib import Path

from trc.compiler.ir.schema import ir_json_schema

ROOT = Path(__file__).resolve().parent.parent
IR = ROOT / "schemas" / "trc-ir.schema.json"


def main(arguments: list[str]) -> int:
    """`--check` compares; without it the files are written."""
    text = json.dumps(ir_json_schema(), indent=2) + "\n"
    if "--check" not in arguments:
        IR.write_text(text, encoding="utf-8")
        return 0
    if json.loads(IR.read_text(encoding="utf-8")) == json.loads(text):
        return 0
    print(f"{IR.relative_to(ROOT)} is not the schema of this IR: make schema", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
