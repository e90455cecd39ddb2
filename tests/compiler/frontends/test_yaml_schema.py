from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from trc.compiler.context import Context
from trc.compiler.diagnostics.collector import Collector
from trc.compiler.frontends.lower import lower
from trc.compiler.frontends.syntax import Mapping, Node, Scalar, Sequence
from trc.compiler.frontends.typed import typed
from trc.compiler.frontends.yaml import parse, read
from trc.compiler.frontends.yaml_schema import yaml_json_schema
from trc.compiler.source import SourceFile
from trc.contexts import task_types

ROOT = Path(__file__).parents[3]
CASES = ROOT / "tests" / "cases" / "yaml"
MISTAKES = ROOT / "tests" / "cases" / "diagnostics" / "yaml"
PUBLISHED = ROOT / "schemas" / "trc-yaml.schema.json"
REFUSABLE = ("TRC201", "TRC202", "TRC203")
TOLD_BY_ANOTHER_PLACE = ("columns_by_output",)
"""Cases whose keys are wrong for what another part of the file says, which a schema cannot look at."""


def plain(node: Node) -> Any:
    """The value that a reader of YAML 1.2 makes of a tree."""
    match node:
        case Scalar():
            return typed(node).value
        case Sequence():
            return [plain(item) for item in node.items]
        case Mapping():
            return {entry.key.value: plain(entry.value) for entry in node.entries}


def value_of(path: Path) -> Any:
    collect = Collector()
    file = read(path, path.name, collect)
    tree = parse(file, collect) if file else None
    assert tree, collect.sorted()
    return plain(tree)


def broken_files() -> Iterator[Path]:
    for twin in sorted(MISTAKES.glob("*.expected")):
        # What is wrong in another file has the file's name before its place.
        codes = set(re.findall(r"(?m)^(TRC\d+) \d+:", twin.read_text(encoding="utf-8")))
        if twin.stem in TOLD_BY_ANOTHER_PLACE:
            continue
        if codes & set(REFUSABLE) and not any(code.startswith("TRC1") for code in codes):
            file = twin.with_suffix(".yaml")
            yield file if file.is_file() else twin.with_suffix("") / "pipeline.yaml"


def test_the_published_schema_is_the_readers(request: pytest.FixtureRequest) -> None:
    generated = json.dumps(yaml_json_schema(task_types()), indent=2, ensure_ascii=False) + "\n"
    if request.config.getoption("--update", default=False):
        PUBLISHED.write_text(generated, encoding="utf-8")
    assert PUBLISHED.read_text(encoding="utf-8") == generated


def test_the_schema_is_one() -> None:
    jsonschema.Draft7Validator.check_schema(yaml_json_schema(task_types()))


@pytest.mark.parametrize(
    "file", sorted([*(ROOT / "examples").rglob("*.yaml"), CASES / "valid" / "seed.yaml"]), ids=lambda path: path.name
)
def test_real_pipelines_are_valid(file: Path) -> None:
    jsonschema.Draft7Validator(yaml_json_schema(task_types())).validate(value_of(file))


def test_types_that_packages_bring_are_left_open() -> None:
    schema = jsonschema.Draft7Validator(yaml_json_schema(task_types()))
    node = {"id": "a", "type": "of_another_package", "params": {"anything": [1]}}
    assert schema.is_valid({"name": "p", "nodes": [node]})
    assert not schema.is_valid({"name": "p", "nodes": [{**node, "type": "duckdb_sql"}]})
    assert not schema.is_valid({"name": "p", "nodes": [{**node, "type": 1}]})


def test_every_key_that_is_read_is_in_the_schema(context: Context) -> None:
    value = value_of(CASES / "valid" / "every_key.yaml")
    jsonschema.Draft7Validator(yaml_json_schema(context.task_types)).validate(value)


@pytest.mark.parametrize("file", [*broken_files()], ids=lambda path: path.stem)
def test_mistakes_are_refused(file: Path, context: Context) -> None:
    assert not jsonschema.Draft7Validator(yaml_json_schema(context.task_types)).is_valid(value_of(file))


def properties(schema: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Each property of the format itself with the path of keys to it; `*` is a key of the author's, `-` an item."""
    for name, inner in schema.get("properties", {}).items():
        yield (*path, name), inner
        yield from properties(inner, (*path, name))
    others = schema.get("additionalProperties")
    if isinstance(others, dict):
        yield from properties(others, (*path, "*"))
    if "items" in schema:
        yield from properties(schema["items"], (*path, "-"))
    for choice in schema.get("anyOf", ()):
        yield from properties(choice, path)


def spelled(path: tuple[str, ...]) -> str:
    """A pipeline that holds one key, in YAML's flow style."""
    written = "null"
    for part in reversed(path):
        written = f"[{written}]" if part == "-" else f"{{{'some_name' if part == '*' else part}: {written}}}"
    return written


PROPERTIES = sorted({path for path, _ in properties(yaml_json_schema(task_types()))})


@pytest.mark.parametrize("path", PROPERTIES, ids=".".join)
def test_every_key_of_the_schema_is_read(path: tuple[str, ...], context: Context) -> None:
    collect = Collector()
    file = SourceFile("p.yaml", spelled(path))
    tree = parse(file, collect)
    assert tree
    lower(tree, file, context, collect)
    assert not [found for found in collect.sorted() if found.code == "TRC201"]


def test_every_key_is_described() -> None:
    schema = yaml_json_schema(task_types())
    described = [*properties(schema)]
    for name, inner in schema["definitions"].items():
        described += [((name, *path), one) for path, one in properties(inner)]
    assert len(described) > 100
    assert [path for path, one in described if not one.get("description", "").strip()] == []
