"""The compile side of `sql_load`: a dataset is read, and a table elsewhere is changed."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from trc.compiler.tasktype import Declaration, Scope
from trc.stdlib_tasks.data_params import read_of
from trc.stdlib_tasks.database_params import SCANNERS, DatabaseParams, check_table


class SqlLoadParams(DatabaseParams):
    """Parameters of a load."""

    source: str = Field(
        min_length=1, description="the dataset that is loaded: a source, a task, or a location", examples=["orders"]
    )
    table: Annotated[str, AfterValidator(check_table)] = Field(
        description="the table that is changed, such as orders or shop.orders", examples=["orders"]
    )
    mode: Literal["append", "replace", "upsert"] = Field(
        default="append",
        description="whether rows are added, take the place of all, or of those with the same key",
        examples=["upsert"],
    )
    key: list[str] = Field(
        default_factory=list[str], description="for upsert, the columns by which rows are the same", examples=[["id"]]
    )
    create: bool = Field(default=True, description="whether the table is made where there is none")

    @model_validator(mode="after")
    def _key_for_upserts(self) -> Self:
        if self.mode == "upsert" and not self.key:
            raise ValueError("an upsert has a key: the columns by which rows are the same")
        if self.mode != "upsert" and self.key:
            raise ValueError("a key is for an upsert: say mode, or leave the key out")
        if len({one.casefold() for one in self.key}) < len(self.key):
            raise ValueError("the key names a column twice")
        return self


class SqlLoad:
    """A load, in one transaction. An attempt that is repeated does nothing where the one before it has succeeded."""

    name = "sql_load"
    version = 1
    summary = "Loads a dataset into a table of PostgreSQL, MySQL or SQLite, in one transaction."
    params = SqlLoadParams
    runs: str | None = "trc.stdlib_tasks.sql_load.run:run"
    requires: tuple[str, ...] = SCANNERS

    def declare(self, params: Any, scope: Scope) -> Declaration:  # noqa: ARG002 - the interface of all types
        """The dataset that is read; what is written lies where trc does not look."""
        assert isinstance(params, SqlLoadParams)
        return Declaration(
            reads=(read_of("source", params.source),),
            engines=("duckdb",),
            visibility="complete",
            effect="external",
            idempotent=True,
        )
