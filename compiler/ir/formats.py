"""The formats of data, and which one a location tells."""

from __future__ import annotations

from typing import Literal

Format = Literal["parquet", "csv", "json", "file"]

SUFFIXES: dict[str, Format] = {
    ".parquet": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "json",
    ".ndjson": "json",
    ".jsonl": "json",
}


def format_of(uri: str) -> Format:
    """The format that a URI's suffix tells; `file` (bytes, no rows) if it tells none."""
    name = uri.rsplit("/", 1)[-1].lower()
    for compressed in (".gz", ".zst"):
        name = name.removesuffix(compressed)
    return SUFFIXES.get("." + name.rsplit(".", 1)[-1], "file")
