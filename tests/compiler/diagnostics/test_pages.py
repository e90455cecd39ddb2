"""Every code has its page, and every page its code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from trc.compiler.diagnostics.codes import CODES, TITLES, Code

PAGES = Path(__file__).parents[3] / "docs" / "errors"


def test_pages_are_those_of_the_catalogue() -> None:
    assert {path.stem for path in PAGES.glob("TRC*.md")} == set(TITLES)
    assert len(CODES) == len(TITLES)


@pytest.mark.parametrize("row", CODES, ids=lambda row: row.code)
def test_page(row: Code) -> None:
    text = (PAGES / f"{row.code}.md").read_text()
    assert text.startswith(f"# {row.code}: {row.title}\n")
    assert re.findall(r"(?m)^## (.*)$", text) == ["What it means", "Example", "Fix"]
    assert 10 <= len(text.splitlines()) <= 100
    assert text.count("```") >= 2
    assert text.count("```") % 2 == 0
    for section in re.split(r"(?m)^## .*$", text)[1:]:
        assert section.strip()


@pytest.mark.parametrize("row", CODES, ids=lambda row: row.code)
def test_page_names_only_codes_that_exist(row: Code) -> None:
    named = re.findall(r"TRC\d+", (PAGES / f"{row.code}.md").read_text())
    assert set(named) <= set(TITLES)
