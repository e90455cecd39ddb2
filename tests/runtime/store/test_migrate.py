"""Databases of earlier versions are brought forward step by step, and never half a step."""

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from trc.runtime.errors import Stopped
from trc.runtime.store.journal import RunRecord, TaskRecord
from trc.runtime.store.migrate import APPLICATION_ID, FOLDER, migrate
from trc.runtime.store.sqlite import SqliteStore

FIRST = "CREATE TABLE things (name TEXT);\nINSERT INTO things VALUES ('a; b');\n"
SECOND = "-- A comment; with a semicolon.\nALTER TABLE things ADD COLUMN size INTEGER;\n"
BROKEN = "CREATE TABLE more (name TEXT);\nALTER TABLE absent ADD COLUMN size INTEGER;\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


@pytest.fixture
def connection(path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(path, isolation_level=None)
    yield connection
    connection.close()


def steps(folder: Path, *texts: str) -> Path:
    folder.mkdir(exist_ok=True)
    for number, text in enumerate(texts, start=1):
        (folder / f"{number:04}_step.sql").write_text(text)
    return folder


def columns(connection: sqlite3.Connection) -> list[str]:
    return [row[1] for row in connection.execute("PRAGMA table_info(things)")]


def header(connection: sqlite3.Connection) -> tuple[int, int]:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return application, version


def test_an_empty_database_gets_every_step(tmp_path: Path, path: Path, connection: sqlite3.Connection) -> None:
    migrate(connection, path, steps(tmp_path / "steps", FIRST, SECOND))
    assert header(connection) == (APPLICATION_ID, 2)
    assert connection.execute("SELECT * FROM things").fetchall() == [("a; b", None)]
    assert connection.execute("SELECT version, name FROM migrations").fetchall() == [(1, "0001_step"), (2, "0002_step")]


def test_an_older_database_gets_what_it_lacks(tmp_path: Path, path: Path, connection: sqlite3.Connection) -> None:
    folder = steps(tmp_path / "steps", FIRST)
    migrate(connection, path, folder)
    assert columns(connection) == ["name"]
    migrate(connection, path, steps(folder, FIRST, SECOND))
    assert columns(connection) == ["name", "size"]
    assert connection.execute("SELECT count(*) FROM things").fetchone() == (1,)


def test_a_current_database_is_not_written(tmp_path: Path, path: Path, connection: sqlite3.Connection) -> None:
    folder = steps(tmp_path / "steps", FIRST, SECOND)
    migrate(connection, path, folder)
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    migrate(connection, path, folder)
    connection.set_trace_callback(None)
    assert len([one for one in statements if not one.startswith("--")]) == 1
    assert statements[0].startswith("SELECT")


def test_a_step_that_fails_leaves_nothing_of_itself(tmp_path: Path, path: Path, connection: sqlite3.Connection) -> None:
    folder = steps(tmp_path / "steps", FIRST, BROKEN)
    with pytest.raises(sqlite3.OperationalError, match="no such table: absent"):
        migrate(connection, path, folder)
    assert header(connection) == (APPLICATION_ID, 1)
    assert connection.execute("SELECT name FROM sqlite_schema WHERE name = 'more'").fetchall() == []
    migrate(connection, path, steps(folder, FIRST, SECOND))
    assert columns(connection) == ["name", "size"]


def test_a_step_that_was_changed_since_it_was_applied_is_refused(
    tmp_path: Path, path: Path, connection: sqlite3.Connection
) -> None:
    folder = steps(tmp_path / "steps", FIRST)
    migrate(connection, path, folder)
    with pytest.raises(Stopped, match='was laid out by another "0001_step"'):
        migrate(connection, path, steps(folder, FIRST + "-- more\n", SECOND))
    assert columns(connection) == ["name"]
    assert not connection.in_transaction


def test_a_database_of_a_later_version_is_refused(tmp_path: Path, path: Path, connection: sqlite3.Connection) -> None:
    migrate(connection, path, steps(tmp_path / "two", FIRST, SECOND))
    with pytest.raises(Stopped, match="its version is 2, this trc knows 1"):
        migrate(connection, path, steps(tmp_path / "one", FIRST))


def test_our_own_steps_have_a_number_each_and_apply(path: Path, connection: sqlite3.Connection) -> None:
    numbers = [int(file.name[:4]) for file in FOLDER.glob("*.sql")]
    assert len(numbers) == len(set(numbers))
    migrate(connection, path)
    assert header(connection) == (APPLICATION_ID, max(numbers))


def test_our_own_steps_survive_being_copied(tmp_path: Path, path: Path, connection: sqlite3.Connection) -> None:
    migrate(connection, path)
    migrate(connection, path, Path(shutil.copytree(FOLDER, tmp_path / "copy")))


def test_what_each_earlier_version_wrote_is_read_as_it_was(tmp_path: Path, path: Path) -> None:
    """Each version's own tables, with rows as it wrote them, brought forward to this one."""
    released = sorted(FOLDER.glob("*.sql"))
    for last in range(1, len(released)):
        folder = tmp_path / f"upto{last}"
        folder.mkdir()
        for file in released[:last]:
            shutil.copy(file, folder)
        path.unlink(missing_ok=True)
        connection = sqlite3.connect(path, isolation_level=None)
        migrate(connection, path, folder)
        knows_begin = "began_at" in {row[1] for row in connection.execute("PRAGMA table_info(runs)")}
        connection.execute(
            "INSERT INTO runs (id, pipeline, file, digest, logical_time, driver, created_at, state, resumed) "
            "VALUES ('r1', 'shop', '/p/shop.yaml', 'd1', '2026-01-15T00:00:00+00:00', 'driver', 100.0, 'failure', 1)"
        )
        connection.execute(
            "INSERT INTO task_runs (run, task, state, attempt, token, lost) "
            "VALUES ('r1', 'clean', 'failure', 2, 'clean.2', 1)"
        )
        connection.close()
        with SqliteStore(path) as store:
            assert store.runs() == [
                RunRecord(
                    "r1",
                    "shop",
                    "/p/shop.yaml",
                    "d1",
                    "2026-01-15T00:00:00+00:00",
                    "driver",
                    100.0,
                    state="failure",
                    resumed=1,
                    began_at=0.0 if knows_begin else 100.0,
                )
            ]
            assert store.tasks("r1") == [TaskRecord("r1", "clean", "failure", 2, "clean.2", 1)]
            assert store.letters(settled=True) == []
