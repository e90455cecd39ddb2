"""The store in memory does what every store does."""

import threading

import pytest
from tests.contracts.store_suite import RUN, StoreSuite, put

from trc.runtime.store.memory import MemoryStore


class TestMemoryStore(StoreSuite):
    @pytest.fixture
    def store(self) -> MemoryStore:
        return MemoryStore()

    def test_a_second_writer_waits_for_the_block_to_end(self, store: MemoryStore) -> None:
        seen: list[object] = []
        other = threading.Thread(target=lambda: seen.append(store.run(RUN.id)))
        with store.transaction() as change:
            other.start()
            change.put_run(RUN)
        other.join()
        assert seen == [RUN]

    def test_stores_are_apart(self, store: MemoryStore) -> None:
        put(store, RUN)
        assert MemoryStore().runs() == []
