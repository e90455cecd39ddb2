"""The store on S3 does what every store does, for several machines, and says what is wrong with its endpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.contracts.store_suite import StoreSuite
from tests.objects import ObjectServer

from trc.runtime.s3store.objects import StateObjects
from trc.runtime.s3store.store import S3Store
from trc.runtime.storage.s3_client import S3Client
from trc.runtime.store.bucket import bucket_address_of
from trc.runtime.store.sqlite import SqliteStore

Opener = Callable[..., S3Store]


@pytest.fixture
def opened(objects: ObjectServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Opener]:
    """Opens the store as one machine or another; closed at the end."""
    # How often a request is tried again is ours to say: the client's own tries would only hide what happens.
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with ExitStack() as stack:

        def opener(machine: str = "a", url: str = "", away: float = 5.0, **more: Any) -> S3Store:
            if url:
                monkeypatch.setenv("AWS_ENDPOINT_URL", url)
            client = S3Client.configured()
            found = StateObjects(client, bucket_address_of("s3://lake/trc/shop"), away=away)
            folder = tmp_path / machine
            store = S3Store(found, folder / "replica", lambda: SqliteStore(folder / "state.db"), **more)
            return stack.enter_context(store)

        yield opener


class TestS3Store(StoreSuite):
    @pytest.fixture
    def store(self, opened: Opener) -> S3Store:
        return opened()
