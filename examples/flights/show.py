"""Prints the first rows of the report, and where everything lies."""

from __future__ import annotations

import csv
import os
from pathlib import Path

OUT = Path(__file__).resolve().parent / "out"
ROWS = 8


def main() -> None:
    with (OUT / "report.csv").open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    print("\nWho left New York late in 2013 (percent of flights; late is more than 15 minutes, or cancelled)\n")
    print_table(header, rows[:ROWS])
    print(f"... and {len(rows) - ROWS} more airlines\n")
    for name, what in {
        "report.csv": "this table, whole",
        "route_scores.csv": "every route, ranked",
        "chart.svg": "delays by hour, weather, wind and age of the plane; open it in a browser",
    }.items():
        print(f"{shown(OUT / name):40} {what}")


def print_table(header: list[str], rows: list[list[str]]) -> None:
    widths = [max(len(cell) for cell in column) for column in zip(header, *rows)]
    for line in [header, *rows]:
        first, *numbers, last = (cell for cell in line)
        cells = [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(numbers, widths[1:])), last]
        print("  ".join(cells))


def shown(path: Path) -> str:
    """The path as one would type it here."""
    return os.path.relpath(path)


if __name__ == "__main__":
    main()
