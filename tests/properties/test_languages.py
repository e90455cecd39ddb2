"""Whatever a pipeline says, it says the same in the other language, and laid out in the canonical way."""

from __future__ import annotations

import difflib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trc.compiler.context import Context
from trc.compiler.diagnostics.collector import Collector
from trc.compiler.frontends.convert import Language, convert_tree
from trc.compiler.frontends.format import lay_out
from trc.compiler.frontends.languages import parse
from trc.compiler.frontends.lower import lower
from trc.compiler.frontends.says import says
from trc.compiler.frontends.syntax import Mapping
from trc.compiler.source import SourceFile
from trc.contexts import task_types
from trc.runtime.schemas import FileSchemas
from trc.runtime.storage.globs import list_files

CASES = Path(__file__).parents[1] / "cases"
EXAMPLES = Path(__file__).parents[2] / "examples"
CONTEXT = Context(Path("/nowhere"), task_types(), FileSchemas(Path("/nowhere"), list_files))
WHOLE = [*sorted(CASES.glob("twins/*")), *sorted(EXAMPLES.glob("*/*.yaml")), *sorted(EXAMPLES.glob("*/?*.trc"))]


def tree_of(file: SourceFile) -> Mapping:
    collect = Collector()
    tree = parse(file, collect)
    assert not collect.sorted(), (collect.sorted(), file.text)
    assert isinstance(tree, Mapping)
    return tree


def ir_of(file: SourceFile) -> bytes:
    """The pipeline's IR, whatever is wrong with it beyond its text."""
    found = lower(tree_of(file), file, CONTEXT, Collector())
    assert found is not None
    return found.pipeline.dump()


def converted(file: SourceFile, to: Language) -> SourceFile:
    return SourceFile(f"p.{to}", convert_tree(file, tree_of(file), to))


def formatted(file: SourceFile) -> SourceFile:
    collect = Collector()
    laid_out = lay_out(file, collect)
    assert laid_out is not None, collect.sorted()
    assert not laid_out.left, file.text
    return SourceFile(file.name, laid_out.text)


def difference(one: bytes, other: bytes) -> list[str]:
    """The lines that differ: few, where whole documents would be many."""
    lines = difflib.unified_diff(other.decode().splitlines(), one.decode().splitlines(), n=0, lineterm="")
    return list(lines)[:20]


def assert_lossless(file: SourceFile) -> None:
    """Both ways, and laid out: the same IR; what is laid out stays so."""
    ir = ir_of(file)
    for one in (file, converted(file, "trc"), converted(file, "yaml")):
        assert difference(ir_of(one), ir) == [], one.text
        laid_out = formatted(one)
        assert difference(ir_of(laid_out), ir) == [], laid_out.text
        assert formatted(laid_out).text == laid_out.text
    there = converted(file, "trc")
    assert ir_of(converted(there, "yaml")) == ir


@pytest.mark.parametrize("path", WHOLE, ids=lambda path: path.name)
def test_whole_pipelines_convert_without_loss(path: Path) -> None:
    assert_lossless(SourceFile(path.name, path.read_text()))


@pytest.mark.parametrize("path", WHOLE, ids=lambda path: path.name)
def test_comments_are_kept(path: Path) -> None:
    text = path.read_text()
    file = SourceFile(path.name, text)
    comments = sorted(re.findall(r"^\s*(# .*)$", text, re.MULTILINE))
    for one in (formatted(file), converted(file, "trc"), converted(file, "yaml")):
        assert sorted(re.findall(r"^\s*(# .*)$", one.text, re.MULTILINE)) == comments


# ── pipelines of every shape ──

