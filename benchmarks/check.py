"""What checking 1,000 queries of 20 columns costs, against parsing and binding them, and against SQLBuild."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from measure import PYTHON, TRC, Cost, Row, cost, interleaved, peak, table
from shops import Language, write_parse_and_bind, write_project, write_sqlbuild

ROUNDS, GROWTH_ROUNDS = 5, 3
FILES = 100
MANY = (500, 1000)
LANGUAGES: tuple[Language, ...] = ("trc", "yaml")
CHECK = [*TRC, "check", "."]
SQLBUILD = "sqlbuild==0.183"
HERE = Path(__file__).parent
HOUR = 3600


def main() -> str:
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(Path(name), sqlbuild())
        costs = interleaved(ROUNDS, bench.contenders())
        grown = interleaved(GROWTH_ROUNDS, bench.growth())
        memory = {files: peak(CHECK, bench.project("trc", files)) for files in (FILES, MANY[0])}
    return "\n".join([cold_table(costs), again_table(costs), growth_table(costs, grown, memory)])


@dataclass
class Bench:
    """Makes projects and measures commands in them; `sqlbuild` is that peer's command, if there is one."""

    base: Path
    sqlbuild: str | None
    made: int = 0

    def contenders(self) -> dict[str, Callable[[], Cost]]:
        peer = write_parse_and_bind(self.base / "peer", FILES)
        contenders: dict[str, Callable[[], Cost]] = {"peer": partial(cost, [PYTHON, "parse_and_bind.py"], peer)}
        if self.sqlbuild is not None:
            models = write_sqlbuild(self.base / "sqlbuild", FILES)
            contenders["sqlbuild"] = partial(self.cold_sqlbuild, models)
            contenders["sqlbuild unchanged"] = partial(cost, self.compile_command, models)
        for language in LANGUAGES:
            kept = self.checked(language)
            contenders[language] = partial(self.cold, language, FILES)
            contenders[f"{language} unchanged"] = partial(cost, CHECK, kept)
            contenders[f"{language} edited"] = partial(self.edited, kept / f"p0042.{language}")
        return contenders

    def growth(self) -> dict[str, Callable[[], Cost]]:
        return {f"trc{files}": partial(self.cold, "trc", files) for files in MANY}

    def project(self, language: Language, files: int) -> Path:
        """A new project: nothing was ever checked in it."""
        self.made += 1
        return write_project(self.base / str(self.made), language, files)

    def cold(self, language: Language, files: int) -> Cost:
        folder = self.project(language, files)
        taken = cost(CHECK, folder)
        shutil.rmtree(folder)
        return taken

    def checked(self, language: Language) -> Path:
        """A project that was checked, and whose files were written long before."""
        folder = self.project(language, FILES)
        for file in folder.glob(f"*.{language}"):
            os.utime(file, times=(time.time() - HOUR, time.time() - HOUR))
        for _ in range(2):
            cost(CHECK, folder)
        return folder

    def edited(self, file: Path) -> Cost:
        """Checks after a change of one query; what the change cost stays out of the next measurement."""
        text = file.read_text(encoding="utf-8")
        self.made += 1
        file.write_text(text.replace("number > 5)", f"number > 5 + {self.made})"), encoding="utf-8")
        taken = cost(CHECK, file.parent)
        file.write_text(text, encoding="utf-8")
        os.utime(file, times=(time.time() - HOUR, time.time() - HOUR))
        cost(CHECK, file.parent)
        return taken

    @property
    def compile_command(self) -> list[str]:
        assert self.sqlbuild is not None
        return [self.sqlbuild, "compile"]

    def cold_sqlbuild(self, models: Path) -> Cost:
        shutil.rmtree(models / "target", ignore_errors=True)
        return cost(self.compile_command, models)


def sqlbuild() -> str | None:
    """The command of SQLBuild in an environment of its own; None where that cannot be had, which is said."""
    folder = HERE / "results" / "sqlbuild"
    command = folder / "bin" / "sqb"
    if command.exists():
        return str(command)
    python = next(filter(is_new_enough, pythons()), None)
    if python is None:
        print("without SQLBuild, which needs Python >= 3.12: none was found\n")
        return None
    uv = [PYTHON, "-m", "uv"]
    steps = (
        [*uv, "venv", "--quiet", "--clear", "--python", python, str(folder)],
        [*uv, "pip", "install", "--quiet", "--python", str(folder), SQLBUILD],
    )
    for step in steps:
        done = subprocess.run(step, check=False, capture_output=True, text=True)
        if done.returncode:
            print(f"without {SQLBUILD}, which cannot be installed here:\n{done.stderr}")
            return None
    return str(command)


def pythons() -> Iterator[str]:
    """Interpreters that may be new enough: this one, those on the PATH, those of pyenv."""
    yield PYTHON
    yield from filter(None, map(shutil.which, ("python3.14", "python3.13", "python3.12", "python3")))
    yield from map(str, sorted(Path.home().glob(".pyenv/versions/3.*/bin/python")))


def is_new_enough(python: str) -> bool:
    check = "import sys; sys.exit(sys.version_info < (3, 12))"
    return subprocess.run([python, "-c", check], check=False, capture_output=True).returncode == 0


def cold_table(costs: Mapping[str, Cost]) -> str:
    rows: list[Row] = []
    for language in LANGUAGES:
        ours, peer = costs[language], costs["peer"]
        rows.append(Row(f".{language}, CPU against parse and bind", ours.cpu, peer.cpu, "s", 1.15))
        if "sqlbuild" in costs:
            peer = costs["sqlbuild"]
            rows.append(Row(f".{language}, CPU against SQLBuild", ours.cpu, peer.cpu, "s", 1.0))
            rows.append(Row(f".{language}, wall against SQLBuild", ours.wall, peer.wall, "s", 1.0))
    return table(f"`trc check` of {10 * FILES:,} queries of 20 columns in {FILES} files, for the first time", rows)


def again_table(costs: Mapping[str, Cost]) -> str:
    rows: list[Row] = []
    for language in LANGUAGES:
        unchanged, edited = costs[f"{language} unchanged"], costs[f"{language} edited"]
        rows.append(Row(f".{language}, nothing changed, CPU", unchanged.cpu, 0.15, "s", 1.0))
        if "sqlbuild unchanged" in costs:
            peer = costs["sqlbuild unchanged"]
            rows.append(Row(f".{language}, nothing changed, CPU against SQLBuild", unchanged.cpu, peer.cpu, "s"))
        rows.append(Row(f".{language}, one file edited, CPU", edited.cpu, 0.5, "s", 1.0))
    return table("`trc check` of the same again; the peer of a row without a name is its limit", rows)


def growth_table(costs: Mapping[str, Cost], grown: Mapping[str, Cost], memory: Mapping[int, float]) -> str:
    low, high = MANY
    first = grown[f"trc{low}"].cpu - costs["trc"].cpu
    then = grown[f"trc{high}"].cpu - grown[f"trc{low}"].cpu
    late, early = 1e6 * then / (10 * (high - low)), 1e6 * first / (10 * (low - FILES))
    return table(
        f"Growth: `trc check` from {10 * FILES:,} queries to {10 * high:,}, ten a file",
        [
            Row("CPU a query from 5,000 to 10,000, against 1,000 to 5,000", late, early, "µs", 1.2),
            Row("memory at its highest, 5,000 queries, against 300 MiB", memory[low], 300, "MiB", 1.0),
            Row("the same, 1,000 queries", memory[FILES], 300, "MiB"),
        ],
    )


if __name__ == "__main__":
    print(main())
