"""What a check remembers is believed only while it is certain: rare ways in which it could be wrong."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from trc.checking import CheckReport, check
from trc.compiler.choices import NO_CHOICES, Choices
from trc.runtime import checked
from trc.runtime.schemas import FileSchemas

PIPELINE = """\
name: p
params: {top: {type: integer, default: 3}}
sources: {rows: {csv: "data/*.csv"}}
nodes:
  - {id: a, type: duckdb_sql, params: {sql: "select n from rows"}}
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    # What was just written counts as written before.
    monkeypatch.setattr(checked, "_SETTLED_NS", -10_000_000_000)
    shop = tmp_path / "shop"
    (shop / "data").mkdir(parents=True)
    (shop / "trc.toml").write_text("")
    (shop / "p.yaml").write_text(PIPELINE)
    (shop / "data/a.csv").write_text("n\n1\n")
    monkeypatch.chdir(shop)
    return shop


def agreed(path: str = "p.yaml", choices: Choices = NO_CHOICES) -> CheckReport:
    """What is remembered of a file, after it is known that a fresh look finds the same."""
    fresh = check([Path(path)], choices, remembers=False)
    assert check([Path(path)], choices) == fresh
    assert check([Path(path)], choices) == fresh
    return fresh


def codes(report: CheckReport) -> list[str]:
    return [one.code for one in report.diagnostics]


def entries(root: Path) -> list[Path]:
    folder = root / ".trc" / checked.FOLDER
    return sorted(path for path in folder.iterdir() if path.name != ".gitignore") if folder.is_dir() else []


def test_a_file_of_parameters_is_called_by_the_name_that_is_given(root: Path) -> None:
    (root / "values.yaml").write_text("top: many\n")
    for name in ("values.yaml", str(root / "values.yaml"), "data/../values.yaml"):
        found = agreed(choices=Choices(params_file=Path(name)))
        assert name in {one.span.file for one in found.diagnostics if one.span}


def test_links_in_one_folder_belong_to_the_projects_that_they_lead_to(root: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "trc.toml").write_text("[targets.prod]\nparams = {top = 'x'}\n")
    (other / "q.yaml").write_text(PIPELINE.replace("name: p", "name: q"))
    (root / "q.yaml").symlink_to(other / "q.yaml")
    chosen = Choices(target="prod")
    alone = check([root / "q.yaml"], chosen, remembers=False)
    assert "TRC209" in codes(alone)
    together = check([root / "p.yaml", root / "q.yaml"], chosen, remembers=False)
    assert set(alone.diagnostics) <= set(together.diagnostics)


@pytest.mark.parametrize("days", [-1, 1])
def test_a_date_holds_for_its_day(root: Path, monkeypatch: pytest.MonkeyPatch, days: int) -> None:
    (root / "p.yaml").write_text(PIPELINE.replace("select n", "select n, {{ run.date }} as d"))
    agreed()
    (entry,) = entries(root)
    assert checked.recall(entry.parent, entry.name, checked.Looks()) is not None
    then = (datetime.now(UTC) + timedelta(days=days)).timestamp()
    monkeypatch.setattr(time, "time", lambda: then)
    assert checked.recall(entry.parent, entry.name, checked.Looks()) is None


def test_a_file_that_goes_while_it_is_read_is_not_believed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "data/b.csv").write_text("n\n1\n")
    (root / "data/a.csv").write_text("m\n1\n")
    describe = FileSchemas.describe

    def describe_and_lose(self: FileSchemas, *what: object) -> object:
        found = describe(self, *what)  # type: ignore[arg-type]
        (root / "data/a.csv").unlink()
        return found

    monkeypatch.setattr(FileSchemas, "describe", describe_and_lose)
    assert codes(check([Path("p.yaml")])) == ["TRC402"]
    monkeypatch.setattr(FileSchemas, "describe", describe)
    assert codes(agreed()) == []


def test_what_takes_too_long_is_tried_again(root: Path) -> None:
    loop = "{% for i in range(1000) %}{% for j in range(1000) %}{% endfor %}{% endfor %}"
    (root / "p.yaml").write_text(PIPELINE.replace("select n", f"select {loop} n"))
    assert "TRC113" in codes(agreed())
    assert entries(root) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_another_user_wrote_is_not_believed(root: Path) -> None:
    agreed()
    (entry,) = entries(root)
    assert checked.recall(entry.parent, entry.name, checked.Looks()) is not None
    os.chown(entry, 12345, 12345)
    assert checked.recall(entry.parent, entry.name, checked.Looks()) is None


PLANTED: dict[str, Callable[[Path], object]] = {
    "a pipe": os.mkfifo,
    "a link": lambda path: path.symlink_to(path.rename(path.parents[3] / "elsewhere")),
    "a huge file": lambda path: os.truncate(path, 1 << 40),
    "a text": lambda path: path.write_bytes(sha256(b"i\0\0\0\0").digest() + b"i\0\0\0\0"),
    "a short list": lambda path: path.write_bytes(sha256(b")\2NN").digest() + b")\2NN"),
}


@pytest.mark.parametrize("what", PLANTED)
def test_what_was_planted_is_not_believed(root: Path, what: str) -> None:
    agreed()
    (entry,) = entries(root)
    if what in ("a pipe", "a text", "a short list"):
        entry.unlink()
    PLANTED[what](entry)
    assert checked.recall(entry.parent, entry.name, checked.Looks()) is None
    agreed()


def test_the_folder_keeps_to_its_size(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checked, "_MOST_BYTES", 100_000)
    for number in range(12):
        (root / "p.yaml").write_text(f"{PIPELINE.replace('select n', 'select m')}# {'x' * 20_000}{number}\n")
        agreed()
    assert sum(path.stat().st_size for path in entries(root)) <= 150_000
    agreed()


WORLD = "from trc.runtime.checked import world\nprint(world().hex())"


def world(**changes: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", WORLD], env={**os.environ, **changes}, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_where_python_looks_is_part_of_the_world(tmp_path: Path) -> None:
    here = world()
    assert world() == here
    assert world(PYTHONPATH=str(tmp_path)) != here
    assert world(PYTHONTZPATH="/zones") != here
    assert world(PYTHONOPTIMIZE="1") != here


def test_what_a_package_offers_is_part_of_the_world(tmp_path: Path) -> None:
    offers = tmp_path / "some_tasks.egg-info/entry_points.txt"
    offers.parent.mkdir()
    offers.write_text("[trc.tasks]\none = some:One\n")
    before = world(PYTHONPATH=str(tmp_path))
    offers.write_text("[trc.tasks]\ntwo = some:Two\n")
    assert world(PYTHONPATH=str(tmp_path)) != before


def test_hidden_folders_are_not_walked_through(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "lib").mkdir()
    (root / "lib/q.yml").write_text(PIPELINE)
    (root / ".venv/lib").mkdir(parents=True)
    (root / ".venv/lib/r.yaml").write_text(PIPELINE)
    scanned: list[str] = []
    scandir = os.scandir

    def noted(path: str = ".") -> object:
        scanned.append(str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", noted)
    report = check([Path()], remembers=False)
    assert report.files == ("lib/q.yml", "p.yaml")
    assert not any(".venv" in place for place in scanned)
