"""Datasets: what pipelines read and tasks write."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Literal

from pydantic import Field

from trc.compiler.ir.formats import Format
from trc.compiler.ir.node import INPUTS, OUTPUTS, Node, NotInKey


class Column(Node):
    """A column: its name as written, and its DuckDB type in DuckDB's own spelling."""

    name: Annotated[str, INPUTS]
    type: Annotated[str, INPUTS]


@lru_cache(maxsize=4096)
def column(name: str, kind: str) -> Column:
    """The column of that name and DuckDB type: one node for all queries that hand it on, for many name the same few."""
    return Column(name=name, type=kind)


class Source(Node):
    """A dataset that no task of the pipeline writes: a file, a glob or an object, relative to the project."""

    name: Annotated[str, NotInKey("readers name it in their own SQL or inputs")]
    uri: Annotated[str, NotInKey("what it holds is compared by content, file by file")]
    format: Annotated[Format, INPUTS]
    columns: Annotated[tuple[Column, ...] | None, INPUTS] = None
    """The declared columns; None where the file itself tells."""


class DatasetRead(Node):
    """A read of a dataset by name: a source, a task's single output, or `task.output`."""

    kind: Annotated[Literal["dataset"], INPUTS] = "dataset"
    name: Annotated[str, INPUTS]
    """The name as the task knows it: the table in its SQL, the input in its code."""
    dataset: Annotated[str, NotInKey("its content is compared, under the name the reader uses")]


class UriRead(Node):
    """A read of files by location, possibly a glob, written in the task itself."""

    kind: Annotated[Literal["uri"], INPUTS] = "uri"
    name: Annotated[str, INPUTS]
    uri: Annotated[str, NotInKey("what it holds is compared by content, file by file")]
    format: Annotated[Format, INPUTS]


Read = Annotated[DatasetRead | UriRead, Field(discriminator="kind")]


def is_renamed(read: Read) -> bool:
    """Whether the task knows a dataset by a name of its own."""
    return isinstance(read, DatasetRead) and read.name.casefold() != read.dataset.casefold()


class Output(Node):
    """What a task writes. Without a location it is an intermediate: the engine chooses where it lies."""

    name: Annotated[str, OUTPUTS] = "output"
    uri: Annotated[str | None, OUTPUTS] = None
    format: Annotated[Format, OUTPUTS] = "parquet"
    columns: Annotated[tuple[Column, ...] | None, NotInKey("a promise to readers, in whose keys it counts")] = None
    """The promised columns of one of several outputs; those of the only one are the task's."""