HARD = st.sampled_from(
    ["", " ", "yes", "no", "null", "~", "true", "1", "1.5", "0x1f", "1:30", "2026-01-15", "#x", "a # b", "a: b", "- a",
     "{{ run.date }}", "{{ day }}", "run.date", "a.b", "$$", "$", "x$", "a\nb", "a\nb\n", "  a\n", "a\n\n", "\ta\n", "a\n  b\n",
     "a\n\n b\n", "a\n   \nb\n", "'", '"', "\\", "\\n", "é", "\u2028", "\x85", "\ufeff", "😀", "\x07", "a,b", "[a]", "{a}", "*a", "&a", "!a", "%a",
     "@a", "`a", "a\r\nb", "a\n \n", "on", "and", "a-b", "a\n\t\n", "90s", "2Gi", "select 1 -- x\n", "a:b", "a:", ":a", "?a", "|", ">"]
)  # fmt: skip
TEXTS = st.one_of(HARD, st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12))
FILLED = TEXTS.filter(lambda text: bool(text.strip()))
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,6}", fullmatch=True)
KEYS = st.one_of(NAMES, FILLED.filter(lambda text: text not in ("<<", "secret")))
SMALL = st.one_of(
    TEXTS, st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False), st.booleans(), st.none()
)
JSON = st.recursive(
    SMALL, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)), max_leaves=6
)


SECRET = st.sampled_from([
    "env:TOKEN", "file:/run/secrets/a b", "file:x.pem", "aws-ssm:/shop/{{ target.name }}", "aws-secretsmanager:shop/db#pass word",
]).map(lambda reference: {"secret": reference})  # fmt: skip
ARGUMENT = st.one_of(JSON, SECRET, st.lists(SECRET, max_size=2), st.fixed_dictionaries({"a": SECRET, "b": JSON}))


