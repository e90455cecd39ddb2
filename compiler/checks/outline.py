"""The outline of a pipeline: what the checks across pipelines have to know of it."""

from __future__ import annotations

from trc.compiler.checks.project import Outline, Written
from trc.compiler.checks.spots import output_span
from trc.compiler.ir.pipeline import Pipeline
from trc.compiler.ir.places import Places
from trc.compiler.ir.uris import normalise


def outline(project: str, pipeline: Pipeline, places: Places) -> Outline:
    """What others have to know of a pipeline of the project in that folder."""
    writes = tuple(
        Written(output.uri, normalise(output.uri, project), task.name, output_span(places, task, output))
        for task in pipeline.tasks
        for output in task.outputs
        if output.uri is not None
    )
    return Outline(project, pipeline.name, places.span("name"), writes)
