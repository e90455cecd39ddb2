"""What passes take to come back from Parquet as it was comes back so, to the last bit."""

from __future__ import annotations

from pathlib import Path

import pytest

from trc.compiler.passes.proofs import survives

VALUES = {
    "BOOLEAN": ["true", "false"],
    "TINYINT": ["-128", "127"],
    "SMALLINT": ["-32768", "32767"],
    "INTEGER": ["-2147483648", "2147483647"],
    "BIGINT": ["-9223372036854775808", "9223372036854775807"],
    "UTINYINT": ["0", "255"],
    "USMALLINT": ["65535"],
    "UINTEGER": ["4294967295"],
    "UBIGINT": ["18446744073709551615"],
    "FLOAT": ["-0.0", "'nan'", "'inf'", "'-inf'", "1e-45", "3.4e38"],
    "DOUBLE": ["-0.0", "'nan'", "'inf'", "5e-324", "1.7976931348623157e308"],
    "DECIMAL(4,1)": ["-999.9", "999.9"],
    "DECIMAL(18,3)": ["-999999999999999.999"],
    "DECIMAL(38,10)": ["'9999999999999999999999999999.9999999999'"],
    "VARCHAR": ["''", "chr(0)", "'ä€😀'", "'null'"],
    "BLOB": ["''::BLOB", "'\\x00\\xFF'::BLOB"],
    "DATE": ["'infinity'", "'-infinity'", "'0044-03-15 (BC)'", "'5881580-07-10'"],
    "TIME": ["'00:00:00'", "'23:59:59.999999'", "'24:00:00'"],
    "TIMESTAMP": ["'infinity'", "'-infinity'", "'0044-03-15 (BC) 12:00:00.000001'", "'290000-01-01'"],
    "TIMESTAMP WITH TIME ZONE": ["'infinity'", "'2024-03-31 02:30:00.123456+01'"],
    "UUID": ["'00000000-0000-0000-0000-000000000000'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'"],
}
LISTS = {
    f"{kind}[]": [f"[{', '.join(f'CAST({one} AS {kind})' for one in values)}, NULL]", "[]"]
    for kind, values in VALUES.items()
}
NESTED = {"INTEGER[][]": ["[[1, NULL], [], NULL]"]}


@pytest.mark.parametrize(("kind", "values"), [*VALUES.items(), *LISTS.items(), *NESTED.items()])
def test_a_value_comes_back_as_it_was(tmp_path: Path, kind: str, values: list[str]) -> None:
    import duckdb

    assert survives(kind)
    path = str(tmp_path / "stored.parquet")
    with duckdb.connect() as connection:
        rows = " UNION ALL ".join(
            f"SELECT {n} AS n, CAST({one} AS {kind}) AS v" for n, one in enumerate([*values, "NULL"])
        )
        connection.execute(f"CREATE TABLE given AS {rows}")
        connection.execute(f"COPY given TO '{path}' (FORMAT parquet)")
        seen = "SELECT n, typeof(v), v::VARCHAR, hash(v), v IS NULL FROM {} ORDER BY n"
        assert connection.sql(seen.format(f"'{path}'")).fetchall() == connection.sql(seen.format("given")).fetchall()


@pytest.mark.parametrize(
    "kind",
    [
        "HUGEINT",
        "UHUGEINT",
        "INTERVAL",
        "ENUM('a')",
        "TIMESTAMP_NS",
        "TIMESTAMP_S",
        "BIT",
        "JSON",
        "INTEGER[3]",
        "HUGEINT[]",
    ],
)
def test_what_may_not_is_not_taken_to(kind: str) -> None:
    assert not survives(kind)
