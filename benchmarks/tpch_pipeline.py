"""What 11 tasks over TPC-H cost as people write them and optimised, against the same by hand in DuckDB.

The limits are for a pipeline that was compiled before, as all but the first run of it are: what compiling costs has
benchmarks of its own (`check`, `optimising`).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, Literal

from measure import PYTHON, TRC, Cost, Row, cost, peak, rounds_of, table

ROUNDS = 5
PEAKS = 3
SCALE = 1
HERE: Final = Path(__file__).parent / "tpch"
TABLES: Final = ("customer", "lineitem", "nation", "orders", "part", "supplier")
SINKS: Final = ("revenue.parquet", "returned.parquet", "late.parquet", "report.csv")
TASK: Final = re.compile(
    r"^task (?P<name>\w+) = sql \$\$\n(?P<sql>.*?)\$\$(?: \{\n  output = (?P<form>\w+)\()?", re.MULTILINE | re.DOTALL
)
GENERATE: Final = """\
import sys

import duckdb
import duckdb_extension_tpch

scale, folder, *tables = sys.argv[1:]
connection = duckdb.connect()
version, = connection.execute("select version()").fetchone()
extension = f"{duckdb_extension_tpch.__path__[0]}/extensions/{version}/tpch.duckdb_extension"
connection.execute(f"load '{extension}'")
connection.execute(f"call dbgen(sf = {scale})")
for table in tables:
    connection.execute(f"copy {table} to '{folder}/{table}.parquet' (format parquet)")
