"""Opens the state of a project: the file in its folder, or the database or bucket that it shares."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from trc.api.extras import require_extra
from trc.runtime.errors import Stopped, stopped
from trc.runtime.storage.errors import ObjectError
from trc.runtime.store.bucket import BucketAddress
from trc.runtime.store.sql import SqlStore
from trc.runtime.store.sqlite import SqliteStore
from trc.settings import Settings, SharedState, variables_of_secrets

if TYPE_CHECKING:
    from trc.runtime.s3store.objects import StateObjects
    from trc.runtime.taskside.result import Failure


def is_begun(settings: Settings) -> bool:
    """Whether anything can be recorded; of a shared state, only those who ask it know."""
    return not isinstance(settings.records, Path) or settings.records.is_file()


def shown(settings: Settings) -> str:
    """Where runs are recorded, as people are told it."""
    return str(settings.records if isinstance(settings.records, Path) else settings.records.address)


@contextmanager
def opened(settings: Settings) -> Iterator[SqlStore]:
    """The state, made if it is not there."""
    with opener(settings)() as store:
        yield store


def opener(settings: Settings) -> Callable[[], SqlStore]:
    records = settings.records
    if isinstance(records, Path):
        return lambda: SqliteStore(records)
    if isinstance(records.address, BucketAddress):
        return _opener_on_s3(settings, records, records.address)
    address = records.address
    postgres: Any = import_module("trc.runtime.store.postgres")
    password = password_of(settings.project, records)
    return lambda: postgres.PostgresStore(address, lambda: SqliteStore(settings.database), password)


def _opener_on_s3(settings: Settings, shared: SharedState, address: BucketAddress) -> Callable[[], SqlStore]:
    require_extra("s3", "boto3", "a state store on S3")
    store: Any = import_module("trc.runtime.s3store.store")

    def opened() -> SqlStore:
        with told_at(settings, shared):
            objects = objects_of(settings, address)
            made: SqlStore = store.S3Store(
                objects, replica_of(settings, address), lambda: SqliteStore(settings.database)
            )
            return made

    return opened


def objects_of(settings: Settings, address: BucketAddress) -> StateObjects:
    """The objects of a state store, as the AWS configuration of this user reaches them."""
    objects: Any = import_module("trc.runtime.s3store.objects")
    client: Any = import_module("trc.runtime.storage.s3_client")
    complaints: Any = import_module("trc.runtime.s3store.complaints")
    try:
        made: StateObjects = objects.StateObjects(client.S3Client.configured(settings.s3, **_BOUNDS), address)
    except ObjectError as error:
        raise complaints.unusable(error, address) from error
    return made


def replica_of(settings: Settings, address: BucketAddress) -> Path:
    """The folder of this machine's copy of a state store on S3."""
    return settings.state / "replicas" / address.short


@contextmanager
def told_at(settings: Settings, shared: SharedState) -> Iterator[None]:
    """Meanwhile, what is wrong with a shared state is told at the place where the project names it."""
    try:
        yield
    except Stopped as stop:
        if settings.file is None or any(one.span is not None for one in stop.diagnostics):
            raise
        told = [replace(one, span=shared.place) for one in stop.diagnostics]
        raise Stopped(told, stop.exit_code, {settings.file.name: settings.file}) from stop


_BOUNDS: Final = {"connect_timeout": 5, "read_timeout": 20}
"""Seconds: a step waits for its request, and a driver has to give signs of life meanwhile."""


def password_of(project: Path, shared: SharedState) -> str | None:
    """The password where the settings say where it lies; else libpq finds one, or needs none."""
    if shared.password is None:
        return None
    resolver: Any = import_module("trc.runtime.secrets.resolver")
    spec: Any = import_module("trc.runtime.spec")
    secrets = resolver.secrets_of_run(project, variables_of_secrets(), time.monotonic)
    found: Any = secrets.values((spec.SecretSpec(shared.password, (), versioned=False),), {})
    if isinstance(found, tuple):
        return str(found[0].value)
    failure: Failure = found
    message, *remedies = failure.message.split("\n")
    raise stopped("TRC612", f"{message}: it is the password of the state", *remedies)
