"""What is written once for SQLite and PostgreSQL is the same in both; what is missing in one is noticed here."""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from pathlib import Path

import psycopg  # noqa: TID253 - installed with what the tests need
import pytest
from tests.postgres import Cluster

from trc.runtime.errors import Stopped
from trc.runtime.store import server, statements
from trc.runtime.store.address import Address, address_of
from trc.runtime.store.dialect import layout, statement
from trc.runtime.store.journal import RunRecord, TaskRecord
from trc.runtime.store.migrate import FOLDER, Migration, migrate, released
from trc.runtime.store.migrate_postgres import migrate_postgres, steps
from trc.runtime.store.postgres import PostgresStore
from trc.runtime.store.server import Server
from trc.runtime.store.sqlite import SqliteStore
from trc.runtime.store.transfer.lines import DIGEST, RECORDS, VERSION, columns

CASES = Path(__file__).parents[2] / "cases/migrations"
TYPES = {"TEXT": "text", "INTEGER": "bigint", "REAL": "double precision", "BLOB": "bytea"}
_OURS = "migrations"

FIRST = "CREATE TABLE things (name TEXT);\nINSERT INTO things VALUES ('a; b');\n"
SECOND = "-- A comment; with a semicolon.\nALTER TABLE things ADD COLUMN size INTEGER;\n"
BROKEN = "CREATE TABLE more (name TEXT);\nALTER TABLE absent ADD COLUMN size INTEGER;\n"

Layout = Mapping[str, Mapping[str, tuple[str, bool]]]
"""By table and column: its type, and whether it always has a value."""


@pytest.fixture
def address(cluster: Cluster) -> Address:
    return address_of(cluster.url())


def migrated(address: Address, folder: Path) -> None:
    with closing(Server(address)) as made, made.refusing():
        migrate_postgres(made, address, folder)


def upto(tmp_path: Path, last: int) -> Path:
    """The steps of an earlier version."""
    folder = tmp_path / f"upto{last}"
    folder.mkdir()
    for one in released()[:last]:
        shutil.copy(FOLDER / f"{one.name}.sql", folder)
        own = FOLDER / "postgresql" / f"{one.name}.sql"
        if own.is_file():
            (folder / "postgresql").mkdir(exist_ok=True)
            shutil.copy(own, folder / "postgresql")
    return folder


