"""No trap changes a sink: among others, by itself, and with all stored; traps in which nothing is optimised prove nothing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.both_ways import BothWays
from tests.quick import few

from trc.compiler.passes import PASSES
from trc.compiler.passes.fusion import fusion
from trc.verifying.verify import SinkVerdict, Verification

FOLDER = Path(__file__).parents[2] / "cases/passes/traps"
PIPELINES = sorted(FOLDER.glob("*.trc"))
WITHOUT_FUSION = tuple(one for one in PASSES if one is not fusion)

KINDS = {
    "LIMIT": r"\blimit \d",
    "ORDER BY + LIMIT": r"order by [^()$]* limit \d",
    "OFFSET": r"\boffset \d",
    "DISTINCT": r"select distinct (?!on)",
    "DISTINCT ON": r"distinct on \(",
    "window functions": r"\bover (\(|w\b)",
    "window frames": r"rows between",
    "QUALIFY": r"\bqualify\b",
    "left joins": r"left join (?!lateral)",
    "right joins": r"right join",
    "full joins": r"full join",
    "semi joins": r"semi join",
    "anti joins": r"anti join",
    "ASOF joins": r"asof join",
    "lateral joins": r"\blateral \(",
    "natural joins": r"natural join",
    "USING": r"using \(",
    "self-joins with two filters": r"from (\w+) a join \1 b on .* where a\..* and b\.",
    "correlated subqueries": r"\(select [^()]*\([^()]*\) from (\w+) \w where \w\.\w+ = \w\.",
    "IN with NULLs": r"in \([^()]*null\)",
    "NOT IN of a subquery": r"not in \(select",
    "UNION ALL": r"union all select",
    "UNION": r"union select",
    "UNION BY NAME": r"union (all )?by name",
    "EXCEPT": r"except select",
    "INTERSECT": r"intersect (all )?select",
    "GROUPING SETS": r"grouping sets",
    "ROLLUP": r"rollup",
    "CUBE": r"cube",
    "aggregates with filters": r"filter \(where",
    "HAVING": r"\bhaving\b",
    "positional GROUP BY": r"group by 1",
    "volatile functions": r"random\(\)",
    "the clock": r"now\(\)",
    "sampling": r"using sample",
    "TABLESAMPLE": r"tablesample",
    "UNNEST": r"unnest\(",
    "PIVOT": r"\bpivot\b",
    "UNPIVOT": r"\bunpivot\b",
    "recursive CTEs": r"with recursive",
    "EXCLUDE": r"\* exclude",
    "REPLACE": r"\* replace",
    "COLUMNS": r"columns\(",
    "quoted names": r'as "Key"',
    "names in other letters": r"from RENAMED",
    "duplicate names": r'"id_1"',
    "an error that a filter hides": r"cast\(code as integer\)[^$]* where",
    "CASE that guards": r"case when kind = 'number' then cast",
    "TRY_CAST": r"try_cast",
    "overflow": r"big \* 9",
    "collations": r"collate",
    "struct fields": r"\bbox\.a",
    "decimals": r"decimal\(18, 4\)",
    "timestamps with a zone": r"at time zone",
    "enums": r"enum \(",
    "zeros with a sign": r"-tiny",
    "not a number": r"'nan'::double",
    "lateral column aliases": r"as more, more \*",
    "a Python consumer": r'python\("seen.py:seen"\)',
    "expectations": r"expect \{",
}
"""What could be got wrong, and how a trap that tries it reads."""


def sinks_of(text: str) -> list[str]:
    return re.findall(r"^task (\w+) = .*output = ", text, re.MULTILINE)


def test_there_are_traps_of_every_kind() -> None:
    text = "\n".join(path.read_text() for path in PIPELINES)
    assert not [kind for kind, pattern in KINDS.items() if not re.search(pattern, text)]
    assert len(sinks_of(text)) >= 200


@pytest.fixture
def both_ways(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BothWays:
    import duckdb

    monkeypatch.chdir(tmp_path)
    with duckdb.connect() as connection:
        connection.execute((FOLDER / "world.sql").read_text())
    (tmp_path / "seen.py").write_text((FOLDER / "seen.py").read_text())
    (tmp_path / "p.trc").write_text(request.param.read_text())
    return BothWays.of(tmp_path / "p.trc", tmp_path / "made")


def shown(one: SinkVerdict) -> str:
    rows = f", {one.rows} row{'' if one.rows == 1 else 's'}{', tied' if one.tied else ''}"
    return one.verdict.replace("_", " ") + (rows if one.rows is not None else f": {one.text}")


def kept(found: Verification) -> list[str]:
    """How outputs are kept otherwise."""
    by_task: dict[str, list[str]] = {}
    for note in found.notes:
        if note.applied:
            by_task.setdefault(note.task, []).append(note.by)
    return [f"  {task}: {', '.join(passes)}" for task, passes in reversed(by_task.items())]


def few_of(*quick: str) -> pytest.MarkDecorator:
    cases = few(PIPELINES, [path for path in PIPELINES if path.stem in quick])
    return pytest.mark.parametrize("both_ways", cases, ids=[path.stem for path in PIPELINES], indirect=True)


@few_of(*(path.stem for path in PIPELINES))
def test_no_trap_changes_a_sink(both_ways: BothWays) -> None:
    verdicts = {one.task: one.verdict for one in both_ways.together().sinks}
    assert "different" not in verdicts.values()
    is_open = {task for task, verdict in verdicts.items() if verdict == "not_verifiable"}
    assert is_open == {task for task in verdicts if task.startswith("open_")}


@few_of("failures")
def test_no_trap_changes_a_sink_that_is_the_only_one(
    both_ways: BothWays, request: pytest.FixtureRequest, snapshot: Callable[[Path, str], None]
) -> None:
    """The expected side tells how large sinks are and what was optimised: one that is empty, or nothing, proves nothing."""
    together = both_ways.together()
    lines = ["together", *kept(together)]
    for one in together.sinks:
        verdict, alone = both_ways.alone(one.task)
        assert shown(verdict) == shown(one)
        lines += [f"{one.task}: {shown(one)}", *kept(alone)]
    snapshot(FOLDER / f"{request.node.callspec.id}.expected", "".join(f"{line}\n" for line in lines))


@few_of("failures")
def test_no_trap_changes_a_sink_if_all_is_stored(both_ways: BothWays) -> None:
    """What is fused is neither pruned nor filtered: without fusion, these passes get their turn."""
    for one in both_ways.together(WITHOUT_FUSION).sinks:
        alone, _ = both_ways.alone(one.task, WITHOUT_FUSION)
        assert shown(alone) == shown(one)
        assert one.verdict != "different"


def test_most_traps_are_optimised() -> None:
    lines = [line for path in FOLDER.glob("*.expected") for line in path.read_text().splitlines()]
    optimised, sink = Counter[str](), ""
    for line in lines:
        sink = sink if line.startswith(" ") else line
        if line.startswith(" ") and sink != "together":
            optimised[sink] += 1
    assert len(optimised) >= 150
    names = Counter(name for line in lines if line.startswith("  ") for name in line.partition(": ")[2].split(", "))
    assert names["fusion"] >= 200
    assert names["column_pruning"] >= 20
    assert names["predicate_pushdown"] >= 20
