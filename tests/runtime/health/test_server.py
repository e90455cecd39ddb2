"""What is wrong with the server of a shared state is found, and nothing there is changed by the look."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from tests.postgres import Cluster

from trc.runtime.health.reading import Reading
from trc.runtime.health.server import is_current, look_at_server
from trc.runtime.store.address import Address, address_of
from trc.runtime.store.migrate import newest
from trc.runtime.store.postgres import PostgresStore
from trc.runtime.store.server import Server, load
from trc.runtime.store.sqlite import SqliteStore


@pytest.fixture
def address(cluster: Cluster) -> Address:
    return address_of(cluster.url())


def found(address: Address, now: Callable[[], float] = time.time) -> dict[str, tuple[str, str]]:
    with closing(Server(address)) as server:
        return {one.check: (one.level, one.text) for one in look_at_server(Reading(server, load), address, now)}


def made(address: Address, path: Path) -> None:
    PostgresStore(address, lambda: SqliteStore(path / "local.db")).close()


def current(address: Address) -> bool:
    with closing(Server(address)) as server:
        return is_current(Reading(server, load))


def test_a_schema_that_is_not_there_is_not_made(cluster: Cluster, address: Address) -> None:
    assert found(address)["schema"] == (
        "ok", "no run is recorded there: the first command that asks makes the tables",
    )  # fmt: skip
    assert not current(address)
    assert cluster.sql(f"SELECT count(*) FROM pg_namespace WHERE nspname = '{address.schema}'") == [(0,)]


def test_the_form_is_compared_with_the_one_that_is_known(cluster: Cluster, address: Address, tmp_path: Path) -> None:
    made(address, tmp_path)
    assert found(address)["schema"] == ("ok", f"the state store has the current version, {newest()}")
    assert current(address)
    cluster.sql(f"DELETE FROM {address.schema}.migrations WHERE version = {newest()}")
    assert found(address)["schema"][0] == "warn"
    cluster.sql(f"INSERT INTO {address.schema}.migrations VALUES (99, 'later', 'x')")
    assert found(address)["schema"] == ("error", f"the state store has version 99, and this trc knows {newest()}")
    assert not current(address)


def test_a_user_without_the_right_is_found(cluster: Cluster, address: Address) -> None:
    cluster.sql("DO $$ BEGIN CREATE ROLE looker LOGIN; EXCEPTION WHEN duplicate_object THEN END $$")
    guest = address_of(f"{address.url.replace('postgres@', 'looker@')}&schema={address.schema}")
    assert found(guest)["schema"] == ("error", f'this user may not make tables in the schema "{address.schema}"')


@pytest.mark.parametrize(("apart", "level"), [(0, "ok"), (5, "warn"), (-5, "warn"), (25, "error"), (-25, "error")])
def test_clocks_that_are_apart_are_found(address: Address, apart: float, level: str) -> None:
    assert found(address, lambda: time.time() + apart)["clock-of-server"][0] == level


def test_a_server_that_does_not_sync_is_found(address: Address) -> None:
    # As that of the tests, which has nothing to keep.
    assert found(address)["durability"][0] == "warn"
