"""Lineage across tasks: what a column depends on in the datasets at the pipeline's edge."""

from __future__ import annotations

from dataclasses import dataclass

from trc.compiler.ir.types import Unknown
from trc.compiler.lineage.steps import Derived, Step, Steps
from trc.compiler.sql.columns import QueryLineage
from trc.compiler.sql.flow import NOTHING, Flow, composed, merged


@dataclass(frozen=True, slots=True)
class Traced:
    """What a dataset's columns and rows depend on, told in columns of ends.

    An end is a dataset that nothing is known behind: a source, a file, or the output of a task whose
    lineage is unknown.
    """

    lineage: QueryLineage

    def flow(self, column: str) -> Flow:
        """What a column's values depend on; `lineage.rows` is not part of it."""
        folded = column.casefold()
        return next((flow for name, flow in self.lineage.columns if name.casefold() == folded), NOTHING)


def is_end(step: Step) -> bool:
    """Whether nothing is known of what a dataset's columns are made of."""
    return not isinstance(step, Derived) or isinstance(step.lineage, Unknown)


def trace_all(steps: Steps) -> dict[str, Traced]:
    """The lineage of every dataset that is no end itself, back to the ends."""
    traced: dict[str, Traced] = {}
    for name, step in steps.items():
        if not isinstance(step, Derived) or isinstance(step.lineage, Unknown):
            continue
        columns = tuple((column, _expanded(flow, traced)) for column, flow in step.lineage.columns)
        traced[name] = Traced(QueryLineage(columns, _expanded(step.lineage.rows, traced)))
    return traced


def _expanded(flow: Flow, traced: dict[str, Traced]) -> Flow:
    """The flow with each column that is made of others replaced by what it is made of."""
    flows: list[Flow] = []
    for key, hows in flow.items():
        behind = traced.get(key.dataset)
        if behind is None:
            flows.append({key: hows})
            continue
        inner = behind.lineage.rows if key.column is None else behind.flow(key.column)
        flows.append(
            {end: frozenset(composed(how, one) for one in ones for how in hows) for end, ones in inner.items()}
        )
    return merged(flows)
