"""A cached digest is used only where nothing can have changed since; all else is hashed again."""

import hashlib
import os
import socket
import stat
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import pytest

from trc.runtime.storage.digests import Digests, identify
from trc.runtime.storage.errors import MovingFile, UnreadableFile
from trc.runtime.store.memory import MemoryStore
from trc.runtime.store.results import FileDigest, FileIdentity

SECOND = 1_000_000_000
FALSE = "sha256:as cached"
TRUE = f"sha256:{hashlib.sha256(b'content').hexdigest()}"


class CountingStore(MemoryStore):
    """Counts how often it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0
        self.writes = 0

    def digests(self, paths: Iterable[str]) -> Mapping[str, FileDigest]:
        self.reads += 1
        return super().digests(paths)

    def put_digests(self, digests: Mapping[str, FileDigest]) -> None:
        self.writes += 1
        super().put_digests(digests)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "a.csv"
    file.write_bytes(b"content")
    return file


def identity_of(file: Path) -> FileIdentity:
    identity = identify(str(file))
    assert identity is not None
    return identity


def written(file: Path) -> int:
    return max(file.stat().st_mtime_ns, file.stat().st_ctime_ns)


def digests(store: MemoryStore, now: int, boot: str = "boot-1") -> Digests:
    return Digests(store, boot, lambda: now)


@pytest.mark.parametrize(
    ("changed", "age", "boot", "is_trusted"),
    [
        ({}, 2 * SECOND, "boot-1", True),
        ({}, 2 * SECOND - 1, "boot-1", False),
        ({}, -SECOND, "boot-1", False),
        ({}, 3600 * SECOND, "boot-2", False),
        ({}, 3600 * SECOND, "", False),
        ({"size": 1}, 3600 * SECOND, "boot-1", False),
        ({"mtime_ns": 1}, 3600 * SECOND, "boot-1", False),
        ({"ctime_ns": 1}, 3600 * SECOND, "boot-1", False),
        ({"inode": 1}, 3600 * SECOND, "boot-1", False),
        ({"device": 1}, 3600 * SECOND, "boot-1", False),
    ],
)
def test_what_is_trusted(file: Path, changed: dict[str, int], age: int, boot: str, *, is_trusted: bool) -> None:
    store = MemoryStore()
    identity = identity_of(file)._replace(**changed)
    store.put_digests({str(file): FileDigest(identity, FALSE, written(file) + age, "boot-1" if boot else "")})
    assert digests(store, written(file), boot).digest(str(file)) == (FALSE if is_trusted else TRUE)


def test_a_time_in_the_future_is_not_trusted(file: Path) -> None:
    later = written(file) + 100 * SECOND
    os.utime(file, ns=(later, later))
    store = MemoryStore()
    store.put_digests({str(file): FileDigest(identity_of(file), FALSE, later - 50 * SECOND, "boot-1")})
    assert digests(store, later).digest(str(file)) == TRUE


def test_an_old_time_that_was_set_just_now_is_not_trusted(file: Path) -> None:
    os.utime(file, ns=(0, 0))
    store = MemoryStore()
    store.put_digests({str(file): FileDigest(identity_of(file), FALSE, file.stat().st_ctime_ns + SECOND, "boot-1")})
    assert digests(store, written(file)).digest(str(file)) == TRUE


def test_what_was_hashed_is_kept_for_the_next_run(file: Path) -> None:
    store = CountingStore()
    now = written(file) + 5 * SECOND
    first = digests(store, now)
    assert first.digest(str(file)) == TRUE
    assert store.writes == 0
    first.flush()
    first.flush()
    assert store.writes == 1
    expected = FileDigest(identity_of(file), TRUE, now, "boot-1")
    assert dict(store.digests([str(file)])) == {str(file): expected}


def test_what_could_not_be_trusted_later_is_not_kept(file: Path) -> None:
    store = CountingStore()
    young = digests(store, written(file) + SECOND)
    assert young.digest(str(file)) == TRUE
    young.adopt(str(file), "sha256:told")
    young.flush()
    nameless = digests(store, written(file) + 5 * SECOND, boot="")
    assert nameless.digest(str(file)) == TRUE
    nameless.flush()
    assert store.writes == 0


def test_the_cache_is_asked_once_for_many_files(tmp_path: Path) -> None:
    files = [tmp_path / str(number) for number in range(20)]
    for file in files:
        file.write_bytes(b"content")
    store = CountingStore()
    many = digests(store, written(files[0]) + 5 * SECOND)
    many.prefetch(str(file) for file in files)
    for file in files:
        assert many.digest(str(file)) == TRUE
        assert many.digest(str(file)) == TRUE
    many.prefetch(str(file) for file in files)
    many.flush()
    assert (store.reads, store.writes) == (1, 1)


def test_large_files_are_hashed_ahead_and_looked_at_when_they_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trc.runtime.storage.digests._LARGE", 7)
    files = [tmp_path / str(number) for number in range(6)]
    for file in files:
        file.write_bytes(b"content")
    gone, small = tmp_path / "gone", tmp_path / "small"
    small.write_bytes(b"c")
    computed = list[str]()
    many = digests(CountingStore(), written(files[0]) + 5 * SECOND)
    real = many._compute

    def compute(path: str) -> FileDigest | None:
        computed.append(path)
        return real(path)

    monkeypatch.setattr(many, "_compute", compute)
    many.prefetch(str(file) for file in (*files, gone, small))
    assert sorted(computed) == sorted(map(str, files))
    grow(files[0])
    files[1].unlink()
    assert many.digest(str(files[0])) == f"sha256:{hashlib.sha256(b'contentmore').hexdigest()}"
    assert many.digest(str(files[1])) is None
    assert [many.digest(str(file)) for file in files[2:]] == [TRUE] * 4
    assert len(computed) == len(files) + 1


def test_what_would_be_hashed_again_is_not_hashed_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trc.runtime.storage.digests._LARGE", 7)
    files = [tmp_path / str(number) for number in range(2)]
    for file in files:
        file.write_bytes(b"content")
    young = digests(CountingStore(), written(files[1]) + SECOND)
    computed = list[str]()
    monkeypatch.setattr(young, "_compute", computed.append)
    young.prefetch(map(str, files))
    assert computed == []


def grow(file: Path) -> None:
    with file.open("ab") as more:
        more.write(b"more")


def put_another(file: Path) -> None:
    aside = file.with_name("aside")
    aside.write_bytes(b"content")
    aside.replace(file)


@pytest.mark.parametrize(
    ("change", "expected"), [(grow, b"contentmore"), (put_another, b"content"), (Path.unlink, None)]
)
def test_a_file_that_changes_while_it_is_hashed_is_hashed_again(
    file: Path, change: Callable[[Path], None], expected: bytes | None
) -> None:
    changes = iter([change])

    def clock() -> int:
        # The clock is read when the file is open: others write at just that moment, once.
        for each in changes:
            each(file)
        return 10**19

    digest = Digests(MemoryStore(), "boot-1", clock).digest(str(file))
    assert digest == (expected and f"sha256:{hashlib.sha256(expected).hexdigest()}")


def test_a_file_that_keeps_changing_is_named(file: Path) -> None:
    def clock() -> int:
        grow(file)
        return 10**19

    with pytest.raises(MovingFile, match='" kept changing while it was read'):
        Digests(MemoryStore(), "boot-1", clock).digest(str(file))
    assert file.read_bytes() == b"content" + 3 * b"more"


def test_what_is_no_regular_file_is_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert digests(MemoryStore(), 0).digest(str(pipe)) is None
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        assert digests(MemoryStore(), 0).digest(str(tmp_path / "socket")) is None


def test_links_that_lead_in_a_circle_are_named(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(UnreadableFile, match="its symbolic links lead in a circle"):
        digests(MemoryStore(), 0).digest(str(tmp_path / "a"))
