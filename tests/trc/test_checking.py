"""A kept answer is given only while a fresh compilation would say the same: each thing that it depends on is moved alone."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from trc import api, checking
from trc.checking import CheckReport, begin
from trc.compiler.choices import Choices
from trc.compiler.diagnostics.render import human
from trc.compiler.diagnostics.render import json as as_json
from trc.runtime import answerstore, standing
from trc.runtime.errors import Stopped

PIPELINE = """\
name: p
imports: [lib/common.yaml, lib/macros.jinja]
params:
  top: {type: integer, default: 3}
  day: {type: date, default: "2026-01-31"}
sources:
  raw: {csv: data/raw.csv}
  many: {csv: "data/parts/*.csv"}
  later: {csv: data/later.csv}
nodes:
  - id: sums
    type: duckdb_sql
    params: {sql: "select n, m, {{ twice('n') }} as d from raw, many where n < {{ top }}", output_uri: out/sums.csv}
  - id: copied
    type: duckdb_sql
    params: {sql: select c from common}
  - id: late
    type: duckdb_sql
    params: {sql: select day from later}
  - id: coded
    type: python
    params: {entrypoint: "tasks/code.py:work", inputs: [sums], output_uri: out/coded.csv}
  - id: told
    type: shell
    params: {command: sh tell.sh, outputs: {told: out/told.txt}}
"""
FILES = {
    "trc.toml": "pipelines = ['*.yaml']\n[targets.prod]\nbackend = 'local'\nparams = {top = 5}\n",
    "p.yaml": PIPELINE,
    "lib/common.yaml": "imports: [deeper.yaml]\nsources:\n  common: {csv: data/common.csv, columns: {c: integer}}\n",
    "lib/deeper.yaml": "params:\n  depth: {type: integer, default: 1}\n",
    "lib/macros.jinja": "{% macro twice(column) %}{{ column | ident }} * 2{% endmacro %}\n",
    "data/raw.csv": "n\n1\n",
    "data/parts/a.csv": "m\n1\n",
    "tasks/code.py": "from helper import HELP\n\n\ndef work(context):\n    pass\n",
    "tasks/helper.py": "HELP = 1\n",
    "tell.sh": "echo told\n",
    "lib/values.yaml": "top: 4\n",
}


@dataclass
class Project:
    """A project's folder, and how it is asked about."""

    root: Path
    choices: Choices = field(default_factory=Choices)

    def check(self, *, cached: bool = True) -> CheckReport:
        return api.check([self.root], self.choices, cached=cached)

    def kept(self) -> int:
        """How many of the files would be answered without being compiled."""
        return len(begin([self.root], self.choices, cached=True).answers)

    def write(self, name: str, text: str) -> None:
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_text(text)

    def replace(self, name: str, old: str, new: str) -> None:
        text = (self.root / name).read_text()
        assert old in text
        self.write(name, text.replace(old, new))

    def remove(self, name: str) -> None:
        (self.root / name).unlink()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    # Files count as settled at once.
    monkeypatch.setattr(standing, "_SETTLED_NS", -1_000_000_000_000)
    made = Project(tmp_path / "shop")
    for name, text in FILES.items():
        made.write(name, text)
    return made


def test_what_has_not_changed_is_not_compiled_again(project: Project) -> None:
    first = project.check()
    assert [one.code for one in first.diagnostics if one.severity == "error"] == []
    assert project.kept() == 1
    assert project.check() == first == project.check(cached=False)


def _unseen(project: Project, name: str, text: str) -> None:
    """Writes a file's new bytes, with its size and its time kept."""
    path = project.root / name
    stat = path.stat()
    assert len(text) == stat.st_size
    path.write_text(text)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def _choose(project: Project, **choices: object) -> None:
    project.choices = Choices(**choices)  # type: ignore[arg-type]


