"""What is told of a query; see tests/cases/facts, and test_facts_oracle for the proof."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.compiler.sql.facts_world import case_files, cases_of, facts_in

from trc.compiler.ir.types import Unknown
from trc.compiler.sql.facts import QueryFacts, ReadFacts, Use


def shown(facts: QueryFacts | Unknown) -> str:
    """Facts as lines; what is proved of everything is not told."""
    if isinstance(facts, Unknown):
        return f"nothing is proved: {facts.reason}\n"
    told = [read_shown(read) for read in facts.reads]
    told += [
        f"{name}: {why}"
        for name in ("undetermined", "inexact", "fails", "fails_early")
        if (why := getattr(facts, name))
    ]
    told += [f"{column} fails: {why}" for column, why in facts.failing_columns]
    if facts.order is not None:
        told.append(f"ordered by {', '.join(facts.order) or 'what is not shown'}{'' if facts.is_total else ' …'}")
    told += [name for name in ("is_row_wise", "keeps_rows") if getattr(facts, name)]
    return "".join(f"{line}\n" for line in told)


def read_shown(read: ReadFacts) -> str:
    uses = " or ".join(use_shown(use) for use in read.uses) or "never"
    order = f"; sees order: {read.sees_order}" if read.sees_order else ""
    return f"{read.name}({', '.join(read.columns)}) {uses}{order}"


def use_shown(use: Use) -> str:
    if not use.conditions:
        return "always"
    return "where " + " and ".join(f"{one.sql} of {', '.join(one.columns)}" for one in use.conditions)


@pytest.mark.parametrize("path", case_files(), ids=lambda path: path.stem)
def test_facts_of_a_query(path: Path, snapshot: Callable[[Path, str], None]) -> None:
    told = (f"-- case: {name}\n{shown(facts_in(sql))}" for name, sql in cases_of(path))
    snapshot(path.with_suffix(".expected"), "\n".join(told))


CONDITIONS = sorted(
    {
        (read.name, condition.sql)
        for path in case_files()
        for _, sql in cases_of(path)
        if isinstance(facts := facts_in(sql), QueryFacts)
        for read in facts.reads
        for use in read.uses
        for condition in use.conditions
    }
)


@pytest.mark.parametrize(("table", "condition"), CONDITIONS)
def test_a_condition_says_the_same_when_it_is_read_again(table: str, condition: str) -> None:
    """DuckDB may part it or write it otherwise; what it then says is said by a fixed point."""
    again = conditions_of(table, condition)
    assert again, "as SQL it is no condition any more"
    assert conditions_of(table, " AND ".join(again)) == again


def conditions_of(table: str, condition: str) -> list[str]:
    facts = facts_in(f"SELECT * FROM {table} WHERE {condition}")
    assert isinstance(facts, QueryFacts)
    assert facts.fails is None
    ((use,),) = (read.uses for read in facts.reads)
    return [one.sql for one in use.conditions]
