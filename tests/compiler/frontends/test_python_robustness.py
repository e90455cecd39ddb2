"""Whatever a Python file, or the process that ran it, holds: a tree or a diagnostic, and never an exception."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.compiler.frontends.conftest import make_context

from trc.compiler.context import Ran
from trc.compiler.diagnostics.collector import Collector
from trc.compiler.frontends.lower import lower
from trc.compiler.frontends.python.parse import parse
from trc.compiler.source import SourceFile
from trc.runtime.pythonfile import PythonProcess

TWINS = Path(__file__).parents[2] / "cases" / "python" / "twins"
TEXTS = {path: path.read_text() for path in sorted(TWINS.glob("*.py"))}
KEYS = st.sampled_from(["at", "entries", "items", "value"])
SINGLE = st.none() | st.booleans() | st.integers(-5, 10**6) | st.floats() | st.text(max_size=5)
FLAT = SINGLE | st.lists(SINGLE, max_size=3) | st.dictionaries(KEYS, SINGLE)
JSON = FLAT | st.lists(FLAT, max_size=3) | st.dictionaries(KEYS, FLAT)


@dataclass(frozen=True)
class Answered:
    """A runner that has been run."""

    ran: Ran

    def run(self, file: Path, project: Path) -> Ran:  # noqa: ARG002 - the interface's
        return self.ran


@pytest.fixture(scope="session")
def answers() -> dict[Path, Ran]:
    answered = {path: PythonProcess({}).run(path, TWINS) for path in TEXTS}
    assert {ran.end for ran in answered.values()} == {"answered"}
    return answered


def compile_text(text: str, ran: Ran) -> Collector:
    collect = Collector()
    file = SourceFile("p.py", text)
    context = replace(make_context(TWINS), python=Answered(ran))
    tree = parse(file, TWINS / "p.py", context, collect)
    if tree is not None:
        lower(tree, file, context, collect)
    for found in collect.sorted():
        for span in (found.span, *(label.span for label in found.related)):
            assert span is None or 0 <= span.start <= span.end <= len(text)
    assert tree is not None or collect.has_errors
    return collect


@given(st.data())
def test_text_that_is_not_what_was_run_is_no_trouble(answers: dict[Path, Ran], data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(list(TEXTS)))
    text = TEXTS[path]
    start = data.draw(st.integers(0, len(text)))
    piece = data.draw(st.sampled_from(["", "\n", "(", '"', "'''", "é", "🎉", "\r", "\f", "\0", "\\", "#", "*x", "f'{"]))
    compile_text(text[:start] + piece + text[start + data.draw(st.integers(0, 30)) :], answers[path])


@given(st.data())
def test_answer_that_is_none_is_no_trouble(answers: dict[Path, Ran], data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(list(TEXTS)))
    answer = json.loads(answers[path].answer)
    holders = list(_holders(answer))
    for _ in range(data.draw(st.integers(1, 3))):
        holder, key = data.draw(st.sampled_from(holders))
        holder[key] = data.draw(JSON)
    compile_text(TEXTS[path], Ran("answered", json.dumps(answer).encode()))


@given(
    st.sampled_from(["mistake", "failed", "pipelines", "root"]),
    st.fixed_dictionaries(
        {"code": JSON, "message": JSON, "help": JSON, "at": JSON, "related": JSON, "within": JSON, "call": JSON}
    )
    | JSON,
    JSON,
)
def test_told_failure_that_is_none_is_no_trouble(key: str, told: Any, calls: Any) -> None:
    assert compile_text("x = 1\n", Ran("answered", json.dumps({key: told, "calls": calls}).encode())).has_errors


@pytest.mark.parametrize("answer", [b"", b"{", b"[]", b"\xff", b"[" * 100_000, b'{"root": ' + b"9" * 5000 + b"}"])
def test_garbage_is_no_trouble(answer: bytes) -> None:
    [found] = compile_text("x = 1\n", Ran("answered", answer)).sorted()
    assert found.code == "TRC228"


def _holders(value: Any) -> Iterator[tuple[Any, Any]]:
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield value, key
        if isinstance(inner, dict | list):
            yield from _holders(inner)
