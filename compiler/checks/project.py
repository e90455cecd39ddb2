"""Checks across the pipelines of a project: their names differ, and no two of them write one location."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from trc.compiler.diagnostics.collector import Collector
from trc.compiler.diagnostics.diagnostic import Diagnostic, Label
from trc.compiler.source import Span


@dataclass(frozen=True, slots=True)
class Written:
    """An output with a location of its own: `uri` as its author wrote it, `place` in its one spelling."""

    task: str
    uri: str
    place: str
    span: Span | None


@dataclass(frozen=True, slots=True)
class Summary:
    """What other pipelines need to know of one: its project's folder, its name, where it writes."""

    project: str
    name: str
    span: Span | None
    outputs: tuple[Written, ...]


def check_project(pipelines: Iterable[Summary], collect: Collector) -> None:
    """Report what several pipelines share and must not."""
    names: dict[tuple[str, str], Summary] = {}
    writers: dict[str, tuple[Summary, Written]] = {}
    for pipeline in pipelines:
        before = names.setdefault((pipeline.project, pipeline.name.casefold()), pipeline)
        if before is not pipeline and before.span != pipeline.span:
            _report_name(pipeline, before.span, collect)
        for output in pipeline.outputs:
            writer, first = writers.setdefault(output.place, (pipeline, output))
            if writer is not pipeline:
                _report_location(output, writer, first, collect)


def _report_name(pipeline: Summary, first: Span | None, collect: Collector) -> None:
    message = f'another pipeline of the project is called "{pipeline.name}"'
    related = (Label(first, "the other one"),) if first else ()
    remedy = ("a pipeline's history is kept under its name: give each its own",)
    collect.add(Diagnostic("TRC206", message, pipeline.span, related=related, help=remedy))


def _report_location(output: Written, writer: Summary, first: Written, collect: Collector) -> None:
    message = f'"{output.uri}" is written by the pipeline "{writer.name}", too'
    related = (Label(first.span, "first written here"),) if first.span else ()
    remedy = ("write to another location, or read what the other pipeline wrote as a source",)
    collect.add(Diagnostic("TRC303", message, output.span, related=related, help=remedy, task=output.task))
