"""The facts about a pipeline's queries: which tasks have some, and under which names they know what they read."""

from __future__ import annotations

from pathlib import Path

import pytest

from trc.compiler.compile import Compiled, compile_file
from trc.compiler.context import Context
from trc.compiler.ir.dataset import Column
from trc.compiler.ir.formats import Format
from trc.compiler.ir.types import Known, Schema, Unknown
from trc.compiler.lineage.facts import Proved, query_facts
from trc.compiler.sql.columns import BoundPlan
from trc.compiler.sql.facts import QueryFacts
from trc.compiler.sql.parse import Parsed
from trc.compiler.sql.query_facts import facts_of as prove
from trc.contexts import task_types

PIPELINE = """
name: shop
sources:
  orders:
    csv: data/orders.csv
    columns: {id: bigint, customer: varchar, status: varchar, amount: "decimal(10,2)"}
nodes:
  - id: paid
    type: duckdb_sql
    params: {sql: "select * from orders where status = 'paid'"}
  - id: revenue
    type: duckdb_sql
    params: {sql: "select customer, sum(amount) as revenue from Paid group by customer"}
  - id: large
    type: duckdb_sql
    params: {sql: "select id from paid.output where amount > 100"}
  - id: notes
    type: duckdb_sql
    params: {sql: "select n.text from 'data/notes.parquet' n join paid using (id) where n.kind = 'x'"}
  - id: scores
    type: python
    params: {entrypoint: "page.py:scores", inputs: [revenue], output_uri: out/scores.parquet}
  - id: rated
    type: duckdb_sql
    params: {sql: "select * from scores"}
  - id: pinned
    type: duckdb_sql
    environment: {requirements: ["duckdb==1.1.0"]}
    params: {sql: "select id from paid"}
  - id: after
    type: duckdb_sql
    params: {sql: "select id from pinned"}
"""


class Files:
    """Knows one file."""

    def schema(self, uri: str, fmt: Format) -> Schema:  # noqa: ARG002 - the interface of all readers
        if uri != "data/notes.parquet":
            return Unknown(f'"{uri}" is not there')
        return Known(tuple(Column(name=name, type=kind) for name, kind in NOTES.items()))


NOTES = {"id": "BIGINT", "text": "VARCHAR", "kind": "VARCHAR"}


def compiled(folder: Path) -> Compiled:
    (folder / "page.py").write_text("def scores(): pass\n")
    (folder / "p.yaml").write_text(PIPELINE)
    done = compile_file(folder / "p.yaml", "p.yaml", Context(folder, task_types(), Files()))
    assert not done.has_errors, done.diagnostics
    return done


def test_a_query_over_known_columns_has_facts(tmp_path: Path) -> None:
    facts = query_facts(compiled(tmp_path))
    assert list(facts) == ["paid", "revenue", "large"]
    assert facts["paid"].is_row_wise
    assert not facts["paid"].keeps_rows
    assert facts["revenue"].columns == (("customer", "VARCHAR"), ("revenue", "DECIMAL(38,2)"))
    read = facts["revenue"].read("PAID")
    assert read is not None
    assert read.columns == ("customer", "amount")


def test_a_dataset_has_the_name_that_the_query_has_for_it(tmp_path: Path) -> None:
    facts = query_facts(compiled(tmp_path), Files())
    assert [read.name for read in facts["large"].reads] == ["paid.output"]
    (use,) = facts["large"].reads[0].uses
    assert [one.sql for one in use.conditions] == ["(\"amount\" > CAST('100.00' AS DECIMAL(10,2)))"]
    assert {read.name: read.columns for read in facts["notes"].reads} == {
        "data/notes.parquet": ("id", "text", "kind"),
        "paid": ("id",),
    }


def test_nothing_is_proved_by_another_duckdb_nor_of_what_it_makes(tmp_path: Path) -> None:
    facts = query_facts(compiled(tmp_path), Files())
    assert {"rated", "pinned", "after"}.isdisjoint(facts)


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The queries that are looked at from now on."""
    looked_at: list[str] = []

    def facts_of(parsed: Parsed, bound: BoundPlan) -> QueryFacts | Unknown:
        looked_at.append(parsed.text.original)
        return prove(parsed, bound)

    monkeypatch.setattr("trc.compiler.lineage.facts.facts_of", facts_of)
    return looked_at


def test_nothing_is_proved_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    proved = Proved()
    first = query_facts(compiled(tmp_path), Files(), proved=proved)
    looked_at = counted(monkeypatch)
    again = Proved(proved.now)
    assert query_facts(compiled(tmp_path), Files(), proved=again) == first
    assert not looked_at
    assert again.now == proved.now


@pytest.mark.parametrize(
    ("was", "now", "readers"),
    [
        ("status = 'paid'", "status = 'sent'", 1),
        ("amount > 100", "amount > 101", 1),
        ('amount: "decimal(10,2)"', "amount: bigint", 4),
        ("status: varchar", "status: varchar, country: varchar", 4),
    ],
)
def test_what_changed_is_proved_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, was: str, now: str, readers: int
) -> None:
    proved = Proved()
    query_facts(compiled(tmp_path), Files(), proved=proved)
    assert was in PIPELINE
    monkeypatch.setattr(f"{__name__}.PIPELINE", PIPELINE.replace(was, now))
    fresh = query_facts(compiled(tmp_path), Files())
    looked_at = counted(monkeypatch)
    assert query_facts(compiled(tmp_path), Files(), proved=Proved(proved.now)) == fresh
    assert len(looked_at) == readers


def test_only_what_is_wanted_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    every = query_facts(compiled(tmp_path), Files())
    looked_at = counted(monkeypatch)
    found = query_facts(compiled(tmp_path), Files(), {"paid", "large"})
    assert found == {name: every[name] for name in ("paid", "large")}
    assert len(looked_at) == 2
