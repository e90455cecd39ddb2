"""The facts about a query that passes may rely on, from the plan that DuckDB binds and from the one in which it has moved filters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from trc.compiler.ir.types import Unknown
from trc.compiler.sql.apart import apart_by
from trc.compiler.sql.columns import BoundPlan
from trc.compiler.sql.determined import Settling
from trc.compiler.sql.expressions import Json, NotUnderstood
from trc.compiler.sql.facts import QueryFacts, ReadFacts, Use
from trc.compiler.sql.failures import Failures
from trc.compiler.sql.fixed import fixed_columns
from trc.compiler.sql.flow import Flow, merged
from trc.compiler.sql.kinds import kind_of, type_info
from trc.compiler.sql.meaning import meaning_of
from trc.compiler.sql.operators import TableKey
from trc.compiler.sql.parse import Parsed
from trc.compiler.sql.plans import (
    PLACE,
    Sized,
    expressions_of,
    is_scan,
    operators_of,
    place_of,
    table_of,
)
from trc.compiler.sql.pushed import uses_of
from trc.compiler.sql.result_order import order_of
from trc.compiler.sql.tokens import tokenize


def facts_of(parsed: Parsed, bound: BoundPlan) -> QueryFacts | Unknown:
    """What is proved of a query; `bound` has its plan with filters moved, too. Unknown where nothing can be."""
    try:
        return _facts_of(parsed, bound)
    except NotUnderstood as told:
        return Unknown(str(told))
    except RecursionError:
        return Unknown("its query nests too deep")


def _facts_of(parsed: Parsed, bound: BoundPlan) -> QueryFacts:
    assert bound.pushed is not None
    assert bound.text
    _refuse_collations(parsed, bound)
    failures = Failures(bound.pushed)
    failures.mark(bound.plan)
    sized = Sized(bound.tables)
    relation = sized.of(bound.plan)
    if len(relation.columns) != len(bound.columns):
        raise NotUnderstood("its plan has other columns than its result")
    effects = merged((relation.rows, *relation.columns))
    if PLACE in effects:
        raise NotUnderstood("it asks for the places of rows")
    settling = Settling(sized)
    settling.look(bound.plan)
    volatile = f"it asks for what may change: {parsed.volatile.reason}" if parsed.volatile else settling.volatile
    uses = uses_of(bound.plan if volatile or _tells_time(bound) else bound.pushed, bound.tables)
    reads = tuple(_taken_apart(one, bound, sized) for one in _reads(bound, effects, uses, settling.sees_order))
    row_wise = _row_wise(bound.plan) if len(reads) == 1 else None
    fails = settling.fails or failures.of_rows(relation)
    failing_columns = tuple(failures.of_columns(bound.columns, relation))
    meaning = meaning_of(
        bound.plan,
        tokenize(parsed.text.original),
        bound.tables,
        sized.relations,
        can_fail=bool(fails or failing_columns),
    )
    return QueryFacts(
        tuple(zip(bound.columns, bound.types, strict=True)),
        reads,
        volatile or settling.undetermined,
        settling.inexact,
        fails,
        failing_columns,
        failures.before_choosing(fails),
        *order_of(bound.plan, bound.columns, settling),
        row_wise is not None,
        bool(row_wise),
        tuple(fixed_columns(bound.plan, bound.columns)),
        meaning.digest if meaning else "",
        meaning.reads if meaning else (),
    )


def _tells_time(bound: BoundPlan) -> bool:
    """Whether something depends on the time zone, which may be another where DuckDB moves filters than where it runs."""
    if "WITH TIME ZONE" not in bound.text:
        return False
    every = (one for operator in operators_of(bound.plan) for one in expressions_of(operator))
    return any("WITH TIME ZONE" in kind_of(one) for one in every if place_of(one) is None)


def _refuse_collations(parsed: Parsed, bound: BoundPlan) -> None:
    """With a collation, equal texts are not the same, and what is the least of them is open."""
    text = parsed.text.original
    is_said = "collate" in text.casefold() and any(token.is_word("collate") for token in tokenize(text))
    if is_said or ('"collation"' in bound.text and any(map(_is_collated, _types(bound.plan)))):
        raise NotUnderstood("it compares texts by a collation")


def _types(plan: Json) -> Iterator[Json]:
    """All types that a plan mentions."""
    for operator in operators_of(plan):
        yield from operator.get("returned_types") or ()
        yield from map(type_info, expressions_of(operator))


def _is_collated(told: Json) -> bool:
    info = told.get("type_info") or {}
    inner = [info.get("child_type"), *(one.get("second") for one in info.get("child_types") or ())]
    return bool(info.get("collation")) or any(_is_collated(one) for one in inner if one)


def _reads(
    bound: BoundPlan, effects: Flow, uses: Mapping[str, tuple[Use, ...]], sees_order: Mapping[str, str]
) -> Iterator[ReadFacts]:
    scanned = dict(_scanned(bound.plan))
    known: dict[str, tuple[str, ...]] = {}
    for table, datasets in bound.tables.items():
        # A dataset may be several tables; then it has the same columns in each.
        known |= {dataset: scanned[table] for dataset in datasets if table in scanned}
    for datasets in bound.tables.values():
        # What is named in a part that the plan has left out.
        known |= {dataset: () for dataset in datasets if dataset not in known}
    for dataset, names in known.items():
        read = {key.column for key in effects if key.dataset == dataset}
        columns = tuple(name for name in names if name in read)
        yield ReadFacts(dataset, columns, uses.get(dataset, ()), sees_order.get(dataset))


def _taken_apart(read: ReadFacts, bound: BoundPlan, sized: Sized) -> ReadFacts:
    columns, why = apart_by(bound.plan, read.name, sized)
    return replace(read, apart_by=tuple(sorted(columns)), together=why)


def _scanned(plan: Json) -> Iterator[tuple[TableKey, tuple[str, ...]]]:
    """The tables that a plan scans, each with the names of its columns."""
    return ((table_of(one), tuple(map(str, one["names"]))) for one in operators_of(plan) if is_scan(one))


def _row_wise(plan: Json) -> bool | None:
    """Whether each row of the one scan makes exactly one; None where a row may be made of more than one."""
    keeps = True
    while plan["type"] in ("LOGICAL_PROJECTION", "LOGICAL_FILTER"):
        keeps = keeps and plan["type"] == "LOGICAL_PROJECTION"
        (plan,) = plan["children"]
    return keeps if is_scan(plan) and not (plan.get("extra_info") or {}).get("sample_options") else None
