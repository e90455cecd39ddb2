"""Tables and frames of libraries, in an environment that has them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.environments import cache, index

import trc
from trc.runtime.environments.uv import find_uv

__all__ = ["cache", "index"]
SCRIPT = Path(__file__).with_name("frames.py")
LIBRARIES = ("pyarrow", "pandas", "polars", "duckdb")


@pytest.fixture(scope="module")
def outcomes(cache: Path, index: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    del index
    uv = find_uv()
    home = cache / "frames"
    python = home / "bin" / "python"
    if not python.exists():
        subprocess.run([uv, "venv", "-q", "--python", sys.executable, home], check=True)
        subprocess.run([uv, "pip", "install", "-q", "--only-binary", ":all:", "--python", python, *LIBRARIES], check=True)
    environ = {"PYTHONPATH": str(Path(trc.__file__).parents[1]), "PYTHONDONTWRITEBYTECODE": "1"}
    folder = tmp_path_factory.mktemp("frames")
    done = subprocess.run([python, SCRIPT, folder], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_each_kind_is_read_and_written_in_each_format(outcomes: dict[str, object]) -> None:
    wrong = {name: one for name, one in outcomes.items() if one is not True and not name.endswith("several")}
    assert wrong == {}
    assert len(outcomes) == 7 * 13 + 4


def test_several_files_are_one_by_the_names_of_their_columns(outcomes: dict[str, object]) -> None:
    several = {name: one for name, one in outcomes.items() if name.endswith("several")}
    assert set(map(str, several.values())) == {"[1, 2, 3]"}, several


def test_library_that_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text(
        "from trc import run_task, task\n"
        "@task\n"
        "def work(rows: 'pl.DataFrame'): return rows\n"
        "run = run_task(work, inputs={'rows': [{'a': 1}]}, outputs='csv')\n"
        "print(run.failure.kind, run.failure.reason, run.failure.message)\n"
    )
    code = "import sys; sys.modules['polars'] = None; import runpy; runpy.run_path('code.py')"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(
        'permanent mapping a frame of polars takes "polars": add it to the requirements of the task\'s environment ('
    )
