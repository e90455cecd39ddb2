"""Objects on S3 are listed, identified and published as files are; what is sent is seen by nobody until then."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from threading import Event

import pytest
from tests.contracts.storage_suite import PlaceSuite, staged
from tests.objects import ObjectServer

from trc.runtime.storage.errors import ObjectError
from trc.runtime.storage.s3 import S3Storage
from trc.runtime.storage.s3_client import S3Client
from trc.runtime.storage.s3_transfer import Stopped, Transfer
from trc.runtime.store.results import ObjectIdentity

SMALL = 5 << 20
"""The smallest part that S3 takes, but for the last."""


class Bucket:
    """A bucket that others write to."""

    def __init__(self, server: ObjectServer) -> None:
        self.server = server

    def at(self, name: str) -> str:
        return f"s3://lake/data/{name}"

    def write(self, name: str, content: bytes) -> None:
        self.server.put(f"data/{name}", content)

    def read(self, name: str) -> bytes:
        return self.server.read(f"data/{name}")

    def remove(self, name: str) -> None:
        self.server.client.delete_object(Bucket="lake", Key=f"data/{name}")

    def names(self) -> list[str]:
        return sorted(key.removeprefix("data/") for key in self.server.all_keys())

    def refuses(self, name: str) -> None:
        def fault(method: str, path: str) -> tuple[int, str] | None:
            return (403, "AccessDenied") if method == "POST" and path == f"/lake/data/{name}" else None

        self.server.fault = fault


@pytest.fixture
def place(objects: ObjectServer) -> Bucket:
    return Bucket(objects)


@pytest.fixture
def storage(objects: ObjectServer, tmp_path: Path) -> Iterator[S3Storage]:
    """One whose clock leaps from look to look: it remembers nothing."""
    del objects
    leaps = count(0, 100)
    found = S3Storage(S3Client.configured(), tmp_path / ".trc", lambda: float(next(leaps)))
    yield found
    found.close()


class TestObjects(PlaceSuite):
    """With all that files do, too."""


def copy_of(storage: S3Storage, uri: str) -> bytes:
    identity = storage.identity(uri)
    assert identity is not None
    return Path(storage.fetch(uri, identity, Event())).read_bytes()


@pytest.mark.parametrize(
    "key",
    [
        "a.csv",
        "day=2026-01-01/a.csv",
        "a//b",
        "a/../../b",
        "./a",
        "a b/%41+&=?.csv",
        "\u00fc" * 200,
        "x" * 900,
        "[a]*.csv",
    ],
)
def test_a_copy_of_any_key_stays_in_its_folder(place: Bucket, storage: S3Storage, tmp_path: Path, key: str) -> None:
    place.write(key, b"content")
    uri = place.at(key)
    path = Path(storage.fetch(uri, ObjectIdentity(storage.client.head(uri).etag, 7), Event()))  # type: ignore[union-attr]
    assert path.read_bytes() == b"content"
    assert path.resolve().is_relative_to((tmp_path / ".trc" / "staging").resolve())
    assert not set(path.name) & set("*?[")
    storage.close()
    assert not path.exists()


@pytest.mark.parametrize("size", [0, 1, SMALL, SMALL + 1, 2 * SMALL + 7])
def test_objects_travel_in_parts(place: Bucket, storage: S3Storage, tmp_path: Path, size: int) -> None:
    content = bytes(range(256)) * (size // 256 + 1)
    (tmp_path / "a").write_bytes(content[:size])
    transfer = Transfer(storage.client, SMALL)
    if size:
        upload = storage.client.begin(place.at("a"))
        parts, sent = transfer.upload(str(tmp_path / "a"), upload, Event())
        assert len(parts) == -(-size // SMALL)
        identity = storage.client.complete(upload, parts, sent)
    else:
        identity = storage.client.put(place.at("a"), b"")
    assert identity == storage.identity(place.at("a"))
    transfer.download(place.at("a"), identity, tmp_path / "b", Event())
    assert (tmp_path / "b").read_bytes() == content[:size]
    transfer.close()


def test_a_part_doubles_where_there_would_be_too_many(storage: S3Storage) -> None:
    transfer = Transfer(storage.client, SMALL)
    assert transfer.part_of(SMALL * 10_000) == SMALL
    assert transfer.part_of(SMALL * 10_000 + 1) == 2 * SMALL


def test_a_download_that_fails_or_is_stopped_leaves_nothing(
    place: Bucket, storage: S3Storage, objects: ObjectServer, tmp_path: Path
) -> None:
    place.write("a", b"x" * 1000)
    identity = storage.identity(place.at("a"))
    assert identity is not None
    transfer = Transfer(storage.client, pause=lambda _seconds: None)
    stop = Event()
    stop.set()
    with pytest.raises(Stopped):
        transfer.download(place.at("a"), identity, tmp_path / "b" / "c", stop)
    objects.cut += [10] * 50
    with pytest.raises(ObjectError) as error:
        transfer.download(place.at("a"), identity, tmp_path / "b" / "c", Event())
    assert (error.value.kind, error.value.reason) == ("temporary", "object_unreachable")
    place.write("a", b"y" * 1000)
    objects.cut.clear()
    with pytest.raises(ObjectError) as error:
        transfer.download(place.at("a"), identity, tmp_path / "b" / "c", Event())
    assert error.value.reason == "input_moved"
    assert list((tmp_path / "b").iterdir()) == []
    transfer.close()


def test_what_is_sent_is_seen_once_it_is_published(place: Bucket, storage: S3Storage, objects: ObjectServer) -> None:
    final = place.at("a.bin")
    path = staged(storage, final, "t1", b"x" * 1000)
    storage.send(path, final, Event())
    assert place.names() == []
    assert objects.uploads() == ["data/a.bin"]
    storage.publish(path, final)
    assert place.names() == ["a.bin"]
    assert objects.uploads() == []
    asked = len(objects.gets())
    assert copy_of(storage, final) == b"x" * 1000
    assert len(objects.gets()) == asked


def test_sweeping_ends_uploads_of_attempts_that_are_no_more(
    place: Bucket, storage: S3Storage, objects: ObjectServer, tmp_path: Path
) -> None:
    for token in ("dead", "alive"):
        storage.send(staged(storage, place.at(token), token, b"x"), place.at(token), Event())
    (tmp_path / ".trc" / "staging-objects" / "torn-note").write_text("[")
    later = S3Storage(storage.client, tmp_path / ".trc")
    later.sweep(lambda: {"alive"})
    assert objects.uploads() == ["data/alive"]
    later.sweep(list)
    assert objects.uploads() == []
    assert list((tmp_path / ".trc" / "staging-objects").iterdir()) == []
    later.close()


def test_what_was_told_of_an_object_is_gone_by_for_a_while(
    place: Bucket, objects: ObjectServer, tmp_path: Path
) -> None:
    now = [0.0]
    storage = S3Storage(S3Client.configured(), tmp_path, lambda: now[0])
    place.write("a.csv", b"one")
    place.write("b.csv", b"one")
    objects.asked.clear()
    for _ in range(3):
        assert len(storage.list(place.at("*.csv"))) == 2
        storage.content(place.at("a.csv"))
        storage.prefetch([place.at("a.csv"), place.at("b.csv")])
    assert objects.asked == [("GET", "/lake")]
    now[0] = 11.0
    storage.content(place.at("a.csv"))
    assert objects.asked[1:] == [("HEAD", "/lake/data/a.csv")]
    storage.close()


@pytest.mark.long
def test_a_long_list_is_read_to_its_end_and_a_flat_one_not_into_its_folders(
    place: Bucket, storage: S3Storage, objects: ObjectServer
) -> None:
    for number in range(1003):
        place.write(f"deep/{number:04}.csv", b"")
    place.write("a.csv", b"")
    assert len(storage.list(place.at("deep/*.csv"))) == 1003
    objects.asked.clear()
    assert storage.list(place.at("*.csv")) == (place.at("a.csv"),)
    assert len(objects.asked) == 1


def test_an_upload_that_cannot_be_completed_is_ended_when_it_is_discarded(
    place: Bucket, storage: S3Storage, objects: ObjectServer
) -> None:
    final = place.at("a.bin")
    path = staged(storage, final, "t1", b"x")
    storage.send(path, final, Event())
    place.refuses("a.bin")
    with pytest.raises(ObjectError):
        storage.publish(path, final)
    storage.discard(path)
    assert objects.uploads() == []
    assert place.names() == []


@pytest.mark.parametrize(
    ("changed", "kind", "reason"),
    [
        ({"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}, "permanent", "object_credentials"),
        ({"AWS_SECRET_ACCESS_KEY": None}, "permanent", "object_credentials"),
        ({"AWS_PROFILE": "nobody"}, "permanent", "object_credentials"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"}, "temporary", "object_unreachable"),
        ({"AWS_ENDPOINT_URL": "nowhere"}, "permanent", "object_refused"),
    ],
    ids=["no credentials", "half of them", "no such profile", "nobody listens", "no endpoint"],
)
@pytest.mark.usefixtures("objects")
def test_what_the_configuration_lacks_is_told(
    monkeypatch: pytest.MonkeyPatch, changed: dict[str, str | None], kind: str, reason: str
) -> None:
    for name, value in changed.items():
        if value is None:
            monkeypatch.delenv(name)
        else:
            monkeypatch.setenv(name, value)
    with pytest.raises(ObjectError) as error:
        S3Client.configured().head("s3://lake/a")
    assert (error.value.kind, error.value.reason) == (kind, reason)
