"""What `trc check` remembers is what it would find out anew: each thing that a verdict rests on is changed alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import trc
from trc import checking, judging
from trc.checking import CheckReport, check
from trc.compiler.choices import NO_CHOICES, Choices
from trc.runtime import checked
from trc.runtime.errors import Stopped

PIPELINE = """\
import "common.trc"
import "macros.jinja"

pipeline "shop" {}

param day: date = "2026-01-31"
param top: integer = 3

target dev { backend = local, params { top = 5 } }

source bills = csv("data/bills.csv")
source parts = csv("data/parts/*.csv")

task first = sql $$
  select order_id, amount, {{ top }} as top, {{ twice(2) }} as twice
  from orders where day = {{ day }}
$$ {
  output = csv("out/{{ target.name }}.csv")
}

task second = sql $$ select paid from bills $$
task third = sql $$ select part from parts $$
task page = python("code.py:page") { input = first, output = file("out/page.md") }
task from_file = sql $$ select city from 'data/cities.csv' $$
"""
FILES = {
    "trc.toml": '[defaults]\ntimeout = "1h"\n',
    "shop.trc": PIPELINE,
    "common.trc": "source orders = csv('data/orders.csv') {\n  columns { order_id: bigint, amount: double, day: date }\n}\n",
    "macros.jinja": "{% macro twice(n) %}{{ n }} * 2{% endmacro %}\n",
    "code.py": "import helper\n\n\ndef page(context):\n    helper.help()\n",
    "helper.py": "def help():\n    pass\n",
    "data/orders.csv": "order_id,amount,day\n1,2.0,2026-01-31\n",
    "data/bills.csv": "paid\n1\n",
    "data/parts/a.csv": "part\n1\n",
    "data/cities.csv": "city\nParis\n",
    "values.yaml": "top: 7\n",
}
FILES["common.trc"] = FILES["common.trc"].replace("'", '"')
LONG_AGO = 1_700_000_000

Change = Callable[[Path], None]


def lay(folder: Path, files: dict[str, str] = FILES) -> None:
    for name, text in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        age(place)


def age(place: Path) -> None:
    """Makes a file old enough to be believed; its change time cannot be set, and is not what tells small files apart."""
    os.utime(place, (LONG_AGO, LONG_AGO))


def put(name: str, text: str) -> Change:
    return lambda folder: lay(folder, {name: text})


def edit(name: str, old: str, new: str) -> Change:
    def change(folder: Path) -> None:
        text = (folder / name).read_text()
        assert old in text
        lay(folder, {name: text.replace(old, new)})

    return change


def remove(name: str) -> Change:
    return lambda folder: (folder / name).unlink()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    lay(tmp_path)
    monkeypatch.chdir(tmp_path)
    # Queries are remembered one by one, too, which is otherwise for long pipelines.
    monkeypatch.setattr(checking, "LONG", 0)
    # A change time is of the moment, and cannot be set back: here, what was just written counts as written before.
    monkeypatch.setattr(checked, "_SETTLED_NS", -10_000_000_000)
    return tmp_path


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that were judged, and not remembered."""
    names: list[str] = []
    judge = judging.judge

    def noted(job: checking.Job, *rest: Any) -> Any:
        names.append(job.file.name)
        return judge(job, *rest)

    monkeypatch.setattr(judging, "judge", noted)
    return names


def told(report: CheckReport) -> list[object]:
    return [
        (one, *(report.sources[span.file].position(span.start) for span in [one.span] if span is not None))
        for one in report.diagnostics
    ]


def pipelines() -> list[Path]:
    brought = ("common.trc", "one.trc", "two.trc")
    return sorted(file for file in Path().glob("*.trc") if file.name not in brought)


def fresh(choices: Choices = NO_CHOICES) -> list[object]:
    return told(check(pipelines(), choices, remembers=False))


def remembered(choices: Choices = NO_CHOICES) -> list[object]:
    return told(check(pipelines(), choices))


def test_fixture_is_without_mistakes(project: Path) -> None:
    assert project.is_dir()
    assert [one.code for one in check(pipelines()).diagnostics if one.severity != "note"] == []


