"""What is remembered goes to a file and back, whatever store it comes from or goes to, whole or not at all."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from tests.contracts.store_suite import LETTER, RESULT, RUN, contents, put, task
from tests.postgres import Cluster

from trc.runtime.errors import Stopped
from trc.runtime.s3store.objects import StateObjects
from trc.runtime.s3store.store import S3Store
from trc.runtime.storage.s3_client import S3Client
from trc.runtime.store.address import address_of
from trc.runtime.store.bucket import bucket_address_of
from trc.runtime.store.journal import AttemptRecord
from trc.runtime.store.postgres import PostgresStore
from trc.runtime.store.results import FileDigest, FileIdentity
from trc.runtime.store.sql import SqlStore
from trc.runtime.store.sqlite import SqliteStore
from trc.runtime.store.transfer.exporting import export_state
from trc.runtime.store.transfer.importing import import_state

DIGEST = FileDigest(FileIdentity(5, 10**18, 10**18 + 1, 2**64 - 1, 2**63), "sha256:1", 10**18 + 2, "boot-1")
ENDED = replace(RUN, state="success", ended_at=200.25, asked='{"target": "ü"}', submission="monday")


def fill(store: SqlStore) -> None:
    put(
        store, replace(ENDED, id="r0", submission=None), ENDED, replace(ENDED, id="r2", submission=None, created_at=1.5)
    )
    for run in ("r2", "r0", "r1"):
        put(store, task("load", "failure", run, error={"message": "no 'é'\u2028"}), task("clean", "skipped", run))
        put(store, AttemptRecord(run, "load", 1, f"{run}.1", "failure", "/l", 0.1, 0.2, 1e9 + 0.3, {"n": [1, 2.5]}))
    with store.transaction() as change:
        change.put_letters([replace(LETTER, run="r2"), LETTER])
        change.put_letters([replace(LETTER, attempt=3)])
    put(store, RESULT, replace(RESULT, key="k2"), replace(RESULT, task="load", run="gone"), RESULT)
    store.put_digests({"/é b": DIGEST, "/a": DIGEST})


@pytest.fixture(params=["sqlite", "postgres", "s3"])
def other(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlStore]:
    """An empty store of each kind."""
    if request.param == "sqlite":
        with SqliteStore(tmp_path / "other/state.db") as store:
            yield store
    elif request.param == "s3":
        request.getfixturevalue("objects")
        objects = StateObjects(S3Client.configured(), bucket_address_of("s3://lake/trc/shop"))
        with S3Store(objects, tmp_path / "replica", lambda: SqliteStore(tmp_path / "local/state.db")) as on_s3:
            yield on_s3
    else:
        cluster: Cluster = request.getfixturevalue("cluster")
        local = tmp_path / "local/state.db"
        with PostgresStore(address_of(cluster.url()), lambda: SqliteStore(local)) as postgres:
            yield postgres


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with SqliteStore(tmp_path / "state.db") as store:
        fill(store)
        yield store


def text_of(store: SqlStore, path: Path) -> bytes:
    export_state(store, path)
    return path.read_bytes()


def test_an_export_is_the_same_after_an_import(store: SqlStore, other: SqlStore, tmp_path: Path) -> None:
    first = text_of(store, tmp_path / "a")
    told = import_state(other, tmp_path / "a")
    assert dict(told.counts) == {
        "run": 3, "task": 6, "attempt": 3, "letter": 3, "result": 3, "latest": 2, "digest": 2,
    }  # fmt: skip
    assert text_of(other, tmp_path / "b") == first
    assert contents(other) == contents(store)
    assert dict(other.digests(["/a", "/é b"])) == {"/a": DIGEST, "/é b": DIGEST}
    # And back, into a store that knows all of it.
    import_state(store, tmp_path / "b")
    assert text_of(store, tmp_path / "c") == first


def test_a_second_import_changes_nothing(store: SqlStore, other: SqlStore, tmp_path: Path) -> None:
    first = text_of(store, tmp_path / "a")
    import_state(other, tmp_path / "a")
    again = import_state(other, tmp_path / "a")
    assert (again.known, again.counts["run"], again.counts["letter"]) == (3, 0, 0)
    assert text_of(other, tmp_path / "b") == first


def test_a_store_that_knows_something_keeps_it(store: SqlStore, other: SqlStore, tmp_path: Path) -> None:
    export_state(store, tmp_path / "a")
    mine = replace(ENDED, state="failure", submission=None)
    later = replace(RESULT, key="k9", committed_at=1e6)
    put(other, mine, replace(ENDED, id="own", submission=None), replace(RESULT, run="r9", committed_at=1e5), later)
    newer = replace(DIGEST, digest="sha256:2", hashed_at_ns=DIGEST.hashed_at_ns + 1)
    other.put_digests({"/a": newer})
    told = import_state(other, tmp_path / "a")
    assert (told.known, told.counts["run"]) == (1, 2)
    assert other.run("r1") == mine
    assert other.tasks("r1") == []
    assert other.letters(run="r1") == []
    assert {run.id for run in other.runs()} == {"r0", "r1", "r2", "own"}
    assert other.latest("shop")["clean"] == later
    found = other.find("shop", "clean", "k1")
    assert found is not None
    assert found.run == "r9"
    assert other.find("shop", "clean", "k2") is not None
    assert dict(other.digests(["/a"])) == {"/a": newer}


def test_the_later_of_two_results_stays(store: SqlStore, other: SqlStore, tmp_path: Path) -> None:
    export_state(store, tmp_path / "a")
    put(other, replace(RESULT, run="r9", committed_at=1.0))
    import_state(other, tmp_path / "a")
    assert other.latest("shop")["clean"] == RESULT


def lines_of(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def written(path: Path, lines: list[dict[str, object]]) -> None:
    """A file that says itself that it is whole."""
    text = "".join(f"{json.dumps(line)}\n" for line in lines)
    end = {"end": {"lines": len(lines), "sha256": sha256(text.encode()).hexdigest()}}
    path.write_text(f"{text}{json.dumps(end)}\n")


def test_the_file_is_as_it_is_documented(store: SqlStore, tmp_path: Path) -> None:
    export_state(store, tmp_path / "a")
    head, *lines, end = lines_of(tmp_path / "a")
    assert head == {"trc": "state", "version": 1}
    assert list(dict.fromkeys(next(iter(line)) for line in lines)) == [
        "run", "task", "attempt", "letter", "result", "latest", "digest",
    ]  # fmt: skip
    text = (tmp_path / "a").read_bytes()
    before = text[: text[:-1].rindex(b"\n") + 1]
    assert end == {"end": {"lines": len(lines) + 1, "sha256": sha256(before).hexdigest()}}


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda text: text[:-20], "is no JSON"),
        (lambda text: text[: text[:-1].rindex(b"\n") + 1], "says nowhere that this is its end"),
        (lambda text: text.replace(b'"skipped"', b'"success"', 1), "tells of other lines than there are"),
        (lambda text: text.replace(b"\n", b"\n\n", 1), "is no JSON"),
        (lambda text: text + b"\n", "something follows"),
        (lambda _: b"", "it ends after line 0"),
        (lambda _: b"id,name\n", "is no JSON"),
        (lambda text: text.replace(b'"trc"', b'"tra"', 1), "its first line"),
        (lambda text: text.replace(b'"version":1', b'"version":2', 1), "is an export of version 2"),
        (lambda text: text.replace(b'"boot_id"', b'"boat_id"', 1), "tells of nothing that is known"),
    ],
)
def test_a_file_that_is_not_whole_is_refused_and_nothing_of_it_taken_in(
    store: SqlStore, other: SqlStore, tmp_path: Path, harm: Callable[[bytes], bytes], words: str
) -> None:
    path = tmp_path / "a"
    path.write_bytes(harm(text_of(store, path)))
    with pytest.raises(Stopped, match=words) as error:
        import_state(other, path)
    assert [one.code for one in error.value.diagnostics] == ["TRC637"]
    assert other.runs() == []
    assert other.latest("shop") == {}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda lines: lines[1]["run"].update(state="running"), "holds run r0, which goes on"),
        (lambda lines: lines[1]["run"].update(id=[1]), "more than texts and numbers"),
        (lambda lines: lines[1]["run"].update(pipeline=None), "does not agree with what is recorded"),
        (lambda lines: lines[1]["run"].update(more=1), "tells of nothing that is known"),
        (lambda lines: lines.append(lines[1]), "are not together"),
        (lambda lines: lines.pop(1), "does not agree with what is recorded"),
        (lambda lines: lines.insert(2, lines[1]), "does not agree with what is recorded"),
    ],
)
def test_a_file_that_says_what_cannot_be_is_refused(
    store: SqlStore, other: SqlStore, tmp_path: Path, change: Callable[[list[Any]], object], words: str
) -> None:
    path = tmp_path / "a"
    export_state(store, path)
    lines = lines_of(path)[:-1]
    change(lines)
    written(path, lines)
    with pytest.raises(Stopped, match=words):
        import_state(other, path)
    assert other.runs() == []


def test_a_key_that_is_another_runs_here_is_refused(store: SqlStore, other: SqlStore, tmp_path: Path) -> None:
    export_state(store, tmp_path / "a")
    put(other, replace(ENDED, id="mine"))
    with pytest.raises(Stopped, match="does not agree"):
        import_state(other, tmp_path / "a")
    assert [run.id for run in other.runs()] == ["mine"]


def test_a_store_with_a_run_that_goes_on_is_not_exported(store: SqlStore, tmp_path: Path) -> None:
    put(store, replace(RUN, id="r9"))
    (tmp_path / "a").write_text("before")
    with pytest.raises(Stopped, match="run r9 of shop goes on"):
        export_state(store, tmp_path / "a")
    assert (tmp_path / "a").read_text() == "before"
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith(".")] == []


def test_an_export_is_of_one_moment(store: SqliteStore, tmp_path: Path) -> None:
    with store.snapshot() as stream, SqliteStore(tmp_path / "state.db") as writer:
        first = next(iter(store.export_rows(stream, "runs_out")))
        put(writer, replace(ENDED, id="r7", submission=None))
        assert first["id"] == "r0"
        assert [row["id"] for row in store.export_rows(stream, "runs_out")] == ["r0", "r1", "r2"]


@pytest.mark.parametrize("name", ["missing/a", "folder"])
def test_a_file_that_cannot_be_written_or_read_is_named(store: SqlStore, tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(Stopped, match="cannot be written"):
        export_state(store, tmp_path / name)
    with pytest.raises(Stopped, match="cannot be read"):
        import_state(store, tmp_path / name)
