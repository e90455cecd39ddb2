"""What synchronisations do below the task: very large copies, what ETags tell, and threads that stop with the first failure."""

from __future__ import annotations

import hashlib
from pathlib import Path
from threading import Event

import pytest
from tests.objects import ObjectServer

from trc.runtime.storage.errors import ObjectError
from trc.runtime.storage.s3_client import S3Client
from trc.runtime.storage.s3_transfer import Stopped
from trc.runtime.storage.sync import large, moving
from trc.runtime.storage.sync.crew import Crew
from trc.runtime.storage.sync.etags import has_etag, part_of
from trc.runtime.storage.sync.items import Item
from trc.runtime.storage.sync.moving import Moving

MIB = 1 << 20


def test_what_is_too_large_for_one_step_is_copied_in_parts(
    objects: ObjectServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving, "MOST_COPIED", 6 * MIB)
    monkeypatch.setattr(large, "COPIED_PART", 5 * MIB)
    body = bytes(range(256)) * (13 * MIB // 256) + b"!"
    objects.put("raw/large", body)
    client = S3Client.configured()
    identity = client.head("s3://lake/raw/large")
    assert identity is not None
    crew = Crew(Event())
    move = Moving(client, crew, "s3://lake/copy/", tmp_path)
    item = Item("large", "s3://lake/raw/large", len(body), identity.etag)
    assert not move.is_small(item)
    assert move.move(item) == len(body)
    assert objects.read("copy/large") == body
    assert objects.gets() == ["/lake/copy/large"]
    crew.close()


def test_the_etag_of_parts_is_told_by_their_usual_sizes(tmp_path: Path) -> None:
    body = b"x" * (17 * MIB)
    (tmp_path / "a").write_bytes(body)

    def joined(part: int) -> str:
        digests = [hashlib.md5(body[start : start + part]).digest() for start in range(0, len(body), part)]
        return f"{hashlib.md5(b''.join(digests)).hexdigest()}-{len(digests)}"

    path, size = str(tmp_path / "a"), len(body)
    assert has_etag(path, size, hashlib.md5(body).hexdigest()) is True
    assert has_etag(path, size, "0" * 32) is False
    assert [has_etag(path, size, joined(part * MIB)) for part in (8, 16, 5, 64)] == [True] * 4
    assert has_etag(path, size, "0" * 32 + "-3") is False
    # Nobody knows how the bytes were parted, or that this is an MD5 at all.
    assert has_etag(path, size, joined(MIB)) is None
    assert has_etag(path, size, "abc") is None


def test_no_file_has_more_parts_than_are_allowed() -> None:
    assert part_of(1 << 30) == 8 * MIB
    assert -(-(1 << 40) // part_of(1 << 40)) <= 10_000


def test_the_first_failure_is_told_and_stops_the_others() -> None:
    crew = Crew(Event())
    done: list[int] = []

    def fail(number: int) -> int:
        if number == 5:
            raise ObjectError("five", "permanent", "object_refused")
        done.append(number)
        return number

    with pytest.raises(ObjectError, match="five"):
        list(crew.small(fail, range(10_000)))
    assert len(done) < 10_000
    with pytest.raises(ObjectError, match="five"):
        list(crew.small(fail, range(6, 10)))
    crew.close()


def test_what_nobody_wants_any_more_stops() -> None:
    stop = Event()
    crew = Crew(stop)
    answers = crew.small(lambda one: one, range(10_000))
    assert next(answers) == 0
    stop.set()
    with pytest.raises(Stopped):
        list(answers)
    crew.close()
