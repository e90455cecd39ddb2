"""Whatever is recorded, an export of it is the same bytes after it was taken into another store, and back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from tests.postgres import Cluster

from trc.runtime.spec import KeyPart
from trc.runtime.store.address import address_of
from trc.runtime.store.journal import AttemptRecord, DeadLetter, RunRecord, TaskRecord
from trc.runtime.store.postgres import PostgresStore
from trc.runtime.store.results import FileDigest, FileIdentity, Result, StoredOutput
from trc.runtime.store.sql import SqlStore
from trc.runtime.store.sqlite import SqliteStore
from trc.runtime.store.transfer.exporting import export_state
from trc.runtime.store.transfer.importing import import_state

EXAMPLES = 200 if os.environ.get("HYPOTHESIS_PROFILE") == "nightly" else 25

TEXT = some.text(some.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
NAMES = some.sampled_from(["a", "b", "é", "Z", "a'b", "%s", "x y"])
# A zero with a sign is no time, and SQLite has none.
TIMES = some.floats(min_value=-1e12, max_value=1e12).map(lambda at: at + 0.0)
NUMBERS = some.integers(0, 2**63 - 1)
JSON = some.recursive(
    some.none() | some.booleans() | NUMBERS | TIMES | TEXT,
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
OBJECTS = some.dictionaries(TEXT, JSON, max_size=3)
REASONS = some.builds(lambda code, more: {**more, "code": code}, TEXT, OBJECTS)

RUNS = some.builds(
    RunRecord,
    some.uuids().map(str), NAMES, TEXT, TEXT, TEXT, TEXT, TIMES, some.sampled_from(["success", "failure", "abandoned"]),
    some.none() | TIMES, some.integers(0, 9), TEXT, some.none() | some.uuids().map(str),
)  # fmt: skip


def of_run(run: str) -> some.SearchStrategy[tuple[list[TaskRecord], list[AttemptRecord], list[DeadLetter]]]:
    tasks = some.builds(
        TaskRecord,
        some.just(run), NAMES, some.sampled_from(["success", "failure", "skipped"]), some.integers(0, 9),
        some.none() | TEXT, some.integers(0, 9), REASONS, some.none() | OBJECTS, some.none() | NAMES,
        some.none() | TIMES, some.none() | TIMES, some.integers(0, 9),
    )  # fmt: skip
    attempts = some.builds(
        AttemptRecord,
        some.just(run), NAMES, some.integers(1, 3), TEXT, some.sampled_from(["success", "failure", "lost"]), TEXT,
        TIMES, some.none() | TIMES, some.none() | TIMES, some.none() | OBJECTS,
    )  # fmt: skip
    letters = some.builds(
        DeadLetter,
        some.just(run), NAMES, some.integers(0, 9), some.sampled_from(["failed", "unknown_outcome"]), OBJECTS,
        some.none() | OBJECTS, some.text(some.characters(exclude_categories=["Cs"]), max_size=9), TIMES,
    )  # fmt: skip
    return some.tuples(some.lists(tasks, max_size=3), some.lists(attempts, max_size=3), some.lists(letters, max_size=2))


OUTPUTS = some.builds(StoredOutput, NAMES, TEXT, TEXT, NUMBERS, some.none() | NUMBERS)
RESULTS = some.builds(
    Result,
    NAMES, NAMES, some.sampled_from(["k1", "k2", "k3"]),
    some.lists(some.builds(KeyPart, TEXT, TEXT, TEXT), max_size=2).map(tuple),
    some.lists(OUTPUTS, max_size=2).map(tuple), TEXT, some.integers(0, 9), TIMES,
)  # fmt: skip
IDENTITIES = some.builds(
    FileIdentity, NUMBERS, NUMBERS, NUMBERS, some.integers(0, 2**64 - 1), some.integers(0, 2**64 - 1)
)
DIGESTS = some.dictionaries(TEXT, some.builds(FileDigest, IDENTITIES, TEXT, NUMBERS, TEXT), max_size=3)


def fill(store: SqlStore, data: some.DataObject) -> None:
    for run in data.draw(some.lists(RUNS, max_size=3), "runs"):
        tasks, attempts, letters = data.draw(of_run(run.id), "of the run")
        with store.transaction() as change:
            change.put_run(run)
            change.put_tasks(tasks)
            change.put_attempts(attempts)
            change.put_letters(letters)
    for result in data.draw(some.lists(RESULTS, max_size=6), "results"):
        with store.transaction() as change:
            change.put_results([result])
    store.put_digests(data.draw(DIGESTS, "digests"))


def stores(cluster: Cluster, folder: Path) -> Iterator[SqlStore]:
    """One of each kind, and once more the first."""
    yield SqliteStore(folder / "a.db")
    yield PostgresStore(address_of(cluster.url("examples")), lambda: SqliteStore(folder / "local.db"))
    yield SqliteStore(folder / "b.db")


@pytest.mark.parametrize("kind", [0, 1])
@settings(max_examples=EXAMPLES)
@given(data=some.data())
def test_an_export_survives_every_store(cluster: Cluster, kind: int, data: some.DataObject) -> None:
    cluster.sql("DROP SCHEMA IF EXISTS examples CASCADE")
    with TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        opened = [stack.enter_context(store) for store in stores(cluster, folder)]
        first, *others = opened[kind:]
        fill(first, data)
        export_state(first, folder / "0")
        for number, store in enumerate(others, start=1):
            import_state(store, folder / f"{number - 1}")
            export_state(store, folder / f"{number}")
            assert (folder / f"{number}").read_bytes() == (folder / "0").read_bytes()
            assert import_state(store, folder / "0").counts["run"] == 0
            export_state(store, folder / "again")
            assert (folder / "again").read_bytes() == (folder / "0").read_bytes()
