"""Writes projects of many small tasks, and the same work for the peers."""

from __future__ import annotations

from pathlib import Path

NOOP = '''\
"""The smallest task that leaves something behind."""


def noop(context):
    """Writes its output."""
    with open(context.output.path, "wb") as file:
        file.write(b"done\\n")
'''

# The same calls through an executor: `python pool.py wide|chain COUNT`.
POOL = """\
import os
import sys
from concurrent.futures import ProcessPoolExecutor


def noop(path):
    with open(path, "wb") as file:
        file.write(b"done\\n")


if __name__ == "__main__":
    shape, count = sys.argv[1], int(sys.argv[2])
    os.makedirs("pool", exist_ok=True)
    paths = [f"pool/t{number}.txt" for number in range(count)]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        if shape == "wide":
            for future in [pool.submit(noop, path) for path in paths]:
                future.result()
        else:
            for path in paths:
                pool.submit(noop, path).result()
"""

# A chain whose every link is recorded: the call and two synced commits, `python durable.py COUNT`.
DURABLE = """\
import os
import sqlite3
import sys
from concurrent.futures import ProcessPoolExecutor

from pool import noop

if __name__ == "__main__":
    os.makedirs("pool", exist_ok=True)
    store = sqlite3.connect("durable.db", isolation_level=None)
    store.execute("pragma journal_mode = wal")
    store.execute("pragma synchronous = full")
    store.execute("create table if not exists moves (task text, state text)")
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for number in range(int(sys.argv[1])):
            store.execute("insert into moves values (?, 'claimed')", (f"t{number}",))
            pool.submit(noop, f"pool/t{number}.txt").result()
            store.execute("insert into moves values (?, 'success')", (f"t{number}",))
"""


def write_project(folder: Path, shape: str, count: int) -> Path:
    """A project of `count` no-op tasks, side by side (`wide`) or each reading the one before (`chain`)."""
    folder.mkdir(parents=True)
    (folder / "noop.py").write_text(NOOP)
    (folder / "pool.py").write_text(POOL)
    (folder / "durable.py").write_text(DURABLE)
    (folder / "seed.txt").write_text("seed\n")
    nodes = "".join(node(number, shape) for number in range(count))
    (folder / "many.yaml").write_text(f"name: many\nnodes:\n{nodes}")
    return folder


def node(number: int, shape: str) -> str:
    source = f"t{number - 1}" if shape == "chain" and number else "./seed.txt"
    return f"""\
  - id: t{number}
    type: python
    params:
      entrypoint: noop.py:noop
      inputs: {{before: {source}}}
      output_uri: out/t{number}.txt
"""


def write_ninja(folder: Path, count: int) -> None:
    """The wide graph for ninja, which runs the same number of commands."""
    rules = "rule noop\n  command = cp $in $out\n"
    edges = "".join(f"build built/t{number}.txt: noop seed.txt | noop.py\n" for number in range(count))
    (folder / "build.ninja").write_text(rules + edges)