"""
"""In a process of its own: the tables are made in memory."""

Form = Literal["staged", "pushed_down", "views"]


def main() -> str:
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(Path(name), tables(SCALE))
        contenders = bench.contenders()
        seen = rounds_of(ROUNDS, contenders)
        held = {one: statistics.median(bench.peak(one) for _ in range(PEAKS)) for one in bench.memory}
    return "\n".join([unoptimised_table(seen, bench, held), optimised_table(seen, bench, held)])


def tables(scale: float) -> Path:
    """The folder of the tables as Parquet. It is made once on a machine, and stays."""
    folder = Path(tempfile.gettempdir()) / f"trc-benchmarks-{os.getuid()}" / f"tpch-{scale:g}"
    if not folder.exists():
        folder.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as made:
            subprocess.run([PYTHON, "-c", GENERATE, str(scale), made, *TABLES], check=True, stdout=subprocess.DEVNULL)
            shutil.copytree(made, folder)
    return folder


@dataclass
class Bench:
    """Runs each contender in a folder of its own; what they wrote last is compared and counted."""

    base: Path
    data: Path
    written: dict[str, int] = field(default_factory=dict[str, int])

    def contenders(self) -> dict[str, Callable[[], Cost]]:
        found: dict[str, Callable[[], Cost]] = {}
        for name, command in self.commands():
            found[name] = partial(self.run, name, command)
        return found

    def commands(self) -> Iterator[tuple[str, list[str]]]:
        yield "trc", [*TRC, "run", "staged.trc", "--no-optimise"]
        yield "trc again", [*TRC, "run", "staged.trc", "--no-optimise"]
        yield "trc one worker", [*TRC, "run", "staged.trc", "--no-optimise", "--workers", "1"]
        yield "hand", by_hand("staged")
        yield "hand with digests", [*by_hand("staged"), "digests"]
        yield "optimised", [*TRC, "run", "staged.trc", "--optimise"]
        yield "optimised again", [*TRC, "run", "staged.trc", "--optimise"]
        yield "pushed down", by_hand("pushed_down")
        yield "views", by_hand("views")

    @property
    def memory(self) -> tuple[str, ...]:
        """Whose memory is watched."""
        return ("trc", "trc one worker", "hand", "optimised", "pushed down", "views")

    def run(self, name: str, command: list[str]) -> Cost:
        folder = self.project(name)
        if name.endswith("again"):
            while not list(folder.glob(".trc/compiled/*")):
                cost([*TRC, "plan", *command[len(TRC) + 1 :]], folder)
        taken = cost(command, folder)
        self.check_equal(name, folder)
        self.written[name] = sum(one.stat().st_size for one in made(folder))
        shutil.rmtree(folder)
        return taken

    def peak(self, name: str) -> float:
        folder = self.project(name)
        highest = peak(dict(self.commands())[name], folder)
        shutil.rmtree(folder)
        return highest

    def project(self, name: str) -> Path:
        folder = self.base / name.replace(" ", "_")
        folder.mkdir()
        (folder / "trc.toml").touch()
        (folder / "data").symlink_to(self.data)
        shutil.copy(HERE / "staged.trc", folder)
        shutil.copy(HERE / "by_hand.py", folder)
        for form in ("staged", "pushed_down", "views"):
            (folder / f"{form}.json").write_text(json.dumps(list(queries(form))))
        return folder

    def check_equal(self, name: str, folder: Path) -> None:
        """All write the same sinks, or the comparison means nothing."""
        kept = self.base / "sinks"
        for sink in SINKS:
            (path,) = (one for one in made(folder) if one.name == sink)
            if not (kept / sink).exists():
                kept.mkdir(exist_ok=True)
                shutil.copy(path, kept)
            if differ(path, kept / sink):
                sys.exit(f"{name} wrote another {sink}")


def by_hand(form: Form) -> list[str]:
    return [PYTHON, "by_hand.py", f"{form}.json"]


def queries(form: Form) -> Iterator[tuple[str, str, str, bool]]:
    """Each task of a pipeline: its name, the format that it is written in, its query, and whether it is a view."""
    text = (HERE / f"{'pushed_down' if form == 'pushed_down' else 'staged'}.trc").read_text()
    for task in TASK.finditer(text):
        is_view = form == "views" and task["name"].startswith("stg_")
        yield task["name"], task["form"] or "parquet", task["sql"], is_view


def made(folder: Path) -> list[Path]:
    """The files that a contender wrote: data, and what else it keeps."""
    given = {folder / "trc.toml", *folder.glob("*.*")}
    return [one for one in folder.rglob("*") if one.is_file() and one not in given and one.parent.name != "data"]


def differ(one: Path, other: Path) -> bool:
    """Whether two files have other columns, or other rows; the same rows in another order are another report."""
    import duckdb

    if one.suffix == ".csv":
        return one.read_bytes() != other.read_bytes()
    described = [duckdb.sql(f"describe from '{path}'").fetchall() for path in (one, other)]
    rows = [duckdb.sql(f"from '{path}'").fetchall() for path in (one, other)]
    return described[0] != described[1] or rows[0] != rows[1]


Seen = dict[str, list[Cost]]


def against(
    seen: Seen, what: str, ours: str, peer: str, measure: Literal["cpu", "wall"], *, limit: float | None = None
) -> Row:
    """Medians, and the median of the ratios of the pairs, one a round."""
    mine, theirs = ([one.of(measure) for one in seen[name]] for name in (ours, peer))
    ratio = statistics.median(a / b for a, b in zip(mine, theirs, strict=True))
    return Row(what, statistics.median(mine), statistics.median(theirs), "s", limit, ratio)


def unoptimised_table(seen: Seen, bench: Bench, held: dict[str, float]) -> str:
    megabytes = {name: size / 1e6 for name, size in bench.written.items()}
    return table(
        "TPC-H, 11 tasks as they are written, against the same SQL by hand in one connection",
        [
            against(seen, "wall, digests on both sides", "trc again", "hand with digests", "wall", limit=1.03),
            against(seen, "wall, digests on ours", "trc again", "hand", "wall", limit=1.10),
            against(seen, "CPU, digests on both sides", "trc again", "hand with digests", "cpu", limit=1.03),
            against(seen, "CPU, digests on ours", "trc again", "hand", "cpu", limit=1.10),
            against(seen, "for the first time, compiled in it: wall, digests on ours", "trc", "hand", "wall"),
            against(seen, "for the first time: CPU, digests on ours", "trc", "hand", "cpu"),
            against(seen, "one worker, wall, digests on both sides", "trc one worker", "hand with digests", "wall"),
            against(seen, "one worker, CPU, digests on both sides", "trc one worker", "hand with digests", "cpu"),
            Row("memory at its highest", held["trc"], held["hand"], "MiB"),
            Row("the same, one worker", held["trc one worker"], held["hand"], "MiB"),
            Row("written", megabytes["trc"], megabytes["hand"], "MB"),
        ],
    )


def optimised_table(seen: Seen, bench: Bench, held: dict[str, float]) -> str:
    megabytes = {name: size / 1e6 for name, size in bench.written.items()}
    peer = "pushed down"
    return table(
        "TPC-H, the same 11 tasks with `--optimise`, against projection and filters pushed down by hand",
        [
            against(seen, "wall, compiled before", "optimised again", peer, "wall", limit=1.1),
            against(seen, "CPU, compiled before", "optimised again", peer, "cpu", limit=1.1),
            against(seen, "wall, for the first time, compiled and proved in it", "optimised", peer, "wall"),
            against(seen, "CPU, for the first time", "optimised", peer, "cpu"),
            Row("memory at its highest", held["optimised"], held[peer], "MiB", 1.1),
            Row("written", megabytes["optimised"], megabytes[peer], "MB", 1.1),
            against(seen, "wall, against the staged tables as views by hand", "optimised", "views", "wall"),
            against(seen, "CPU, against the staged tables as views by hand", "optimised", "views", "cpu"),
            against(seen, "wall, against ours as it is written", "optimised", "trc", "wall"),
            against(seen, "CPU, against ours as it is written", "optimised", "trc", "cpu"),
        ],
    )


if __name__ == "__main__":
    print(main())
