"""Whatever bytes a pipeline, a project file or a file of values holds: an answer, soon, in little memory, and no traceback."""

from __future__ import annotations

import base64
import json
import re
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[2]
CASES = ROOT / "tests" / "cases"
CHILD = Path(__file__).with_name("child.py")
MEMORY: Final = 1 << 30
SECONDS: Final = 5.0
"""Of processor time: the machine may have other things to do."""
PATIENCE: Final = 60.0
LARGEST_SEED: Final = 50_000
QUICK = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
LONG = settings(QUICK, max_examples=6_000)


class Child:
    """A process that compiles; one that hangs or died is replaced."""

    def __init__(self, patience: float = PATIENCE, memory: int = MEMORY) -> None:
        self.patience = patience
        self.memory = memory
        self.process: subprocess.Popen[str] | None = None

    def told(self, files: dict[str, bytes], pipeline: str, params_file: str | None = None) -> str:
        """What went wrong with these files; nothing is how it should be."""
        process = self.started()
        assert process.stdin is not None
        assert process.stdout is not None
        held = {name: base64.b64encode(content).decode() for name, content in files.items()}
        process.stdin.write(json.dumps({"files": held, "pipeline": pipeline, "params_file": params_file}) + "\n")
        process.stdin.flush()
        if not select.select([process.stdout], [], [], self.patience)[0]:
            self.end()
            return f"no answer within {self.patience:g} s"
        line = process.stdout.readline()
        if not line:
            self.end()
            return f"the process ended: {process.returncode}"
        answer = json.loads(line)
        return str(answer["wrong"]) or ("" if answer["seconds"] <= SECONDS else f"took {answer['seconds']:.1f} s")

    def started(self) -> subprocess.Popen[str]:
        if self.process is None:
            self.process = subprocess.Popen(
                [sys.executable, str(CHILD), str(self.memory)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            )  # fmt: skip
        return self.process

    def end(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None


@pytest.fixture(scope="module")
def child() -> Iterator[Child]:
    one = Child()
    yield one
    one.end()


def seeds(suffix: str) -> list[bytes]:
    """Files of one language: right ones and wrong ones."""
    folders = (CASES / "diagnostics", CASES / "twins", CASES / "yaml", ROOT / "examples")
    files = sorted(one for folder in folders for one in folder.rglob(f"*{suffix}") if one.is_file())
    return [one.read_bytes() for one in files if one.stat().st_size < LARGEST_SEED]


YAML: Final = [*seeds(".yaml"), *seeds(".yml")]
TRC: Final = seeds(".trc")
TOML: Final = [
    *seeds(".toml"),
    b'pipelines = ["*.yaml"]\n[defaults]\ntimeout = "1h"\n[targets.prod]\nbackend = "local"\nparams = {day = "x"}\n',
]
VALUES: Final = {
    "v.yaml": [
        b"day: 2026-01-31\nlimit: 3\nregions: [eu, us]\n",
        b'{"day": "2026-01-31", "of": {"a": [1, 2.5, null]}}\n',
    ],
    "v.json": [b'{"day": "2026-01-31", "limit": 3, "regions": ["eu", "us"], "of": {"a": [1, 2.5, null, true]}}\n'],
    "v.toml": [b'day = 2026-01-31\nlimit = 3\nregions = ["eu", "us"]\n[of]\na = [1, 2.5, true]\n"b c" = 12:30:00\n'],
}
PIECES: Final = [
    piece if isinstance(piece, bytes) else piece.encode()
    for piece in (
        "\n", " ", "\t", ":", ": ", "- ", "[", "]", "{", "}", "(", ")", "{{", "}}", "{%", "%}", "{#", "$$", "$x$", "'", '"', "|", ">", "&a ", "*a",
        "!!x ", "<<: *a", "#", "--", "/*", ";", "~", "null", "true", "012", "-1", "9" * 400, "1e999", ".nan", "---\n", "...\n", "%", "@", "\\", "\\u0000",
        "\\ud800", "é", "🎉", "\u2028", "\x85", "\u202e", "\u200b", "\r\n", "\ufeff", "\x00", "\x1b", b"\xff", b"\xc3", b"\xed\xa0\x80", "= ", ",",
        "{{ item }}", "{% for x in range(9999) %}", "{{ 'x' * 999999 }}", "select ", "from ", "pivot ", "$1", "?", "::", "task ", "source ", "param ",
        'import "p.trc"\n', "imports: [p.yaml]\n", "for_each", "when", "run.date", "../", "s3://", "[[", "]]", '"""',
    )
]  # fmt: skip
NESTS: Final = [
    (b"[", b"]"),
    (b"{", b"}"),
    (b"(", b")"),
    (b"{a: ", b"}"),
    (b"- ", b""),
    (b"not ", b""),
    (b"{{", b"}}"),
    (b"/*", b"*/"),
    (b"a { ", b" }"),
]


@st.composite
def mutated(draw: st.DrawFn, files: list[bytes]) -> bytes:
    """A file with bytes turned, pieces cut out, put in, doubled, moved, nested, or taken from another file."""
    text = draw(st.sampled_from(files))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 40)))
        match draw(st.sampled_from(["turn", "cut", "put", "replace", "repeat", "line", "nest", "splice", "word"])):
            case "turn":
                text = text[:start] + bytes([draw(st.integers(0, 255))]) + text[start + 1 :]
            case "cut":
                text = text[:start] + text[end:]
            case "put":
                text = text[:start] + draw(st.sampled_from(PIECES)) + text[start:]
            case "replace":
                text = text[:start] + draw(st.sampled_from(PIECES)) + text[end:]
            case "repeat":
                text = text[:start] + text[start:end] * draw(st.sampled_from([2, 3, 70, 2000])) + text[end:]
            case "line":
                lines = text.splitlines(keepends=True) or [b""]
                one, other = (draw(st.integers(0, len(lines) - 1)) for _ in range(2))
                lines[one], lines[other] = lines[other], lines[one]
                text = b"".join(lines)
            case "nest":
                opening, closing = draw(st.sampled_from(NESTS))
                depth = draw(st.sampled_from([1, 2, 60, 70, 5000]))
                text = text[:start] + opening * depth + text[start:end] + closing * depth + text[end:]
            case "splice":
                other_file = draw(st.sampled_from(files))
                at = draw(st.integers(0, len(other_file)))
                text = text[:start] + other_file[at : at + draw(st.integers(0, 300))] + text[end:]
            case _:
                words = list(re.finditer(rb"\w+", text))
                if len(words) > 1:
                    one_word, other_word = (words[draw(st.integers(0, len(words) - 1))] for _ in range(2))
                    text = text[: one_word.start()] + other_word[0] + text[one_word.end() :]
    return text


