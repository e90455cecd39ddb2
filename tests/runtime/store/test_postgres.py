"""The PostgreSQL store does what every store does, for several machines, and says what is wrong with its server."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.contracts.store_suite import StoreSuite
from tests.postgres import Cluster

from trc.runtime.store.address import Address, address_of
from trc.runtime.store.postgres import PostgresStore
from trc.runtime.store.sqlite import SqliteStore


@pytest.fixture
def address(cluster: Cluster) -> Address:
    return address_of(cluster.url())


def opened(address: Address, path: Path, *, patience: float = 30.0, away: float = 60.0) -> PostgresStore:
    return PostgresStore(address, lambda: SqliteStore(path / "state.db"), patience=patience, away=away)


class TestPostgresStore(StoreSuite):
    @pytest.fixture
    def store(self, address: Address, tmp_path: Path) -> Iterator[PostgresStore]:
        with opened(address, tmp_path) as store:
            yield store