def some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A mapping with some of the fields."""
    return st.fixed_dictionaries({}, optional=fields)


SECONDS = st.one_of(st.integers(1, 90_000), st.sampled_from([0.5, 1.25, 2.001]))
HOOK = st.fixed_dictionaries({"webhook": FILLED})
HOOKS = st.one_of(HOOK, st.lists(HOOK, max_size=2))
RETRIES = some(
    max_attempts=st.integers(1, 100), backoff=st.sampled_from(["fixed", "exponential"]), initial_delay_seconds=SECONDS,
    backoff_factor=st.sampled_from([1, 1.5, 2]), max_delay_seconds=SECONDS, jitter=st.sampled_from(["none", "full", "equal"]),
    retry_on=st.lists(st.integers(1, 255), max_size=2),
    errors=st.dictionaries(st.sampled_from(["timeout", "137", "ValueError", "requests.ConnectionError"]), st.integers(1, 9), max_size=3),
)  # fmt: skip
ENVIRONMENT = some(
    python_version=st.sampled_from(["3.9", "3.12"]), requirements=st.lists(FILLED, max_size=2), requirements_file=FILLED,
    system_packages=st.lists(FILLED, max_size=2), image=FILLED, env=st.dictionaries(KEYS, st.one_of(TEXTS, SECRET), max_size=2),
    memory_limit=st.sampled_from(["512Mi", "2Gi", 1000, "500MB"]), cpu_limit=st.sampled_from(["1.0", 2, 0.5, "500m"]), gpu=st.integers(1, 4),
)  # fmt: skip
POLICIES: dict[str, st.SearchStrategy[Any]] = {
    "environment": ENVIRONMENT,
    "timeout_seconds": SECONDS,
    "heartbeat_timeout_seconds": SECONDS,
    "retries": RETRIES,
    "incremental": some(
        enabled=st.booleans(), strategy=st.sampled_from(["etag", "checksum", "hybrid"]), max_age_seconds=SECONDS,
        checksum_fields=st.lists(FILLED, max_size=2), dependency_check=st.booleans(),
    ),
    "concurrency": st.lists(st.fixed_dictionaries({"max": st.integers(1, 9)}, optional={"match": some(type=FILLED, fields=st.lists(FILLED, max_size=2))}), max_size=2),
    "dedupe": st.lists(st.fixed_dictionaries({"state": st.sampled_from(["pending", "running"])}, optional={"fields": st.lists(FILLED, max_size=2)}), max_size=2),
    "breaker": st.fixed_dictionaries({"service": FILLED}, optional={"failures": st.integers(1, 9), "window_seconds": SECONDS, "rest_seconds": SECONDS}),
    "tags": st.lists(FILLED, max_size=2),
    "metadata": st.dictionaries(KEYS, JSON, max_size=3),
    "optimise": st.booleans(),
    "idempotent": st.booleans(),
    "on_failure": HOOKS,
    "on_start": HOOKS,
}  # fmt: skip
FORMAT = st.sampled_from(["csv", "json", "parquet"])
URI = st.one_of(st.sampled_from(["out/a.csv", "out/a.parquet", "out/a", "s3://b/{{ day }}.json"]), FILLED)
SQL = st.fixed_dictionaries({"sql": FILLED}, optional={"output_uri": URI, "output_format": FORMAT})
OUTPUTS = st.dictionaries(
    st.sampled_from(["one", "two-b"]), st.one_of(URI, some(uri=URI, format=FORMAT)), min_size=1, max_size=2
)
DATA = some(
    inputs=st.one_of(st.lists(FILLED, max_size=3), st.dictionaries(KEYS, FILLED, max_size=2)),
    files=st.lists(FILLED, max_size=2),
)
SHELL = st.builds(
    lambda command, data, outputs: {"command": command, **data, **outputs},
    st.one_of(FILLED, st.lists(FILLED, min_size=1, max_size=3)),
    DATA,
    st.one_of(some(output_uri=URI, output_format=FORMAT), st.fixed_dictionaries({"outputs": OUTPUTS})),
)
PYTHON = st.fixed_dictionaries(
    {"entrypoint": st.just("tasks/a.py:a")}, optional={"args": st.dictionaries(KEYS, ARGUMENT, max_size=2)}
)
NEED = st.one_of(
    FILLED, st.fixed_dictionaries({"task": FILLED}, optional={"requires": st.sampled_from(["success", "completion"])})
)
COUNTS = st.integers(min_value=0, max_value=10**6)
NAMED = st.one_of(FILLED, st.lists(FILLED, min_size=1, max_size=3))
ARGUMENTS: dict[str, st.SearchStrategy[Any]] = {
    "not_null": NAMED,
    "unique": NAMED,
    "check": FILLED,
    "row_count": st.one_of(
        COUNTS,
        st.fixed_dictionaries({"min": st.integers(0, 5)}, optional={"max": st.integers(5, 10**6)}),
        st.fixed_dictionaries({"max": COUNTS}),
    ),
    "accepted_values": st.fixed_dictionaries({"column": FILLED, "values": st.lists(JSON, min_size=1, max_size=3)}),
    "relationships": st.fixed_dictionaries({"column": FILLED, "to": FILLED}, optional={"field": FILLED}),
    "freshness": st.fixed_dictionaries({"column": FILLED, "max_age": st.sampled_from(["25h", "1d2h", 90])}),
}


@st.composite
def expectations(draw: st.DrawFn) -> dict[str, Any]:
    name = draw(st.sampled_from(sorted(ARGUMENTS)))
    options = some(severity=st.sampled_from(["error", "warn"]), store_failures=st.booleans())
    return {name: draw(ARGUMENTS[name]), **draw(options)}


@st.composite
def columns(draw: st.DrawFn) -> dict[str, Any]:
    """Those of the only output, or of each."""
    one = st.dictionaries(KEYS, FILLED, max_size=3)
    return draw(one if draw(st.booleans()) else st.dictionaries(KEYS, one.filter(bool), min_size=1, max_size=2))


OWN: dict[str, st.SearchStrategy[Any]] = {
    "needs": st.lists(NEED, max_size=3),
    "columns": columns(),
    "expect": st.lists(expectations(), max_size=2),
    "when": st.one_of(FILLED, st.sampled_from(['target.name == "prod"', "a", "not a", "a and b", "x < 3", "true"])),
    "deadline": st.sampled_from(["90s", "2h", 60]),
    "for_each": st.one_of(st.lists(JSON, max_size=2), st.fixed_dictionaries({"rows": FILLED})),
}


def task(kind: str, params: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"id": NAMES, "type": st.just(kind), "params": params}, optional={**POLICIES, **OWN})


PIPELINES = st.fixed_dictionaries(
    {
        "name": NAMES,
        "nodes": st.lists(
            st.one_of(task("duckdb_sql", SQL), task("shell", SHELL), task("python", PYTHON)),
            min_size=1, max_size=3, unique_by=lambda one: one["id"].casefold(),
        ),
    },
    optional={
        "description": TEXTS,
        "deadline": st.sampled_from(["6h", "1d2h", 90]),
        "retry_budget": st.integers(0, 99),
        "schedule": st.one_of(
            st.fixed_dictionaries({"cron": st.just("0 2 * * *")}, optional={"timezone": st.just("Europe/Paris")}),
            st.fixed_dictionaries({"interval_seconds": SECONDS}),
        ),
        "params": st.dictionaries(NAMES, some(type=st.sampled_from(["string", "list", "date"]), default=JSON, description=TEXTS), max_size=3),
        "sources": st.dictionaries(NAMES.map("src_{}".format), st.builds(lambda form, uri, columns: {form: uri, **columns}, st.sampled_from(["csv", "file", "parquet"]), FILLED, some(columns=st.dictionaries(KEYS, FILLED, max_size=2))), max_size=2),
        "targets": st.dictionaries(NAMES, st.fixed_dictionaries({"backend": st.just("ecs")}, optional={"state": FILLED, "params": st.dictionaries(KEYS, JSON, max_size=2), "ecs": st.dictionaries(KEYS, JSON, max_size=2)}), max_size=2),
        "defaults": some(**POLICIES),
        "tests": st.lists(st.fixed_dictionaries({"name": FILLED}, optional={"params": st.dictionaries(KEYS, JSON, max_size=2), "given": st.dictionaries(KEYS, st.lists(st.dictionaries(KEYS, JSON, max_size=2), max_size=2), max_size=2)}), max_size=2),
        "on_success": HOOKS,
    },
)  # fmt: skip


def yaml_of(pipeline: dict[str, Any]) -> str:
    """JSON is YAML, but for characters that YAML has to have escaped."""
    text = json.dumps(pipeline, indent=1, ensure_ascii=False)
    return re.sub("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]", lambda match: f"\\u{ord(match[0]):04x}", text)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(PIPELINES)
def test_any_pipeline_converts_without_loss(pipeline: dict[str, Any]) -> None:
    assert_lossless(SourceFile("p.yaml", yaml_of(pipeline)))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(WHOLE),
    st.lists(st.tuples(st.integers(0, 400), st.booleans(), st.booleans()), min_size=1, max_size=6),
)
def test_comments_anywhere_are_kept(path: Path, places: list[tuple[int, bool, bool]]) -> None:
    """Comments between and behind lines, wherever they change nothing of what the file says."""
    lines = path.read_text().splitlines()
    file = SourceFile(path.name, "\n".join(lines) + "\n")
    said = says(tree_of(file))
    added: list[str] = []
    for number, (place, is_trailing, after_empty_line) in enumerate(places):
        at = place % len(lines)
        if is_trailing and "#" in lines[at]:
            continue
        text = f"# added {number}"
        tried = [*lines]
        if is_trailing:
            tried[at] = f"{tried[at]}  {text}"
        else:
            tried[at:at] = ["", text] if after_empty_line else [text]
        collect = Collector()
        tree = parse(SourceFile(path.name, "\n".join(tried) + "\n"), collect)
        if tree is not None and not collect.sorted() and says(tree) == said:
            lines, added = tried, [*added, text]
    changed = SourceFile(path.name, "\n".join(lines) + "\n")
    laid_out = formatted(changed)
    assert sorted(re.findall(r"# added \d+$", laid_out.text, re.MULTILINE)) == sorted(added)
    assert says(tree_of(laid_out)) == said
    assert formatted(laid_out).text == laid_out.text
    for to in ("trc", "yaml"):
        there = converted(changed, to)
        assert sorted(re.findall(r"# added \d+\b", there.text)) == sorted(added), there.text
        assert ir_of(there) == ir_of(changed)