@st.composite
def projects(draw: st.DrawFn) -> dict[str, Any]:
    """A pipeline's file, and perhaps a project file and a file of values; one of them is mutated."""
    suffix, files = draw(st.sampled_from([("yaml", YAML), ("trc", TRC)]))
    pipeline = f"p.{suffix}"
    what = draw(st.sampled_from(["pipeline", "pipeline", "pipeline", "project", "values"]))
    found = {pipeline: draw(mutated(files) if what == "pipeline" else st.sampled_from(files)), "orders.csv": ORDERS}
    if what == "project":
        found["trc.toml"] = draw(mutated(TOML))
    values = draw(st.sampled_from(sorted(VALUES))) if what == "values" else None
    if values:
        found[values] = draw(mutated(VALUES[values]))
        found[pipeline] = PARAMS if suffix == "yaml" else PARAMS_TRC
    return {"files": found, "pipeline": pipeline, "params_file": values}


ORDERS: Final = b"id,customer,amount\n1,ada,2.5\n"
PARAMS: Final = b"""\
name: p
params: {day: {type: date}, limit: {type: integer}, regions: {type: list}, of: {type: map}}
nodes:
  - id: a
    type: duckdb_sql
    params: {sql: "select {{ day }} as d, {{ limit }} as l, {{ regions }} as r, {{ of }} as o"}
"""
PARAMS_TRC: Final = b"""\
pipeline "p" {}
param day: date
param limit: integer
param regions: list
param of: map
task a = sql $$ select {{ day }} as d, {{ limit }} as l, {{ regions }} as r, {{ of }} as o $$
"""


