"""What a compiled pipeline shows to the others of its project."""

from __future__ import annotations

from trc.compiler.checks.project import Summary, Written
from trc.compiler.checks.spots import output_span
from trc.compiler.ir.pipeline import Pipeline
from trc.compiler.ir.places import Places
from trc.compiler.ir.uris import normalise


def summary_of(project: str, pipeline: Pipeline, places: Places) -> Summary:
    """The summary of a pipeline in the project whose folder is given."""
    outputs = tuple(
        Written(task.name, output.uri, normalise(output.uri, project), output_span(places, task, output))
        for task in pipeline.tasks
        for output in task.outputs
        if output.uri is not None
    )
    return Summary(project, pipeline.name, places.span("name"), outputs)
