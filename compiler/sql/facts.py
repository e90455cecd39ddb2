"""What passes may rely on about a query: found in the plans that DuckDB makes of it, and never guessed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition on columns of one dataset that cannot fail, as SQL that means the same wherever it stands.

    Names are quoted and spelled as the dataset's schema has them; constants are typed. `holds` is what it comes to for all
    rows of the dataset, where the task that makes it settles that; else None.
    """

    sql: str
    columns: tuple[str, ...]
    holds: bool | None = None


@dataclass(frozen=True, slots=True)
class Use:
    """One place where a query scans a dataset: rows for which `conditions` are not all true have no effect there."""

    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadFacts:
    """A dataset that a query reads, by the name that the query has for it: a table's, or a file's location.

    `columns` are those of which another value could change the result, in the order of the dataset's schema and as it
    spells them; the others may hold anything. Without `uses` its rows have no effect at all. `sees_order` says why the
    order of its rows may show in the result. `apart_by` are the columns by whose values the query can be computed part by
    part; `together` says why there are none.
    """

    name: str
    columns: tuple[str, ...]
    uses: tuple[Use, ...]
    sees_order: str | None = None
    apart_by: tuple[str, ...] = ()
    together: str = ""


@dataclass(frozen=True, slots=True)
class QueryFacts:
    """A query over given schemas. Where a reason stands, the thing cannot be proved; None means that it is.

    `undetermined`: why two evaluations over equal rows may answer differently (chance, the clock, ties, the order of
    rows). `inexact`: why they may differ in the last digits of floating-point numbers. `fails`: why deciding about rows
    (filters, joins, groups, limits) may fail for some data; `failing_columns`: the same for the values of a column;
    `fails_early`: why something may fail that is computed before a join or a limit has chosen among rows, so that
    it depends on DuckDB's plan for which rows it is computed.
    `order`: the columns by which its rows are ordered, as far as it shows them; None where they come in no order of
    their own. `is_total`: rows that this order holds for equal are equal altogether. `is_row_wise`: each row is made of
    one row of the one dataset that it reads, by filters and expressions alone. `keeps_rows`: each row of that dataset
    makes exactly one. `fixed` are columns that have one value in all rows, each with that value as SQL. `meaning`:
    queries that share it have equal rows if what `meaning_reads` names has, one by one; empty where that is not proved.
    """

    columns: tuple[tuple[str, str], ...]
    reads: tuple[ReadFacts, ...]
    undetermined: str | None = None
    inexact: str | None = None
    fails: str | None = None
    failing_columns: tuple[tuple[str, str], ...] = ()
    fails_early: str | None = None
    order: tuple[str, ...] | None = None
    is_total: bool = False
    is_row_wise: bool = False
    keeps_rows: bool = False
    fixed: tuple[tuple[str, str], ...] = ()
    meaning: str = ""
    meaning_reads: tuple[str, ...] = ()

    def read(self, name: str) -> ReadFacts | None:
        """What is known of the dataset of that name, ignoring case."""
        folded = name.casefold()
        return next((one for one in self.reads if one.name.casefold() == folded), None)
