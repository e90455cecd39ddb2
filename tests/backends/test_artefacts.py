"""Writing what is deployed: whole, the same each time, and never over what is someone else's."""

from __future__ import annotations

from pathlib import Path

import pytest

from trc.backends.artefacts import write
from trc.runtime.errors import Stopped


def held(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_files_are_written_and_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "build" / "p"
    assert write(folder, {"sql/b.sql": b"1", "a.json": b"2"}) == (folder / "a.json", folder / "sql/b.sql")
    first = held(folder)
    assert set(first) == {"a.json", "sql/b.sql", "artefacts.json"}
    write(folder, {"a.json": b"3"})
    assert set(held(folder)) == {"a.json", "artefacts.json"}
    write(folder, {"a.json": b"2", "sql/b.sql": b"1"})
    assert held(folder) == first
    assert [path.name for path in folder.parent.iterdir()] == ["p"]


def test_an_empty_folder_may_be_used(tmp_path: Path) -> None:
    write(tmp_path / "new", {"a": b""})
    (tmp_path / "empty").mkdir()
    write(tmp_path / "empty", {"a": b""})
    assert held(tmp_path / "empty") == held(tmp_path / "new")


@pytest.mark.parametrize("kind", ["folder", "file", "link"])
def test_what_is_not_ours_is_left_alone(tmp_path: Path, kind: str) -> None:
    target = tmp_path / "target"
    if kind == "folder":
        target.mkdir()
        (target / "mine.txt").write_text("precious")
    elif kind == "file":
        target.write_text("precious")
    else:
        (tmp_path / "elsewhere").mkdir()
        target.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Stopped) as stopped:
        write(target, {"a": b"1"})
    (diagnostic,) = stopped.value.diagnostics
    assert diagnostic.code == "TRC611"
    expected = 'it holds "mine.txt", which trc did not write' if kind == "folder" else "it is not a folder"
    assert diagnostic.message == f'the artefacts cannot be written to "{target}": {expected}'
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_failed_write_changes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    write(folder, {"a": b"1"})
    before = held(folder)
    with pytest.raises(OSError, match="b"):
        write(folder, {"b": b"", "b/c": b""})
    assert held(folder) == before
    assert [path.name for path in tmp_path.iterdir()] == ["p"]
