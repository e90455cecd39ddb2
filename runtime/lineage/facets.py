"""The facets of OpenLineage events that trc fills: plain values, as their published schemas have them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from trc.runtime.lineage.columns import Cause, Columns, Dataset, MadeOf
from trc.runtime.spec import CheckSpec
from trc.runtime.store.results import StoredOutput
from trc.runtime.taskside.result import Verdict

Facet = dict[str, Any]
Named = Callable[[Dataset], Mapping[str, str]]
"""The namespace and the name of a dataset."""

_SPEC: Final = "https://openlineage.io/spec/facets/"
_INDIRECT: Final = {"filter": "FILTER", "join": "JOIN", "group": "GROUP_BY", "order": "SORT", "rows": "FILTER"}
_DIRECT: Final = {"identity": "IDENTITY", "transformed": "TRANSFORMATION", "aggregated": "AGGREGATION"}


def facet(producer: str, version: str, name: str, /, **fields: Any) -> Facet:
    """A facet of the published schema `name` in its `version`."""
    url = f"{_SPEC}{version}/{name}.json#/$defs/{name}"
    return {"_producer": producer, "_schemaURL": url, **fields}


def engine(producer: str, version: str) -> Facet:
    """Which trc ran it."""
    named = {"name": "trc", "version": version, "openlineageAdapterVersion": version}
    return facet(producer, "1-1-1", "ProcessingEngineRunFacet", **named)


def nominal_time(producer: str, at: str) -> Facet:
    """The run's logical time."""
    return facet(producer, "1-0-1", "NominalTimeRunFacet", nominalStartTime=at)


def parent(producer: str, run: Mapping[str, str], job: Mapping[str, str]) -> Facet:
    """The run that an attempt is part of."""
    return facet(producer, "1-2-0", "ParentRunFacet", run=run, job=job, root={"run": run, "job": job})


def job_type(producer: str, kind: str) -> Facet:
    """Whether the job is a pipeline (`DAG`) or one of its tasks."""
    return facet(
        producer, "2-0-4", "JobTypeJobFacet", processingType="BATCH", integration="TRC", jobType=kind
    )  # fmt: skip


def sql(producer: str, query: str) -> Facet:
    """The text of a query."""
    return facet(producer, "1-1-0", "SQLJobFacet", query=query, dialect="duckdb")


def error(producer: str, message: str, language: str) -> Facet:
    """Why an attempt, or a run, failed."""
    return facet(producer, "1-0-1", "ErrorMessageRunFacet", message=message, programmingLanguage=language)


def schema(producer: str, columns: Columns) -> Facet:
    """A dataset's columns."""
    fields = [{"name": name, "type": kind, "ordinal_position": at} for at, (name, kind) in enumerate(columns, 1)]
    return facet(producer, "1-2-0", "SchemaDatasetFacet", fields=fields)


def metrics(producer: str, output: StoredOutput) -> Facet:
    """How much was written."""
    rows = {} if output.rows is None else {"rowCount": output.rows}
    return facet(
        producer, "1-0-0", "DataQualityMetricsDatasetFacet", **rows, bytes=output.size, fileCount=1, columnMetrics={}
    )


def statistics(producer: str, output: StoredOutput) -> Facet:
    """How much was written, where consumers of outputs look for it."""
    rows = {} if output.rows is None else {"rowCount": output.rows}
    return facet(producer, "1-0-2", "OutputStatisticsOutputDatasetFacet", **rows, size=output.size, fileCount=1)


def assertions(producer: str, checks: Sequence[CheckSpec], verdicts: Iterable[Verdict]) -> Facet:
    """What became of expectations."""
    known = {one.name: one for one in checks}
    told = [_assertion(one, known.get(one.name)) for one in verdicts]
    return facet(producer, "1-1-0", "DataQualityAssertionsDatasetFacet", assertions=told)


def _assertion(verdict: Verdict, check: CheckSpec | None) -> Facet:
    told: Facet = {
        "assertion": verdict.name if check is None else check.check,
        "name": verdict.name,
        "success": verdict.passed,
        "severity": verdict.severity,
    }
    columns = [] if check is None else check.arguments.get("columns", [])
    column = None if check is None else check.arguments.get("column")
    if column is not None or len(columns) == 1:
        told["column"] = column if column is not None else columns[0]
    if verdict.found or verdict.error:
        told["actual"] = verdict.error or verdict.found
    return told


def column_lineage(producer: str, made: MadeOf, named: Named) -> Facet:
    """What the columns of an output are made of, one step back."""
    fields = {
        column: {"inputFields": [_input(cause, named) for cause in causes]} for column, causes in made.columns.items()
    }
    dataset = [_input(cause, named) for cause in made.rows]
    return facet(producer, "1-2-0", "ColumnLineageDatasetFacet", fields=fields, dataset=dataset)


def _input(cause: Cause, named: Named) -> Facet:
    return {
        **named(cause.dataset),
        "field": cause.column,
        "transformations": [_transformation(one) for one in cause.how],
    }


def _transformation(how: str) -> Facet:
    if how in _DIRECT:
        return {"type": "DIRECT", "subtype": _DIRECT[how]}
    return {"type": "INDIRECT", "subtype": _INDIRECT.get(how, how.upper())}
