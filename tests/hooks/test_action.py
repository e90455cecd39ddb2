"""The GitHub Action: its steps are run as a runner does, with the real `trc`, and its inputs reach no script as text."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())
STEPS: list[dict[str, Any]] = ACTION["runs"]["steps"]
SCRIPTS = [step for step in STEPS if "run" in step]
EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")

GOOD = "name: shop\nnodes: [{id: one, type: duckdb_sql, params: {sql: select 1 as a}}]\n"
BAD = GOOD.replace("select 1 as a", "select nowhere")
WARNED = """
name: shop
sources: {orders: {csv: orders.csv}}
nodes:
  - {id: one, type: duckdb_sql, params: {sql: with orders as (select 1 as a) select a from orders}}
"""


@dataclass(frozen=True)
class Done:
    """A step that has ended, and what it wrote for later ones."""

    code: int
    out: str
    err: str
    outputs: Mapping[str, str]


@dataclass(frozen=True)
class Runner:
    """What a runner gives to a step: a workspace, a temporary folder, a file for outputs."""

    workspace: Path
    temp: Path
    path: str = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    variables: Mapping[str, str] = field(default_factory=dict)

    def write(self, name: str, text: str) -> None:
        place = self.workspace / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)

    def step(self, name: str, **inputs: str) -> Done:
        step = next(one for one in SCRIPTS if one["id"] == name)
        script, outputs = self.temp / "script.sh", self.temp / "outputs"
        script.write_text(step["run"])
        outputs.write_text("")
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
            cwd=self.workspace,
            env={
                **os.environ,
                **{name: resolved(text, inputs) for name, text in step.get("env", {}).items()},
                **self.variables,
                "PATH": self.path,
                "RUNNER_TEMP": str(self.temp),
                "GITHUB_OUTPUT": str(outputs),
                "GITHUB_WORKSPACE": str(self.workspace),
                "GITHUB_ACTIONS": "true",
                "CI": "true",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        told = dict(line.split("=", 1) for line in outputs.read_text().splitlines())
        return Done(done.returncode, done.stdout, done.stderr, told)


def resolved(text: str, inputs: Mapping[str, str]) -> str:
    """A value with its expressions replaced, as the runner does before it starts a step."""

    def value(match: re.Match[str]) -> str:
        if match[1] == "github.action_path":
            return str(ROOT)
        name = match[1].removeprefix("inputs.")
        return inputs.get(name.replace("-", "_"), ACTION["inputs"][name]["default"])

    return EXPRESSION.sub(value, text)


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    for name in ("work space", "temp"):
        (tmp_path / name).mkdir()
    return Runner(tmp_path / "work space", tmp_path / "temp")


@pytest.mark.parametrize("step", SCRIPTS, ids=lambda step: str(step["id"]))
def test_inputs_reach_a_script_as_variables_only(step: dict[str, Any]) -> None:
    assert "${{" not in step["run"]
    assert "eval" not in step["run"]
    assert step["shell"] == "bash"
    assert step["run"].startswith("set -euo pipefail\n")


def test_every_input_is_used_and_every_expression_names_something() -> None:
    used = set(re.findall(r"inputs\.([\w-]+)", json.dumps(STEPS)))
    assert used == set(ACTION["inputs"])
    assert all(one["description"] and isinstance(one["default"], str) for one in ACTION["inputs"].values())
    assert set(re.findall(r"steps\.(\w+)\.", json.dumps(ACTION["outputs"]))) <= {step["id"] for step in SCRIPTS}


def test_all_pipelines_are_checked_where_no_paths_are_given(runner: Runner) -> None:
    runner.write("a.yaml", GOOD)
    runner.write("in/b.yaml", GOOD.replace("shop", "other"))
    done = runner.step("check", format="human", paths=" \n\n")
    assert (done.code, done.out) == (0, "2 files checked: no mistakes\n"), done.err


def test_paths_stand_one_a_line(runner: Runner) -> None:
    runner.write("with space.yaml", GOOD)
    runner.write("-x.yaml", GOOD.replace("shop", "dash"))
    runner.write("$(touch hacked).yaml", GOOD.replace("shop", "dollar"))
    runner.write("not asked for.yaml", BAD)
    done = runner.step("check", format="human", paths="with space.yaml\n  -x.yaml  \n\n$(touch hacked).yaml")
    assert (done.code, done.out) == (0, "3 files checked: no mistakes\n"), done.err
    assert not (runner.workspace / "hacked").exists()


def test_the_exit_code_is_that_of_trc(runner: Runner) -> None:
    runner.write("a.yaml", BAD)
    done = runner.step("check", format="human")
    assert (done.code, "error[TRC402]" in done.err) == (2, True)
    assert runner.step("check", format="human", paths="nowhere.yaml").code == 2


def test_a_working_directory_and_a_target_are_taken(runner: Runner) -> None:
    runner.write("sub dir/a.yaml", GOOD)
    runner.write("b.yaml", BAD)
    done = runner.step("check", format="human", working_directory="sub dir")
    assert (done.code, done.out) == (0, "1 file checked: no mistakes\n"), done.err
    done = runner.step("check", format="human", working_directory="sub dir", target="prod; touch hacked")
    assert 'the pipeline has no target "prod; touch hacked"' in done.err
    assert done.code in (2, 3)
    assert not list(runner.workspace.rglob("hacked"))


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        ({"deny_warnings": "yes"}, '"deny-warnings" is true or false, not "yes"'),
        ({"deny_warnings": "$(touch hacked)"}, '"deny-warnings" is true or false, not "$(touch hacked)"'),
        ({"deny_warnings": "a\n::error::b"}, 'not "a?::error::b"'),
        ({"format": "json"}, '"format" is github, sarif or human, not "json"'),
        ({"format": "SARIF"}, '"format" is github, sarif or human, not "SARIF"'),
        ({"working_directory": "nowhere"}, '"working-directory" is a folder, not "nowhere"'),
        ({"working_directory": "a.yaml"}, '"working-directory" is a folder'),
        ({"format": "sarif", "sarif_file": "a\nother=b"}, '"sarif-file" is a path, not "a?other=b"'),
    ],
)
def test_an_input_of_another_kind_is_refused(runner: Runner, inputs: dict[str, str], told: str) -> None:
    runner.write("a.yaml", GOOD)
    done = runner.step("check", **inputs)
    assert (done.code, done.outputs) == (3, {})
    assert told in done.err
    assert not (runner.workspace / "hacked").exists()


@pytest.mark.parametrize("text", ["false", "False", "FALSE", ""])
def test_warnings_pass_unless_they_are_denied(runner: Runner, text: str) -> None:
    runner.write("a.yaml", WARNED)
    done = runner.step("check", format="human", deny_warnings=text)
    assert (done.code, "warning[TRC409]" in done.err) == (0, True), done.err


@pytest.mark.parametrize("text", ["true", "True", "TRUE"])
def test_warnings_can_be_denied(runner: Runner, text: str) -> None:
    runner.write("a.yaml", WARNED)
    done = runner.step("check", format="human", deny_warnings=text)
    assert done.code != 0
    assert "warning[TRC409]" in done.err or "error[TRC409]" in done.err


def test_a_pull_request_is_marked(runner: Runner) -> None:
    runner.write("a.yaml", BAD)
    done = runner.step("check")
    assert done.code == 2
    assert re.search(r"^::error .*file=a\.yaml,line=2", done.out, re.MULTILINE), done.out
    assert done.outputs == {}


@pytest.mark.parametrize(("text", "code"), [(GOOD, 0), (BAD, 2)], ids=["good", "bad"])
@pytest.mark.parametrize("given", ["", "out dir/x.sarif"], ids=["in-temp", "elsewhere"])
def test_a_sarif_file_is_written(runner: Runner, text: str, code: int, given: str) -> None:
    runner.write("pipelines/a.yaml", text)
    done = runner.step("check", format="sarif", sarif_file=given, working_directory="pipelines")
    assert done.code == code, done.err
    file = Path(done.outputs["sarif-file"])
    assert file == (runner.workspace / given if given else runner.temp / "trc.sarif")
    document = json.loads(file.read_text())
    assert document["version"] == "2.1.0"
    assert [one["ruleId"] for run in document["runs"] for one in run["results"]] == ([] if code == 0 else ["TRC402"])
    # The log shows it to people, too.
    assert ("error[TRC402]" in done.err) == (code != 0)


def test_where_nothing_could_be_checked_there_is_no_sarif_file(runner: Runner) -> None:
    runner.write("trc.toml", 'task_packages = ["no-such-package-of-tasks"]\n')
    runner.write("a.yaml", GOOD)
    done = runner.step("check", format="sarif")
    assert (done.code, done.outputs) == (3, {}), done.err
    assert not (runner.temp / "trc.sarif").exists()


@pytest.mark.parametrize("version", ["; touch hacked", "-r x", "1.0 --pre", "latest", "$(touch hacked)", "1.0\n2"])
def test_what_is_no_version_is_refused(runner: Runner, version: str) -> None:
    done = runner.step("install", version=version)
    assert (done.code, "is a version such as 0.1.0" in done.err) == (3, True)
    assert not (runner.workspace / "hacked").exists()


def test_the_trc_that_is_there_is_taken(runner: Runner) -> None:
    done = runner.step("install", version="installed")
    assert (done.code, done.out.startswith("trc ")) == (0, True), done.err


@pytest.mark.long
def test_trc_is_installed_as_the_action_has_it(runner: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a copy of the action, into an environment of its own; what trc needs is not downloaded."""
    copy = tmp_path / "action copy"
    for name in ("compiler", "backends", "runtime", "stdlib_tasks", "src", "docs"):
        shutil.copytree(ROOT / name, copy / name, symlinks=True, ignore=shutil.ignore_patterns("*.egg-info"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy / name)
    monkeypatch.setattr(sys.modules[__name__], "ROOT", copy)
    venv.create(tmp_path / "venv", with_pip=True)
    packages = next(path for path in sys.path if path.endswith("site-packages"))
    offline = {"PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1", "PIP_NO_BUILD_ISOLATION": "0", "PYTHONPATH": packages}
    there = Runner(
        runner.workspace, runner.temp, f"{tmp_path / 'venv' / 'bin'}{os.pathsep}{os.environ['PATH']}", offline
    )
    done = there.step("install")
    assert (done.code, done.out.splitlines()[-1].startswith("trc ")) == (0, True), done.out + done.err
    there.write("a.yaml", GOOD)
    assert there.step("check", format="human").out == "1 file checked: no mistakes\n"
