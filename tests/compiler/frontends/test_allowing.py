"""What comments allow: the cases are pipelines, and their twins hold what is told of them all the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trc import api
from trc.compiler.diagnostics.allow import not_allowed
from trc.compiler.diagnostics.codes import BY_CODE, Code
from trc.compiler.diagnostics.collector import Collector
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.diagnostics.render.human import render
from trc.compiler.frontends.allowing import read_allows
from trc.compiler.source import SourceFile, Span

FOLDER = Path(__file__).parents[2] / "cases" / "allow"
CASES = sorted(path for path in FOLDER.iterdir() if path.suffix in {".trc", ".yaml", ".py"})


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_case(case: Path, monkeypatch: pytest.MonkeyPatch, snapshot: Callable[[Path, str], None]) -> None:
    monkeypatch.chdir(FOLDER)
    report = api.check([Path(case.name)])
    snapshot(case.with_name(f"{case.name}.expected"), render(report.diagnostics, report.sources) + "\n")


@pytest.mark.parametrize("case", [path for path in CASES if path.suffix != ".py"], ids=lambda path: path.name)
def test_fix_of_a_comment_leaves_nothing_to_tell_of_it(case: Path, tmp_path: Path) -> None:
    """Fixes are applied one at a time until none is left; then no comment is wrong or idle."""
    (tmp_path / "common").mkdir()
    (tmp_path / "common" / "allowing.yaml").write_bytes((FOLDER / "common" / "allowing.yaml").read_bytes())
    file = tmp_path / case.name
    file.write_bytes(case.read_bytes())
    own = comments_told(file)
    for _ in range(30):
        if not own:
            break
        fix = own[0].fix
        assert fix is not None
        text = file.read_bytes().decode()
        file.write_bytes((text[: fix.span.start] + fix.replacement + text[fix.span.end :]).encode())
        own = comments_told(file)
    assert not own
    assert "TRC101" not in {one.code for one in api.check([file]).diagnostics}


def comments_told(file: Path) -> list[Diagnostic]:
    told = api.check([file]).diagnostics
    return [one for one in told if one.code in {"TRC119", "TRC230"} and one.span and one.span.file == str(file)]


@pytest.mark.parametrize("row", BY_CODE.values(), ids=lambda row: row.code)
def test_only_what_is_no_error_can_be_allowed(row: Code) -> None:
    collect = Collector()
    read_allows(SourceFile("p.trc", f"# trc: allow {row.code} for the sake of it\n"), collect)
    assert bool(collect.allows) is row.can_be_allowed is not bool(collect.reported)
    for severity in row.severities:
        told = list(not_allowed([Diagnostic(row.code, "x", Span("p.trc", 0, 1), severity=severity)], collect.allows))
        assert bool(told) is (severity == "error" or not row.can_be_allowed)


def test_allow_is_for_its_own_file() -> None:
    collect = Collector()
    read_allows(SourceFile("own.trc", "# trc: allow TRC213 of the pipeline\n"), collect)
    read_allows(SourceFile("brought.trc", "# trc: allow TRC211 of what it imports\n"), collect, is_own=False)
    told = [
        Diagnostic("TRC213", "without a place", severity="warning"),
        Diagnostic("TRC213", "elsewhere", Span("brought.trc", 0, 1), severity="warning"),
        Diagnostic("TRC211", "without a place", severity="warning"),
        Diagnostic("TRC211", "in the pipeline", Span("own.trc", 0, 1), severity="warning"),
        Diagnostic("TRC211", "there", Span("brought.trc", 0, 1), severity="warning"),
    ]
    assert list(not_allowed(told, collect.allows)) == [told[1], told[2], told[3]]


PIECES = ["\n", "\r\n", " ", "  ", "#", "# trc: allow TRC409 why", "# trc: allow TRC409, TRC412 why", "# trc: allow", " TRC413", ",", ": ", "$$", '"', "'", "a", "key: ", "- ", "|", "\t", "🦆", "é"]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join), st.sampled_from([".trc", ".yaml", ".py"]))
def test_any_text_is_read_and_what_it_allows_can_be_taken_out(text: str, suffix: str) -> None:
    file = SourceFile(f"p{suffix}", text)
    collect = Collector()
    read_allows(file, collect)
    for diagnostic in collect.reported:
        assert diagnostic.span is not None
        assert diagnostic.fix is not None
        assert 0 <= diagnostic.span.start < diagnostic.span.end <= len(text)
    for allow in collect.allows:
        assert text[allow.span.start : allow.span.end].upper() == allow.code
        fix = allow.removal
        again = Collector()
        read_allows(SourceFile(file.name, text[: fix.span.start] + fix.replacement + text[fix.span.end :]), again)
        left = [one.code for one in collect.allows if one is not allow]
        assert [one.code for one in again.allows] == left


def test_comment_of_yaml_ends_where_its_line_does() -> None:
    text = "# trc: allow TRC409 why\u2028- a\n# trc: allow TRC412\u2028- why\n"
    collect = Collector()
    read_allows(SourceFile("p.yaml", text), collect)
    (allow,) = collect.allows
    assert (allow.code, allow.removal.span.end) == ("TRC409", text.index("\u2028"))
    assert [one.code for one in collect.reported] == ["TRC119"]
