from __future__ import annotations

from pathlib import Path

import pytest

from trc.compiler.context import Context
from trc.compiler.diagnostics.collector import Collector
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.frontends.files import read
from trc.compiler.frontends.languages import parse
from trc.compiler.frontends.lower import lower
from trc.compiler.source import SourceFile, Span

CASES = Path(__file__).parents[2] / "cases"


@pytest.mark.parametrize(
    "case",
    [*sorted(CASES.glob("yaml/*.yaml")), *sorted(CASES.glob("trc/*.trc"))],
    ids=lambda case: f"{case.parent.name}-{case.stem}",
)
def test_mistake_is_told(case: Path, context: Context, request: pytest.FixtureRequest) -> None:
    collect = Collector()
    file = read(case, case.name, collect)
    tree = parse(file, collect) if file else None
    if file and tree:
        lower(tree, file, context, collect)
    shown = "".join(_shown(found, file) for found in collect.sorted())
    twin = case.with_suffix(".expected")
    if request.config.getoption("--update", default=False):
        twin.write_text(shown, encoding="utf-8")
    assert shown, "the file holds no mistake"
    assert shown == twin.read_text(encoding="utf-8")


def _shown(found: Diagnostic, file: SourceFile | None) -> str:
    """The place as line:column-line:column with the text that stands there, then each part on a line."""
    lines = [f"{found.code} {_place(found.span, file)} {found.message}"]
    if found.label:
        lines.append(f"  label: {found.label}")
    lines.extend(f"  related: {_place(label.span, file)} {label.text}" for label in found.related)
    lines.extend(f"  help: {line}" for line in found.help)
    if found.fix:
        lines.append(f"  fix: {_place(found.fix.span, file)} -> {found.fix.replacement}")
    if found.task:
        lines.append(f"  task: {found.task}")
    return "\n".join(lines) + "\n"


def _place(span: Span | None, file: SourceFile | None) -> str:
    if span is None or file is None:
        return "-"
    start, end = file.position(span.start), file.position(span.end)
    text = file.text[span.start : span.end]
    text = text if len(text) <= 40 else f"{text[:20]}…{text[-19:]}"
    return f"{start.line}:{start.column}-{end.line}:{end.column} {text!r}"
