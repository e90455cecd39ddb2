"""The named SQL statements that lie in `queries/*.sql`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

FOLDER = Path(__file__).parent / "queries"


def load(name: str, folder: Path = FOLDER) -> Mapping[str, str]:
    """The statements of `queries/<name>.sql` by the names in their `-- name` headings."""
    text = (folder / f"{name}.sql").read_text(encoding="utf-8")
    return dict(_statement(block) for block in f"\n{text}".split("\n-- ")[1:])


def _statement(block: str) -> tuple[str, str]:
    name, _, sql = block.partition("\n")
    return name.strip(), sql.strip()
