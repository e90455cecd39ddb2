from __future__ import annotations

import os
from pathlib import Path

import pytest

from trc.compiler.diagnostics.collector import Collector
from trc.compiler.frontends.files import LONGEST_FILE, LONGEST_LINE, read
from trc.compiler.source import SourceFile


def told(path: Path) -> tuple[str, str]:
    collect = Collector()
    assert read(path, "p.yaml", collect) is None
    (found,) = collect.reported
    return found.code, found.message


def write(folder: Path, content: bytes) -> Path:
    path = folder / "p.yaml"
    path.write_bytes(content)
    return path


def test_text_is_read_as_it_stands(tmp_path: Path) -> None:
    path = write(tmp_path, b"\xef\xbb\xbfname: \xc3\xa4\r\n")
    assert read(path, "p.yaml", Collector()) == SourceFile("p.yaml", "name: ä\r\n")


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    assert told(tmp_path / "p.yaml") == ("TRC101", '"p.yaml" cannot be read: there is no such file')


def test_a_folder_is_told(tmp_path: Path) -> None:
    assert told(tmp_path) == ("TRC101", '"p.yaml" cannot be read: it is a folder')


def test_a_file_as_folder_is_told(tmp_path: Path) -> None:
    assert told(write(tmp_path, b"x") / "y") == ("TRC101", '"p.yaml" cannot be read: not a directory')


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert told(tmp_path / "pipe") == ("TRC101", '"p.yaml" cannot be read: it is not an ordinary file')


def test_a_name_that_no_file_can_have_is_told() -> None:
    assert told(Path("a\0b"))[0] == "TRC101"


def test_a_circle_of_links_is_told(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "link")
    assert told(tmp_path / "link")[0] == "TRC101"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_forbidden_file_is_told(tmp_path: Path) -> None:
    path = write(tmp_path, b"x")
    path.chmod(0)
    assert told(path) == ("TRC101", '"p.yaml" cannot be read: you may not read it')


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"name: p\nx: caf\xe9\n", "byte 14 (line 2) is 0xe9"),
        (b"\xef\xbb\xbfx: \xff", "byte 6 (line 1) is 0xff"),
        ("name: p".encode("utf-16"), "it looks like UTF-16"),
        ("name: p".encode("utf-16-be"), "it looks like UTF-16"),
        ("name: p".encode("utf-16-le"), "it looks like UTF-16"),
    ],
)
def test_other_encodings_are_told(content: bytes, message: str, tmp_path: Path) -> None:
    assert told(write(tmp_path, content)) == ("TRC102", f'"p.yaml" is not UTF-8 text: {message}')


def test_a_long_file_is_told(tmp_path: Path) -> None:
    assert told(write(tmp_path, b"x\n" * (LONGEST_FILE // 2) + b"y")) == ("TRC104", '"p.yaml" is longer than 16 MiB')


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_a_long_line_is_told(end: bytes, tmp_path: Path) -> None:
    content = b"a: b\n" + b"x" * (LONGEST_LINE + 1) + end
    assert told(write(tmp_path, content)) == ("TRC104", 'line 2 of "p.yaml" is longer than 1 MiB')


def test_the_longest_line_is_read(tmp_path: Path) -> None:
    assert read(write(tmp_path, b"a\n" + b"x" * LONGEST_LINE + b"\ny\n"), "p.yaml", Collector()) is not None