MOVES: dict[str, Callable[[Project], object]] = {
    "the file's own text": lambda it: it.replace("p.yaml", "select c from", "select d from"),
    "a name in it": lambda it: it.replace("p.yaml", "name: p", "name: q q"),
    "an imported file": lambda it: it.replace("lib/common.yaml", "c: integer", "e: integer"),
    "a file that an imported file imports": lambda it: it.replace("lib/deeper.yaml", "depth", "top"),
    "an imported file that is gone": lambda it: it.remove("lib/deeper.yaml"),
    "imported macros": lambda it: it.replace("lib/macros.jinja", "* 2", "|| no_such_column"),
    "the project file": lambda it: it.write("trc.toml", "pipelines = ['*.yaml']\n[defaults]\ntimeout = 'x'\n"),
    "the project file that is gone": lambda it: it.remove("trc.toml"),
    "a source's columns": lambda it: _unseen(it, "data/raw.csv", "k\n1\n"),
    "a source that is gone": lambda it: it.remove("data/raw.csv"),
    "a source that was not there": lambda it: it.write("data/later.csv", "hour\n1\n"),
    "a file that a source's glob matches": lambda it: it.write("data/parts/A.csv", "k\nx\n"),
    "a file that it no longer matches": lambda it: it.remove("data/parts/a.csv"),
    "the code of a task": lambda it: it.replace("tasks/code.py", "def work", "def play"),
    "a module that it imports": lambda it: it.replace("tasks/helper.py", "HELP = 1", "HELP = ("),
    "a task's code that is gone": lambda it: it.remove("tasks/code.py"),
    "a script that is gone": lambda it: it.remove("tell.sh"),
    "another pipeline of its name": lambda it: it.write("q.yaml", FILES["p.yaml"]),
    "another pipeline that writes there": lambda it: it.write("q.yaml", PIPELINE.replace("name: p", "name: q")),
    "the target": lambda it: _choose(it, target="prdo"),
    "a parameter": lambda it: _choose(it, params=(("top", "many"),)),
    "a file of parameters": lambda it: _choose(it, params_file=it.root / "lib/values.toml"),
    "the time": lambda it: _choose(it, at="2026-01-32"),
}
SAY_NOTHING = {"a script that is gone"}
"""What moves and changes no diagnostic: the answers are equal, and what was kept is not used."""


def outcome(project: Project, *, cached: bool) -> object:
    try:
        return project.check(cached=cached)
    except Stopped as stop:
        return stop.diagnostics, stop.exit_code


@pytest.mark.parametrize("what", MOVES)
def test_what_moves_is_seen(project: Project, what: str) -> None:
    before = project.check()
    assert project.kept() == len(before.files)
    MOVES[what](project)
    fresh = outcome(project, cached=False)
    assert (fresh == before) == (what in SAY_NOTHING)
    assert outcome(project, cached=True) == fresh
    # And once more, from what was kept now.
    assert outcome(project, cached=True) == fresh


