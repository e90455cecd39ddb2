"""The PostgreSQL store does what every store does, for several machines, and says what is wrong with its server."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg  # noqa: TID253 - installed with what the tests need
import pytest
from tests.contracts.store_suite import LETTER, RESULT, RUN, StoreSuite, put, task
from tests.postgres import Cluster, running_cluster

from trc.runtime.errors import Stopped
from trc.runtime.store.address import Address, address_of
from trc.runtime.store.postgres import PostgresStore
from trc.runtime.store.sqlite import SqliteStore

PRELUDE = """
import sys
from pathlib import Path
from trc.runtime.store.address import address_of
from trc.runtime.store.journal import RunRecord, TaskRecord
from trc.runtime.store.postgres import PostgresStore
from trc.runtime.store.sqlite import SqliteStore
def opened(): return PostgresStore(address_of(sys.argv[1]), lambda: SqliteStore(Path(sys.argv[2]) / "state.db"))
def run(name): return RunRecord(name, "shop", "/p/shop.yaml", "d1", "2026-01-15T00:00:00+00:00", "driver", 100.0)
"""


@pytest.fixture
def url(cluster: Cluster) -> str:
    return cluster.url()


@pytest.fixture
def address(url: str) -> Address:
    return address_of(url)


def opened(address: Address, path: Path, *, patience: float = 30.0, away: float = 60.0) -> PostgresStore:
    return PostgresStore(address, lambda: SqliteStore(path / "state.db"), patience=patience, away=away)


def child(code: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PRELUDE + code, *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def say(process: subprocess.Popen[str], text: str) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{text}\n")
    process.stdin.flush()


def heard(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def complaint(error: pytest.ExceptionInfo[Stopped], code: str) -> str:
    (diagnostic,) = error.value.diagnostics
    assert diagnostic.code == code
    assert diagnostic.help
    assert error.value.exit_code == 3
    return diagnostic.message


def end_connections(cluster: Cluster) -> None:
    cluster.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'trc'")


class TestPostgresStore(StoreSuite):
    @pytest.fixture
    def store(self, address: Address, tmp_path: Path) -> Iterator[PostgresStore]:
        with opened(address, tmp_path) as store:
            yield store


# What is kept


def test_what_is_committed_is_there_for_another_machine(address: Address, tmp_path: Path) -> None:
    with opened(address, tmp_path / "a") as store:
        put(store, RUN, task("clean"), RESULT)
        store.put_digests({})
    with opened(address, tmp_path / "b") as other:
        assert other.run("r1") == RUN
        assert other.tasks("r1") == [task("clean")]
        assert dict(other.latest("shop")) == {"clean": RESULT}
        assert other.digest_paths() == []


def test_others_see_nothing_of_a_block_until_it_ends_and_read_meanwhile(address: Address, tmp_path: Path) -> None:
    with opened(address, tmp_path) as store, opened(address, tmp_path) as other:
        with store.transaction() as change:
            change.put_run(RUN)
            assert store.runs() == [RUN]
            assert other.runs() == []
        assert other.runs() == [RUN]


def test_stores_in_one_database_are_apart(cluster: Cluster, tmp_path: Path) -> None:
    first, second = address_of(cluster.url()), address_of(cluster.url())
    with opened(first, tmp_path) as store, opened(second, tmp_path, patience=0.05) as other:
        with store.transaction() as change:
            change.put_run(RUN)
            put(other, replace(RUN, id="r2"))
        assert [run.id for run in other.runs()] == ["r2"]


def test_a_log_with_a_nul_is_kept_but_for_that(address: Address, tmp_path: Path) -> None:
    with opened(address, tmp_path) as store:
        put(store, RUN)
        with store.transaction() as change:
            change.put_letters([replace(LETTER, log="a\0b")])
        assert store.letters()[0].log == "a\ufffdb"


def test_a_session_is_bounded_and_its_commits_are_durable(cluster: Cluster, url: str, tmp_path: Path) -> None:
    # Whatever is usual for the user: a block begins as it has to.
    cluster.sql("CREATE ROLE hasty LOGIN SUPERUSER")
    cluster.sql("ALTER ROLE hasty SET synchronous_commit = off")
    cluster.sql("ALTER ROLE hasty SET default_transaction_isolation = 'serializable'")
    cluster.sql("ALTER ROLE hasty SET default_transaction_read_only = on")
    address = address_of(url.replace("postgres@", "hasty@"))
    with opened(address_of(url), tmp_path), opened(address, tmp_path, patience=7.5) as store:
        names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "synchronous_commit")
        with store.transaction():
            found = [store._connection.execute(f"SHOW {name}").fetchone()[0] for name in names]
            level = store._connection.execute("SHOW transaction_isolation").fetchone()[0]
        assert found == ["1min", "7500ms", "2min", "on"]
        assert level == "read committed"
        put(store, RUN)


def test_a_statement_that_failed_within_a_block_is_not_passed_over(address: Address, tmp_path: Path) -> None:
    with opened(address, tmp_path) as store:
        with pytest.raises(AssertionError, match="in which a statement failed"):
            _pass_over(store)
        assert store.runs() == []


def _pass_over(store: PostgresStore) -> None:
    with store.transaction() as change:
        change.put_run(RUN)
        with suppress(psycopg.Error):
            store._connection.execute("SELECT 1 / 0")


def test_a_mistake_of_the_program_is_not_taken_for_one_of_the_server(address: Address, tmp_path: Path) -> None:
    store = opened(address, tmp_path)
    with pytest.raises(psycopg.errors.UndefinedTable), store.transaction():
        store._connection.execute("SELECT 1 FROM nothing")
    store.close()
    with pytest.raises(Stopped):
        store.runs()


# Races


def test_processes_write_at_the_same_time_and_lose_nothing(url: str, tmp_path: Path) -> None:
    # Each reads and adds within one block: a lost update would leave the count short. The schema is not there at first.
    code = """
