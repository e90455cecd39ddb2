"""The SQLite store does what every store does, survives being killed, and says what is wrong with its file."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from tests.contracts.store_suite import RESULT, RUN, StoreSuite, put, task

from trc.runtime.errors import Stopped
from trc.runtime.spec import KeyPart
from trc.runtime.store.migrate import APPLICATION_ID
from trc.runtime.store.sqlite import SqliteStore

PRELUDE = """
import sys
from pathlib import Path
from trc.runtime.store.journal import RunRecord, TaskRecord
from trc.runtime.store.sqlite import SqliteStore
def run(name): return RunRecord(name, "shop", "/p/shop.yaml", "d1", "2026-01-15T00:00:00+00:00", "driver", 100.0)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "state.db"


def child(code: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PRELUDE + code, *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def complaint(error: pytest.ExceptionInfo[Stopped]) -> str:
    (diagnostic,) = error.value.diagnostics
    assert diagnostic.code == "TRC606"
    assert diagnostic.help
    assert error.value.exit_code == 3
    return diagnostic.message


def is_sound(path: Path) -> bool:
    connection = sqlite3.connect(path)
    try:
        sound = connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return sound and connection.execute("PRAGMA foreign_key_check").fetchall() == []
    finally:
        connection.close()


class TestSqliteStore(StoreSuite):
    @pytest.fixture
    def store(self, path: Path) -> Iterator[SqliteStore]:
        with SqliteStore(path) as store:
            yield store
        assert is_sound(path)


# What is kept


def test_the_log_starts_over_before_it_is_large(path: Path) -> None:
    with SqliteStore(path) as store:
        put(store, RUN)
        for number in range(20):
            put(store, replace(RESULT, key=str(number), parts=(KeyPart("sql", "code", "x" * 240_000),)))
        assert path.with_name(f"{path.name}-wal").stat().st_size < 2_500_000


def test_what_is_committed_is_there_for_the_next_one_who_opens(path: Path) -> None:
    with SqliteStore(path) as store:
        put(store, RUN, task("clean"), RESULT)
        # A second one while the first has it open, and one afterwards.
        with SqliteStore(path) as other:
            assert other.run("r1") == RUN
    with SqliteStore(path) as store:
        assert store.run("r1") == RUN
        assert store.tasks("r1") == [task("clean")]
        assert dict(store.latest("shop")) == {"clean": RESULT}


def test_others_see_nothing_of_a_block_until_it_ends(path: Path) -> None:
    with SqliteStore(path) as store, SqliteStore(path) as other:
        with store.transaction() as change:
            change.put_run(RUN)
            assert other.runs() == []
        assert other.runs() == [RUN]


def test_a_commit_reaches_the_disk_before_it_returns(path: Path) -> None:
    with SqliteStore(path) as store:
        assert store._connection.execute("PRAGMA synchronous").fetchone() == (2,)
        assert store._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_process_killed_after_a_commit_leaves_all_of_it(path: Path) -> None:
    code = """
store = SqliteStore(Path(sys.argv[1]))
with store.transaction() as change:
    change.put_run(run("r1"))
    change.put_tasks([TaskRecord("r1", f"t{number}", "waiting") for number in range(500)])
print("committed", flush=True)
sys.stdin.read()
"""
    with child(code, path) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "committed\n"
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    with SqliteStore(path) as store:
        assert len(store.tasks("r1")) == 500
    assert is_sound(path)


def test_a_process_killed_within_a_block_leaves_nothing_of_it_and_no_lock(path: Path) -> None:
    # The changes are many more than the cache of pages holds, so that some of them are in the file already.
    code = """
store = SqliteStore(Path(sys.argv[1]))
store._connection.execute("PRAGMA cache_size = 5")
with store.transaction() as change:
    change.put_run(run("r1"))
with store.transaction() as change:
    change.put_run(run("r2"))
    change.put_tasks([TaskRecord(r, f"{number:0200}", "waiting") for r in ("r1", "r2") for number in range(2000)])
    print("changed", flush=True)
    sys.stdin.read()
"""
    with child(code, path) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "changed\n"
        assert Path(f"{path}-wal").stat().st_size > 500_000
        process.send_signal(signal.SIGKILL)
    with SqliteStore(path, patience=0) as store:
        assert [run.id for run in store.runs()] == ["r1"]
        assert store.tasks("r1") == []
        put(store, task("clean"))
    assert is_sound(path)


def test_processes_write_at_the_same_time_and_lose_nothing(path: Path) -> None:
    # Each reads and adds within one block: a lost update would leave the count short.
    code = """
sys.stdin.readline()
store = SqliteStore(Path(sys.argv[1]))
for number in range(25):
    with store.transaction() as change:
        before = store.run("shared")
        count = before.resumed if before else 0
        change.put_run(RunRecord("shared", "shop", "/p", "d", "t", sys.argv[2], 1.0, resumed=count + 1))
        change.put_run(run(f"{sys.argv[2]}-{number}"))
store.close()
"""
    # They also make the file all at once: it is not there when they begin.
    processes = [child(code, path, name) for name in "abcd"]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        process.communicate()
    assert [process.returncode for process in processes] == [0, 0, 0, 0]
    with SqliteStore(path) as store:
        shared = store.run("shared")
        assert shared is not None
        assert shared.resumed == 100
        assert len(store.runs(limit=1000)) == 101
    assert is_sound(path)


def test_processes_that_make_a_store_at_the_same_moment_all_get_it(tmp_path: Path) -> None:
    code = """
for line in sys.stdin:
    SqliteStore(Path(line.strip())).close()
    print("made", flush=True)
"""
    with ExitStack() as stack:
        processes = [stack.enter_context(child(code)) for _ in range(5)]
        for number in range(40):
            for process in processes:
                assert process.stdin is not None
                process.stdin.write(f"{tmp_path}/{number}/state.db\n")
                process.stdin.flush()
            answers = [process.stdout.readline() for process in processes if process.stdout is not None]
            assert answers == ["made\n"] * len(processes)


def test_only_one_of_two_runs_gets_a_location(path: Path) -> None:
    with SqliteStore(path) as store, SqliteStore(path) as other:
        put(store, RUN, replace(RUN, id="r2"))
        with store.transaction() as change:
            assert not change.acquire(["/a"], "r1", "driver-1")
        with other.transaction() as change:
            assert dict(change.acquire(["/a"], "r2", "driver-2")) == {"/a": "r1"}


# Files that cannot be used


def test_a_file_that_is_no_database_is_named_and_left_alone(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("id,name\n" * 1000)
    with pytest.raises(Stopped) as error:
        SqliteStore(path)
    assert complaint(error) == f'"{path}" is not a state store: it is not a SQLite database'
    assert path.read_text() == "id,name\n" * 1000


def test_a_database_of_another_program_is_named_and_left_alone(path: Path) -> None:
    path.parent.mkdir()
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE customers (id)")
    connection.close()
    with pytest.raises(Stopped) as error:
        SqliteStore(path)
    assert complaint(error) == f'"{path}" is a database, but not a state store of trc'
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == [("customers",)]
    connection.close()


def test_a_store_of_a_newer_version_is_not_touched(path: Path) -> None:
    SqliteStore(path).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(Stopped) as error:
        SqliteStore(path)
    assert "was written by a newer trc (its version is 99" in complaint(error)
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA user_version").fetchone() == (99,)
    assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
    connection.close()


def test_a_damaged_store_is_named(path: Path) -> None:
    with SqliteStore(path) as store, store.transaction() as change:
        change.put_run(RUN)
        change.put_tasks([task(f"{number:0100}") for number in range(500)])
    damaged = bytearray(path.read_bytes())
    damaged[4096:] = b"\x13" * (len(damaged) - 4096)
    path.write_bytes(damaged)
    with pytest.raises(Stopped) as error, SqliteStore(path) as store:
        store.tasks("r1")
    assert f'the state store "{path}" is damaged' in complaint(error)


def test_a_locked_store_is_named_once_patience_is_over(path: Path) -> None:
    with SqliteStore(path) as store, SqliteStore(path, patience=0.01) as other:
        with store.transaction() as change:
            change.put_run(RUN)
            with pytest.raises(Stopped) as error:
                put(other, replace(RUN, id="r2"))
            assert complaint(error) == f'another process keeps the state store "{path}" locked'
            # Reading goes on.
            assert other.runs() == []
        put(other, replace(RUN, id="r2"))
        assert [run.id for run in store.runs()] == ["r2", "r1"]


def test_a_full_disk_is_named_and_loses_nothing(path: Path) -> None:
    with SqliteStore(path) as store:
        put(store, RUN)
        (pages,) = store._connection.execute("PRAGMA page_count").fetchone()
        store._connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(Stopped) as error, store.transaction() as change:
            change.put_tasks([task(f"{number:0100}") for number in range(500)])
        assert complaint(error) == f'there is no space left for the state store "{path}"'
        assert store.tasks("r1") == []
        store._connection.execute("PRAGMA max_page_count = 100000")
        put(store, task("clean"))
        assert store.tasks("r1") == [task("clean")]


def test_a_folder_in_the_place_of_the_file_is_named(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(Stopped) as error:
        SqliteStore(path)
    assert f'the state store "{path}" cannot be opened for writing' in complaint(error)


def test_a_file_in_the_place_of_the_folder_is_named(path: Path) -> None:
    path.parent.write_text("")
    with pytest.raises(Stopped) as error:
        SqliteStore(path)
    assert complaint(error) == f'the folder "{path.parent}" for the state store cannot be used: file exists'


@pytest.mark.parametrize("is_made", [True, False])
def test_a_folder_without_permission_is_named(*, is_made: bool) -> None:
    # The superuser may write anywhere, so the child becomes nobody; and nobody may not look into tmp_path.
    code = """
import os
from trc.runtime.errors import Stopped
SqliteStore(Path(sys.argv[2])).close()
if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
try:
    store = SqliteStore(Path(sys.argv[1]))
    with store.transaction() as change:
        change.put_run(run("r1"))
except Stopped as stopped:
    print(stopped.diagnostics[0].code, stopped)
"""
    folder = Path(tempfile.mkdtemp())
    try:
        path = folder / "state.db"
        if is_made:
            SqliteStore(path).close()
        folder.chmod(0o555)
        with child(code, path, folder.parent / f"{folder.name}-other" / "state.db") as process:
            answer, _ = process.communicate()
        assert answer.startswith(f'TRC606 the state store "{path}" cannot be opened for writing')
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)
        shutil.rmtree(f"{folder}-other")


def test_a_mistake_of_the_program_is_not_taken_for_one_of_the_file(path: Path) -> None:
    store = SqliteStore(path)
    store.close()
    with pytest.raises(sqlite3.ProgrammingError):
        store.runs()


def test_no_file_is_left_open(path: Path) -> None:
    def open_files() -> list[str]:
        numbers = Path("/proc/self/fd")
        return [target for one in numbers.iterdir() if str(path) in (target := os.path.realpath(one))]

    if not Path("/proc/self/fd").exists():
        pytest.skip("this system does not list open files")
    store = SqliteStore(path)
    assert open_files()
    store.close()
    path.write_text("no database, this time")
    with pytest.raises(Stopped):
        SqliteStore(path)
    assert open_files() == []
