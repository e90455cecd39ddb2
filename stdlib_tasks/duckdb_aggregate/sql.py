"""The query of an aggregation: what it groups by is what it is ordered by, so that its rows have one order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

SOURCE = "source"


def query_of(
    source: str,
    dimensions: Mapping[str, str],
    measures: Mapping[str, str],
    filters: Sequence[str],
    having: Sequence[str],
    *,
    is_location: bool,
) -> str:
    """One query.

    >>> print(query_of("orders", {"customer": column("customer")}, {"n": "count(*)"}, ["amount > 0"], [], is_location=False))
    SELECT
      source."customer" AS "customer",
      count(*) AS "n"
    FROM "orders" AS source
    WHERE (amount > 0)
    GROUP BY 1
    ORDER BY 1
    """
    shown = [f"  {text} AS {identifier(name)}" for name, text in (*dimensions.items(), *measures.items())]
    lines = ["SELECT", ",\n".join(shown), f"FROM {_table(source, is_location=is_location)} AS {SOURCE}"]
    if filters:
        lines.append("WHERE " + " AND ".join(f"({one})" for one in filters))
    if dimensions:
        lines.append(f"GROUP BY {_places(dimensions)}")
    if having:
        lines.append("HAVING " + " AND ".join(f"({one})" for one in having))
    if dimensions:
        lines.append(f"ORDER BY {_places(dimensions)}")
    return "\n".join(lines)


def column(name: str) -> str:
    """A column of what is aggregated, and never one of the result."""
    return f"{SOURCE}.{identifier(name)}"


def _places(dimensions: Mapping[str, str]) -> str:
    """The first columns, by their numbers: a name there could be that of a column or of its alias."""
    return ", ".join(str(number) for number in range(1, len(dimensions) + 1))


def identifier(name: str) -> str:
    """The name as SQL takes any name."""
    return '"' + name.replace('"', '""') + '"'


def _table(source: str, *, is_location: bool) -> str:
    if is_location:
        return "'" + source.replace("'", "''") + "'"
    return ".".join(identifier(part) for part in source.split(".", 1))
