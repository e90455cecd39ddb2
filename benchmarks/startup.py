"""How soon `trc --version` answers, against an interpreter that imports click."""

from __future__ import annotations

from pathlib import Path

from measure import PYTHON, TRC, Row, cost, interleaved, table

ROUNDS = 15


def main() -> str:
    here = Path(__file__).parent
    costs = interleaved(
        ROUNDS,
        {
            "trc": lambda: cost([*TRC, "--version"], here),
            "click": lambda: cost([PYTHON, "-c", "import click"], here),
        },
    )
    trc, click = costs["trc"], costs["click"]
    return table(
        "Starting: `trc --version` against `python -c 'import click'`",
        [
            Row("wall", trc.wall * 1000, click.wall * 1000, "ms", 2.0),
            Row("CPU", trc.cpu * 1000, click.cpu * 1000, "ms", 2.0),
        ],
    )


if __name__ == "__main__":
    print(main())