sys.stdin.readline()
store = opened()
for number in range(25):
    with store.transaction() as change:
        before = store.run("shared")
        count = before.resumed if before else 0
        change.put_run(RunRecord("shared", "shop", "/p", "d", "t", sys.argv[3], 1.0, resumed=count + 1))
        change.put_run(run(f"{sys.argv[3]}-{number}"))
store.close()
"""
    processes = [child(code, url, tmp_path / name, name) for name in "abcd"]
    for process in processes:
        say(process, "go")
    for process in processes:
        process.communicate()
    assert [process.returncode for process in processes] == [0, 0, 0, 0]
    with opened(address_of(url), tmp_path) as store:
        shared = store.run("shared")
        assert shared is not None
        assert shared.resumed == 100
        assert len(store.runs(limit=1000)) == 101


def test_one_of_two_processes_gets_a_lease_each_time(url: str, tmp_path: Path) -> None:
    code = """
store, name = opened(), sys.argv[3]
print("ready", flush=True)
for line in sys.stdin:
    with store.transaction() as change:
        held = change.acquire([f"/out/{line.strip()}", "/out/all"][: int(line) % 2 + 1], name, name)
    print("lost" if held else "won", flush=True)
    if not held:
        with store.transaction() as change:
            assert not change.acquire([f"/out/{line.strip()}"], name, name)
"""
    with opened(address_of(url), tmp_path) as store:
        put(store, *(replace(RUN, id=name) for name in "ab"))
        with ExitStack() as stack:
            processes = [stack.enter_context(child(code, url, tmp_path / name, name)) for name in "ab"]
            assert [heard(process) for process in processes] == ["ready", "ready"]
            for number in range(0, 40, 2):
                for process in processes:
                    say(process, str(number))
                assert sorted(heard(process) for process in processes) == ["lost", "won"]


def test_who_is_taken_over_never_gets_a_permit_again(url: str, tmp_path: Path) -> None:
    """Of a driver that publishes and another that takes over its run, the second waits for the first, or the first gets nothing."""
    code = """
store = opened()
print("ready", flush=True)
for line in sys.stdin:
    name = line.strip()
    with store.transaction() as change:
        print("permit" if change.drives(name, "driver-1") and change.permitted(name, {"t": "token"}) else "none", flush=True)
        sys.stdin.readline()
        change.put_tasks([TaskRecord(name, "t", "success", 1, "token")])
    print("published", flush=True)
