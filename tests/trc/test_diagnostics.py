"""What an author is told: a mistake a case in tests/cases/diagnostics, with the answer beside it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from trc import api
from trc.compiler.choices import Choices
from trc.compiler.diagnostics.codes import CODES
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.source import SourceFile, Span
from trc.runtime.errors import Stopped

CASES = Path(__file__).parents[1] / "cases" / "diagnostics"
WORLD = CASES / "world"
"""Files that lie beside each case: data, and modules of Python."""
FRONT_ENDS = ("yaml", "trc", "python")


def cases() -> Iterator[Path]:
    """Files, and folders that are projects of several files."""
    for front_end in FRONT_ENDS:
        yield from (one for one in sorted((CASES / front_end).iterdir()) if one.suffix != ".expected")


YAMLS = "only YAML has it"
OF_THE_LANGUAGE = "only the .trc language has it"
OF_PYTHON = "only pipelines in Python have it"
NO_CASE: Final[Mapping[str, Mapping[str, str]]] = {
    "yaml": {
        **dict.fromkeys(("TRC120", "TRC121", "TRC122"), OF_THE_LANGUAGE),
        **dict.fromkeys(("TRC225", "TRC226", "TRC227", "TRC228", "TRC229"), OF_PYTHON),
        "TRC235": "it is told by `trc diff`",
        **dict.fromkeys(("TRC420", "TRC421"), "they are told by `trc lineage`"),
        **dict.fromkeys(("TRC446", "TRC447"), "they are told by `trc test`"),
        "TRC450": "it is told by `trc lint`",
        **dict.fromkeys((f"TRC{number}" for number in range(510, 517)), "they are told by runs in Docker"),
        **dict.fromkeys((f"TRC{number}" for number in range(530, 537)), "they are told by runs on Ray"),
    },
    "trc": {
        **dict.fromkeys(("TRC105", "TRC109"), YAMLS),
        **dict.fromkeys(("TRC225", "TRC226", "TRC227", "TRC228", "TRC229"), OF_PYTHON),
        "TRC235": "it is told by `trc diff`",
        **dict.fromkeys(("TRC420", "TRC421"), "they are told by `trc lineage`"),
        **dict.fromkeys(("TRC446", "TRC447"), "they are told by `trc test`"),
        "TRC450": "it is told by `trc lint`",
        **dict.fromkeys((f"TRC{number}" for number in range(510, 517)), "they are told by runs in Docker"),
        **dict.fromkeys((f"TRC{number}" for number in range(530, 537)), "they are told by runs on Ray"),
    },
}
"""Codes that no case of a front end can have, and why."""


@pytest.fixture(scope="module", autouse=True)
def _package_of_task_types(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """An installed distribution that brings a task type with parameters of every shape."""
    folder = tmp_path_factory.mktemp("site")
    about = folder / "corpus_types-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: corpus-types\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[trc.tasks]\nshape = tests.compiler.frontends.conftest:Shape\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield


@pytest.mark.parametrize("case", [*cases()], ids=lambda case: f"{case.parent.name}-{case.stem}")
def test_mistake_is_told(
    case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, snapshot: Callable[[Path, str], None]
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(WORLD, tmp_path, dirs_exist_ok=True)
    pipeline = laid_out(case)
    found, sources = told(pipeline)
    shown = "".join(as_text(one, sources, str(pipeline)) for one in found)
    assert shown, "the case holds no mistake"
    snapshot(case.with_name(f"{case.stem}.expected"), shown)


def laid_out(case: Path) -> Path:
    """Puts the case into the current folder; the pipeline's file there, or the folder where there are several.

    `made.json` holds files that are too large to be kept: texts, each with how often it stands there.
    """
    if case.is_file():
        return Path(shutil.copy(case, "p.py" if case.suffix == ".case" else case.name))
    shutil.copytree(case, ".", dirs_exist_ok=True)
    made = json.loads(Path("made.json").read_text()) if Path("made.json").is_file() else {}
    for name, parts in made.items():
        Path(name).write_text("".join(text * times for text, times in parts))
    return next(iter(Path().glob("pipeline.*")), Path())


def told(pipeline: Path) -> tuple[tuple[Diagnostic, ...], Mapping[str, SourceFile]]:
    """What `trc check` says, and of a pipeline that it finds no error in, what `trc plan` says."""
    written: dict[str, Any] = {}
    if Path("choices.json").is_file():
        written = json.loads(Path("choices.json").read_text())
        written["params"] = tuple(written.get("params", {}).items())
        if "params_file" in written:
            written["params_file"] = Path(written["params_file"])
    choices = Choices(**{"at": "2026-01-31", **written})
    try:
        report = api.check([pipeline], choices)
        if pipeline.is_file() and not any(one.severity == "error" for one in report.diagnostics):
            planned = api.plan(pipeline, choices)
            sources = {**report.sources, **planned.sources}
            return tuple(dict.fromkeys((*report.diagnostics, *planned.diagnostics))), sources
    except Stopped as stop:
        return tuple(stop.diagnostics), stop.sources
    return report.diagnostics, report.sources


def as_text(found: Diagnostic, sources: Mapping[str, SourceFile], here: str) -> str:
    """The place as line:column-line:column with the text that stands there, then each part on a line.

    The file is named where it is not the one that is looked at.
    """

    def place(span: Span | None) -> str:
        file = sources.get(span.file) if span else None
        if span is None or file is None:
            return "-"
        start, end = file.position(span.start), file.position(span.end)
        text = file.text[span.start : span.end]
        text = text if len(text) <= 40 else f"{text[:20]}…{text[-19:]}"
        name = "" if file.name == here else f"{file.name}:"
        return f"{name}{start.line}:{start.column}-{end.line}:{end.column} {text!r}"

    severity = "" if found.severity == "error" else f" {found.severity}"
    lines = [f"{found.code}{severity} {place(found.span)} {found.message}"]
    if found.label:
        lines.append(f"  label: {found.label}")
    lines.extend(f"  related: {place(label.span)} {label.text}" for label in found.related)
    lines.extend(f"  help: {line}" for line in found.help)
    if found.fix:
        lines.append(f"  fix: {place(found.fix.span)} -> {found.fix.replacement}")
    if found.task:
        lines.append(f"  task: {found.task}")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("front_end", NO_CASE)
def test_every_code_of_the_compiler_has_a_case(front_end: str) -> None:
    missing = {row.code for row in CODES if row.code < "TRC6"} - codes_of(front_end)
    assert missing == set(NO_CASE[front_end])


def test_codes_of_python_pipelines_have_cases() -> None:
    assert codes_of("python") >= {code for code, why in NO_CASE["yaml"].items() if why == OF_PYTHON}


def codes_of(front_end: str) -> set[str]:
    texts = (one.read_text(encoding="utf-8") for one in (CASES / front_end).glob("*.expected"))
    return {code for text in texts for code in re.findall(r"^(TRC\d+)", text, re.MULTILINE)}


def test_every_answer_belongs_to_a_case() -> None:
    answers = {one.with_suffix("") for front_end in FRONT_ENDS for one in (CASES / front_end).glob("*.expected")}
    assert answers == {one.with_suffix("") for one in cases()}
