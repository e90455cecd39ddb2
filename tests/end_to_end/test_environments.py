"""Tasks in environments of their own: locked, built once, isolated, and part of their keys."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.environments import cache, index, other_pythons
from tests.warm import TRC

from trc.runtime.environments.pythons import OWN

__all__ = ["cache", "index", "other_pythons"]

TELL = """
import json, os, shutil, sys


def tell(context):
    try:
        import six
        version = six.__version__
    except ImportError:
        version = None
    found = {
        "python": "%d.%d" % sys.version_info[:2],
        "six": version,
        "path": sys.path,
        "command": shutil.which("python"),
        "variables": sorted(os.environ),
    }
    for module in ("pydantic", "duckdb", "click"):
        try:
            __import__(module)
            found[module] = True
        except ImportError:
            found[module] = False
    with open(context.output.path, "w") as file:
        json.dump(found, file)
"""


def task(name: str, environment: str) -> str:
    return (
        f"  - id: {name}\n    type: python\n    environment: {{{environment}}}\n    incremental: {{enabled: true}}\n"
        f"    params: {{entrypoint: tasks.py:tell, inputs: {{}}, output_uri: {name}.json, output_format: file}}\n"
    )


def pipeline(*tasks: str) -> str:
    return "name: shop\nnodes:\n" + "".join(tasks)


@pytest.fixture
def shop(space: Any, cache: Path) -> Any:
    del cache
    space.write("tasks.py", TELL)
    return space


def told(space: Any, name: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(space.read(f"{name}.json"))
    return answer


def test_two_pythons_with_conflicting_versions_in_one_pipeline(
    shop: Any, index: None, other_pythons: tuple[str, str]
) -> None:
    del index
    old, new = other_pythons
    shop.write(
        "p.yaml",
        pipeline(
            task("old", f'python_version: "{old}", requirements: ["six==1.15.0"]'),
            task("new", f'python_version: "{new}", requirements: ["six==1.16.0"]'),
            task("own", ""),
        ),
    )
    shop.trc("lock")
    assert set(shop.states().values()) == {"success"}
    assert [(told(shop, name)["python"], told(shop, name)["six"]) for name in ("old", "new")] == [
        (old, "1.15.0"),
        (new, "1.16.0"),
    ]
    assert (told(shop, "own")["python"], told(shop, "own")["pydantic"]) == (OWN, True)
    assert set(shop.states().values()) == {"skipped"}


def test_explain_names_the_requirement_that_differs(shop: Any, index: None) -> None:
    del index
    shop.write("p.yaml", pipeline(task("score", 'requirements: ["six==1.15.0"]'), task("own", "")))
    shop.trc("lock")
    shop.states()
    shop.write("p.yaml", pipeline(task("score", 'requirements: ["six==1.16.0"]'), task("own", "")))
    shop.trc("lock")
    assert shop.states() == {"score": "success", "own": "skipped"}
    changes = {one["field"]: (one["old"], one["new"]) for one in shop.why("score")["changes"]}
    assert changes.pop("environment.requirements.six") == ("1.15.0", "1.16.0")
    assert set(changes) == {"environment.lock"}
    assert "environment.requirements.six\n      - 1.15.0\n      + 1.16.0\n" in shop.trc("explain", "score").out


def test_requirements_that_resolve_to_the_same_run_nothing_again(shop: Any, index: None) -> None:
    del index
    shop.write("p.yaml", pipeline(task("score", 'requirements: ["six==1.16.0"]')))
    shop.trc("lock")
    shop.states()
    shop.write("r.txt", "# spelt otherwise, in a file\nSix == 1.16.*  # and not as narrow\n")
    shop.write("p.yaml", pipeline(task("score", "requirements_file: r.txt")))
    assert "does not hold" in shop.trc("plan", "p.yaml", code=2).err
    shop.trc("lock")
    assert shop.states() == {"score": "skipped"}


def test_lock_is_the_same_wherever_it_is_made_and_holds_no_place(shop: Any, index: None, tmp_path: Path) -> None:
    del index
    shop.write("p.yaml", pipeline(task("a", 'requirements: ["six"]'), task("b", 'requirements: ["idna", "six<2"]')))
    shop.trc("lock")
    first = shop.read("trc.lock")
    other = tmp_path / "elsewhere"
    other.mkdir()
    for name in ("p.yaml", "tasks.py"):
        shutil.copy(shop.root / name, other / name)
    subprocess.run([*TRC, "lock", "p.yaml"], cwd=other, check=True, capture_output=True)
    assert (other / "trc.lock").read_text() == first
    assert "://" not in first
    assert str(tmp_path) not in first


def held(shop: Any) -> str:
    (environment,) = json.loads(shop.read("trc.lock"))["environments"].values()
    version: str = environment["packages"][0]["version"]
    return version


def test_lock_keeps_what_it_holds_until_it_is_to_upgrade(shop: Any, index: None) -> None:
    del index
    shop.write("p.yaml", pipeline(task("a", 'requirements: ["six<1.16"]')))
    shop.trc("lock")
    shop.write("p.yaml", pipeline(task("a", 'requirements: ["six"]')))
    shop.trc("lock")
    assert held(shop) == "1.15.0"
    shop.trc("lock", "--upgrade-package", "idna")
    assert held(shop) == "1.15.0"
    assert "six  1.15.0 -> " in shop.trc("lock", "--upgrade-package", "six").out
    assert held(shop) != "1.15.0"


def test_what_cannot_be_resolved_is_told_where_it_is_written(shop: Any, index: None) -> None:
    del index
    shop.write("p.yaml", pipeline(task("a", 'requirements: ["idna", "six==99"]')))
    error = shop.trc("lock", code=2).err
    assert 'error[TRC646]: the environment of "a" cannot be resolved: there is no version of six==99' in error
    assert "--> p.yaml:5:43" in error
    assert not (shop.root / "trc.lock").exists()


def test_hash_that_differs_builds_nothing(
    shop: Any, index: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    del index
    monkeypatch.setenv("TRC_CACHE", str(tmp_path / "cache"))
    shop.write("p.yaml", pipeline(task("a", 'requirements: ["six==1.14.0"]')))
    shop.trc("lock")
    lock = shop.read("trc.lock")
    raw = json.loads(lock)
    for one in raw["environments"].values():
        one["packages"][0]["hashes"] = ["sha256:" + "0" * 64]
    shop.write("trc.lock", json.dumps(raw))
    done = shop.trc("run", "p.yaml", code=1)
    assert "error[TRC649]" in done.err
    assert "hash" in done.err.lower()
    assert {one.name for one in (tmp_path / "cache/environments").iterdir()} == {"locks"}
    shop.write("trc.lock", lock)
    assert shop.states() == {"a": "success"}


@pytest.mark.long
def test_query_runs_on_the_duckdb_that_is_pinned(shop: Any, index: None) -> None:
    del index
    shop.write(
        "p.yaml",
        """
        name: shop
        nodes:
          - id: old
            type: duckdb_sql
            environment: {requirements: ["duckdb==1.4.1"]}
            params: {sql: "select version() as v, 1 as id"}
            expect: [{not_null: id}]
          - id: new
            type: duckdb_sql
            params: {sql: "select v, version() as own from old", output_uri: out.csv}
        """,
    )
    shop.trc("lock")
    assert "its environment holds DuckDB 1.4.1" in shop.trc("check", "p.yaml").err
    assert set(shop.states("--optimise").values()) == {"success"}
    assert shop.read("out.csv").splitlines()[1].startswith("v1.4.1,v1.5.")


# What follows needs no index: environments without packages.


def test_without_a_lock_nothing_is_planned_and_a_check_only_notes_it(shop: Any) -> None:
    shop.write("p.yaml", pipeline(task("a", f'python_version: "{OWN}"'), task("b", 'requirements: ["six"]')))
    for command in ("plan", "run", "compile"):
        assert (
            'error[TRC644]: the environment of "a" and of 1 more is not locked'
            in shop.trc(command, "p.yaml", code=2).err
        )
    checked = shop.trc("check", "p.yaml")
    assert "note[TRC644]" in checked.err
    assert "--> p.yaml:5:19" in checked.err


def test_check_of_the_lock_needs_no_network(shop: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "nothing"))
    shop.write("p.yaml", pipeline(task("a", f'python_version: "{OWN}"')))
    assert "TRC644" in shop.trc("lock", "--check", code=1).err
    shop.trc("lock")
    assert shop.trc("lock", "--check").out == "trc.lock is up to date: 1 environment\n"
    written = (shop.root / "trc.lock").stat().st_mtime_ns
    assert "up to date" in shop.trc("lock").out
    assert (shop.root / "trc.lock").stat().st_mtime_ns == written
    shop.write("p.yaml", pipeline(task("a", f'python_version: "{OWN}"'), task("b", 'requirements: ["six"]')))
    assert '"trc.lock" does not hold the environment of "b"' in shop.trc("lock", "--check", code=1).err
    unreachable = shop.trc("lock", code=3).err
    assert "error[TRC648]" in unreachable
    assert "--> p.yaml:10:19" in unreachable
    shop.write("p.yaml", pipeline(task("b", "")))
    assert "that no task asks for: 1" in shop.trc("lock", "--check", code=1).err


def test_process_sees_nothing_of_trc_or_of_the_user(shop: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    evil = tmp_path / "evil"
    evil.mkdir()
    (evil / "six.py").write_text("__version__ = 'evil'\n")
    monkeypatch.setenv("PYTHONPATH", str(evil))
    shop.write("p.yaml", pipeline(task("a", f'python_version: "{OWN}", env: {{MINE: "1"}}')))
    shop.trc("lock")
    assert shop.states() == {"a": "success"}
    seen = told(shop, "a")
    assert (seen["six"], seen["pydantic"], seen["duckdb"], seen["click"]) == (None, False, False, False)
    assert "MINE" in seen["variables"]
    assert not [name for name in seen["variables"] if name.startswith("PYTHON") and name != "PYTHONNOUSERSITE"]
    assert seen["command"].startswith(os.environ["TRC_CACHE"])


def test_shell_finds_the_python_of_its_environment(shop: Any) -> None:
    shop.write(
        "p.yaml",
        f"""
        name: shop
        nodes:
          - id: a
            type: shell
            environment: {{python_version: "{OWN}"}}
            params: {{command: "python -c 'import sys; print(sys.prefix)' > out.txt"}}
        """,
    )
    shop.trc("lock")
    assert shop.states() == {"a": "success"}
    assert shop.read("out.txt").startswith(os.environ["TRC_CACHE"])


def test_what_was_left_unfinished_is_never_used(shop: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TRC_CACHE", str(tmp_path / "cache"))
    shop.write("p.yaml", pipeline(task("a", f'python_version: "{OWN}"')))
    shop.trc("lock")
    assert shop.states() == {"a": "success"}
    folder = tmp_path / "cache/environments"
    (built,) = folder.glob("*-py*")
    left = built.with_name(f"{built.name}.new-left")
    built.rename(left)
    (left / "bin/python").unlink()
    assert shop.states("--force") == {"a": "success"}
    assert sorted(folder.glob("*-py*")) == [built]


def test_two_runs_build_an_environment_once(shop: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TRC_CACHE", str(tmp_path / "cache"))
    text = pipeline(task("a", f'python_version: "{OWN}"'))
    shop.write("p.yaml", text)
    shop.write("other/p.yaml", text)
    shop.write("other/tasks.py", TELL)
    shop.trc("lock", "p.yaml")
    shop.write("other/trc.lock", shop.read("trc.lock"))
    runs = [shop.start("run", "p.yaml"), shop.start("run", "other/p.yaml")]
    assert [run.wait(60) for run in runs] == [0, 0]
    assert len(list((tmp_path / "cache/environments").glob("*-py*"))) == 1
    assert told(shop, "a")["command"] == json.loads(shop.read("other/a.json"))["command"]


def test_environments_are_listed_and_removed(shop: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TRC_CACHE", str(tmp_path / "cache"))
    shop.write("p.yaml", pipeline(task("a", f'python_version: "{OWN}"')))
    shop.trc("lock")
    shop.states()
    assert {one["python"] for one in shop.trc("env", "list", "--json").json["environments"]} == {OWN, ""}
    assert "removed 0 environments" in shop.trc("env", "gc").err
    assert "would remove 2 environments" in shop.trc("env", "gc", "--older-than", "0s", "--dry-run").err
    assert "removed 2 environments" in shop.trc("env", "gc", "--older-than", "0s").err
    assert shop.states("--force") == {"a": "success"}


def test_python_that_is_not_there_is_told(shop: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    other = "3.9" if OWN != "3.9" else "3.10"
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setenv("UV_PYTHON_INSTALL_DIR", str(tmp_path))
    monkeypatch.setenv("TRC_CACHE", str(tmp_path / "cache"))
    shop.write("p.yaml", pipeline(task("a", f'python_version: "{other}"'), task("b", "")))
    assert f"warning[TRC647]: there is no Python {other} on this machine" in shop.trc("lock").err
    done = shop.trc("run", "p.yaml", code=1)
    assert f'error[TRC649]: task "a" failed: there is no Python {other} on this machine' in done.err
    assert "done     b" in done.err


def test_requirements_file_is_checked_line_by_line(shop: Any) -> None:
    shop.write("r.txt", "six\n-r more.txt\nidna=2\n")
    shop.write("p.yaml", pipeline(task("a", "requirements_file: r.txt"), task("b", "requirements_file: none.txt")))
    error = shop.trc("check", "p.yaml", code=2).err
    assert 'error[TRC505]: "r.txt", line 2: "-r more.txt" is an option' in error
    assert 'error[TRC205]: "r.txt", line 3: "idna=2" is not a requirement' in error
    assert 'error[TRC210]: there is no file "none.txt"' in error


def test_lock_that_changes_under_a_run_is_not_taken_for_another(shop: Any) -> None:
    shop.write("p.yaml", pipeline(task("a", f'python_version: "{OWN}"')))
    shop.trc("lock")
    shop.trc("plan", "p.yaml", "-o", "p.trcplan")
    shop.write("p.yaml", pipeline(task("a", f'python_version: "{OWN}"'), task("b", "")))
    shop.write("trc.lock", shop.read("trc.lock").replace('"packages"', '"packages" '))
    assert "TRC633" in shop.trc("run", "p.trcplan", code=None).err


def test_environments_are_built_beside_each_other_before_their_tasks_begin(
    shop: Any, other_pythons: tuple[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The first task ends only when it is told that the environment of the last is there."""
    monkeypatch.setenv("TRC_CACHE", str(tmp_path / "cache"))
    old, new = other_pythons
    gate = shop.root / "gate"
    os.mkfifo(gate)
    shop.write(
        "p.yaml",
        "name: shop\nnodes:\n  - id: first\n    type: shell\n    params: {command: read line < gate}\n"
        + "".join(
            f"  - id: {name}\n    type: shell\n    needs: [{before}]\n    environment: {{python_version: '{python}'}}\n"
            f"    params: {{command: python -V}}\n"
            for name, before, python in (("old", "first", old), ("same", "first", old), ("new", "old", new))
        ),
    )
    shop.trc("lock")
    process = shop.start("run", "p.yaml")
    told: list[str] = []
    while sum(line.startswith("built ") for line in told) < 2:
        line = process.stderr.readline()
        assert line, "it ended before all environments were there"
        told.append(" ".join(line.split()))
    with gate.open("w") as opened:
        opened.write("\n")
    assert {line for line in told if line.startswith("building")} == {
        f"building old Python {old}, 0 packages, for 1 more task as well",
        f"building new Python {new}, 0 packages",
    }
    assert not [line for line in told if line.startswith("done")]
    rest = process.communicate(timeout=60)[1]
    assert process.returncode == 0
    assert "build" not in rest
    # What is there is not told of.
    gate.unlink()
    gate.write_text("\n")
    assert "build" not in shop.trc("run", "p.yaml").err