def of_sqlite(path: Path) -> Layout:
    with closing(sqlite3.connect(path)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return {
            table: {
                name: (TYPES[kind], bool(always or key))
                for _, name, kind, always, _, key in connection.execute(f"PRAGMA table_info({table})")
            }
            for table in tables
            if table != _OURS
        }


def of_postgres(cluster: Cluster, schema: str) -> Layout:
    found: dict[str, dict[str, tuple[str, bool]]] = {}
    rows = cluster.sql(
        "SELECT table_name, column_name, data_type, is_nullable = 'NO' FROM information_schema.columns "
        f"WHERE table_schema = '{schema}' AND table_name <> '{_OURS}'"
    )
    for table, column, kind, always in rows:
        found.setdefault(str(table), {})[str(column)] = (str(kind), bool(always))
    return found


def keys_of_sqlite(path: Path) -> set[tuple[str, tuple[str, ...]]]:
    """The columns that have no two rows alike."""
    found: set[tuple[str, tuple[str, ...]]] = set()
    with closing(sqlite3.connect(path)) as connection:
        for table in of_sqlite(path):
            info = list(connection.execute(f"PRAGMA table_info({table})"))
            found.add((table, tuple(row[1] for row in sorted(info, key=lambda row: row[5]) if row[5])))
            for _, index, is_unique, *_ in connection.execute(f"PRAGMA index_list({table})").fetchall():
                if is_unique:
                    parts = connection.execute(f"PRAGMA index_info({index})").fetchall()
                    found.add((table, tuple(row[2] for row in parts)))
    return found


def keys_of_postgres(cluster: Cluster, schema: str) -> set[tuple[str, tuple[str, ...]]]:
    rows = cluster.sql(
        "SELECT tablename, indexdef FROM pg_indexes "
        f"WHERE schemaname = '{schema}' AND indexdef LIKE 'CREATE UNIQUE%' AND tablename <> '{_OURS}'"
    )
    return {(str(table), _columns(str(definition))) for table, definition in rows}


def _columns(definition: str) -> tuple[str, ...]:
    found = re.search(r"\(([^)]*)\)", definition)
    assert found is not None
    return tuple(part.strip().strip('"') for part in found[1].split(","))


# Migrations


@pytest.mark.parametrize("last", range(1, len(released()) + 1))
def test_each_version_has_the_same_tables_in_both(
    cluster: Cluster, address: Address, tmp_path: Path, last: int
) -> None:
    """One that PostgreSQL does not take as it is needs a file of its name in migrations/postgresql/."""
    folder, path = upto(tmp_path, last), tmp_path / "state.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        migrate(connection, path, folder)
    migrated(address, folder)
    assert of_postgres(cluster, address.schema) == of_sqlite(path)
    assert keys_of_postgres(cluster, address.schema) == keys_of_sqlite(path)


@pytest.mark.parametrize("last", range(1, len(released())))
def test_what_each_earlier_version_wrote_is_read_as_it_was(
    cluster: Cluster, address: Address, tmp_path: Path, last: int
) -> None:
    migrated(address, upto(tmp_path, last))
    later = {one.name for one in released()[last:]}
    cluster.sql(
        f"INSERT INTO {address.schema}.runs "
        "(id, pipeline, file, digest, logical_time, driver, created_at, state, resumed) "
        "VALUES ('r1', 'shop', '/p/shop.yaml', 'd1', '2026-01-15T00:00:00+00:00', 'driver', 100.0, 'failure', 1)"
    )
    cluster.sql(
        f"INSERT INTO {address.schema}.task_runs (run, task, state, attempt, token, lost) "
        "VALUES ('r1', 'clean', 'failure', 2, 'clean.2', 1)"
    )
    with PostgresStore(address, lambda: SqliteStore(tmp_path / "local.db")) as store:
        time = "2026-01-15T00:00:00+00:00"
        # Migration 6 takes it from the beginning.
        began = 100.0 if "0006_limits" in later else 0.0
        run = RunRecord(
            "r1", "shop", "/p/shop.yaml", "d1", time, "driver", 100.0, state="failure", resumed=1, began_at=began
        )
        assert store.runs() == [run]
        assert store.tasks("r1") == [TaskRecord("r1", "clean", "failure", 2, "clean.2", 1)]
        assert store.letters(settled=True) == []


@pytest.mark.parametrize("step", list(steps()), ids=lambda step: step.name)
def test_a_released_step_is_said_as_it_always_was(step: Migration, snapshot: Callable[[Path, str], None]) -> None:
    """What PostgreSQL was given once may not change, whatever is done to the translation."""
    snapshot(CASES / f"{step.name}.postgresql.sql", step.sql)


def test_every_step_of_postgres_has_one_of_that_name_beside_it() -> None:
    own = {file.stem for file in (FOLDER / "postgresql").glob("*.sql")}
    assert own <= {one.name for one in released()}


def written(folder: Path, *texts: str) -> Path:
    folder.mkdir(exist_ok=True)
    for number, text in enumerate(texts, start=1):
        (folder / f"{number:04}_step.sql").write_text(text)
    return folder


def test_a_step_of_its_own_is_taken_instead(cluster: Cluster, address: Address, tmp_path: Path) -> None:
    folder = written(tmp_path / "steps", FIRST, "INSERT OR IGNORE INTO things VALUES ('c');")
    (folder / "postgresql").mkdir()
    (folder / "postgresql/0002_step.sql").write_text("INSERT INTO things VALUES ('c') ON CONFLICT DO NOTHING")
    migrated(address, folder)
    assert cluster.sql(f"SELECT name FROM {address.schema}.things") == [("a; b",), ("c",)]


def test_an_older_schema_gets_what_it_lacks_all_or_nothing(cluster: Cluster, address: Address, tmp_path: Path) -> None:
    migrated(address, written(tmp_path / "steps", FIRST))
    with pytest.raises(Exception, match='relation "absent" does not exist'):
        migrated(address, written(tmp_path / "steps", FIRST, SECOND, BROKEN))
    assert of_postgres(cluster, address.schema) == {"things": {"name": ("text", False)}}
    migrated(address, written(tmp_path / "steps", FIRST, SECOND, SECOND.replace("size", "weight")))
    assert of_postgres(cluster, address.schema)["things"].keys() == {"name", "size", "weight"}
    found = cluster.sql(f"SELECT version, name FROM {address.schema}.migrations ORDER BY 1")
    assert found == [(1, "0001_step"), (2, "0002_step"), (3, "0003_step")]


def test_a_step_that_was_changed_since_it_was_applied_is_refused(address: Address, tmp_path: Path) -> None:
    migrated(address, written(tmp_path / "steps", FIRST))
    with pytest.raises(Stopped, match='was laid out by another "0001_step"'):
        migrated(address, written(tmp_path / "steps", FIRST + "-- more\n", SECOND))


# Statements


def test_every_statement_is_one_that_postgres_takes(address: Address, tmp_path: Path) -> None:
    """One that it does not take as it is needs one of that name in queries/postgresql/, or other words.

    A value of which nothing tells the type yet may not be compared with NULL: `(run = :run OR :run IS NULL)`, in this order.
    """
    with PostgresStore(address, lambda: SqliteStore(tmp_path / "local.db")) as store:
        for file in sorted(statements.FOLDER.glob("*.sql")):
            for name, sql in server.load(file.stem).items():
                places = dict.fromkeys(re.findall(r"%\((\w+)\)s", sql)) or (None,) * len(re.findall(r"%s", sql))
                try:
                    _try(store, sql, places)
                except psycopg.ProgrammingError as error:
                    raise AssertionError(f"{file.name}, {name}: {error}") from error


class _Tried(Exception):  # noqa: N818 - a signal
    pass


def _try(store: PostgresStore, sql: str, places: object) -> None:
    """Carries a statement out, and takes back what it did; that no record is made of nothing is no matter here."""
    with suppress(_Tried, ValueError, Stopped), store.transaction():
        store._connection.execute(sql, places)
        raise _Tried


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("a = ? AND b = :b_c", "a = %s AND b = %(b_c)s"),
        ("a = '?:b%' -- ? :c 5%\nAND \"?\" = ?", "a = '?:b%%' -- ? :c 5%%\nAND \"?\" = %s"),
        ("a::text = :a::text", "a::text = %(a)s::text"),
        ("a IN (SELECT value FROM json_each(?))", "a IN (SELECT value FROM json_array_elements_text(%s::json))"),
        ("a % 2", "a %% 2"),
        ("'it''s ?' || ?", "'it''s ?' || %s"),
    ],
)
def test_a_statement_is_said_in_words_of_postgres(written: str, said: str) -> None:
    assert statement(written) == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("(a INTEGER PRIMARY KEY)", "(a BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY)"),
        ("(a INTEGER, b REAL NOT NULL, c BLOB)", "(a BIGINT, b DOUBLE PRECISION NOT NULL, c BYTEA)"),
        ("(a TEXT DEFAULT 'TEXT') -- INTEGER", "(a TEXT COLLATE \"C\" DEFAULT 'TEXT') -- INTEGER"),
        ("(a TEXT) WITHOUT ROWID;", '(a TEXT COLLATE "C");'),
        ("(INTEGERS TEXT_)", "(INTEGERS TEXT_)"),
    ],
)
def test_a_migration_is_said_in_types_of_postgres(written: str, said: str) -> None:
    assert layout(written) == said