"""
    with opened(address_of(url), tmp_path) as store, child(code, url, tmp_path / "other") as first:
        assert heard(first) == "ready"
        for name in ("held", "lost"):
            run = replace(RUN, id=name)
            put(store, run, task("t", "running", name, token="token", attempt=1))
            if name == "lost":
                put(store, replace(run, driver="driver-2"))
            say(first, name)
            assert heard(first) == ("permit" if name == "held" else "none")
            seen: list[str] = []
            over = threading.Thread(target=_take_over, args=(url, tmp_path, run, seen))
            over.start()
            say(first, "go on")
            assert heard(first) == "published"
            over.join()
            # Whatever was published is seen by whoever takes over.
            assert seen == ["success"]


def _take_over(url: str, path: Path, run: Any, seen: list[str]) -> None:
    with opened(address_of(url), path / "third") as store, store.transaction() as change:
        seen += [one.state for one in store.tasks(run.id)]
        change.put_run(replace(run, driver="driver-3"))


# Ends


def test_a_process_killed_within_a_block_leaves_nothing_of_it_and_no_lock(url: str, tmp_path: Path) -> None:
    code = """
store = opened()
with store.transaction() as change:
    change.put_run(run("r1"))
with store.transaction() as change:
    change.put_run(run("r2"))
    change.put_tasks([TaskRecord(r, f"{number:0200}", "waiting") for r in ("r1", "r2") for number in range(500)])
    print("changed", flush=True)
    sys.stdin.read()
