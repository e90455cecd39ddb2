"""What lies elsewhere is looked at where that is asked for: its columns are checked, remembered, and else told to be unknown."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.objects import ObjectServer
from tests.website import ALLOWED, Website, website

COUNT = "select count(*) as n from orders"


@pytest.fixture
def site(space: Any) -> Iterator[Website]:
    space.write("trc.toml", ALLOWED)
    with website() as found:
        yield found


def write(space: Any, source: str, query: str = "select idd from orders") -> None:
    space.write(
        "p.trc",
        f"""
pipeline "p" {{ }}
source orders = {source}
task t = sql $$ {query} $$ {{ output = csv("out/t.csv") }}
""",
    )


def said(space: Any, *arguments: str, code: int) -> str:
    done = space.trc("check", "p.trc", *arguments, code=code)
    return str(done.err)


def parquet(folder: Path, query: str) -> bytes:
    import duckdb

    path = folder / "made.parquet"
    duckdb.connect().execute(f"copy ({query}) to '{path}' (format parquet, row_group_size 2048)")
    return path.read_bytes()


def columns(space: Any, *arguments: str) -> list[tuple[str, str]]:
    found = space.trc("schema", "p.trc", "orders", *arguments, "--json").json["datasets"][0]
    return [(one["name"], one["type"]) for one in found["columns"] or ()]


def test_columns_of_objects_are_checked(space: Any, objects: ObjectServer) -> None:
    objects.put("raw/a.csv", "id,day\n1,2026-01-01\n")
    write(space, 'csv("s3://lake/raw/*.csv")')
    assert "note[TRC410]" in said(space, code=0)
    assert [method for method, _ in objects.asked] == ["PUT"]
    told = said(space, "--online", code=2)
    assert "error[TRC402]" in told
    assert '"id"' in told
    # Nothing is read again while it is the same, and it is where it is another.
    objects.asked.clear()
    said(space, "--online", code=2)
    assert objects.gets() == []
    objects.put("raw/a.csv", "idd,day\n1,2026-01-01\n")
    said(space, "--online", code=0)
    assert columns(space, "--online") == [("idd", "BIGINT"), ("day", "DATE")]
    # Offline, nobody guesses.
    assert columns(space) == []


def test_of_parquet_on_s3_only_the_footer_is_read(space: Any, objects: ObjectServer) -> None:
    query = "select i as id, hash(i) as h, {'a': i::decimal(9,2)} as s from range(400000) t(i)"
    content = parquet(space.root, query)
    assert len(content) > 3 << 20
    objects.put("raw/day=2026-01-01/a.parquet", content)
    write(space, 'parquet("s3://lake/raw/day=*/*.parquet")', COUNT)
    objects.cut.clear()
    assert columns(space, "--online") == [
        ("id", "BIGINT"),
        ("h", "UBIGINT"),
        ("s", "STRUCT(a DECIMAL(9,2))"),
        ("day", "DATE"),
    ]
    assert len(objects.gets()) <= 2


def test_large_footer_and_small_file(space: Any, objects: ObjectServer) -> None:
    wide = ", ".join(f"{n} as a_rather_long_name_of_a_column_{n}" for n in range(900))
    content = parquet(space.root, f"select {wide}")
    assert int.from_bytes(content[-8:-4], "little") > 64 << 10
    objects.put("raw/a.parquet", content)
    write(space, 'parquet("s3://lake/raw/a.parquet")', COUNT)
    assert len(columns(space, "--online")) == 900
    objects.put("raw/a.parquet", parquet(space.root, "select 1 as id"))
    assert columns(space, "--online") == [("id", "INTEGER")]


def test_columns_of_the_web_are_checked(space: Any, site: Website) -> None:
    url = site.put("/orders.csv.gz", gzip.compress(b"id,day\n1,2026-01-01\n"))
    write(space, f'csv("{url}")')
    assert "note[TRC410]" in said(space, code=0)
    assert site.asked == []
    assert "error[TRC402]" in said(space, "--online", code=2)
    assert len(site.gets()) == 1
    said(space, "--online", code=2)
    assert len(site.gets()) == 1
    write(space, f'csv("{url}")', "select id + 1 as next from orders")
    said(space, "--online", code=0)


def test_what_cannot_be_reached_is_unknown_and_told_so(
    space: Any, site: Website, objects: ObjectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(space, f'csv("{site.url}/none.csv")')
    assert "there is nothing" in said(space, "--online", code=0)
    site.statuses += [503] * 9
    assert "answers 503" in said(space, "--online", code=0)
    write(space, 'csv("s3://nowhere/a.csv")')
    assert "note[TRC410]" in said(space, "--online", code=0)
    write(space, 'csv("s3://lake/a.csv")')
    objects.put("a.csv", "id\n1\n")
    objects.fault = lambda _method, path: (403, "AccessDenied") if path.endswith("a.csv") else None
    assert "cannot be looked at" in said(space, "--online", code=0)
    objects.fault = None
    objects.put("a.parquet", "this is no Parquet file")
    write(space, 'parquet("s3://lake/a.parquet")')
    assert "note[TRC410]" in said(space, "--online", code=0)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    assert "cannot be looked at" in said(space, "--online", code=0)


def test_large_source_is_not_fetched_to_be_looked_at(space: Any, site: Website) -> None:
    site.put("/large.csv", b"id\n" + b"1\n" * (33 << 20))
    write(space, f'csv("{site.url}/large.csv")')
    assert "declare its columns" in said(space, "--online", code=0)
    assert site.gets() == []


def test_redirect_to_an_address_that_is_not_called(space: Any, site: Website) -> None:
    site.redirects["/a.csv"] = "http://169.254.169.254/a.csv"
    write(space, f'csv("{site.url}/a.csv")')
    assert "169.254.169.254" in said(space, "--online", code=0)
