"""What optimising adds to checking a pipeline: the first time, after a change of one query, and unchanged."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from measure import TRC, Cost, Row, cost, interleaved, table
from shops import one_pipeline
from tpch_pipeline import HERE as TPCH
from tpch_pipeline import SCALE, tables

ROUNDS = 3
SHOPS = (10, 100)
"""How many times ten tasks; ten staging and other tasks make a report, which alone is written where others see it."""
COMMANDS = {
    "check": [*TRC, "check", "p.trc"],
    "plan": [*TRC, "plan", "p.trc"],
    "optimise": [*TRC, "plan", "p.trc", "--optimise"],
}
HOUR = 3600


def main() -> str:
    with tempfile.TemporaryDirectory() as name:
        projects = write_projects(Path(name))
        contenders: dict[str, Callable[[], Cost]] = {}
        for project, folder in projects.items():
            contenders[f"{project} check"] = partial(first, folder, "check")
            for which in ("plan", "optimise"):
                contenders[f"{project} {which}"] = partial(first, folder, which)
                contenders[f"{project} {which} edited"] = partial(edited, folder, which, project)
                contenders[f"{project} {which} unchanged"] = partial(unchanged, folder, which)
        costs = interleaved(ROUNDS, contenders)
    rows: list[Row] = []
    for project in projects:
        check = costs[f"{project} check"].cpu
        for when, told in (("", "for the first time"), (" edited", "one query changed"), (" unchanged", "unchanged")):
            plan, optimised = costs[f"{project} plan{when}"].cpu, costs[f"{project} optimise{when}"].cpu
            # Unchanged, both are answered from what was kept: the noise of starting is all that there is.
            more = max(optimised - plan, 0.0)
            rows.append(Row(f"{project}, {told}: CPU", more, check, "s", 0.5))
        plan, optimised = costs[f"{project} plan"].cpu, costs[f"{project} optimise"].cpu
        rows.append(
            Row(f"{project}, for the first time: CPU of `plan --optimise` against `plan`", optimised, plan, "s")
        )
    return table("What `--optimise` adds to `trc plan`, against `trc check` for the first time", rows)


def write_projects(base: Path) -> dict[str, Path]:
    """Projects of a single pipeline, by the number of its tasks."""
    found = {"11 tasks": base / "tpch"}
    found["11 tasks"].mkdir()
    (found["11 tasks"] / "data").symlink_to(tables(SCALE))
    shutil.copy(TPCH / "staged.trc", found["11 tasks"] / "p.trc")
    for shops in SHOPS:
        folder = found[f"{10 * shops:,} tasks"] = base / str(shops)
        folder.mkdir()
        (folder / "p.trc").write_text(one_pipeline(shops), encoding="utf-8")
    for folder in found.values():
        (folder / "trc.toml").touch()
        age(folder)
    return found


def age(folder: Path) -> None:
    """A file that was written this moment may be written again without its times telling, and nothing is kept of it."""
    for file in (folder / "p.trc", folder / "trc.toml"):
        os.utime(file, times=(time.time() - HOUR, time.time() - HOUR))


def first(folder: Path, which: str) -> Cost:
    shutil.rmtree(folder / ".trc", ignore_errors=True)
    return cost(COMMANDS[which], folder)


def unchanged(folder: Path, which: str) -> Cost:
    cost(COMMANDS[which], folder)
    return cost(COMMANDS[which], folder)


def edited(folder: Path, which: str, project: str) -> Cost:
    """Looks again after a change of one query, and puts it back."""
    cost(COMMANDS[which], folder)
    file = folder / "p.trc"
    text = file.read_text(encoding="utf-8")
    was, now = ("l_days_late > 0", "l_days_late > 1") if project == "11 tasks" else ("o.net > 3 or", "o.net > 3.5 or")
    changed = text.replace(was, now, 1)
    assert changed != text
    file.write_text(changed, encoding="utf-8")
    taken = cost(COMMANDS[which], folder)
    file.write_text(text, encoding="utf-8")
    age(folder)
    return taken


if __name__ == "__main__":
    print(main())