# Exports

NOT_EXPORTED = {
    "drivers": "who drives runs means nothing elsewhere",
    "leases": "who may publish means nothing elsewhere",
    "wishes": "what is wished of a run is past with it",
    "messages": "what hooks tell is delivered from where it arose, and nowhere a second time",
    "task_wishes": "what is wished of its tasks is past with it",
    "room": "who takes room means nothing elsewhere",
    "room_queue": "who waits for room means nothing elsewhere",
    "twins": "who stands for whom means nothing elsewhere",
    "services": "how a service stands is seen from where it is called",
    "runs.number": "given by the store, in the order of the file",
    "task_runs.number": "given by the store, in the order of the file",
    "attempts.serial": "given by the store, in the order of the file",
    "dead_letters.number": "given by the store, in the order of the file",
    "results.number": "given by the store, in the order of the file",
    "latest_results.result": "told by the key of the result",
}
TABLES = {"run": "runs", "task": "task_runs", "attempt": "attempts", "letter": "dead_letters", "result": "results",
          "latest": "latest_results", "digest": "file_digests"}  # fmt: skip


def test_an_export_holds_every_column_or_says_why_not(tmp_path: Path) -> None:
    SqliteStore(tmp_path / "state.db").close()
    there = {f"{table}.{column}" for table, found in of_sqlite(tmp_path / "state.db").items() for column in found}
    told = {f"{TABLES[kind.name]}.{column}" for kind in (*RECORDS, DIGEST) for column in columns(kind)}
    left_out = {one for one in there if one in NOT_EXPORTED or one.partition(".")[0] in NOT_EXPORTED}
    assert there - told == left_out
    assert told - there == {"latest_results.key"}


def test_another_column_is_another_version(snapshot: Callable[[Path, str], None]) -> None:
    """Whoever changes what is exported raises `VERSION`, with this file: others hold exports of the old one."""
    lines = [f"{kind.name}: {', '.join(sorted(columns(kind)))}" for kind in (*RECORDS, DIGEST)]
    snapshot(CASES.parent / f"state/version_{VERSION}.txt", "\n".join((*lines, "")))