CHANGES: dict[str, Change] = {
    "the text itself": edit("shop.trc", "select paid", "select pad"),
    "an imported file": edit("common.trc", "amount:", "amnt:"),
    "an imported file that is gone": remove("common.trc"),
    "a macro": edit("macros.jinja", "twice(n)", "thrice(n)"),
    "a macro's text": edit("macros.jinja", "{{ n }}", "{{ m }}"),
    "the project's file": edit("trc.toml", '"1h"', '"1 hour"'),
    "a table more in the project's file": put(
        "trc.toml", '[targets.prod]\nbackend = "lcal"\n[defaults]\ntmeout = "1h"\n'
    ),
    "no project's file": lambda folder: lay(folder, {"trc.toml": "pipelines = []\n"}),
    "the code of a task": edit("code.py", "def page", "def pages"),
    "the code is wrong": edit("code.py", "def page(context):", "def page(context)"),
    "the code is gone": remove("code.py"),
    "columns of a source's file": put("data/bills.csv", "pid\n1\n"),
    "a query over a source's file": edit("shop.trc", "select paid from bills", "select paid.x from bills"),
    "a source's file is gone": remove("data/bills.csv"),
    "a file that a pattern covers": put("data/parts/a.csv", "prt\n1\n"),
    "no file that a pattern covers": remove("data/parts/a.csv"),
    "a file that SQL names": put("data/cities.csv", "town\nParis\n"),
    "a file that SQL names is gone": remove("data/cities.csv"),
    "another pipeline of that name": put("twin.trc", 'pipeline "Shop" {}\n\ntask a = sql $$ select 1 as x $$\n'),
    "another pipeline that writes there": put(
        "other.trc", 'pipeline "other" {}\n\ntask a = sql $$ select 1 as x $$ { output = file("out/page.md") }\n'
    ),
}
NO_DIFFERENCE = {"no project's file"}
"""Those that change which files are looked at."""


@pytest.mark.parametrize("what", CHANGES)
def test_each_thing_that_a_verdict_rests_on_is_looked_at(project: Path, what: str, judged: list[str]) -> None:
    before = remembered()
    assert judged
    judged.clear()
    assert remembered() == before
    assert judged == [], "an unchanged file was judged again"
    CHANGES[what](project)
    assert remembered() == (after := fresh())
    assert after != before or what in NO_DIFFERENCE
    assert remembered() == after


def test_what_was_not_there_and_comes_is_seen(project: Path) -> None:
    for name in ("data/bills.csv", "data/parts/a.csv", "code.py", "common.trc", "data/cities.csv"):
        text = (project / name).read_text()
        (project / name).unlink()
        without = remembered()
        assert without == fresh()
        lay(project, {name: text})
        with_it = remembered()
        assert with_it == fresh()
        assert with_it != without


def test_a_project_file_that_appears_is_seen(project: Path) -> None:
    inner = project / "inner"
    lay(inner, {"p.trc": 'pipeline "p" {}\n\nsource s = csv("data/x.csv")\n\ntask a = sql $$ select x from s $$\n'})
    lay(project, {"data/x.csv": "x\n1\n", "inner/data/x.csv": "y\n1\n"})
    assert check([Path("inner/p.trc")]).diagnostics == ()
    lay(inner, {"trc.toml": ""})
    assert [one.code for one in check([Path("inner/p.trc")]).diagnostics] == ["TRC402"]
    (inner / "trc.toml").unlink()
    assert check([Path("inner/p.trc")]).diagnostics == ()


