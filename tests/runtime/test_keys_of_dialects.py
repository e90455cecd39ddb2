"""What a key holds of a query of another dialect, and that the keys of DuckDB's own queries are what they were."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from trc import api
from trc.compiler.choices import Choices
from trc.runtime.fingerprint import key_of
from trc.runtime.spec import KeyPart
from trc.settings import settings_for

OWN = "{sql: \"SELECT id, 'x' AS y -- note\\n from orders where amount>1\"}"


def parts(folder: Path, params: str) -> tuple[KeyPart, ...]:
    path = folder / "p.yaml"
    path.write_text(
        "name: p\nsources:\n  orders: {csv: orders.csv, columns: {id: integer, amount: integer}}\n"
        f"nodes:\n  - {{id: a, type: duckdb_sql, params: {params}}}\n"
    )
    ready = api.load(path, settings_for(path), Choices(), datetime(2024, 1, 1, tzinfo=UTC))
    return tuple(one for one in ready.spec.tasks[0].key_parts if not one.field.startswith("environment."))


def test_keys_of_duckdbs_own_queries_are_what_they_were(tmp_path: Path) -> None:
    assert key_of(parts(tmp_path, OWN)) == "41404bc375a80e77b70e7d577282eac047ebe71aac33d82af5bafd11c97d45c7"
    assert parts(tmp_path, OWN) == parts(tmp_path, OWN.replace("{sql", "{dialect: duckdb, sql"))


def test_a_key_holds_dialect_tokens_and_translation(tmp_path: Path) -> None:
    found = parts(tmp_path, '{dialect: snowflake, sql: "SELECT IFF(amount > 1, id, 0) as x -- note\\n FROM orders"}')
    assert {one.field: one.value for one in found if one.field in ("params.dialect", "query.written", "sql")} == {
        "params.dialect": "snowflake",
        "query.written": "select IFF ( amount > 1 , id , 0 ) as x from orders",
        "sql": "select case when amount > 1 then id else 0 end as x from orders",
    }
    assert not any(one.field == "params.sql" for one in found)