@pytest.mark.parametrize(
    ("variable", "value"), [("TRC_TARGET", "nowhere"), ("TRC_PARAM_TOP", "many"), ("TRC_PARAM_TPO", "1")]
)
def test_variables_that_make_choices_are_seen(
    project: Project, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    before = project.check()
    monkeypatch.setenv(variable, value)
    fresh = project.check(cached=False)
    assert fresh != before
    assert project.check() == fresh == project.check()


@pytest.mark.parametrize("change", ["top: many\n", "tpo: 4\n", "- 4\n", "top: [\n", None])
def test_values_in_a_file_of_parameters_are_seen(project: Project, change: str | None) -> None:
    _choose(project, params_file=project.root / "lib/values.yaml")
    before = project.check()
    assert project.kept() == len(before.files)
    if change is None:
        project.remove("lib/values.yaml")
    else:
        project.write("lib/values.yaml", change)
    fresh = project.check(cached=False)
    assert fresh != before
    assert project.check() == fresh == project.check()


def test_the_names_by_which_files_are_asked_for_are_seen(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.replace("p.yaml", "select c from", "select nope from")
    monkeypatch.chdir(project.root)
    near = api.check([Path("p.yaml")])
    monkeypatch.chdir(project.root / "lib")
    far = api.check([Path("../p.yaml")])
    assert {one.span.file for one in near.diagnostics if one.span} == {"p.yaml"}
    assert {one.span.file for one in far.diagnostics if one.span} == {"../p.yaml"}
    monkeypatch.chdir(project.root)
    assert api.check([Path("p.yaml")]) == near


def test_the_name_of_a_file_of_parameters_is_seen(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.write("lib/values.yaml", "top: many\n")
    monkeypatch.chdir(project.root)
    for name in ("lib/values.yaml", str(project.root / "lib/values.yaml"), "lib/../lib/values.yaml"):
        _choose(project, params_file=Path(name))
        found = project.check()
        assert name in {one.span.file for one in found.diagnostics if one.span}
        assert found == project.check() == project.check(cached=False)
    monkeypatch.chdir(project.root / "lib")
    _choose(project, params_file=Path("../lib/values.yaml"))
    assert project.check() == project.check(cached=False)


def test_a_link_that_leads_elsewhere_is_seen(project: Project, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(project.root, other)
    (other / "trc.toml").write_text("[defaults]\ntimeout = 'x'\n")
    link = tmp_path / "link.yaml"
    link.symlink_to(project.root / "p.yaml")
    before = api.check([link])
    link.unlink()
    link.symlink_to(other / "p.yaml")
    fresh = api.check([link], cached=False)
    assert fresh != before
    assert api.check([link]) == fresh == api.check([link])


def test_a_link_out_of_the_project_is_seen(project: Project, tmp_path: Path) -> None:
    before = project.check()
    (tmp_path / "code.py").write_text((project.root / "tasks/code.py").read_text())
    project.remove("tasks/code.py")
    (project.root / "tasks/code.py").symlink_to(tmp_path / "code.py")
    fresh = project.check(cached=False)
    assert fresh != before
    assert project.check() == fresh == project.check()


def test_a_project_file_nearer_by_is_seen(project: Project) -> None:
    project.write("near/p.yaml", PIPELINE.split("sources:", maxsplit=1)[0].replace("imports", "# imports"))
    paths = [project.root / "near/p.yaml"]
    project.write("trc.toml", "[targets.prod]\nparams = {nothing = 1}\n")
    chosen = Choices(target="prod")
    before = api.check(paths, chosen)
    project.write("near/trc.toml", "")
    fresh = api.check(paths, chosen, cached=False)
    assert fresh != before
    assert api.check(paths, chosen) == fresh == api.check(paths, chosen)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Moves the time at which commands are given."""
    real = datetime.now(UTC)

    def move(by: timedelta) -> None:
        monkeypatch.setattr(checking, "given_now", lambda _at: real + by)

    move(timedelta())
    return move


DATED = PIPELINE.replace('"2026-01-31"', '"{{ run.date }}"').replace("n < {{ top }}", "n < {{ WHAT }}")


def test_what_holds_a_date_ends_with_the_day(project: Project, clock: Callable[[timedelta], None]) -> None:
    project.write("p.yaml", DATED.replace("WHAT", "run.date"))
    before = project.check()
    assert project.kept() == len(before.files)
    for days in (1, -1):
        clock(timedelta(days=days))
        assert project.kept() == 0
        assert project.check() == project.check(cached=False) == project.check()


def test_what_holds_a_moment_is_not_kept(project: Project) -> None:
    project.write("p.yaml", DATED.replace("WHAT", "run.time"))
    before = project.check()
    assert project.kept() == len(before.files) - 1
    project.choices = Choices(at="2026-01-31T02:00")
    project.check()
    assert project.kept() == len(before.files)


def test_what_moved_just_now_is_not_kept(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standing, "_SETTLED_NS", 2_000_000_000)
    before = project.check()
    assert project.kept() == len(before.files) - 1, "the columns of data/raw.csv may change unseen"


def test_a_source_that_cannot_be_read_is_asked_again(project: Project) -> None:
    project.write("data/raw.parquet", "no parquet")
    project.replace("p.yaml", "csv: data/raw.csv", "parquet: data/raw.parquet")
    before = project.check()
    assert project.kept() == len(before.files) - 1


def test_code_is_run_each_time(project: Project) -> None:
    project.write("trc.toml", 'pipelines = ["*.py"]\n')
    project.write("made.py", "import trc\n\np = trc.Pipeline('made')\np.sql('a', 'select 1 as x')\n")
    report = project.check()
    assert report.files == (str(project.root / "made.py"),)
    assert project.kept() == 0


HARMS: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "cut": lambda data: data[: len(data) // 2],
    "longer": lambda data: data + b"x",
    "one byte": lambda data: data[:-3] + bytes([data[-3] ^ 1]) + data[-2:],
    "the seal": lambda data: bytes([data[0] ^ 1]) + data[1:],
    "other bytes": lambda data: bytes(len(data)),
    "another answer": lambda _: answerstore._seal(b"i\0\0\0\0") + b"i\0\0\0\0",
    "an answer of another shape": lambda _: answerstore._seal(b")\1N") + b")\1N",
}


@pytest.mark.parametrize("harm", HARMS)
def test_what_was_harmed_is_not_used(project: Project, harm: str) -> None:
    fresh = project.check()
    folder = project.root / ".trc/checked"
    for path in folder.iterdir():
        if path.name != ".gitignore":
            path.write_bytes(HARMS[harm](path.read_bytes()))
    assert project.kept() == 0
    assert project.check() == fresh
    assert project.kept() == len(fresh.files)


def test_what_is_no_file_is_not_used(project: Project) -> None:
    fresh = project.check()
    folder = project.root / ".trc/checked"
    for path in list(folder.iterdir()):
        elsewhere = path.rename(project.root.parent / path.name)
        path.symlink_to(elsewhere)
    assert project.kept() == 0
    assert project.check() == fresh


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_another_user_wrote_is_not_used(project: Project) -> None:
    fresh = project.check()
    for path in (project.root / ".trc/checked").iterdir():
        os.chown(path, 12345, 12345)
    assert project.kept() == 0
    assert project.check() == fresh


def test_without_a_place_to_keep_answers_everything_is_compiled(project: Project) -> None:
    project.write(".trc", "a file, where a folder should be")
    fresh = project.check()
    assert project.check() == fresh == project.check(cached=False)
    assert project.kept() == 0


def test_no_cache_neither_asks_nor_keeps(project: Project) -> None:
    project.check(cached=False)
    assert not (project.root / ".trc").exists()
    project.check()
    assert begin([project.root], project.choices, cached=False).answers == {}


def test_kept_answers_are_told_alike(project: Project) -> None:
    project.replace("p.yaml", "select c from common", "select cc, from comon")
    project.write("q.yaml", PIPELINE)
    fresh, kept = project.check(), project.check()
    assert project.kept() == len(fresh.files)
    assert human.render(kept.diagnostics, kept.sources) == human.render(fresh.diagnostics, fresh.sources)
    assert as_json.render(kept.diagnostics, kept.sources) == as_json.render(fresh.diagnostics, fresh.sources)


def test_the_folder_hides_from_version_control_and_stays_small(project: Project) -> None:
    project.check()
    folder = project.root / ".trc/checked"
    assert (folder / ".gitignore").read_text().splitlines()[-1] == "*"
    for number in range(20):
        answerstore.keep(str(folder), f"old-{number}", b"x" * 100)
        os.utime(folder / f"old-{number}", ns=(number, number))
    answerstore.tidy(str(folder), files=12)
    left = {path.name for path in folder.iterdir()}
    assert not any(name in left for name in ("old-0", "old-14"))
    assert {"old-19", ".gitignore"} < left
    assert project.kept() == 1
    answerstore.tidy(str(folder), size=100)
    assert {path.name for path in folder.iterdir()} == {".gitignore"}
