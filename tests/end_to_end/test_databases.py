"""Extracts and loads through the command, on real databases: rows arrive whole or not at all, once, and by reference to secrets alone."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.mariadb import Server, running_mariadb
from tests.postgres import Cluster


@dataclass(frozen=True)
class Database:
    """`settings` are the parameters that name it; `sql` carries out a statement, and answers rows as texts."""

    engine: str
    settings: str
    sql: Callable[[str], list[list[str]]]


@pytest.fixture(scope="session")
def mariadb() -> Iterator[Server]:
    with running_mariadb() as found:
        yield found


@pytest.fixture(params=["sqlite", "postgres", "mysql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database of each kind."""
    name = f"shop_{os.getpid()}"
    if request.param == "sqlite":
        path = tmp_path / "shop.db"

        def in_sqlite(statement: str) -> list[list[str]]:
            with sqlite3.connect(path) as connection:
                return [[str(value) for value in row] for row in connection.execute(statement)]

        yield Database("sqlite", f'path = "{path}"', in_sqlite)
    elif request.param == "postgres":
        cluster: Cluster = request.getfixturevalue("cluster")
        cluster.sql(f"create database {name}")

        def in_postgres(statement: str) -> list[list[str]]:
            return [[str(value) for value in row] for row in cluster.sql(statement, database=name)]

        settings = f'params {{ connection {{ host = "{cluster.folder}", user = "postgres", database = "{name}" }} }}'
        yield Database("postgres", settings, in_postgres)
        cluster.sql(f"drop database {name} with (force)")
    else:
        server: Server = request.getfixturevalue("mariadb")
        server.sql(f"create database {name}", "mysql")
        settings = f'params {{ connection {{ socket = "{server.socket}", user = "root", database = "{name}" }} }}'
        yield Database("mysql", settings, lambda statement: server.sql(statement, name))
        server.sql(f"drop database {name}", "mysql")


def extract(space: Any, database: Database, what: str, *more: str) -> None:
    lines = "\n".join(more)
    space.write(
        "p.trc",
        f"""
        pipeline "p" {{ }}
        task rows = sql_extract {{
          engine = "{database.engine}"
          {database.settings}
          {what}
          output = csv("rows.csv")
          {lines}
        }}
        """,
    )


def load(space: Any, database: Database, *more: str, source: str = "orders.csv") -> None:
    lines = "\n".join(more)
    space.write(
        "p.trc",
        f"""
        pipeline "p" {{ }}
        source orders = csv("{source}")
        task loaded = sql_load {{
          engine = "{database.engine}"
          {database.settings}
          source = orders
          table = "orders"
          {lines}
        }}
        """,
    )


def refused(space: Any, code: str) -> str:
    done = space.trc("run", "p.trc", code=1)
    said: str = done.err + done.out
    assert f"error[{code}]" in said, said
    return said


def orders(database: Database) -> list[list[str]]:
    return sorted(database.sql("select id, v from orders"))


TABLE = "create table orders (id int primary key, v varchar(20) not null, kept varchar(20) default 'own')"


def test_a_table_and_a_query_come_out(space: Any, database: Database) -> None:
    database.sql("create table orders (id int, v varchar(20), amount double precision)")
    database.sql("insert into orders values (1, 'it''s', 1.5), (2, null, 2.5)")
    extract(space, database, 'table = "orders"')
    space.trc("run", "p.trc")
    assert space.read("rows.csv") == "id,v,amount\n1,it's,1.5\n2,,2.5\n"
    extract(space, database, """query = "select id * 10 as ten from orders where v = 'it''s';" """)
    space.trc("run", "p.trc")
    assert space.read("rows.csv") == "ten\n10\n"
    # What has changed there, nobody can tell: it always runs.
    database.sql("update orders set id = 3 where id = 1")
    space.trc("run", "p.trc")
    assert space.read("rows.csv") == "ten\n30\n"


def test_an_extract_cannot_write(space: Any, database: Database) -> None:
    database.sql("create table orders (id int)")
    database.sql("insert into orders values (1)")
    extract(space, database, 'query = "delete from orders"')
    space.trc("run", "p.trc", code=1)
    assert database.sql("select id from orders") == [["1"]]
    assert not (space.root / "rows.csv").exists()


def test_what_is_not_there_is_told(space: Any, database: Database) -> None:
    extract(space, database, 'table = "nowhere"')
    if database.engine == "sqlite":
        assert "there is no file" in refused(space, "TRC608")
    database.sql("create table orders (id int)")
    assert "nowhere" in refused(space, "TRC684")
    extract(space, database, 'query = "select nothing from orders"')
    assert "nothing" in refused(space, "TRC684")
    assert not (space.root / "rows.csv").exists()


