"""`trc diff` over tests/cases/diff: files before and after, and what is told of them."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.trc.revisions.conftest import Repo, Trc

CASES = sorted((Path(__file__).resolve().parents[2] / "cases" / "diff").glob("*.case"))
TWINS = sorted((Path(__file__).resolve().parents[2] / "cases" / "twins").glob("*.trc"))


def files(case: Path, side: str) -> dict[str, str]:
    """The files of one side: those under its name, and those of both."""
    parts = re.split(r"^==> (old|new|both)/(.+)\n", case.read_text(), flags=re.MULTILINE)[1:]
    held = zip(parts[::3], parts[1::3], parts[2::3], strict=True)
    return {name: text for where, name, text in held if where in (side, "both")}


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_differences_are_told(case: Path, repo: Repo, trc: Trc, snapshot: Callable[[Path, str], None]) -> None:
    repo.commit(files(case, "old"))
    repo.git("tag", "old")
    repo.commit(files(case, "new"))
    repo.git("tag", "new")
    told = trc("diff", "old", "new")
    document = trc("diff", "old", "new", "--json").out
    seen = re.sub(r"\b([0-9a-f]{9})\b", "COMMIT", f"exit code {told.code}\n{told.err}{told.out}")
    snapshot(case.with_suffix(".out"), seen)
    snapshot(case.with_suffix(".json"), re.sub(r'"commit": "\w+"', '"commit": "COMMIT"', document))
    assert str(repo.root.parent) not in told.err + told.out + document
    assert "trc-diff-" not in told.err + told.out + document
    # The working tree is what "new" is: the same is told of it, but for how it is called.
    working = trc("diff", "old")
    assert working.code == told.code
    told_of_new = re.sub(r"\bnew \(\w+\)", "the working tree", told.out)
    assert working.out == told_of_new


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_a_state_does_not_differ_from_itself(case: Path, repo: Repo, trc: Trc) -> None:
    repo.commit(files(case, "new"))
    for arguments in (("HEAD",), ("HEAD", "main")):
        document = json.loads(trc("diff", *arguments, "--json").out)
        assert not document.get("differs")


@pytest.mark.parametrize("twin", TWINS, ids=lambda path: path.stem)
def test_another_language_is_no_difference(twin: Path, repo: Repo, trc: Trc) -> None:
    """The same pipeline in YAML and in .trc."""
    shutil.copytree(
        twin.parent, repo.root, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.trc", "*.yaml", "*.yml")
    )
    (repo.root / "trc.toml").write_text("# a project\n")
    (repo.root / "p.yaml").write_text(_without_mistakes(twin.with_suffix(".yaml")))
    repo.git("add", "--all")
    repo.git("commit", "--quiet", "--message", "yaml")
    (repo.root / "p.yaml").unlink()
    (repo.root / "p.trc").write_text(_without_mistakes(twin))
    done = trc("diff", "HEAD", "--exit-code")
    assert (done.code, "no differences, 1 pipeline compared" in done.out) == (0, True), done.out + done.err


MISTAKES = {
    ".yaml": (
        ("{task: clean, requires: completion}", "clean"),
        ("      - {freshness: {column: day, max_age: 25h}, severity: warn}\n", ""),
    ),
    ".trc": (
        ("clean on completion", "clean"),
        ('    freshness(column = "day", max_age = 25h, severity = warn)\n', ""),
    ),
}
"""What twins say that is well-formed, and a mistake: each with what stands for it."""


def _without_mistakes(twin: Path) -> str:
    text = twin.read_text()
    for mistake, other in MISTAKES[twin.suffix]:
        text = text.replace(mistake, other)
    return text