def test_choices_have_verdicts_of_their_own(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    edit("shop.trc", "{{ top }} as top", "1 / ({{ top }} - 5) as top, '{{ day }}'::inet as top2")(project)
    seen = set()
    for choices in (
        NO_CHOICES,
        Choices(target="dev"),
        Choices(params=(("top", "x"),)),
        Choices(params=(("top", "5"),)),
        Choices(params_file=Path("values.yaml")),
        Choices(at="2026-02-01"),
    ):
        assert remembered(choices) == remembered(choices) == fresh(choices)
        seen.add(repr(fresh(choices)))
    assert len(seen) >= 3
    lay(project, {"values.yaml": "top: many\n"})
    choices = Choices(params_file=Path("values.yaml"))
    assert remembered(choices) == fresh(choices)
    assert any("TRC209" in repr(one) for one in remembered(choices))
    for variable, value in (("TRC_PARAM_TOP", "x"), ("TRC_TARGET", "dev"), ("TRC_TARGET", "none")):
        monkeypatch.setenv(variable, value)
        assert remembered() == fresh()
        monkeypatch.delenv(variable)


def test_a_choice_that_stops_the_command_stops_it_each_time(project: Path) -> None:
    edit("shop.trc", "backend = local", "backend = nowhere")(project)
    for _ in range(2):
        with pytest.raises(Stopped, match="nowhere"):
            check(pipelines(), Choices(target="dev"))


def test_what_holds_a_date_ends_with_the_day(project: Path, judged: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    edit("shop.trc", '"2026-01-31"', "run.date")(project)
    remembered()
    judged.clear()
    remembered()
    assert not judged
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).timestamp()
    monkeypatch.setattr(time, "time", lambda: tomorrow)
    remembered()
    assert judged == ["shop.trc"]


def test_what_holds_the_time_is_not_kept(project: Path, judged: list[str]) -> None:
    edit("shop.trc", "{{ top }} as top", "{{ run.time }} as top")(project)
    remembered()
    remembered()
    assert judged.count("shop.trc") == 2


def test_code_is_judged_each_time(project: Path, judged: list[str]) -> None:
    lay(project, {"p.py": "from trc import Pipeline\n\np = Pipeline('py')\np.add_task('a', sql='select 1 as x')\n"})
    for _ in range(2):
        check([Path("p.py")])
    assert judged == ["p.py", "p.py"]


def test_what_was_written_just_now_is_not_believed(
    project: Path, judged: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()  # the fixture's patience, and that it notes what is judged
    monkeypatch.chdir(project)
    lay(project, {"data/bills.csv": "paid\n2\n"})
    judge = judging.judge
    names: list[str] = []

    def noted(job: checking.Job, *rest: Any) -> Any:
        names.append(job.file.name)
        return judge(job, *rest)

    monkeypatch.setattr(judging, "judge", noted)
    remembered()
    remembered()
    assert judged == []
    assert names.count("shop.trc") == 2


def test_another_trc_or_another_package_judges_anew(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    here = checked.world()
    assert checked.world() == here
    (tmp_path / "some_tasks-1.0.dist-info").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    installed = checked.world()
    assert installed != here
    (tmp_path / "some_tasks-1.0.dist-info").rename(tmp_path / "some_tasks-1.1.dist-info")
    assert checked.world() != installed
    monkeypatch.undo()
    assert checked.world() == here
    monkeypatch.setattr(trc, "__file__", str(tmp_path / "__init__.py"))
    (tmp_path / "__init__.py").write_text("")
    alone = checked.world()
    (tmp_path / "compiler.py").write_text("x = 1")
    assert checked.world() not in {alone, here}


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "foreign", "folder"])
def test_a_damaged_entry_is_as_if_it_were_not_there(project: Path, damage: str) -> None:
    edit("shop.trc", "select paid", "select pad")(project)
    before = remembered()
    for entry in (project / ".trc" / checked.FOLDER).iterdir():
        content = entry.read_bytes()
        if damage == "folder":
            entry.unlink()
            entry.mkdir()
            continue
        entry.write_bytes(
            {
                "cut": content[:-7],
                "flipped": content[:60] + bytes([content[60] ^ 1]) + content[61:],
                "empty": b"",
                "foreign": sha256(b"\xff" * 40).digest() + b"\xff" * 40,
            }[damage]
        )
    assert remembered() == before == fresh()


def test_where_nothing_can_be_written_nothing_is_remembered(project: Path) -> None:
    (project / ".trc").write_text("in the way")
    assert remembered() == remembered() == fresh()


def test_where_there_is_no_project_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay(tmp_path, {"p.trc": 'pipeline "p" {}\n\ntask a = sql $$ select 1 as x $$\n'})
    monkeypatch.chdir(tmp_path)
    remembered()
    assert [one.name for one in tmp_path.iterdir()] == ["p.trc"]


def test_links_that_lead_elsewhere_are_followed(project: Path) -> None:
    lay(project, {"one.trc": FILES["common.trc"], "two.trc": FILES["common.trc"].replace("amount", "amnt")})
    for name in ("one.trc", "two.trc"):
        (project / name).rename(project / f"{name}.txt")
    (project / "common.trc").unlink()
    (project / "common.trc").symlink_to("one.trc.txt")
    before = remembered()
    assert before == fresh()
    (project / "common.trc").unlink()
    (project / "common.trc").symlink_to("two.trc.txt")
    assert remembered() == fresh() != before


def test_old_entries_go(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checked, "_SLACK", 5)
    folder = project / ".trc" / checked.FOLDER
    for number in range(40):
        edit("shop.trc", f"{{}}{' ' * number}\n", f"{{}}{' ' * (number + 1)}\n")(project)
        remembered()
    assert len(list(folder.iterdir())) < 15


def test_checks_at_the_same_time_agree(project: Path) -> None:
    edit("shop.trc", "select paid", "select pad")(project)
    command = [sys.executable, "-m", "trc", "check", "shop.trc", "--format", "json"]
    said: list[str] = []

    def run() -> None:
        said.append(subprocess.run(command, cwd=project, capture_output=True, text=True, check=False).stdout)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run()
    assert len(set(said)) == 1
    assert "TRC402" in said[0]


UNLOADED = """
import sys
from pathlib import Path
from trc.checking import check
from trc.runtime import checked
checked._SETTLED_NS = -10_000_000_000  # what was just written counts as written before
report = check([Path("shop.trc")])
if len(sys.argv) > 1:
    sys.exit()
heavy = {"duckdb", "sqlglot", "pydantic", "lark", "jinja2", "trc.api", "trc.compiler.compile", "concurrent.futures"}
assert not (found := heavy & sys.modules.keys()), found
print([one.code for one in report.diagnostics])
"""


@pytest.mark.parametrize("mistake", [False, True], ids=["clean", "with a mistake"])
def test_what_is_unchanged_loads_no_compiler(project: Path, mistake: bool) -> None:
    if mistake:
        edit("shop.trc", "select paid", "select pad")(project)
        remove("data/cities.csv")(project)
    expected = [one.code for one in check(pipelines()).diagnostics]
    command = [sys.executable, "-c", UNLOADED]
    subprocess.run([*command, "first"], cwd=project, check=True)
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == repr(expected)


SIDE_BY_SIDE = """
import sys
from pathlib import Path
from trc import judges
from trc.checking import check
from trc.runtime.pool import can_fork

run_all = judges.run_all

def note(*arguments):
    loaded = {"_duckdb", "trc.compiler.frontends.dsl_reader", "trc.stdlib_tasks.duckdb_sql.type"} - sys.modules.keys()
    print(can_fork(), sorted(loaded))
    return run_all(*arguments)

judges.run_all = note
judges.cores = lambda: 2
report = check(sorted(Path().glob("*.trc")))
print(sorted({one.code for one in report.diagnostics}))
"""


def test_what_every_copy_needs_is_loaded_before_they_are_made_and_starts_no_thread(tmp_path: Path) -> None:
    padding = "# a remark that takes place\n" * 2_000
    for number in range(4):
        text = f'pipeline "p{number}" {{}}\n{padding}task a = sql $$ select 1 as x $$\n'
        (tmp_path / f"p{number}.trc").write_text(text)
    done = subprocess.run(
        [sys.executable, "-c", SIDE_BY_SIDE], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("True []\n[]\n", "")


EDITS = (
    "select paid from bills",
    "select pad from bills",
    "select paid + 'x' from bills",
    "select * from second",
    "select order_id from orders",
    "select {{ nothing }}",
)
TEXTS = {
    "common.trc": (FILES["common.trc"], FILES["common.trc"].replace("amount", "amnt"), "source orders = 3\n"),
    "data/bills.csv": ("paid\n1\n", "pid\n1\n", "paid,more\nx,2\n", None),
    "data/parts/b.csv": (None, "part\n1\n", "other\n1\n"),
    "code.py": (FILES["code.py"], "def pages(): pass\n", "def (", None),
    "trc.toml": ("", FILES["trc.toml"], "[defaults]\nretires = 3\n", "[targets.dev]\nbackend = 'local'\n"),
    "macros.jinja": (FILES["macros.jinja"], "{% macro twice(n) %}{{ n }}{% endmacro %}\n", "{% macro %}"),
    "twin.trc": (None, 'pipeline "shop" {}\n\ntask a = sql $$ select 1 as x $$\n'),
}
changes = st.one_of(
    st.sampled_from(EDITS).map(lambda query: ("shop.trc", PIPELINE.replace(EDITS[0], query))),
    *(st.tuples(st.just(name), st.sampled_from(texts)) for name, texts in TEXTS.items()),
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(changes, min_size=1, max_size=6))
def test_after_any_changes_what_is_remembered_is_what_is_found_anew(
    project: Path, edits: list[tuple[str, Any]]
) -> None:
    shutil.rmtree(project / ".trc", ignore_errors=True)
    for name in TEXTS:
        (project / name).unlink(missing_ok=True)
    lay(project)
    remembered()
    for name, text in edits:
        if text is None:
            (project / name).unlink(missing_ok=True)
        else:
            lay(project, {name: text})
        expected = outcome(fresh)
        assert outcome(remembered) == expected
        assert outcome(remembered) == expected


def outcome(ask: Callable[[], list[object]]) -> object:
    """What a check tells, or what stops it."""
    try:
        return ask()
    except Stopped as stop:
        return stop.diagnostics
