"""A pipeline as one side of a comparison has it, with what belongs to it and is no part of the IR."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from trc.compiler.compare.change import ABSENT, FieldChange
from trc.compiler.compare.fields import joined
from trc.compiler.ir.pipeline import Pipeline

Contents = Mapping[str, Mapping[str, str]]
"""Of each location that the pipeline reads: the files there that are kept with it, and a digest of each."""


@dataclass(frozen=True, slots=True)
class Written:
    """A pipeline with its file, its project's folder, the texts of its macros, and what files it reads hold."""

    pipeline: Pipeline
    file: str
    project: str
    macros: Mapping[str, str] = field(default_factory=dict[str, str])
    contents: Contents = field(default_factory=dict[str, Mapping[str, str]])


def content_changes(old: Written, new: Written, location: str) -> Iterator[FieldChange]:
    """The files at a location that hold something else than before, or that are on one side only."""
    before, after = old.contents.get(location, {}), new.contents.get(location, {})
    for path in sorted({*before, *after}):
        if before.get(path) != after.get(path):
            yield FieldChange(joined("content", path), before.get(path, ABSENT), after.get(path, ABSENT))
