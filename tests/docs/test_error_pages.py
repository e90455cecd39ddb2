"""Every page of a code is played: its example is told under its code, and what it prints is what is printed.

What `console` blocks print is compared as in other documents; `--update` writes what is seen now.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.docs.playing import Session, masked, play_document, rewrite
from tests.objects import ObjectServer

from trc.compiler.diagnostics.codes import BY_CODE, CODES, Code

PAGES = Path(__file__).resolve().parents[2] / "docs" / "errors"
PROSE = {
    "TRC607": "two runs have to be at work at one time",
    "TRC617": "a process would have to sleep for longer than its lease",
    "TRC658": "a run has to be at work",
    "TRC659": "a backend would have to be silent for ten minutes",
    "TRC613": "AWS would have to be silent",
    "TRC615": "the tests' environment holds every part",
    "TRC616": "no file is known that ends the process",
    "TRC623": "a revision would have to be larger than the tests' disk should hold",
    "TRC620": "the tests' environment holds every part",
    "TRC639": "a listener would have to have a mistake",
    "TRC670": "an object store would have to answer",
    "TRC671": "an object store would have to answer",
    "TRC672": "an object store would have to answer",
    "TRC673": "an object store would have to be busy",
    "TRC653": "a Git server would have to answer",
    "TRC654": "a Git server would have to answer",
    "TRC691": "an object store would have to ignore what it is asked",
    "TRC692": "a process would have to sleep",
    "TRC681": "an object store would have to answer",
    "TRC682": "an object store would have to answer",
    "TRC674": "a web server would have to answer",
    "TRC676": "a web server would have to answer",
    "TRC677": "a web server would have to answer",
    "TRC687": "a function of AWS would have to answer",
    "TRC688": "a cluster of AWS would have to answer",
    "TRC646": "a package index would have to answer",
    "TRC647": "a Python would have to be missing",
    "TRC648": "a package index would have to be silent",
    "TRC649": "a Python would have to be missing",
    "TRC510": "tests of containers play it, where an engine is",
    "TRC511": "a user without rights would have to run the tests",
    "TRC512": "tests of containers play it, where an engine is",
    "TRC513": "tests of containers play it, where an engine is",
    "TRC514": "a disk would have to be full",
    "TRC515": "tests of containers play it, where an engine is",
    "TRC516": "tests of containers play it, where an engine is",
    "TRC530": "a machine would have to be too small for Ray",
    "TRC531": "tests of clusters play it",
    "TRC532": "two versions of Ray would have to be there",
    "TRC533": "tests of clusters play it",
    "TRC534": "tests of clusters play it",
    "TRC535": "tests of clusters play it",
    "TRC536": "tests of clusters play it",
}
"""Codes whose situation a document cannot make: their pages tell of it in words."""
ON_S3 = {"TRC690", "TRC693"}
"""Codes whose situation is one of an object store, in which there is a bucket `lake` with an object `raw/orders.csv`."""
TOLD = re.compile(r"\b(error|warning|note)\[(TRC\d+)\]")


@pytest.mark.parametrize("row", CODES, ids=lambda row: row.code)
def test_page_plays_as_it_is_written(row: Code, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    page = PAGES / f"{row.code}.md"
    if row.code in ON_S3:
        objects: ObjectServer = request.getfixturevalue("objects")
        objects.put("raw/orders.csv", "id,amount\n1,10\n")
    played = play_document(page, Session(tmp_path, tmp_path, is_quick=True)) if row.code not in PROSE else []
    if request.config.getoption("--update"):
        rewrite(page, played)
    for block, seen in played:
        assert masked(seen) == masked(block.body)
    assert "bug in trc" not in "".join(seen for _, seen in played)
    told = {found[2] for _, seen in played for found in TOLD.finditer(seen)}
    assert (row.code in told) is (row.code not in PROSE), f"the example of {row.code} is told as {told or 'nothing'}"


def test_prose_is_of_codes_that_exist() -> None:
    assert set(PROSE) <= set(BY_CODE)