def test_rows_are_appended_to_a_table_that_is_made(space: Any, database: Database) -> None:
    space.write("orders.csv", "id,v\n1,a\n2,b\n")
    load(space, database)
    space.trc("run", "p.trc")
    assert orders(database) == [["1", "a"], ["2", "b"]]
    # A run is another load.
    space.trc("run", "p.trc")
    assert len(orders(database)) == 4
    load(space, database, "create = false")
    database.sql("drop table orders")
    refused(space, "TRC684")


def test_all_rows_are_replaced_or_none(space: Any, database: Database) -> None:
    database.sql(TABLE)
    database.sql("insert into orders (id, v) values (1, 'old'), (9, 'old')")
    space.write("orders.csv", "id,v\n1,a\n2,b\n")
    load(space, database, 'mode = "replace"')
    for _ in range(2):
        space.trc("run", "p.trc")
        assert orders(database) == [["1", "a"], ["2", "b"]]
    space.write("orders.csv", "id,v\n5,e\n6,\n")
    refused(space, "TRC684")
    assert orders(database) == [["1", "a"], ["2", "b"]]


def test_rows_of_a_known_key_are_changed_and_others_added(space: Any, database: Database) -> None:
    database.sql(TABLE)
    database.sql("insert into orders (id, v, kept) values (1, 'old', 'mine'), (9, 'old', 'mine')")
    space.write("orders.csv", "V,id\na,1\nb,2\n")
    load(space, database, 'mode = "upsert"', 'key = ["id"]')
    wanted = [["1", "a", "mine"], ["2", "b", "own"], ["9", "old", "mine"]]
    for _ in range(2):
        space.trc("run", "p.trc")
        assert sorted(database.sql("select id, v, kept from orders")) == wanted
    # The first row can be changed, the second not be added.
    space.write("orders.csv", "v,id\nchanged,1\n,3\n")
    refused(space, "TRC684")
    assert sorted(database.sql("select id, v, kept from orders")) == wanted
    listing = {
        "sqlite": "select name from sqlite_master where type = 'table'",
        "postgres": "select tablename from pg_tables where schemaname = 'public'",
        "mysql": "show tables",
    }
    assert database.sql(listing[database.engine]) == [["orders"]]


@pytest.mark.parametrize(
    ("rows", "said"),
    [("id,v\n1,a\n1,b\n", "2 rows that are loaded have one key, '1'"), ("id,v\n,a\n", "no value in its key")],
)
def test_a_key_tells_rows_apart(space: Any, database: Database, rows: str, said: str) -> None:
    database.sql(TABLE)
    space.write("orders.csv", rows)
    load(space, database, 'mode = "upsert"', 'key = ["id"]')
    assert said in refused(space, "TRC684")
    assert orders(database) == []


def test_columns_that_the_table_has_not_are_told(space: Any, database: Database) -> None:
    database.sql(TABLE)
    space.write("orders.csv", "id,w\n1,a\n")
    load(space, database)
    assert 'the table "orders" has no column "w"; it has: id, v, kept' in refused(space, "TRC684")


def test_an_append_that_is_attempted_again_is_made_once(space: Any, database: Database) -> None:
    space.write("orders.csv", "id,v\n1,a\n")
    load(space, database, "retry = { attempts = 2, initial = 1ms }")
    run = space.trc("run", "p.trc", "--json").json["run"]["id"]
    # As an attempt does whose end nobody heard of: of the same run and task.
    repeated = _attempt_again(space, database, str(run))
    assert repeated == {"rows": 0, "repeated": True}
    assert orders(database) == [["1", "a"]]


def _attempt_again(space: Any, database: Database, run: str) -> dict[str, Any]:
    from trc.runtime.taskside.order import OrderInput, TaskOrder
    from trc.runtime.taskside.run import execute

    shown = database.settings.partition("connection {")[2].partition("}")[0].split(",")
    connection = {one.split("=")[0].strip(): one.split("=")[1].strip().strip('"') for one in shown if "=" in one}
    path = database.settings.partition('path = "')[2].rstrip('"') or None
    order = TaskOrder(
        run=run,
        pipeline="p",
        task="loaded",
        attempt=2,
        token="loaded/2",
        runs="trc.stdlib_tasks.sql_load.run:run",
        project=str(space.root),
        log=str(space.root / "log"),
        run_time="2026-01-01T00:00:00+00:00",
        idempotency_key=f"{run}/loaded",
        params={
            "engine": database.engine,
            "connection": connection,
            "path": path,
            "table": "orders",
            "mode": "append",
            "key": [],
            "create": True,
        },
        inputs=(OrderInput("source", "csv", (str(space.root / "orders.csv"),)),),
    )
    result = execute(order, lambda _done, _total: None)
    assert result.failure is None, result.failure
    return result.values


