"""`trc check` of many files: what did not change is not compiled, and what did is compiled in several processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.quick import few

HEAVY = {"duckdb", "pydantic", "lark", "jinja2", "yaml", "sqlglot", "trc.api", "trc.judging"}
LOADED = """
import sys
from trc.cli import answer
code = answer(sys.argv[1:])
print(*sorted(name for name in sys.modules if name in {heavy!r}), file=sys.stderr)
sys.exit(code)
"""
PLAIN = "name: {name}\nnodes:\n  - id: a\n    type: duckdb_sql\n    params: {{sql: select 1 as x, y}}\n"
LONG = 12_000
"""Characters a file: enough of them, and the check takes several processes."""


def _long(name: str, sql: str = "select 1 as x") -> str:
    """A pipeline whose text takes so long to read that several processes share the work."""
    tasks = "".join(
        f"  - id: t{number}\n    type: duckdb_sql\n    params: {{sql: 'select x + {number} as x from a'}}\n"
        for number in range(LONG // 75)
    )
    return f"name: {name}\nnodes:\n  - id: a\n    type: duckdb_sql\n    params: {{sql: {sql}}}\n{tasks}"


@pytest.fixture
def many(space: Any) -> Any:
    """A project that is worth several processes, with a mistake in each third file."""
    space.write("trc.toml", "")
    for number in range(12):
        sql = "select 1 as x" if number % 3 else f"select x{number} as x"
        space.write(f"p{number:02}.yaml", _long(f"p{number}", sql))
    return space


def _loaded(space: Any, *arguments: str) -> tuple[str, set[str]]:
    done = subprocess.run(
        [sys.executable, "-c", LOADED.format(heavy=HEAVY), *arguments],
        cwd=space.root,
        capture_output=True,
        text=True,
        check=False,
    )
    *_, names = done.stderr.splitlines()
    return done.stdout, set(names.split())


@pytest.mark.parametrize("form", ["human", "json"])
def test_what_did_not_change_loads_no_compiler(space: Any, form: str) -> None:
    space.write("trc.toml", "")
    for name in ("one", "two"):
        space.write(f"{name}.yaml", PLAIN.format(name=name))
    space.write("three.trc", 'pipeline "three" { }\ntask a = sql($$ select 1 as x $$)\n')
    fresh, names = _loaded(space, "check", ".", "--format", form)
    assert names >= {"trc.judging", "duckdb", "pydantic"}
    kept, names = _loaded(space, "check", ".", "--format", form)
    assert names == set()
    assert kept == fresh
    anew, names = _loaded(space, "check", ".", "--format", form, "--no-cache")
    assert (anew, "trc.judging" in names) == (fresh, True)


def _on_one_processor() -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="there is one processor")
def test_several_processes_say_what_one_says(many: Any) -> None:
    command = [sys.executable, "-m", "trc", "check", ".", "--json", "--no-cache"]
    alone = subprocess.run(
        command, cwd=many.root, capture_output=True, text=True, check=False, preexec_fn=_on_one_processor
    )
    together = many.trc("check", ".", "--json", "--no-cache", code=2)
    assert json.loads(alone.stdout) == together.json
    assert len(together.json["diagnostics"]) == 4
    assert many.trc("check", ".", "--json", code=2) == many.trc("check", ".", "--json", code=2) == together


@pytest.mark.long
def test_checks_at_the_same_time_do_not_disturb_each_other(many: Any) -> None:
    fresh = many.trc("check", ".", "--no-cache", code=2)
    for _ in range(2):
        started = [many.start("check", ".") for _ in range(4)]
        for process in started:
            out, err = process.communicate(timeout=120)
            assert (process.returncode, out, err) == (2, fresh.out, fresh.err)


TYPE = """
import os, signal, time
from trc.compiler.tasktype import Declaration, TaskParams


class Params(TaskParams):
    do: str = ""


class Odd:
    name = "odd"
    version = 1
    summary = "Does odd things while it is declared."
    params = Params
    runs = None

    def declare(self, params, scope):
        if params.do == "die":
            os.kill(os.getpid(), signal.SIGSEGV)
        if params.do == "exit":
            os._exit(7)
        if params.do == "raise":
            raise ZeroDivisionError("odd")
        if params.do == "die once" and not os.path.exists("died"):
            open("died", "w").close()
            os.kill(os.getpid(), signal.SIGSEGV)
        if params.do == "wait":
            open(f"waits-{os.getpid()}", "w").close()
            time.sleep(100)
        return Declaration()
