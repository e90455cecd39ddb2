"""Writes docs/errors/README.md, the index of the diagnostic codes, or checks with --check that it is up to date."""
# ruff: noqa: INP001

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from trc.compiler.diagnostics.codes import CODES

INDEX = Path(__file__).resolve().parent.parent / "docs" / "errors" / "README.md"
GROUPS = {
    "1": "Reading a file",
    "2": "Names, types and values",
    "3": "The graph",
    "4": "SQL and schemas",
    "5": "The target",
    "6": "The run",
}
HEAD = """# Diagnostic codes

Each thing that trc tells of a pipeline has a code, and each code a page: what it means, an example, the fix.
`trc explain TRC204` prints one. [Diagnostics](../diagnostics.md) says in which forms they are told, and how a file allows
warnings and notes.
"""


def index() -> str:
    """The index as the catalogue has it."""
    return "\n".join([HEAD, *lines()])


def lines() -> Iterator[str]:
    rows = sorted(CODES, key=lambda row: row.code)
    for digit in sorted({row.code[3] for row in rows}):
        yield f"## {GROUPS.get(digit, f'TRC{digit}xx')}\n"
        yield "| code | is | about |"
        yield "| --- | --- | --- |"
        for row in rows:
            if row.code[3] == digit:
                yield f"| [{row.code}]({row.code}.md) | {' or '.join(row.severities)} | {row.title} |"
        yield ""


def main() -> int:
    wanted = index()
    if "--check" not in sys.argv:
        INDEX.write_text(wanted, encoding="utf-8")
        return 0
    if INDEX.is_file() and INDEX.read_text(encoding="utf-8") == wanted:
        return 0
    sys.stderr.write("docs/errors/README.md is not what the catalogue says: `make errors` writes it\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
