"""Digests of files: alike however many cores hash, and told apart where they mean another thing."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trc.runtime.taskside import digest
from trc.runtime.taskside.digest import PIECE, digest_of, digest_of_open

PIECE_OF_TESTS = 64


def reference(content: bytes, piece: int) -> str:
    """As the documentation has it."""
    if len(content) <= piece:
        return "sha256:" + hashlib.sha256(content).hexdigest()
    pieces = [content[start : start + piece] for start in range(0, len(content), piece)]
    return "sha256-16m:" + hashlib.sha256(b"".join(hashlib.sha256(one).digest() for one in pieces)).hexdigest()


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces and blocks of a few bytes, and three cores."""
    monkeypatch.setattr(digest, "PIECE", PIECE_OF_TESTS)
    monkeypatch.setattr(digest, "_BLOCK", 24)
    monkeypatch.setattr(digest, "_cores", lambda: 3)


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 2 * PIECE + 5])
def test_a_digest_is_that_of_the_bytes_or_of_their_pieces(size: int, tmp_path: Path) -> None:
    content = os.urandom(1 << 10) * (size // 1024 + 1)
    file = tmp_path / "file"
    file.write_bytes(content[:size])
    assert digest_of(str(file)) == (size, reference(content[:size], 16 * 1024 * 1024))


@given(content=st.binary(max_size=6 * PIECE_OF_TESTS), told=st.integers(0, 6 * PIECE_OF_TESTS))
def test_the_digest_is_that_of_what_is_there_at_the_end(
    content: bytes, told: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever size it had when it was looked at."""
    file = tmp_path_factory.getbasetemp() / "file"
    file.write_bytes(content)
    with pytest.MonkeyPatch.context() as patch, file.open("rb") as opened:
        patch.setattr(digest, "PIECE", PIECE_OF_TESTS)
        patch.setattr(digest, "_BLOCK", 24)
        assert digest_of_open(opened.fileno(), told) == (len(content), reference(content, PIECE_OF_TESTS))


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("lacks", ["threads", "preadv"])
def test_it_needs_neither_threads_nor_reads_into_memory(
    lacks: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = bytes(range(256)) * 3
    (tmp_path / "file").write_bytes(content)
    if lacks == "threads":

        def refuse(_self: Any) -> None:
            raise RuntimeError("can't start new thread")

        monkeypatch.setattr(threading.Thread, "start", refuse)
    else:
        monkeypatch.delattr(os, "preadv")
    assert digest_of(str(tmp_path / "file")) == (len(content), reference(content, PIECE_OF_TESTS))


@pytest.mark.usefixtures("short")
def test_what_cannot_be_read_is_told_and_leaves_no_thread_behind(tmp_path: Path) -> None:
    before = threading.active_count()
    (tmp_path / "file").write_bytes(bytes(1000))
    descriptor = os.open(tmp_path / "file", os.O_WRONLY)
    try:
        with pytest.raises(OSError, match="Bad file descriptor"):
            digest_of_open(descriptor)
    finally:
        os.close(descriptor)
    assert threading.active_count() == before


def test_a_read_that_stops_short_is_not_taken_for_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As file systems over a network may stop: all of the file counts, or another one could pass for it."""
    (tmp_path / "file").write_bytes(b"a longer content")
    whole = os.pread
    monkeypatch.setattr(os, "pread", lambda descriptor, size, offset: whole(descriptor, min(size, 5), offset))
    assert digest_of(str(tmp_path / "file")) == (16, reference(b"a longer content", PIECE))
