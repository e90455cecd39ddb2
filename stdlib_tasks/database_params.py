"""Parameters of the task types that speak to a database: which one, and how it is reached."""

from __future__ import annotations

import re
from typing import Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from trc.compiler.tasktype import TaskParams

Setting = str | int | dict[Literal["secret"], str]
_KNOWN: Final = {
    "postgres": ("host", "port", "user", "password", "database", "sslmode"),
    "mysql": ("host", "port", "user", "password", "database", "socket", "ssl_mode"),
}
SCANNERS: Final = (
    "duckdb",
    "duckdb-extension-mysql-scanner",
    "duckdb-extension-postgres-scanner",
    "duckdb-extension-sqlite-scanner",
)
"""The packages that a task needs which speaks to a database."""
_NAME: Final = r"[A-Za-z_][A-Za-z0-9_$-]*"
_TABLE: Final = re.compile(rf"(?:{_NAME}\.)?{_NAME}")


class DatabaseParams(TaskParams):
    """Which database it is."""

    engine: Literal["postgres", "mysql", "sqlite"] = Field(description="postgres, mysql or sqlite", examples=["sqlite"])
    connection: dict[str, Setting] = Field(
        default_factory=dict[str, Setting],
        description='how it is reached: host, port, user, database, and password as {secret: "env:NAME"}',
        json_schema_extra={"secrets": True},
    )
    path: str | None = Field(default=None, min_length=1, description="of SQLite, the file", examples=["shop.db"])

    @field_validator("connection")
    @classmethod
    def _no_open_password(cls, value: dict[str, Setting]) -> dict[str, Setting]:
        if isinstance(value.get("password"), (str, int)):
            raise ValueError('a password is a secret: write {secret: "env:NAME"}, for plans and logs would show it')
        return value

    @model_validator(mode="after")
    def _reached_in_one_way(self) -> Self:
        if self.engine == "sqlite":
            if self.path is None or self.connection:
                raise ValueError("of SQLite say the path of its file, and no connection")
            if "://" in self.path:
                raise ValueError(f'"{self.path}" is no file of this machine, which alone SQLite opens')
            return self
        if self.path is not None:
            raise ValueError(f"path is for SQLite; say in connection how {self.engine} is reached")
        known = _KNOWN[self.engine]
        wrong = next((name for name in self.connection if name not in known), None)
        if wrong is not None:
            raise ValueError(f'"{wrong}" is nothing that a connection has; it has {", ".join(known)}')
        if "database" not in self.connection:
            raise ValueError("the connection does not say which database")
        return self


def check_table(value: str) -> str:
    """The value itself; raises ValueError unless it is the name of a table, with that of its schema or without."""
    if not _TABLE.fullmatch(value):
        raise ValueError(f'"{value}" is no name for a table; write it like orders, or shop.orders')
    return value
