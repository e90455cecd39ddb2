"""A state store that is looked at, and not changed: a connection, and the statements in its words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from trc.runtime.store.sql import Connection, Rows
from trc.runtime.taskside.records import record


@record(frozen=True, slots=True)
class Reading:
    connection: Connection
    load: Callable[[str], Mapping[str, str]]

    def rows(self, file: str, name: str, values: Any = ()) -> Rows:
        """What the statement of that name in `queries/` answers."""
        return self.connection.execute(self.load(file)[name], values)
