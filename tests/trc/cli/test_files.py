from __future__ import annotations

import os
from pathlib import Path

import click
import pytest

from trc.cli.files import create_all, write_whole


def test_a_file_is_replaced_whole_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "picture.svg"
    path.write_text("old")
    write_whole(path, "new")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    write_whole(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_a_device_is_written_to_and_not_replaced() -> None:
    write_whole(Path("/dev/null"), "text")
    assert Path("/dev/null").is_char_device()


def test_permissions_are_those_of_new_files(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "a", "text")
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(("name", "why"), [("absent/a.svg", "no such file"), (".", "is a directory")])
def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, name: str, why: str) -> None:
    with pytest.raises(click.ClickException, match=f"cannot be written: {why}"):
        write_whole(tmp_path / name, "text")


def test_nothing_is_created_if_something_is_there(tmp_path: Path) -> None:
    (tmp_path / "b").symlink_to("nowhere")
    with pytest.raises(click.ClickException, match=r'so as not to overwrite ".*/b"'):
        create_all(tmp_path, {"a": "1", "b": "2"})
    assert not (tmp_path / "a").exists()


def test_folders_are_made_on_the_way(tmp_path: Path) -> None:
    create_all(tmp_path / "new", {"a/b/c.txt": "text"})
    assert (tmp_path / "new/a/b/c.txt").read_text() == "text"
