"""The hooks that trc offers: pre-commit installs them from a clone, as it does for users, and runs them in a project."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

ROOT = Path(__file__).resolve().parents[2]
PRE_COMMIT = Path(sys.executable).parent / "pre-commit"
FOLDERS = ("compiler", "backends", "runtime", "stdlib_tasks", "src", "docs")
FILES = ("pyproject.toml", "README.md", "LICENSE", ".pre-commit-hooks.yaml")
TIDY = 'pipeline "shop" { }\n\ntask one = sql $$ select 1 as a $$\n'
CONFIG = """
repos:
  - repo: {hooks}
    rev: v1
    hooks:
      - id: trc-check
      - id: trc-fmt
"""


def git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=Nobody", "-c", "user.email=nobody@example.org", "-c", "init.defaultBranch=main")
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def hooks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of trc, tagged v1."""
    clone = tmp_path_factory.mktemp("hooks") / "trc"
    clone.mkdir()
    for name in FOLDERS:
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(ROOT / name, clone / name, symlinks=True, ignore=ignored)
    for name in FILES:
        shutil.copy(ROOT / name, clone / name)
    git(clone, "init", "--quiet")
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", "--message", "trc")
    git(clone, "tag", "v1")
    return clone


@dataclass(frozen=True)
class Project:
    """A project whose commits are judged by the hooks."""

    root: Path
    store: Path

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        git(self.root, "add", "--all")

    def run(self, *arguments: str) -> tuple[int, str]:
        """What pre-commit says of what is staged.

        It makes the hooks' environment itself and builds trc in it. Only what trc needs comes from the tests' own
        packages, so that nothing is downloaded.
        """
        environment = {
            **os.environ,
            "PRE_COMMIT_HOME": str(self.store),
            "PIP_NO_INDEX": "1",
            "PIP_NO_DEPS": "1",
            "PIP_NO_BUILD_ISOLATION": "0",  # pip reads it as "no isolation"
            "PYTHONPATH": sysconfig.get_paths()["purelib"],
        }
        done = subprocess.run(
            [PRE_COMMIT, "run", *arguments],
            cwd=self.root, env=environment, check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        return done.returncode, done.stdout


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.fixture
def project(tmp_path: Path, hooks: Path, store: Path) -> Project:
    git(tmp_path, "init", "--quiet")
    made = Project(tmp_path, store)
    made.write(".pre-commit-config.yaml", CONFIG.format(hooks=hooks))
    made.write("trc.toml", "# a project\n")
    made.write("pipelines/shop.trc", TIDY)
    return made


def test_the_package_is_built_from_the_clone(project: Project) -> None:
    code, said = project.run()
    assert code == 0, said
    installed = list(project.store.rglob("site-packages/trc/compiler/compile.py"))
    assert len(installed) == 1
    assert not installed[0].parent.is_symlink()


def test_a_mistake_stops_a_commit(project: Project) -> None:
    project.write("pipelines/shop.trc", TIDY.replace("select 1 as a", "select nowhere"))
    code, said = project.run("trc-check")
    assert code == 1
    assert "error[TRC402]" in said
    assert "--> pipelines/shop.trc:3:" in said


def test_a_file_that_a_pipeline_uses_is_judged_with_it(project: Project) -> None:
    """The pipeline itself is not in the commit."""
    project.write(
        "pipelines/page.yaml", "name: page\nnodes: [{id: a, type: python, params: {entrypoint: 'page.py:page'}}]\n"
    )
    project.write("page.py", "def page(context): ...\n")
    assert project.run("trc-check")[0] == 0
    git(project.root, "commit", "--quiet", "--no-verify", "--message", "fine")
    assert project.run("trc-check")[1].count("Skipped") == 1
    project.write("page.py", "def other(context): ...\n")
    code, said = project.run("trc-check")
    assert (code, "page.py" in said) == (1, True), said


def test_layout_is_mended_and_the_commit_stopped(project: Project) -> None:
    project.write("pipelines/shop.trc", TIDY.replace("task one = sql", "task   one=sql"))
    other = "name:   not a pipeline\n"
    project.write("compose.yml", other)
    code, said = project.run("trc-fmt")
    assert (code, "files were modified by this hook" in said) == (1, True), said
    assert (project.root / "pipelines/shop.trc").read_text() == TIDY
    assert (project.root / "compose.yml").read_text() == other
    git(project.root, "add", "--all")
    assert project.run("trc-fmt")[0] == 0