def test_an_environment_that_cannot_be_had_ahead_fails_its_tasks_and_a_retry_tries_again(
    shop: Any, index: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    del index
    monkeypatch.setenv("TRC_CACHE", str(tmp_path / "cache"))
    retry = "    retries: {max_attempts: 2, initial_delay_seconds: 0.01}\n"
    shop.write(
        "p.yaml", pipeline(task("a", ""), task("b", 'requirements: ["six==1.14.0"]') + "    needs: [a]\n" + retry)
    )
    shop.trc("lock")
    raw = json.loads(shop.read("trc.lock"))
    for one in raw["environments"].values():
        one["packages"][0]["hashes"] = ["sha256:" + "0" * 64]
    shop.write("trc.lock", json.dumps(raw))
    shop.trc("run", "p.yaml", "--log-file", "log.jsonl", code=1)
    events = [json.loads(line) for line in shop.read("log.jsonl").splitlines()]
    kinds = [(one["event"], one["level"]) for one in events if one["event"].startswith("environment.")]
    # It is permanent: there is one attempt, and the environment is not tried a second time for it.
    assert kinds == [("environment.building", "info"), ("environment.failed", "warning")]
    assert {one["attempt"] for one in events if one.get("task") == "b" and "attempt" in one} == {1}


def test_a_cache_that_cannot_be_written_names_the_task_the_line_and_the_remedy(
    shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRC_CACHE", "/proc/nowhere")
    shop.write("p.yaml", pipeline(task("a", f'python_version: "{OWN}"'), task("b", "")))
    shop.trc("lock")
    done = shop.trc("run", "p.yaml", code=1)
    first = 'task "a" failed: the environment cannot be built: "/proc/nowhere/environments" cannot be written'
    assert f"error[TRC649]: {first}\n --> p.yaml:5:19" in done.err
    assert "= TRC_CACHE names another folder for environments" in done.err
    assert "done     b" in done.err


@pytest.fixture
def small_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A cache folder on a file system of its own, with room for the lock files of environments, and for little more."""
    if os.getuid() != 0 or shutil.which("mount") is None:
        pytest.skip("a disk of its own takes root and `mount`")
    place = tmp_path / "small"
    place.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48k", "tmpfs", place], capture_output=True, check=False)
    if made.returncode != 0:
        pytest.skip(f"nothing may be mounted: {made.stderr.decode().strip()}")
    monkeypatch.setenv("TRC_CACHE", str(place))
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def test_a_disk_without_room_names_the_task_the_line_and_the_remedy(shop: Any, small_cache: Path) -> None:
    shop.write("p.yaml", pipeline(task("a", f'python_version: "{OWN}"'), task("b", "")))
    shop.trc("lock")
    where = f'there is no room left for it in "{small_cache}/environments"'
    for words, first in (
        ("run", f'task "a" failed: the environment cannot be built: {where}'),
        ("build", f'what task "a" runs in cannot be had: the environment cannot be built: {where}'),
    ):
        done = shop.trc(words, "p.yaml", code=1)
        assert f"error[TRC649]: {first}\n --> p.yaml:5:19" in done.err
        assert "o space left on device" in done.err
        assert (
            "= `trc env gc` removes those that no run has used for 30 days; TRC_CACHE names another folder" in done.err
        )
    # Nothing of it is left to be taken for whole.
    assert not list(small_cache.glob("environments/*-py*"))
    subprocess.run(["mount", "-o", "remount,size=64m", small_cache], check=True)
    assert shop.states()["a"] == "success"
