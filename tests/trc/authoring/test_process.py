"""The process that a pipeline's file is run in: what it sees, what bounds it, and that nothing of it stays."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from trc.compiler.context import Ran
from trc.runtime.pythonfile import PythonProcess

HEAD = "import os, sys\nfrom trc import Pipeline\np = Pipeline('p')\n"
ENVIRON = {"PATH": os.environ["PATH"], "SHOWN": "1"}


def run(folder: Path, code: str, *, seconds: int = 10) -> Ran:
    (folder / "p.py").write_text(HEAD + code)
    return PythonProcess(ENVIRON, seconds=seconds).run(folder / "p.py", folder)


def said(ran: Ran) -> Any:
    assert ran.end == "answered", ran
    return json.loads(ran.answer)


def names(ran: Ran) -> list[str]:
    entries = {key: value for key, _at, value in said(ran)["root"]["entries"]}
    return [one["value"] for node in entries["nodes"]["items"] for key, _at, one in node["entries"] if key == "id"]


def is_alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def test_it_sees_no_variable_of_the_caller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    ran = run(tmp_path, "for name in sorted(os.environ): p.sql(name, 'select 1')")
    assert names(ran) == sorted([*ENVIRON, "PYTHONHASHSEED"] + (["LC_CTYPE"] if "LC_CTYPE" in names(ran) else []))


def test_it_stands_in_the_project_and_leaves_nothing_there(tmp_path: Path) -> None:
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "shared.py").write_text("NAME = 'shared'\n")
    (tmp_path / "pipelines" / "beside.py").write_text("NAME = 'beside'\n")
    code = (
        "import beside, shared\nfor name in (os.path.basename(os.getcwd()), beside.NAME, shared.NAME): p.sql(name, '')"
    )
    file = tmp_path / "pipelines" / "a-b.py"
    file.write_text(HEAD + code)
    ran = PythonProcess(ENVIRON).run(file, tmp_path)
    assert names(ran) == [tmp_path.name, "beside", "shared"]
    assert not list(tmp_path.rglob("__pycache__"))


def test_a_set_has_one_order(tmp_path: Path) -> None:
    code = "for name in {'eu', 'us', 'asia', 'africa'}: p.sql(name, '')"
    assert names(run(tmp_path, code)) == names(run(tmp_path, code))


def test_what_it_prints_is_kept_apart_and_bounded(tmp_path: Path) -> None:
    ran = run(tmp_path, "print('{\"root\": 1}')\np.sql('a', '')\nsys.stderr.write('x' * 10_000_000)")
    assert names(ran) == ["a"]
    assert ran.printed.startswith('{"root": 1}') or ran.printed.startswith("x")
    assert len(ran.printed) <= 1 << 16


def test_the_place_where_its_time_ends_is_told(tmp_path: Path) -> None:
    failed = said(run(tmp_path, "while True:\n    pass\n", seconds=1))["failed"]
    assert (failed["kind"], failed["at"][0] in (4, 5)) == ("time", True)


def test_code_that_does_not_listen_is_ended(tmp_path: Path) -> None:
    code = "import signal\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)\nwhile True: pass"
    assert run(tmp_path, code, seconds=1).end == "time"


@pytest.mark.parametrize("end", ["p.sql('a', '')", "os._exit(3)", "os.kill(os.getpid(), 9)", "while True: pass"])
def test_nothing_that_it_started_outlives_it(tmp_path: Path, end: str) -> None:
    code = (
        "import subprocess, threading, time\n"
        "one = subprocess.Popen(['sleep', '300'], start_new_session=True)\n"
        "two = os.fork()\n"
        "if two == 0:\n"
        "    os.setsid()\n"
        "    if os.fork(): os._exit(0)\n"
        "    open('grandchild', 'w').write(str(os.getpid()))\n"
        "    time.sleep(300)\n"
        "    os._exit(0)\n"
        "while not os.path.exists('grandchild') or not open('grandchild').read(): pass\n"
        "threading.Thread(target=time.sleep, args=(300,)).start()\n"
        "open('child', 'w').write(str(one.pid))\n"
    )
    ran = run(tmp_path, code + end, seconds=2)
    expected = {"p": "answered", "o": "exit" if "_exit" in end else "signal", "w": "answered"}[end[0]]
    assert ran.end == expected
    assert [is_alive(int((tmp_path / name).read_text())) for name in ("child", "grandchild")] == [False, False]


def test_it_dies_with_the_process_that_asked(tmp_path: Path) -> None:
    (tmp_path / "p.py").write_text(
        HEAD + "import subprocess, time\nchild = subprocess.Popen(['sleep', '300'])\n"
        "open('pids', 'w').write(f'{os.getpid()} {child.pid}')\nos.rename('pids', 'ready')\ntime.sleep(300)\n"
    )
    asking = (
        "import sys\nfrom pathlib import Path\nfrom trc.runtime.pythonfile import PythonProcess\n"
        "PythonProcess({}, seconds=60).run(Path(sys.argv[1]) / 'p.py', Path(sys.argv[1]))"
    )
    with subprocess.Popen([sys.executable, "-c", asking, str(tmp_path)]) as process:
        while not (tmp_path / "ready").exists():
            assert process.poll() is None
        pids = [int(pid) for pid in (tmp_path / "ready").read_text().split()]
        assert all(is_alive(pid) for pid in pids)
        process.send_signal(signal.SIGKILL)
    while any(is_alive(pid) for pid in pids):
        pass


def test_an_answer_has_a_largest_size(tmp_path: Path) -> None:
    ran = run(tmp_path, "p.sql('a', 'x' * (70 << 20))")
    assert (ran.end, ran.limit) == ("size", "64 MiB")


def test_threads_may_ask(tmp_path: Path) -> None:
    """The kernel tells a process that its parent *thread* ended: here that is right after the answer."""
    found: list[Ran] = []
    threads = [
        threading.Thread(target=lambda folder=folder: found.append(run(folder, "p.sql('a', '')")))
        for folder in (tmp_path / "one", tmp_path / "two")
    ]
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [names(ran) for ran in found] == [["a"], ["a"]]
