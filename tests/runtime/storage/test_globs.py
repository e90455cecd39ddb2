"""A glob names the files that DuckDB would read, but for folders called .trc."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from trc.runtime.storage.errors import StorageError
from trc.runtime.storage.globs import is_glob, match_files

if TYPE_CHECKING:
    import duckdb


@pytest.fixture(scope="module")
def engine() -> Iterator["duckdb.DuckDBPyConnection"]:
    import duckdb

    with duckdb.connect() as connection:
        yield connection


def as_duckdb_lists(engine: "duckdb.DuckDBPyConnection", pattern: str) -> set[str]:
    rows = engine.execute("SELECT file FROM glob(?)", [pattern]).fetchall()
    # Of a pattern that ends in a folder's name DuckDB answers the folder, which nothing can be read from.
    return {file for (file,) in rows if Path(file).is_file()}


FOLDERS = ("", "a/", "b/", ".h/", "a/b/", "a/a/", "a/.h/", "b/a/b/")
FILES = ("x", "y.c", ".z", "xy", "ü.c", "[x]", "a*", "a-b", "w\\y", "new\nline", "B.c", "]")
PARTS = ("*", "**", "?", "a", "b", ".h", "*.c", "x*", "*y", "[a-b]", "[!a]*", "[]]", "[x", "[x]", ".*", "??.c", "..")
LETTERS = st.sampled_from("ab.xy*?[]!-^{},\\cüß%_")

trees = st.sets(st.tuples(st.sampled_from(FOLDERS), st.sampled_from(FILES)), max_size=12)
links = st.sets(st.sampled_from(["la -> a", "a/lb -> ../b", "b/up -> ..", "lx -> x", "a/ly -> ../y.c", "gone -> no"]))
patterns = st.lists(st.sampled_from(PARTS) | st.text(LETTERS, min_size=1, max_size=5), min_size=1, max_size=4)


def build(root: Path, tree: set[tuple[str, str]], linked: set[str]) -> None:
    for folder in FOLDERS:
        (root / folder).mkdir(parents=True, exist_ok=True)
    for folder, name in tree:
        (root / folder / name).touch()
    for link in linked:
        name, target = link.split(" -> ")
        (root / name).symlink_to(target)


@settings(max_examples=200)
@given(tree=trees, linked=links, parts=patterns, separator=st.sampled_from(["/", "/", "/", "//", "\\"]))
@example(tree={("", "[x]")}, linked=set(), parts=["[x]"], separator="/")
@example(tree={("a/b/", "x"), ("", "x")}, linked={"la -> a"}, parts=["**", "x"], separator="/")
@example(tree={("a/b/", "x"), ("", "x")}, linked={"la -> a", "lx -> x"}, parts=["**"], separator="/")
@example(tree={("a/", "x")}, linked={"la -> a"}, parts=["*", "x"], separator="/")
@example(tree={("", "ü.c")}, linked=set(), parts=["??.c"], separator="/")
@example(tree={("", "w\\y")}, linked=set(), parts=["w\\y"], separator="/")
def test_a_glob_names_what_duckdb_reads(
    engine: "duckdb.DuckDBPyConnection", tree: set[tuple[str, str]], linked: set[str], parts: list[str], separator: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        # Deep enough that no number of ".." leads out of the temporary folder.
        root = Path(folder, *"rrrrrrrrrr")
        build(root, tree, linked)
        pattern = f"{root}/{separator.join(parts)}"
        assume(pattern.replace("\\", "/").split("/").count("**") <= 1)
        found = match_files(pattern)
        assert set(found) == as_duckdb_lists(engine, pattern)
        assert list(found) == sorted(set(found))


def test_two_crawls_are_refused_as_duckdb_refuses_them(engine: "duckdb.DuckDBPyConnection", tmp_path: Path) -> None:
    import duckdb

    pattern = f"{tmp_path}/**/a/**"
    with pytest.raises(duckdb.IOException, match="multiple"):
        engine.execute("SELECT file FROM glob(?)", [pattern]).fetchall()
    with pytest.raises(StorageError, match='holds "\\*\\*" more than once'):
        match_files(pattern)


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*", ["top"]),
        ("**", ["a/deep", "top"]),
        ("**/*", ["a/deep", "top"]),
        ("*/*", ["a/deep"]),
        (".*/*", []),
        ("*/.trc/*", []),
        ("**/.trc/*", []),
        ("*/staging/*", []),
        ("**/staged", []),
        # Who writes the folder's name before any wildcard means it, and a project may lie below such a folder.
        (".trc/*", ["trc_staged"]),
        (".trc/trc_staged", ["trc_staged"]),
    ],
)
def test_a_wildcard_never_enters_the_state_folder(tmp_path: Path, pattern: str, found: list[str]) -> None:
    for file in ("top", "a/deep", ".trc/trc_staged", "a/.trc/staged", ".trc/staging/staged", "a/.trc/staging/staged"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    names = [os.path.relpath(file, tmp_path).removeprefix(".trc/") for file in match_files(f"{tmp_path}/{pattern}")]
    assert names == found


@pytest.mark.parametrize(
    ("path", "expected"), [("/a/b.csv", False), ("/a/*.csv", True), ("/a?", True), ("/[a", True), ("/{a,b}", False)]
)
def test_what_is_a_glob(path: str, *, expected: bool) -> None:
    assert is_glob(path) is expected


def test_a_name_that_is_not_text_is_found(tmp_path: Path) -> None:
    odd = os.fsencode(tmp_path) + b"/\xff.csv"
    Path(os.fsdecode(odd)).touch()
    assert match_files(f"{tmp_path}/*.csv") == (os.fsdecode(odd),)


def test_a_path_with_a_zero_byte_names_nothing(tmp_path: Path) -> None:
    assert match_files(f"{tmp_path}/a\0b") == ()
