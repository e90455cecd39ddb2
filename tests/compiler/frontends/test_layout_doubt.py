"""A layout that changes more than layout is not taken: the file keeps its text, and the reason is told."""

from __future__ import annotations

import pytest

from trc.compiler.diagnostics.collector import Collector
from trc.compiler.frontends.format import LaidOut, format_text, lay_out
from trc.compiler.frontends.layout_doubt import layout_doubt
from trc.compiler.source import SourceFile

TRC = 'pipeline "p" { }\n\n# first\ntask a = sql $$ select 1 as x $$  # why\n'
YAML = 'name: p\nnodes:\n  - {id: a, type: shell, params: {command: "1"}}  # why\n'
SAYS = "its canonical layout would say something else"
COMMENT = "its canonical layout would change a comment"
STAYS = "it has no canonical layout that stays"


@pytest.mark.parametrize(
    ("name", "text", "old", "new", "doubt"),
    [
        ("p.trc", TRC, "task a", "task b", SAYS),
        ("p.trc", TRC, "select 1", "select  1", SAYS),
        ("p.trc", TRC, "}\n", "} }\n", SAYS),
        ("p.trc", TRC, "# first\n", "", COMMENT),
        ("p.trc", TRC, "# why", "# Why", COMMENT),
        ("p.trc", TRC, "task a =", "task a  =", STAYS),
        ("p.trc", TRC, "", "", ""),
        ("p.yaml", YAML, '"1"', "1", SAYS),
        ("p.yaml", YAML, "id: a", "id: [", SAYS),
        ("p.yaml", YAML, "id: a", "id: b", SAYS),
        ("p.yaml", YAML, "  # why", "", COMMENT),
        ("p.yaml", YAML, "id: a", "id:  a", STAYS),
        ("p.yaml", YAML, "", "", ""),
    ],
)
def test_what_a_layout_may_not_change(name: str, text: str, old: str, new: str, doubt: str) -> None:
    file = SourceFile(name, text.replace("\n", "\n\n", 1) if not old else text)
    printed = text.replace(old, new, 1) if old else text
    assert layout_doubt(file, printed, lambda after: format_text(after, Collector())) == doubt


def test_a_mistake_beyond_syntax_is_part_of_what_is_said() -> None:
    file = SourceFile("p.trc", 'pipeline "p" { wrong = 1 }\ntask a = sql $$ select 1 as x $$\n')
    changed = file.text.replace("wrong", "other")
    assert layout_doubt(file, changed, lambda after: after.text) == SAYS


def test_a_layout_without_doubt_is_taken() -> None:
    assert lay_out(SourceFile("p.trc", TRC.replace("a =", "a=")), Collector()) == LaidOut(TRC)