"""
    with child(code, url, tmp_path / "other") as process:
        assert heard(process) == "changed"
        process.send_signal(signal.SIGKILL)
    with opened(address_of(url), tmp_path, patience=10) as store:
        assert [run.id for run in store.runs()] == ["r1"]
        assert store.tasks("r1") == []
        put(store, task("clean"))


def test_a_locked_store_is_named_once_patience_is_over(address: Address, tmp_path: Path) -> None:
    with opened(address, tmp_path) as store, opened(address, tmp_path, patience=0.05) as other:
        with store.transaction() as change:
            change.put_run(RUN)
            with pytest.raises(Stopped) as error:
                put(other, replace(RUN, id="r2"))
            assert complaint(error, "TRC606") == f'another process keeps the state store "{address}" locked'
            # Reading goes on.
            assert other.runs() == []
        put(other, replace(RUN, id="r2"))
        assert [run.id for run in store.runs()] == ["r2", "r1"]


def test_a_connection_lost_between_two_blocks_is_made_anew(cluster: Cluster, address: Address, tmp_path: Path) -> None:
    with opened(address, tmp_path) as store:
        put(store, RUN)
        end_connections(cluster)
        assert store.runs() == [RUN]
        end_connections(cluster)
        put(store, replace(RUN, id="r2"))
        assert [run.id for run in store.runs()] == ["r2", "r1"]
        timeout = store._connection.execute("SHOW statement_timeout").fetchone()
        assert timeout == ("1min",)


def test_a_connection_lost_within_a_block_takes_it_back_and_is_told(
    cluster: Cluster, address: Address, tmp_path: Path
) -> None:
    with opened(address, tmp_path) as store:
        put(store, RUN)
        with pytest.raises(Stopped) as error:
            _lose(cluster, store, "r2", "r3")
        assert f'the connection to the state store "{address}" was lost: ' in complaint(error, "TRC636")
        assert store.runs() == [RUN]
        with pytest.raises(Stopped) as error:
            _lose(cluster, store, "r2")
        complaint(error, "TRC636")
        assert store.runs() == [RUN]


def _lose(cluster: Cluster, store: PostgresStore, before: str, *after: str) -> None:
    with store.transaction() as change:
        change.put_run(replace(RUN, id=before))
        end_connections(cluster)
        for run in after:
            change.put_run(replace(RUN, id=run))


def test_a_server_that_comes_back_is_waited_for_and_one_that_does_not_is_told(tmp_path: Path) -> None:
    with running_cluster() as own:
        address = address_of(own.url())
        went, back = threading.Event(), threading.Event()
        seen: list[object] = []

        def read() -> None:
            with opened(address, tmp_path / "reader") as store:
                put(store, RUN)
                back.set()
                went.wait()
                seen.append(store.runs())

        reader = threading.Thread(target=read)
        reader.start()
        back.wait()
        own.stop()
        went.set()
        # The server ends with the thread that starts it: this one.
        own.start()
        reader.join()
        assert seen == [[RUN]]
        with opened(address, tmp_path, away=0.3) as store:
            own.stop(signal.SIGQUIT)
            with pytest.raises(Stopped) as error:
                put(store, replace(RUN, id="r2"))
            assert "was lost: " in complaint(error, "TRC636")


# Servers that cannot be used


def test_a_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    address = address_of(f"postgresql://somebody@/shop?host={tmp_path}")
    with pytest.raises(Stopped) as error:
        opened(address, tmp_path)
    told = complaint(error, "TRC636")
    assert told.startswith(
        f'the state store "postgresql:///shop?host={tmp_path}" cannot be reached: connection to server'
    )
    assert "somebody" not in told


def test_a_server_that_says_nothing_is_not_waited_for(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(Stopped) as error:
            opened(address_of(f"postgresql://127.0.0.1:{port}/shop?connect_timeout=2"), tmp_path)
        assert "timeout expired" in complaint(error, "TRC636")


@pytest.mark.parametrize(
    ("part", "instead", "words"),
    [
        ("/postgres?", "/absent?", 'database "absent" does not exist'),
        ("postgres@", "absent@", 'role "absent" does not exist'),
    ],
)
def test_who_is_not_let_in_is_told_why(url: str, tmp_path: Path, part: str, instead: str, words: str) -> None:
    with pytest.raises(Stopped) as error:
        opened(address_of(url.replace(part, instead)), tmp_path)
    assert words in complaint(error, "TRC636")


def test_an_address_that_libpq_does_not_know_is_named(url: str, tmp_path: Path) -> None:
    with pytest.raises(Stopped) as error:
        opened(address_of(f"{url}&colour=red"), tmp_path)
    assert 'invalid URI query parameter: "colour"' in complaint(error, "TRC606")


def test_a_schema_of_another_program_is_named_and_left_alone(cluster: Cluster, tmp_path: Path) -> None:
    cluster.sql("CREATE SCHEMA foreign_one CREATE TABLE customers (id int) CREATE TABLE migrations (id int)")
    with pytest.raises(Stopped) as error:
        opened(address_of(cluster.url("foreign_one")), tmp_path)
    assert "holds tables of another program" in complaint(error, "TRC606")
    tables = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'foreign_one' ORDER BY 1"
    assert cluster.sql(tables) == [("customers",), ("migrations",)]


def test_a_user_without_the_right_is_told_so(cluster: Cluster, url: str, tmp_path: Path) -> None:
    cluster.sql("CREATE ROLE guest LOGIN")
    with pytest.raises(Stopped) as error:
        opened(address_of(url.replace("postgres@", "guest@")), tmp_path)
    assert "may not be used by this user: permission denied for database" in complaint(error, "TRC606")
    schema = address_of(url).schema
    cluster.sql(f"CREATE SCHEMA {schema} AUTHORIZATION guest")
    with opened(address_of(url.replace("postgres@", "guest@")), tmp_path) as store:
        put(store, RUN)


def test_a_database_of_another_encoding_is_refused(cluster: Cluster, url: str, tmp_path: Path) -> None:
    cluster.sql("CREATE DATABASE narrow ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    with pytest.raises(Stopped) as error:
        opened(address_of(url.replace("/postgres?", "/narrow?")), tmp_path)
    assert "keeps texts as LATIN1, and the state needs UTF8" in complaint(error, "TRC606")


def test_a_store_of_a_newer_version_is_not_touched(cluster: Cluster, address: Address, tmp_path: Path) -> None:
    opened(address, tmp_path).close()
    cluster.sql(f"INSERT INTO {address.schema}.migrations VALUES (99, '0099_later', 'x')")
    with pytest.raises(Stopped) as error:
        opened(address, tmp_path)
    assert "was written by a newer trc (its version is 99" in complaint(error, "TRC606")


def test_no_connection_is_left_open(cluster: Cluster, url: str, tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        opened(address_of(f"{url}&options=-csearch_path%3Dx%00"), tmp_path)
    (tmp_path / "state.db").mkdir()
    with pytest.raises(Stopped):
        opened(address_of(url), tmp_path)
    # The server tells nobody when it has noticed that a connection was closed; one that is not stays for good.
    count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'trc'"
    for _ in range(200):
        if cluster.sql(count) == [(0,)]:
            break
        cluster.sql("SELECT pg_sleep(0.05)")
    assert cluster.sql(count) == [(0,)]
