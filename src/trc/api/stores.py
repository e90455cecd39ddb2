"""Opens the state of a project: the file in its folder, or the database that it shares."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trc.runtime.errors import stopped
from trc.runtime.store.sql import SqlStore
from trc.runtime.store.sqlite import SqliteStore
from trc.settings import Settings, SharedState, variables_of_secrets

if TYPE_CHECKING:
    from trc.runtime.taskside.result import Failure


def is_begun(settings: Settings) -> bool:
    """Whether anything can be recorded; of a database, only those who ask it know."""
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
    postgres: Any = import_module("trc.runtime.store.postgres")
    password = password_of(settings.project, records)
    return lambda: postgres.PostgresStore(records.address, lambda: SqliteStore(settings.database), password)


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
