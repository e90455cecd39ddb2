"""Checks across the pipelines of a project: their names differ, and no two of them write one location."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from trc.compiler.diagnostics.collector import Collector
from trc.compiler.diagnostics.diagnostic import Diagnostic, Label
from trc.compiler.source import Span


@dataclass(frozen=True, slots=True)
class Written:
    """A location that a task writes: as its author spells it in `uri`, and `normal` in the one spelling of all."""

    uri: str
    normal: str
    task: str
    span: Span | None


@dataclass(frozen=True, slots=True)
class Outline:
    """What other pipelines have to know of one: the folder of its project, its name, and what it writes."""

    project: str
    name: str
    span: Span | None
    writes: tuple[Written, ...] = ()


def check_project(pipelines: Iterable[Outline], collect: Collector) -> None:
    """Report what several pipelines share and must not."""
    names: dict[tuple[str, str], Outline] = {}
    writers: dict[str, tuple[Outline, Written]] = {}
    for pipeline in pipelines:
        before = names.setdefault((pipeline.project, pipeline.name.casefold()), pipeline)
        if before is not pipeline:
            _report_name(pipeline, before.span, collect)
        for one in pipeline.writes:
            writer, first = writers.setdefault(one.normal, (pipeline, one))
            if writer is not pipeline:
                _report_location(one, writer.name, first.span, collect)


def _report_name(pipeline: Outline, first: Span | None, collect: Collector) -> None:
    message = f'another pipeline of the project is called "{pipeline.name}"'
    related = (Label(first, "the other one"),) if first else ()
    remedy = ("a pipeline's history is kept under its name: give each its own",)
    collect.add(Diagnostic("TRC206", message, pipeline.span, related=related, help=remedy))


def _report_location(written: Written, writer: str, first: Span | None, collect: Collector) -> None:
    message = f'"{written.uri}" is written by the pipeline "{writer}", too'
    related = (Label(first, "first written here"),) if first else ()
    remedy = ("write to another location, or read what the other pipeline wrote as a source",)
    collect.add(Diagnostic("TRC303", message, written.span, related=related, help=remedy, task=written.task))
