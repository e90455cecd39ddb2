"""`trc test` over tests/cases/pipeline_tests: a pipeline each, and what is told of its tests.

A first line of `# -k …` holds the command's arguments; any other comment says what the case is about.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from trc.cli import group

CASES = sorted(
    one for one in (Path(__file__).resolve().parents[2] / "cases" / "pipeline_tests").iterdir() if one.suffix != ".out"
)
TWINS = [case for case in CASES if case.suffix == ".trc"]
TIME = re.compile(r"\b\d+(\.\d+)?m?s\b")


class Command:
    """`trc`, called in the folder of a case."""

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = group.run(arguments)
        return code, out.getvalue(), err.getvalue()


@pytest.fixture
def trc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.chdir(tmp_path)
    return Command()


def copy(case: Path, folder: Path) -> None:
    """The case, with the code that its Python tasks name: it is never run."""
    shutil.copy(case, folder)
    if "look.py" in case.read_text():
        (folder / "look.py").write_text("def look(context): ...\n")


def arguments_of(case: Path) -> list[str]:
    first = case.read_text().partition("\n")[0].removeprefix("# ")
    return shlex.split(first) if first.startswith("-") else []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_told(case: Path, trc: Command, tmp_path: Path, snapshot: Callable[[Path, str], None]) -> None:
    copy(case, tmp_path)
    code, out, err = trc("test", case.name, *arguments_of(case), "--junit", "junit.xml")
    snapshot(case.with_suffix(".out"), TIME.sub("TIME", f"exit code {code}\n{err}{out}"))
    document_code, document, _ = trc("test", case.name, *arguments_of(case), "--json")
    assert document_code == code
    told = json.loads(document)
    assert json.dumps(told["diagnostics"]).count('"code"') == err.count("[TRC")
    if code != 3:
        agrees(ET.parse("junit.xml").getroot(), told)
    left = {one.name for one in tmp_path.iterdir()} - {case.name, "junit.xml", "__pycache__", "look.py"}
    assert left == set(), "a test leaves nothing behind"


def agrees(junit: ET.Element, told: dict[str, Any]) -> None:
    """JUnit says of each test what the document says, and counts what it holds."""
    states = {"failure": "failed", "error": "wrong"}
    cases = [
        (case.get("name"), next((states[inner.tag] for inner in case), "passed"))
        for case in junit.iterfind("testsuite/testcase")
        if case.get("name") not in told["files_with_mistakes"]
    ]
    assert cases == [(one["name"], one["state"]) for one in told["tests"]]
    for node in (junit, *junit):
        assert int(node.get("tests", "")) == len([*node.iter("testcase")])
        assert int(node.get("failures", "")) == len([*node.iter("failure")])
        assert int(node.get("errors", "")) == len([*node.iter("error")])
        assert float(node.get("time", "")) >= 0


@pytest.mark.parametrize("case", TWINS, ids=lambda case: case.stem)
def test_the_other_language_is_tested_alike(case: Path, trc: Command, tmp_path: Path) -> None:
    copy(case, tmp_path)
    _, yaml, _ = trc("convert", case.name, "--to", "yaml")
    (tmp_path / "twin.yaml").write_text(yaml)
    told = [of_language(trc("test", name, *arguments_of(case), "--json")) for name in (case.name, "twin.yaml")]
    assert told[0] == told[1]


def of_language(done: tuple[int, str, str]) -> tuple[int, Any]:
    """What a document says that places and times have no part in."""
    code, out, _ = done
    told = json.loads(out)
    rows = [(one["name"], one["state"], one["datasets"]) for one in told.get("tests", ())]
    return code, (rows, sorted((one["code"], one["message"]) for one in told["diagnostics"]))
