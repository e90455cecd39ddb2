"""Where data lies: `csv("data/orders.csv")` and its kin."""

from __future__ import annotations

import re
from typing import Any

from trc.authoring.misuse import wrong_kind
from trc.authoring.places import Spot, here
from trc.authoring.values import Table, text

SUFFIXES = {
    ".parquet": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "json",
    ".ndjson": "json",
    ".jsonl": "json",
}
"""Which suffix tells which format: as the compiler has it."""


class Location:
    """A path, a URI or a glob with the format of what lies there; without a place, the engine chooses one."""

    def __init__(self, form: str, uri: str | None, spot: Spot) -> None:
        self.form = form
        self.uri = uri
        self.spot = spot

    @property
    def place(self) -> Spot:
        return self.spot.argument(0, "uri")

    def source(self) -> Table:
        return [(self.form, self.place, self.uri)]

    def output(self, uri: str = "output_uri", form: str = "output_format") -> Table:
        """The keys that say where a task writes; the format is left out where the suffix tells it."""
        table: Table = []
        if self.uri is not None:
            table.append((uri, self.place, self.uri))
        if self.uri is None or format_of(self.uri) != self.form:
            table.append((form, self.spot, self.form))
        return table


def parquet(uri: str | None = None) -> Location:
    """Parquet at a path, a URI or a glob; as an output without a place, only this pipeline reads it."""
    return _location("parquet", uri)


def csv(uri: str | None = None) -> Location:
    """CSV with a header at a path, a URI or a glob."""
    return _location("csv", uri)


def json(uri: str | None = None) -> Location:
    """JSON at a path, a URI or a glob."""
    return _location("json", uri)


def file(uri: str | None = None) -> Location:
    """Bytes without rows at a path, a URI or a glob."""
    return _location("file", uri)


def _location(form: str, uri: Any) -> Location:
    spot = here()
    return Location(form, None if uri is None else text(uri, "uri", spot.argument(0, "uri")), spot)


def located(value: Any, name: str, spot: Spot) -> Location:
    """A location; a text is one whose suffix tells the format."""
    if isinstance(value, Location):
        return value
    if isinstance(value, str):
        return _Plain(format_of(value), value, spot)
    raise wrong_kind(name, value, "a location", spot, 'write it like csv("out/rows.csv")')


class _Plain(Location):
    """A location that was written as a text alone."""

    @property
    def place(self) -> Spot:
        return self.spot


def format_of(uri: str) -> str:
    """The format that a suffix tells; `file` if it tells none."""
    name = uri.rsplit("/", 1)[-1].lower()
    for compressed in (".gz", ".zst"):
        name = name.removesuffix(compressed)
    return SUFFIXES.get("." + name.rsplit(".", 1)[-1], "file")


def is_location(target: str) -> bool:
    """Whether a text names files and no dataset: as the compiler has it."""
    name = target.lower()
    has_suffix = any(name.endswith((suffix, f"{suffix}.gz", f"{suffix}.zst")) for suffix in SUFFIXES)
    return "/" in target or has_suffix or any(mark in target for mark in "*?[")


def short_name(target: str) -> str:
    """What an input is called that has no other name: a dataset's own, or a file's without its suffix."""
    if not is_location(target) or any(mark in target for mark in "*?["):
        return target
    stem = target.rstrip("/").rsplit("/", 1)[-1].split(".", 1)[0]
    return stem if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", stem) else target