"""


@pytest.fixture
def odd(many: Any, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The same project, with a package of task types that do odd things."""
    site = tmp_path_factory.mktemp("site")
    (site / "odd.py").write_text(TYPE)
    (site / "odd-1.0.dist-info").mkdir()
    (site / "odd-1.0.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: odd\nVersion: 1.0\n")
    (site / "odd-1.0.dist-info/entry_points.txt").write_text("[trc.tasks]\nodd = odd:Odd\n")
    monkeypatch.setenv("PYTHONPATH", str(site))
    many.write("trc.toml", 'task_packages = ["odd"]\n')
    return many


def _odd(name: str, do: str) -> str:
    return f"name: {name}\nnodes:\n  - {{id: o, type: odd, params: {{do: {do}}}}}\n"


ENDS = (("die", "by signal 11"), ("exit", "with exit code 7"))


@pytest.mark.parametrize(("do", "how"), few(ENDS, ENDS[:1]))
def test_a_file_that_ends_its_process_is_told_of_and_hides_no_other(odd: Any, do: str, how: str) -> None:
    odd.write("p05b.yaml", _odd("odd", do))
    told = odd.trc("check", ".", "--json", code=2).json["diagnostics"]
    assert [one["code"] for one in told].count("TRC402") == 4
    ((code, message, line),) = [(one["code"], one["message"], one["line"]) for one in told if one["code"] != "TRC402"]
    assert (code, line) == ("TRC616", 1)
    assert message == f'the process that looked at "p05b.yaml" ended before it was done, twice, {how}'
    # It is tried again each time.
    odd.write("p05b.yaml", _odd("odd", "nothing"))
    assert len(odd.trc("check", ".", "--json", code=2).json["diagnostics"]) == 4


def test_what_ends_a_process_once_is_checked_in_another(odd: Any) -> None:
    odd.write("p05b.yaml", _odd("odd", "die once"))
    assert len(odd.trc("check", ".", "--json", code=2).json["diagnostics"]) == 4
    assert (odd.root / "died").exists()


def test_a_bug_in_a_process_is_told_as_one_in_the_command(odd: Any) -> None:
    odd.write("p05b.yaml", _odd("odd", "raise"))
    told = odd.trc("check", ".", code=3)
    assert "this is a bug in trc: ZeroDivisionError: odd" in told.err


def test_what_stops_a_check_in_a_process_stops_the_check(many: Any) -> None:
    many.write("p03.yaml", _long("p3") + "targets: {ci: {backend: nowhere}}\n")
    told = many.trc("check", ".", "--target", "ci", code=3)
    assert many.trc("check", "p03.yaml", "--target", "ci", code=3).err == told.err
    assert "nowhere" in told.err


def test_an_interrupt_ends_all_processes(odd: Any) -> None:
    for number in range(4):
        odd.write(f"a{number}.yaml", _odd(f"odd{number}", "wait"))
    process = subprocess.Popen(
        [sys.executable, "-m", "trc", "check", "."], cwd=odd.root, stderr=subprocess.PIPE, text=True, process_group=0
    )
    waiting: list[Path] = []
    while not waiting and process.poll() is None:
        waiting = list(odd.root.glob("waits-*"))
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    for path in odd.root.glob("waits-*"):
        with pytest.raises(ProcessLookupError):
            os.kill(int(path.name.removeprefix("waits-")), 0)


def test_the_code_of_others_task_types_is_seen(odd: Any) -> None:
    site = Path(os.environ["PYTHONPATH"])
    odd.write("p.yaml", _odd("odd", "nothing"))
    before = odd.trc("check", "p.yaml")
    for _ in range(30):  # until the package is two seconds old
        if not _loaded(odd, "check", "p.yaml")[1]:
            break
    else:
        raise AssertionError("no answer was kept")
    (site / "odd.py").write_text(TYPE.replace('do: str = ""', "do: int = 0"))
    fresh = odd.trc("check", "p.yaml", "--no-cache", code=2)
    assert odd.trc("check", "p.yaml", code=2) == fresh != before
