from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from trc.compiler.context import Context
from trc.compiler.frontends.project_files import LARGEST, ProjectFiles


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "sql").mkdir(parents=True)
    (folder / "sql" / "a.sql").write_bytes(b"select 1")
    (folder / "b.csv").write_bytes(b"x")
    (folder / ".trc").mkdir()
    (folder / ".trc" / "state.csv").write_bytes(b"x")
    (tmp_path / "secret.csv").write_bytes(b"secret")
    (folder / "out.csv").symlink_to(tmp_path / "secret.csv")
    (folder / "in.csv").symlink_to(folder / "b.csv")
    (folder / "loop").symlink_to(folder / "loop")
    (folder / "up").symlink_to(tmp_path)
    return folder


@pytest.fixture
def files(project: Path, context: Context) -> ProjectFiles:
    return ProjectFiles(replace(context, project=project, seen={}, listed={}))


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("sql/a.sql", b"select 1"),
        ("./sql/../b.csv", b"x"),
        ("in.csv", b"x"),
        ("nothing.csv", None),
        ("sql", None),
        ("../secret.csv", None),
        ("out.csv", None),
        ("up/secret.csv", None),
        ("loop", None),
        ("/etc/passwd", None),
        ("a\0b", None),
        ("x" * 5000, None),
        ("", None),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_only_the_projects_files_are_read(path: str, content: bytes | None, files: ProjectFiles) -> None:
    assert files.read(path) == content


def test_a_file_too_large_is_not_read(files: ProjectFiles, project: Path) -> None:
    with (project / "large").open("wb") as stream:
        stream.truncate(LARGEST + 1)
    assert files.read("large") is None


def test_looks_are_noted_and_a_second_one_sees_the_same(files: ProjectFiles, project: Path) -> None:
    files.read("sql/a.sql")
    files.read("later.sql")
    files.list("*.csv")
    (project / "sql" / "a.sql").write_bytes(b"select 2")
    (project / "later.sql").write_bytes(b"select 3")
    (project / "later.csv").write_bytes(b"")
    assert files.read("sql/a.sql") == b"select 1"
    assert files.read("later.sql") is None
    assert files.context.seen == {"sql/a.sql": b"select 1", "later.sql": None}
    assert files.list("*.csv") == ("b.csv", "in.csv")
    assert files.context.listed == {"*.csv": ("b.csv", "in.csv")}


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("**/*.sql", ("sql/a.sql",)),
        ("b.csv", ("b.csv",)),
        ("../*.csv", ()),
        ("/etc/*", ()),
        ("up/*.csv", ()),
        ("", ()),
        ("a\0*", ()),
        ("[", ()),
    ],
)
def test_globs_cover_the_projects_files(pattern: str, found: tuple[str, ...], files: ProjectFiles) -> None:
    assert files.list(pattern) == found
