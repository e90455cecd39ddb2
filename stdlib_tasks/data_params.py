"""Parameters that several task types share: what a task reads and writes, besides its code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.ir.dataset import DatasetRead, Output, Read, UriRead
from trc.compiler.ir.formats import SUFFIXES, Format, format_of
from trc.compiler.ir.task import OUTPUT_NAME
from trc.compiler.ir.uris import is_glob
from trc.compiler.tasktype import Scope, TaskParams

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


class OutputParams(TaskParams):
    """One of several outputs."""

    uri: str | None = Field(
        default=None, min_length=1, description="where the file is written; left out, the engine chooses"
    )
    format: Format | None = Field(
        default=None, description="parquet, csv, json or file; by default what the suffix tells"
    )


class DataParams(TaskParams):
    """What a task whose code trc cannot look into reads and writes."""

    inputs: list[str] | dict[str, str] | None = Field(
        default=None,
        description="the datasets and locations that the task reads: a list, or names that the task knows them by",
    )
    files: list[str] | None = Field(default=None, description="further files that the task reads; patterns are fine")
    output_uri: str | None = Field(
        default=None,
        min_length=1,
        description="where the task's only output is written",
        json_schema_extra={"runtime": True},
    )
    output_format: Format | None = Field(
        default=None, description="the format of the only output; by default what the suffix tells"
    )
    outputs: dict[str, OutputParams] | None = Field(
        default=None,
        description="several outputs by name, in place of output_uri and output_format",
        json_schema_extra={"runtime": True},
    )

    @field_validator("inputs", "files")
    @classmethod
    def _no_empty_names(cls, value: Any) -> Any:
        names: Iterable[str] = [*value, *value.values()] if isinstance(value, dict) else value or ()
        if not all(name.strip() for name in names):
            raise ValueError("an empty text names nothing")
        return value

    @field_validator("outputs", mode="before", json_schema_input_type=dict[str, str | OutputParams | None] | None)
    @classmethod
    def _short_outputs(cls, value: Any) -> Any:
        """`{report: out.csv}` stands for `{report: {uri: out.csv}}`."""
        if not isinstance(value, dict):
            return value
        return {name: {"uri": one} if isinstance(one, str) else one or {} for name, one in value.items()}

    @model_validator(mode="after")
    def _one_way_to_say_outputs(self) -> Self:
        if self.outputs is None:
            return self
        if self.output_uri is not None or self.output_format is not None:
            raise ValueError("outputs takes the place of output_uri and output_format: write one or the other")
        if not self.outputs:
            raise ValueError("outputs names no output; leave it out for a task without one")
        for name in self.outputs:
            if not _NAME.fullmatch(name):
                raise ValueError(f'"{name}" is no name for an output; use letters, digits, _ and -')
        return self

    @property
    def visibility(self) -> Literal["complete", "opaque"]:
        """Complete where the author wrote what the task reads."""
        return "complete" if self.inputs or self.files else "opaque"


def declared_reads(params: DataParams, scope: Scope) -> tuple[tuple[Read, ...], tuple[Diagnostic, ...]]:
    """The reads that `inputs` and `files` name, and the names that stand for two of them."""
    reads: dict[str, Read] = {}
    problems: list[Diagnostic] = []
    for name, key, read in _named_reads(params):
        if name.casefold() in {known.casefold() for known in reads}:
            span = scope.places.span(*scope.path, "params", *key)
            message = f'two inputs of "{scope.task}" are called "{name}"'
            remedy = ("give each a name of its own: inputs: {first: …, second: …}",)
            problems.append(Diagnostic("TRC206", message, span, help=remedy, task=scope.task))
        else:
            reads[name] = read
    return tuple(reads.values()), tuple(problems)


def _named_reads(params: DataParams) -> Iterator[tuple[str, tuple[str | int, ...], Read]]:
    if isinstance(params.inputs, dict):
        for name, target in params.inputs.items():
            yield name, ("inputs", name), read_of(name, target)
    else:
        for index, target in enumerate(params.inputs or ()):
            name = _short_name(target)
            yield name, ("inputs", index), read_of(name, target)
    for index, pattern in enumerate(params.files or ()):
        yield pattern, ("files", index), UriRead(name=pattern, uri=pattern, format="file")


def read_of(name: str, target: str) -> Read:
    """The read of a dataset, or of a location: what has a slash, a scheme, a pattern or a known suffix."""
    if is_location(target):
        return UriRead(name=name, uri=target, format=format_of(target))
    return DatasetRead(name=name, dataset=target)


def is_location(target: str) -> bool:
    has_suffix = any(target.lower().endswith((suffix, f"{suffix}.gz", f"{suffix}.zst")) for suffix in SUFFIXES)
    return "/" in target or has_suffix or is_glob(target)


def _short_name(target: str) -> str:
    """What a listed input is called: a dataset's own name, or a file's name without its suffix."""
    if not is_location(target) or is_glob(target):
        return target
    stem = target.rstrip("/").rsplit("/", 1)[-1].split(".", 1)[0]
    return stem if _NAME.fullmatch(stem) else target


def declared_outputs(params: DataParams) -> tuple[Output, ...]:
    """The outputs that the parameters name; a task may have none."""
    if params.outputs is not None:
        return tuple(
            Output(name=name, uri=one.uri, format=_format(one.uri, one.format)) for name, one in params.outputs.items()
        )
    if params.output_uri is None and params.output_format is None:
        return ()
    return (Output(name=OUTPUT_NAME, uri=params.output_uri, format=_format(params.output_uri, params.output_format)),)


def _format(uri: str | None, said: Format | None) -> Format:
    """What was said, what the suffix tells, or Parquet where the engine chooses the place."""
    if said is not None:
        return said
    return "parquet" if uri is None else format_of(uri)
