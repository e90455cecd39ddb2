from __future__ import annotations

from pathlib import Path

import pytest
import yaml as pyyaml

from trc.compiler.diagnostics.collector import Collector
from trc.compiler.frontends.syntax import Mapping, Node, Scalar, Sequence
from trc.compiler.frontends.yaml import parse, read
from trc.compiler.source import SourceFile

CASES = Path(__file__).parents[2] / "cases"
FILES = [*CASES.glob("diagnostics/yaml/**/*.yaml"), *CASES.glob("yaml/valid/*.yaml")]


def parsed(text: str, loader: type = pyyaml.SafeLoader) -> tuple[Node | None, list[str]]:
    collect = Collector()
    tree = parse(SourceFile("x.yaml", text), collect, loader)
    return tree, [found.code for found in collect.sorted()]


def stripped(node: Node | None) -> object:
    match node:
        case Scalar():
            return node.value
        case Sequence():
            return [stripped(item) for item in node.items]
        case Mapping():
            return {entry.key.value: stripped(entry.value) for entry in node.entries}
        case None:
            return None


@pytest.mark.parametrize("case", sorted(FILES), ids=lambda case: f"{case.parent.name}-{case.stem}")
def test_both_parsers_of_the_library_agree(case: Path) -> None:
    """Where libyaml is missing the slower parser gives the same tree and codes."""
    collect = Collector()
    file = read(case, "x.yaml", collect)
    if file is None or case.stem in ("unknown_directive", "half_character"):
        pytest.skip("not parsed at all, or passed over or told later by the slower parser")
    slow, fast = parsed(file.text), parsed(file.text, pyyaml.CSafeLoader)
    assert (stripped(slow[0]), slow[1]) == (stripped(fast[0]), fast[1])


def test_nodes_span_what_they_hold() -> None:
    text = "a: &x\n  b: [1, {c: 'd'}]\n  e: |\n    f\n\n\ng: *x\n"
    tree, _ = parsed(text)
    assert isinstance(tree, Mapping)
    inner = tree.get("a")
    assert isinstance(inner, Mapping)
    shown = {entry.key.value: text[entry.value.span.start : entry.value.span.end] for entry in inner.entries}
    assert shown == {"b": "[1, {c: 'd'}]", "e": "|\n    f"}
    assert text[inner.span.start : inner.span.end] == "b: [1, {c: 'd'}]\n  e: |\n    f"
    assert tree.get("g") is inner


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("[" * 10_000, ["TRC108"]),
        ("{a: " * 10_000, ["TRC108"]),
        ("- " * 10_000, ["TRC108"]),
        ("".join(" " * depth + "a:\n" for depth in range(2_000)), ["TRC108"]),
        pytest.param("a: [" + "1," * 600_000 + "]", ["TRC108"], marks=pytest.mark.long),
        (f"a: &a {'x' * 100_000}\nb: [{','.join(['*a'] * 1000)}]\n", ["TRC108"]),
        ("a: &a [x]\nb: &a [y]\nc: *a\n", []),
        ("? " * 500, ["TRC108"]),
        ("*a" * 100, ["TRC106"]),
        ("&a " * 1000, ["TRC106"]),
        ("a: " + "'" * 100_001, ["TRC106"]),
        ('"\\ud800"', ["TRC106"]),
        ("\ud800", ["TRC106"]),
        ("a: \x85 b", []),
        ("a: b\rc: d", []),
        ("\ufeffa: b", []),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_hostile_files_end_in_diagnostics(text: str, codes: list[str]) -> None:
    assert parsed(text, pyyaml.CSafeLoader)[1] == codes


def test_the_tree_is_that_of_the_library() -> None:
    text = (CASES / "yaml" / "valid" / "every_key.yaml").read_text(encoding="utf-8")
    assert stripped(parsed(text)[0]) == pyyaml.load(text, Loader=pyyaml.BaseLoader)
