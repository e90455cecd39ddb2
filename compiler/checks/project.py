"""Checks across the pipelines of a project: their names differ, and no two of them write one location."""

from __future__ import annotations

from collections.abc import Iterable

from trc.compiler.checks.spots import output_span
from trc.compiler.diagnostics.collector import Collector
from trc.compiler.diagnostics.diagnostic import Diagnostic, Label
from trc.compiler.ir.pipeline import Pipeline
from trc.compiler.ir.places import Places
from trc.compiler.ir.uris import normalise
from trc.compiler.source import Span


def check_project(pipelines: Iterable[tuple[str, Pipeline, Places]], collect: Collector) -> None:
    """Report what several pipelines share and must not; each comes with the folder of its project."""
    names: dict[tuple[str, str], Span | None] = {}
    writers: dict[str, tuple[Pipeline, Span | None]] = {}
    for project, pipeline, places in pipelines:
        span = places.span("name")
        before = names.setdefault((project, pipeline.name.casefold()), span)
        if before is not span:
            _report_name(pipeline, span, before, collect)
        for task in pipeline.tasks:
            for output in task.outputs:
                if output.uri is None:
                    continue
                place = output_span(places, task, output)
                writer, first = writers.setdefault(normalise(output.uri, project), (pipeline, place))
                if writer is not pipeline:
                    _report_location(output.uri, task.name, place, (writer, first), collect)


def _report_name(pipeline: Pipeline, span: Span | None, first: Span | None, collect: Collector) -> None:
    message = f'another pipeline of the project is called "{pipeline.name}"'
    related = (Label(first, "the other one"),) if first else ()
    remedy = ("a pipeline's history is kept under its name: give each its own",)
    collect.add(Diagnostic("TRC206", message, span, related=related, help=remedy))


def _report_location(
    uri: str, task: str, span: Span | None, first: tuple[Pipeline, Span | None], collect: Collector
) -> None:
    message = f'"{uri}" is written by the pipeline "{first[0].name}", too'
    related = (Label(first[1], "first written here"),) if first[1] else ()
    remedy = ("write to another location, or read what the other pipeline wrote as a source",)
    collect.add(Diagnostic("TRC303", message, span, related=related, help=remedy, task=task))
