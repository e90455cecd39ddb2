from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from trc.compiler.context import Context
from trc.compiler.diagnostics.collector import Collector
from trc.compiler.frontends.lower import lower
from trc.compiler.frontends.yaml import parse
from trc.compiler.source import SourceFile

VALID = [
    path.read_text(encoding="utf-8")
    for path in sorted((Path(__file__).parents[2] / "cases" / "yaml" / "valid").glob("*.yaml"))
]
PIECES = st.one_of(
    st.sampled_from(
        ["\n", " ", "  ", "\t", ":", ": ", "- ", "[", "]", "{", "}", "{{", "'", '"', "|", ">", "&a ", "*a", "*shared", "!!x ",
         "<<: *shared", "#", "~", "null", "yes", "3.10", "1:30", "012", "-1", "9" * 30, "1e999", ".nan", "\x00", "\ud800",
         "---\n", "...\n", "%", "@", "\\", "é", "🎉", "\u2028", "\x85", "\r\n", "\ufeff", "{a: b}", "[a, b]", "name: x\n",
         '"\\0"', "true", "''"]
    ),
    st.text(max_size=4),
)  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A valid file with pieces cut out, put in, put in place of others, doubled or moved."""
    text = draw(st.sampled_from(VALID))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 30)))
        match draw(st.sampled_from(["cut", "put", "replace", "double", "line"])):
            case "cut":
                text = text[:start] + text[end:]
            case "put":
                text = text[:start] + draw(PIECES) + text[start:]
            case "replace":
                text = text[:start] + draw(PIECES) + text[end:]
            case "double":
                text = text[:end] + text[start:end] + text[end:]
            case _:
                lines = text.splitlines(keepends=True)
                line = draw(st.integers(0, max(len(lines) - 1, 0)))
                text = "".join(lines[:line] + lines[line + 1 :])
    return text


@st.composite
def value_replaced(draw: st.DrawFn) -> str:
    """A valid file with another value behind one of its keys: still YAML for the most part."""
    lines = draw(st.sampled_from(VALID)).splitlines()
    number = draw(st.integers(0, len(lines) - 1))
    key, colon, _ = lines[number].partition(":")
    lines[number] = f"{key}{colon} {draw(PIECES)}"
    return "\n".join(lines) + "\n"


@given(st.one_of(mutated(), value_replaced()))
def test_no_file_raises_and_what_is_wrong_is_told(context: Context, text: str) -> None:
    """Mistakes have places inside the file, and a pipeline without any can be dumped."""
    collect = Collector()
    file = SourceFile("x.yaml", text)
    tree = parse(file, collect)
    lowered = lower(tree, file, context, collect) if tree else None
    assert lowered or collect.has_errors
    for found in collect.sorted():
        assert found.message
        assert "\n" not in found.message
        assert found.span
        assert 0 <= found.span.start <= found.span.end <= len(text)
    if lowered and not collect.has_errors:
        assert lowered.pipeline.dump()
