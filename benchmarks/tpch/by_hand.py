"""All queries of a pipeline in one connection, each written to a file that the later ones read: `python by_hand.py staged.json [digests]`."""

import hashlib
import json
import pathlib
import sys

import duckdb  # noqa: TID253 - all that this script is for

_, queries, *wanted = sys.argv
folder = pathlib.Path(queries).with_suffix("")
folder.mkdir(exist_ok=True)
connection = duckdb.connect()
connection.execute("set TimeZone = 'UTC'")
for table in ("customer", "lineitem", "nation", "orders", "part", "supplier"):
    connection.execute(f"create view {table} as from 'data/{table}.parquet'")
for name, suffix, sql, is_view in json.loads(pathlib.Path(queries).read_text()):
    if is_view:
        connection.execute(f"create view {name} as {sql}")
        continue
    path = folder / f"{name}.{suffix}"
    connection.execute(f"copy ({sql}) to '{path}' (format {suffix})")
    connection.execute(f"create view {name} as from '{path}'")
    if wanted:
        with path.open("rb") as file:
            (folder / f"{name}.sha256").write_text(hashlib.file_digest(file, "sha256").hexdigest())
