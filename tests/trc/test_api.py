"""The use cases behind one name: each is there, and none is loaded before it is asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.end_to_end.conftest import Space

from trc import api

COMPILER = {"pydantic", "duckdb", "sqlglot", "yaml", "lark", "trc.compiler.compile", "trc.api.fresh"}


@pytest.mark.parametrize("name", api.__all__)
def test_each_name_is_there(name: str) -> None:
    assert getattr(api, name).__name__ == name


def test_no_other_name_is_there() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'frobnicate'"):
        getattr(api, "frobnicate")  # noqa: B009 - type checkers know that it is not there


def test_what_was_compiled_before_is_planned_and_told_without_a_compiler(tmp_path: Path) -> None:
    space = Space(tmp_path)
    space.write("p.yaml", "name: p\nnodes: [{id: a, type: shell, params: {command: 'true', inputs: []}}]\n")
    assert loaded(tmp_path, "run", "p.yaml", "--force") >= {"pydantic", "trc.compiler.compile"}
    for _ in range(30):  # until the file is two seconds old
        if list(tmp_path.glob(".trc/compiled/*")):
            break
        loaded(tmp_path, "plan", "p.yaml")
    for command in (("plan", "p.yaml"), ("run", "p.yaml", "--force"), ("explain", "a"), ("status",)):
        assert loaded(tmp_path, *command) & COMPILER == set(), command


def loaded(folder: Path, *arguments: str) -> set[str]:
    """The modules that a command loads."""
    program = (
        "import sys; from trc.cli import answer; code = answer(sys.argv[1:]);"
        "print(*sys.modules, file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return set(done.stderr.splitlines()[-1].split())
