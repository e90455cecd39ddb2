"""A pipeline in Python and its twin in YAML are one pipeline: their IR is equal byte by byte."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trc import api
from trc.authoring.locations import SUFFIXES, format_of, is_location, short_name
from trc.compiler.ir import formats
from trc.stdlib_tasks import data_params

TWINS = Path(__file__).parents[2] / "cases" / "python" / "twins"


@pytest.mark.parametrize("case", sorted(TWINS.glob("*.py")), ids=lambda case: case.stem)
def test_twins_are_one_pipeline(case: Path, tmp_path: Path) -> None:
    for twin in TWINS.glob(f"{case.stem}.*"):
        shutil.copy(twin, tmp_path)
    python, text = (api.emit(tmp_path / f"{case.stem}{suffix}", "ir") for suffix in (".py", ".yaml"))
    assert python == text
    assert python.count('"type_version"') > 10


def test_suffixes_tell_the_formats_that_the_compiler_knows() -> None:
    assert SUFFIXES == formats.SUFFIXES


@given(
    st.text(st.sampled_from("ab./*?[]{}"), max_size=6),
    st.sampled_from(["", "csv", ".csv", ".JSON.gz", ".tsv.zst", ".py"]),
)
def test_locations_are_those_of_the_compiler(name: str, suffix: str) -> None:
    assert is_location(name + suffix) == data_params.is_location(name + suffix)
    assert short_name(name + suffix) == data_params._short_name(name + suffix)
    assert format_of(name + suffix) == formats.format_of(name + suffix)


NAMES = st.text("abcdefgh", min_size=1, max_size=8)
TEXTS = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"]), min_size=1, max_size=20).filter(
    lambda text: text.strip() and "{" not in text
)
SINGLE = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
)  # fmt: skip
FLAT = SINGLE | st.lists(SINGLE, max_size=3) | st.dictionaries(NAMES, SINGLE, max_size=3)
VALUES = FLAT | st.lists(FLAT, max_size=3) | st.dictionaries(NAMES, FLAT, max_size=3)


def said(word: str, key: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    """An option in Python beside what it is in YAML."""
    return values.map(lambda value: (f"{word}={value!r}", {key: value}))


RETRY = st.fixed_dictionaries(
    {"max_attempts": st.integers(1, 100)},
    optional={"initial_delay_seconds": st.integers(1, 9), "jitter": st.sampled_from(["none", "full", "equal"])},
)
RETRY_WORDS = {"max_attempts": "attempts", "initial_delay_seconds": "initial", "jitter": "jitter"}
OPTIONS = st.one_of(
    said("tags", "tags", st.lists(TEXTS, max_size=3)),
    said("metadata", "metadata", st.dictionaries(NAMES, VALUES, max_size=3)),
    said("timeout", "timeout_seconds", st.integers(2000, 10**6)),
    said("timeout", "timeout", st.sampled_from(["1h30m", "2d"])),
    said("heartbeat_timeout", "heartbeat_timeout_seconds", st.integers(1, 1000)),
    said("optimise", "optimise", st.booleans()),
    said("idempotent", "idempotent", st.booleans()),
    said("for_each", "for_each", st.lists(VALUES, min_size=1, max_size=3)),
    said("when", "when", st.sampled_from(["1 == 1", 'run.date == "2026-01-31"', "not (1 > 2)"])),
    said("memory", "environment", st.just("2Gi")).map(lambda one: (one[0], {"environment": {"memory_limit": "2Gi"}})),
    RETRY.map(
        lambda retry: (
            f"retry=RetryPolicy({', '.join(f'{RETRY_WORDS[key]}={value!r}' for key, value in retry.items())})",
            {"retries": retry},
        )
    ),
)


@st.composite
def pipelines(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """The text of a Python file, and the document that says the same."""
    nodes: list[dict[str, Any]] = []
    lines = ["from trc import Pipeline, RetryPolicy", "p = Pipeline('twin')"]
    for number, name in enumerate(draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))):
        source = draw(st.sampled_from([f"{node['id']}" for node in nodes] or ["(select 1) as x"]))
        sql = f"select '{draw(TEXTS).replace(chr(39), '')}' as a from \"{source}\""
        sql = sql if nodes else sql.replace(f'"{source}"', source)
        node: dict[str, Any] = {"id": f"t_{name}", "type": "duckdb_sql", "params": {"sql": sql}}
        words = []
        for word, value in draw(st.lists(OPTIONS, max_size=4, unique_by=lambda one: one[0].partition("=")[0])):
            words.append(word)
            node |= value
        lines.append(f"t{number} = p.sql({node['id']!r}, {sql!r}{''.join(', ' + word for word in words)})")
        is_after: bool = draw(st.booleans())
        if nodes and is_after:
            lines.append(f"t0 >> t{number}")
            node["needs"] = [nodes[0]["id"]]
        nodes.append(node)
    return "\n".join(lines) + "\n", {"name": "twin", "nodes": nodes}


@given(pipelines())
@settings(max_examples=40)
def test_python_says_what_yaml_says(tmp_path_factory: pytest.TempPathFactory, pipeline: tuple[str, Any]) -> None:
    folder = tmp_path_factory.mktemp("twin")
    (folder / "twin.py").write_text(pipeline[0], encoding="utf-8")
    (folder / "twin.yaml").write_text(json.dumps(pipeline[1], ensure_ascii=False), encoding="utf-8")
    assert api.emit(folder / "twin.py", "ir") == api.emit(folder / "twin.yaml", "ir")