@pytest.mark.filterwarnings("ignore:Generating overly large repr")
@QUICK
@given(projects())
def test_files_are_answered(child: Child, project: dict[str, Any]) -> None:
    assert child.told(**project) == ""


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.filterwarnings("ignore:Generating overly large repr")
@LONG
@given(projects())
def test_many_files_are_answered(child: Child, project: dict[str, Any]) -> None:
    assert child.told(**project) == ""


FOUND: Final[dict[str, tuple[str, bytes]]] = {
    "a statement with many brackets that close nothing": (
        "p.trc",
        b'pipeline "p[[[[" {' + b" }\n]]]]]]]]]]]]" * 3_000 + b"task a = sql $$ select 1 as x $$ { timeout => 1h }\n",
    ),
    "a text full of escapes that is never closed": ("p.trc", b'pipeline "p" { }\n' + b'\\"' * 12_000),
    "a line with thousands of keys written twice": (
        "p.yaml",
        b"name: p\nnodes: [{" + b"id: a, type: shape," * 2_500 + b" params: {command: x}}]\n",
    ),
    "a name of several lines at which the SQL cannot be read": (
        "p.trc",
        b'pipeline "p" { }\ntask a = sql $$ select sum(1.4"] }\n  memory = 2Gi\n fields = ["amount) as s $$\n',
    ),
    "a long word where the type of a task is missing": ("p.trc", b"task " + b"_" * 20_000 + b" b\n"),
    "a long word in a statement that is cut short": ("p.trc", b"task a = shell(" + b"_" * 20_000 + b","),
    "an endless operator": ("p.trc", b"task a = sql $$ select 1 " + b"+" * 4_000 + b" 2 as c $$\n"),
    "cases that are never ended": ("p.trc", b"task a = sql $$ select " + b"case " * 4_000 + b" 1 as c $$\n"),
    "a long statement with many mistakes": (
        "p.trc",
        b"task a = sql $$ select 1 as x $$ {\n" + b"  for_each = [1, 2]\n for_each = [1, 2\n" * 1_200 + b"}\n",
    ),
    "a task that is laid out over several lines, close to another": (
        "p.trc",
        b"task a = sql $$ select 1 as x $$ { needs = [b on failure] }\ntask b = sql $$ select 2 as y $$\n",
    ),
    "a key of several lines, as YAML counts them": (
        "p.yaml",
        "name: P\nnodes: [{id: a, type: duckdb_sql, params: {sq\x85ut//a.csv}}]\n".encode(),
    ),
    "a query of several lines that is written as folded text": (
        "p.yaml",
        b"name: p\nnodes:\n  - id: a\n    type: duckdb_sql\n    params:\n      sql: >-\n        select *\n\n          from\n          t\n",
    ),
    "brackets in SQL that nest without end": ("p.trc", b"task a = sql $$" + b"[" * 5_000 + b"]" * 5_000 + b" $$\n"),
    "a long name in foreign letters that is never closed": (
        "p.trc",
        b'task a = sql $$ select 1 from x where "' + "é".encode() * 5_000 + b" $$\n",
    ),
    "a file that is an empty mapping": ("p.yaml", b" {}\n"),
}
"""Files that were once answered wrongly, or too late, by what is remarkable about them."""


@pytest.mark.parametrize("name", FOUND)
def test_what_was_found_is_answered(child: Child, name: str) -> None:
    pipeline, text = FOUND[name]
    assert child.told({pipeline: text}, pipeline) == ""


def test_the_trap_catches(child: Child) -> None:
    """A failure within, no answer, and too little memory are told: the tests above can fail."""
    fine = {"p.yaml": PARAMS}
    assert child.told(fine, "p.yaml") == ""
    assert "FileNotFoundError" in child.told({"no/such/folder": b""}, "p.yaml")
    for caught in (Child(patience=0), Child(memory=1 << 26)):
        assert caught.told(fine, "p.yaml") != ""
        caught.end()