def test_from_one_database_to_another(space: Any, database: Database, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "other.db") as other:
        other.execute("create table sold (id integer, v text)")
        other.execute("insert into sold values (1, 'a')")
    other.close()
    space.write(
        "p.trc",
        f"""
        pipeline "p" {{ }}
        task sold = sql_extract {{ engine = "sqlite", path = "{tmp_path}/other.db", table = "sold" }}
        task loaded = sql_load {{
          engine = "{database.engine}"
          {database.settings}
          source = sold
          table = "orders"
          mode = "replace"
        }}
        task noted = shell(["sh", "-c", "echo $1 > $TRC_OUTPUT_OUTPUT", "sh", "{{{{ tasks.loaded.values.rows }}}}"]) {{
          output = file("noted.txt")
        }}
        """,
    )
    space.trc("run", "p.trc")
    assert orders(database) == [["1", "a"]]
    assert space.read("noted.txt") == "1\n"


def test_a_password_is_a_secret_and_is_told_to_nobody(
    space: Any, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", "open-sesame-7")
    host = cluster.folder
    database = Database(
        "postgres",
        f'params {{ connection {{ host = "{host}", user = "nobody_here", database = "postgres"'
        ', password = secret("env:SHOP_PASSWORD") } }',
        lambda _: [],
    )
    extract(space, database, 'table = "orders"')
    said = refused(space, "TRC684")
    assert 'role "nobody_here" does not exist' in said
    kept = "".join(path.read_bytes().decode(errors="replace") for path in space.root.rglob("*") if path.is_file())
    assert "open-sesame-7" not in said + kept
    extract(
        space,
        Database("postgres", database.settings.replace('secret("env:SHOP_PASSWORD")', '"x"'), lambda _: []),
        'table = "t"',
    )
    assert "a password is a secret" in space.trc("check", "p.trc", code=2).err


@pytest.mark.parametrize("engine", ["postgres", "mysql"])
def test_a_server_that_does_not_answer_is_worth_another_try(space: Any, engine: str) -> None:
    settings = 'params { connection { host = "127.0.0.1", port = 1, user = "u", database = "d" } }'
    extract(
        space, Database(engine, settings, lambda _: []), 'table = "orders"', "retry = { attempts = 2, initial = 1ms }"
    )
    assert "after 2 attempts" in refused(space, "TRC683")


def test_a_file_that_is_no_database_is_told(space: Any) -> None:
    space.write("shop.db", "this is no database, and long enough to be seen as one" * 40)
    extract(space, Database("sqlite", 'path = "shop.db"', lambda _: []), 'table = "orders"')
    assert "not a database" in refused(space, "TRC684")


WRONG = {
    "no path": ('engine = "sqlite"\ntable = "t"', "say the path of its file"),
    "a path": ('engine = "mysql"\npath = "x.db"\ntable = "t"', "path is for SQLite"),
    "elsewhere": ('engine = "sqlite"\npath = "s3://lake/x.db"\ntable = "t"', "no file of this machine"),
    "nothing": ('engine = "sqlite"\npath = "x.db"', "either table or query"),
    "both": ('engine = "sqlite"\npath = "x.db"\ntable = "t"\nquery = "select 1"', "either table or query"),
    "no name": ('engine = "sqlite"\npath = "x.db"\ntable = "t; drop table x"', "no name for a table"),
    "no database": ('engine = "postgres"\ntable = "t"\nparams { connection { host = "h" } }', "which database"),
    "other": ('engine = "postgres"\ntable = "t"\nparams { connection { hots = "h" } }', '"hots" is nothing'),
}


@pytest.mark.parametrize("case", WRONG)
def test_mistakes_are_found_before_anything_runs(space: Any, case: str) -> None:
    lines, said = WRONG[case]
    space.write("p.trc", f'pipeline "p" {{ }}\ntask rows = sql_extract {{\n{lines}\n}}\n')
    assert said in space.trc("check", "p.trc", code=2).err


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('mode = "upsert"', "an upsert has a key"),
        ('key = ["id"]', "a key is for an upsert"),
        ('mode = "upsert"\nkey = ["id", "ID"]', "names a column twice"),
    ],
)
def test_a_key_belongs_to_an_upsert(space: Any, more: str, said: str) -> None:
    space.write("orders.csv", "id\n1\n")
    load(space, Database("sqlite", 'path = "x.db"', lambda _: []), more)
    assert said in space.trc("check", "p.trc", code=2).err
