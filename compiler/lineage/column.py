"""The lineage of one column as people ask for it: step by step, and what it comes down to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from trc.compiler.ir.types import Known, Unknown
from trc.compiler.lineage.origins import Traced, is_end, trace_all
from trc.compiler.lineage.steps import Derived, Step, Steps
from trc.compiler.sql.flow import HOWS, NOTHING, VALUES, Flow, How, Input

Kind = Literal["source", "file", "task"]


@dataclass(frozen=True, slots=True)
class Cause:
    """A column that something depends on, and how; `column` is None where it is the rows of the dataset."""

    dataset: str
    column: str | None
    how: tuple[How, ...]

    @property
    def has_value(self) -> bool:
        """Whether its values are handed on, in whatever form; else it only has an influence."""
        return any(how in VALUES for how in self.how)

    def to_json(self) -> dict[str, Any]:
        return {"dataset": self.dataset, "column": self.column, "how": list(self.how)}


@dataclass(frozen=True, slots=True)
class Made:
    """A column in the chain back to the sources: how the one before it depends on it, and what it is made of.

    `unknown` says why nothing is known behind it; `is_repeated` that its own causes stand elsewhere in the tree.
    """

    dataset: str
    column: str | None
    kind: Kind
    type: str
    how: tuple[How, ...] = ()
    causes: tuple[Made, ...] = ()
    unknown: str | None = None
    is_repeated: bool = False

    def all(self) -> Iterator[Made]:
        """This and all that stands below it."""
        yield self
        for cause in self.causes:
            yield from cause.all()


@dataclass(frozen=True, slots=True)
class ColumnLineage:
    """All about a column. `direct` and `sources` are what its values depend on: one step back, and at the ends.

    `rows` is what decides which rows there are, at the ends: it bears on every column of the dataset.
    `unknown` are the datasets among the ends that nothing is known behind, with the reason.
    """

    tree: Made
    direct: tuple[Cause, ...]
    sources: tuple[Cause, ...]
    rows: tuple[Cause, ...]
    unknown: tuple[tuple[str, str], ...]

    @property
    def unseen(self) -> tuple[Cause, ...]:
        """Columns of `sources` that the tree does not show: they decide about rows that only this column sees."""
        shown = frozenset((made.dataset, made.column) for made in self.tree.all())
        return tuple(one for one in self.sources if one.column and (one.dataset, one.column) not in shown)

    def to_json(self) -> dict[str, Any]:
        """As `trc lineage column --json` prints it."""
        return {
            "dataset": self.tree.dataset,
            "column": self.tree.column,
            "type": self.tree.type or None,
            "kind": self.tree.kind,
            "direct": [one.to_json() for one in self.direct],
            "sources": [one.to_json() for one in self.sources],
            "rows": [one.to_json() for one in self.rows],
            "unknown": [{"dataset": dataset, "reason": reason} for dataset, reason in self.unknown],
        }


def column_lineage(steps: Steps, dataset: str, column: str) -> ColumnLineage:
    """The lineage of a column that is there, or whose dataset's columns are not known."""
    step = steps[dataset]
    name = _spelled(step, column)
    tree = _Growing(steps).made(Input(dataset, name), ())
    if not isinstance(step, Derived) or isinstance(step.lineage, Unknown):
        return ColumnLineage(tree, (), (), (), _unknown(steps, [dataset]))
    traced = trace_all(steps)[dataset]
    direct = _causes(_own_flow(step, name))
    sources, rows = _causes(traced.flow(name)), _causes(traced.lineage.rows)
    return ColumnLineage(tree, direct, sources, rows, _unknown(steps, _ends(traced, name)))


def _ends(traced: Traced, column: str) -> list[str]:
    return list(dict.fromkeys(key.dataset for key in (*traced.flow(column), *traced.lineage.rows)))


def _unknown(steps: Steps, ends: Iterable[str]) -> tuple[tuple[str, str], ...]:
    return tuple((end, reason) for end in ends if (reason := why_unknown(steps[end])) is not None)


def why_unknown(step: Step) -> str | None:
    """Why nothing is known behind a dataset; None for one that is made of known columns, or of nothing."""
    return step.lineage.reason if isinstance(step, Derived) and isinstance(step.lineage, Unknown) else None


class _Growing:
    """The tree of a column; what it has shown once it does not show again."""

    def __init__(self, steps: Steps) -> None:
        self.steps = steps
        self.shown: set[Input] = set()

    def made(self, key: Input, how: tuple[How, ...]) -> Made:
        step = self.steps[key.dataset]
        told = Made(key.dataset, key.column, kind_of(step), type_of(step, key.column), how)
        if is_end(step) or key.column is None:
            return _with(told, unknown=why_unknown(step))
        flow = _own_flow(step, key.column)
        if key in self.shown:
            return _with(told, is_repeated=bool(flow))
        self.shown.add(key)
        shown = _telling(_causes(flow))
        return _with(told, tuple(self.made(Input(one.dataset, one.column), one.how) for one in shown))


def _telling(causes: tuple[Cause, ...]) -> tuple[Cause, ...]:
    """The columns; the rows of a dataset only where nothing else gives the values, as in `count(*)`."""
    columns = tuple(one for one in causes if one.column is not None)
    if any(one.has_value for one in columns):
        return columns
    return tuple(one for one in causes if one.column is not None or one.has_value)


def _with(made: Made, causes: tuple[Made, ...] = (), unknown: str | None = None, *, is_repeated: bool = False) -> Made:
    return Made(made.dataset, made.column, made.kind, made.type, made.how, causes, unknown, is_repeated)


def _own_flow(step: Step, column: str) -> Flow:
    """What a column depends on in what its task reads."""
    if not isinstance(step, Derived) or isinstance(step.lineage, Unknown):
        return NOTHING
    return next((flow for name, flow in step.lineage.columns if name.casefold() == column.casefold()), NOTHING)


def _causes(flow: Flow) -> tuple[Cause, ...]:
    """Values before influences, else as they were found."""
    found = [Cause(key.dataset, key.column, in_order(hows)) for key, hows in flow.items()]
    return tuple(sorted(found, key=lambda one: not one.has_value))


def in_order(hows: Iterable[How]) -> tuple[How, ...]:
    return tuple(sorted(hows, key=HOWS.index))


def kind_of(step: Step) -> Kind:
    return "task" if isinstance(step, Derived) else step.kind


def type_of(step: Step, column: str | None) -> str:
    """A column's type; nothing where it is not known."""
    return next((one.type for one in _columns(step) if column and one.name.casefold() == column.casefold()), "")


def _spelled(step: Step, column: str) -> str:
    return next((one.name for one in _columns(step) if one.name.casefold() == column.casefold()), column)


def _columns(step: Step) -> Iterator[Any]:
    return iter(step.schema.columns if isinstance(step.schema, Known) else ())
