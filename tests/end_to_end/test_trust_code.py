"""Python code that counts: everything of the project that a task's module brings in when it is imported."""

from __future__ import annotations

import os
from typing import Any

import pytest
from tests.quick import few

PIPELINE = """
name: p
nodes:
  - id: t
    type: python
    params: {entrypoint: "ENTRY", files: [in.txt], output_uri: out.txt, output_format: file}
"""
RUN = "\n\ndef t(context):\n    open(context.output.path, 'w').write(str(RATE))\n"

WAYS: dict[str, tuple[str, str, str]] = {
    # how it is imported: (the entry file, its import, the file that says RATE)
    "from the package itself": ("pkg/main.py", "from . import RATE", "pkg/__init__.py"),
    "by a package's own name": ("pkg/main.py", "from pkg import RATE", "pkg/__init__.py"),
    "from a package in a folder": ("src/pkg/main.py", "from pkg.rates import RATE", "src/pkg/rates.py"),
    "from a package beside it": ("src/pkg/main.py", "from other import RATE", "src/other.py"),
    "by the package's start": (
        "pkg/main.py",
        "import builtins\nRATE = builtins.trc_test_rate",
        "pkg/__init__.py",
    ),
    "from two packages up": ("pkg/sub/main.py", "from .. import RATE", "pkg/__init__.py"),
    "through a package's start": ("main.py", "import pkg.sub as s\nRATE = s.RATE", "pkg/sub/__init__.py"),
    "under another name": ("main.py", "import pkg.rates as r\nRATE = r.RATE", "pkg/rates.py"),
    "in a function": (
        "main.py",
        "def rate():\n    from rates import RATE\n    return RATE\n\nRATE = rate()",
        "rates.py",
    ),
    "by importlib": ("main.py", "import importlib\nRATE = importlib.import_module('rates').RATE", "rates.py"),
    "by import_module": (
        "main.py",
        "from importlib import import_module\nRATE = import_module('rates').RATE",
        "rates.py",
    ),
    "by __import__": ("main.py", "RATE = __import__('rates').RATE", "rates.py"),
    "in the place of another library": ("main.py", "from pluggy import RATE", "pluggy.py"),
}


QUICK = ("by the package's start", "from two packages up", "by __import__", "in the place of another library")


@pytest.mark.parametrize("how", few(WAYS, QUICK))
def test_code_that_is_imported_counts(space: Any, how: str) -> None:
    entry, imports, rates = WAYS[how]
    space.write("in.txt", "")
    for package in ("pkg", "pkg/sub", "src/pkg"):
        if entry.startswith(package + "/") or rates.startswith(package + "/"):
            space.write(f"{package}/__init__.py", "")
    space.write("p.yaml", PIPELINE.replace("ENTRY", f"{entry}:t"))
    says = "RATE = {}\nimport builtins\nbuiltins.trc_test_rate = RATE\n"
    space.write(entry, imports + RUN)
    space.write(rates, says.format(1))
    assert space.states()["t"] == "success"
    assert space.read("out.txt") == "1"
    space.write(rates, says.format(2))
    assert space.states()["t"] == "success"
    assert space.read("out.txt") == "2"
    assert space.states()["t"] == "skipped"


def test_code_that_is_edited_during_a_run_is_not_taken_for_what_it_was(space: Any) -> None:
    """Guards a way to be skipped for ever: an edit that ran under the old code's key, and was then taken back."""
    space.write("in.txt", "")
    space.write(
        "p.yaml",
        PIPELINE.replace("ENTRY", "main.py:t")
        + '  - {id: first, type: shell, params: {command: "cat gate 2>/dev/null; true"}}\n'
        + "  - {id: last, type: python, needs: [first], params: {entrypoint: 'late.py:t', files: [in.txt], output_format: file}}\n",
    )
    space.write("main.py", "RATE = 0" + RUN)
    space.write("late.py", "RATE = 1" + RUN)
    os.mkfifo(space.root / "gate")
    process = space.start("run", "p.yaml", "--json")
    gate = os.open(space.root / "gate", os.O_WRONLY)
    space.write("late.py", "RATE = 2" + RUN)
    os.close(gate)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 1, out
    assert '"TRC604"' in out
    assert "late.py" in out
    (space.root / "gate").unlink()
    space.write("late.py", "RATE = 1" + RUN)
    assert space.states()["last"] == "success"


def test_comment_that_is_written_during_a_run_stops_nothing(space: Any) -> None:
    space.write("in.txt", "")
    space.write("p.yaml", PIPELINE.replace("ENTRY", "main.py:t"))
    space.write("main.py", "import os\nRATE = 1\nif os.path.exists('gate'):\n    open('gate').read()\n" + RUN)
    os.mkfifo(space.root / "gate")
    process = space.start("run", "p.yaml", "--json")
    gate = os.open(space.root / "gate", os.O_WRONLY)
    (space.root / "main.py").write_text("# more\n" + space.read("main.py"))
    os.close(gate)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0, out
