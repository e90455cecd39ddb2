"""Runs every benchmark and writes benchmarks/results/latest.md."""

from __future__ import annotations

from pathlib import Path

import async_tasks
import check
import flights_sql
import isolation
import items
import lsp
import many_runs
import memory
import noop_rerun
import noop_tasks
import optimising
import startup
import syncing
import tpch_pipeline
import transfers
from measure import machine

RESULT = Path(__file__).parent / "results" / "latest.md"


def main() -> None:
    parts = [f"# Benchmarks\n\n{machine()}. Medians of interleaved rounds; every ratio is of one run.\n"]
    print(parts[0])
    for benchmark in (
        startup,
        noop_tasks,
        noop_rerun,
        items,
        many_runs,
        memory,
        async_tasks,
        isolation,
        check,
        optimising,
        flights_sql,
        tpch_pipeline,
        syncing,
        transfers,
        lsp,
    ):
        parts.append(benchmark.main())
        print(parts[-1], flush=True)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text("\n".join(parts), encoding="utf-8")
    print(f"written to {RESULT}")


if __name__ == "__main__":
    main()
