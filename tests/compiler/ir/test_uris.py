"""Locations: one spelling each, and globs that match what DuckDB's match."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trc.compiler.ir.uris import covers, fixed_prefix, is_glob, is_remote, normalise

Tree = tuple[str, list[str], Any]

SPELLINGS = [
    ("data/a.csv", "/project/data/a.csv"),
    ("./data//a.csv", "/project/data/a.csv"),
    ("data/x/../a.csv", "/project/data/a.csv"),
    ("/project/data/a.csv", "/project/data/a.csv"),
    ("//project/data/a.csv", "/project/data/a.csv"),
    ("../a.csv", "/a.csv"),
    ("file:///project/a.csv", "/project/a.csv"),
    ("FILE://localhost/project/a.csv", "/project/a.csv"),
    ("file:/project/a.csv", "/project/a.csv"),
    ("file:a.csv", "/project/a.csv"),
    ("s3://bucket/a//b/./c", "s3://bucket/a//b/./c"),
    ("s3a://bucket/a", "s3://bucket/a"),
    ("S3://Bucket/A", "s3://Bucket/A"),
    ("HTTPS://Example.COM/A?b=C", "https://example.com/A?b=C"),
    ("a b/ü.csv", "/project/a b/ü.csv"),
]


@pytest.mark.parametrize(("written", "expected"), SPELLINGS)
def test_normalise(written: str, expected: str) -> None:
    assert normalise(written, "/project") == expected
    assert normalise(expected, "/elsewhere") == expected


@pytest.mark.parametrize(
    ("uri", "expected"),
    [("a*.csv", True), ("a?.csv", True), ("a[1].csv", True), ("a.csv", False), ("a\\*.csv", False),
     ("https://x.example/a?b=*", False), ("s3://b/a?.csv", True), ("", False)],
)  # fmt: skip
def test_is_glob(uri: str, expected: bool) -> None:
    assert is_glob(uri) is expected


def test_is_remote() -> None:
    assert [is_remote(uri) for uri in ("a", "/a", "file:///a", "s3://b/a", "https://x/a")] == [False] * 3 + [True] * 2


NAMES = ["a", "b", "ab", "a1", "a-b", "a]b", "[", "a^b", "a!b", ".a", "é", "aé", "a*b", "a?b"]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tree]:
    root = tmp_path_factory.mktemp("globs")
    files = []
    for folder in ("", "a/", "b/", "a/b/", "a/b/a/", ".h/"):
        for name in NAMES:
            path = root / folder / f"{name}.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x\n")
            files.append(str(path))
    import duckdb

    with duckdb.connect() as connection:
        yield str(root), files, connection


PIECES = st.sampled_from(
    [
        "a",
        "b",
        "*",
        "**",
        "?",
        "[",
        "]",
        "[ab]",
        "[!a]",
        "[a-b]",
        "[1-b]",
        "[b-a]",
        "[!-z]",
        "[^a]",
        "-",
        "!",
        "é",
        "1",
        ".csv",
    ]
)
COMPONENT = st.one_of(st.lists(PIECES, min_size=1, max_size=4).map("".join), st.sampled_from(["a", "b", "*", "*.csv"]))


@settings(max_examples=400)
@given(st.lists(COMPONENT, min_size=1, max_size=3))
def test_covers_what_duckdb_globs(tree: Tree, components: list[str]) -> None:
    root, files, connection = tree
    if components.count("**") > 1 or not is_glob("/".join(components)):
        return
    glob = "/".join([root, *components])
    found = {row[0] for row in connection.execute("select file from glob(?)", [glob]).fetchall()}
    found = {path for path in found if Path(path).is_file()}
    # Whether a file is read whose name is the pattern depends on what else matches: it counts in any case.
    assert {path for path in files if covers(glob, path)} - {glob} == found - {glob}
    assert glob not in found or covers(glob, glob)
    assert all(path.startswith(fixed_prefix(glob)) for path in found)
