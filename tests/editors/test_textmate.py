"""The TextMate grammar, by the library that editors tokenise with; and its words, against the parser's."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GRAMMAR = ROOT / "editors" / "textmate" / "trc.tmLanguage.json"
PARSER = ROOT / "compiler" / "frontends" / "trc.lark"
CASES = ROOT / "tests" / "cases" / "textmate"
PACKAGES = ("vscode-textmate@9.3.2", "vscode-oniguruma@2.0.1", "tm-grammars@1.32.22")


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the packages installed."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("npm is not on this machine")
    folder = tmp_path_factory.mktemp("modules")
    command = [npm, "install", "--silent", "--no-save", "--ignore-scripts", "--prefix", str(folder), *PACKAGES]
    installed = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    if installed.returncode:
        pytest.skip(f"npm cannot install here: {installed.stderr.strip()[:200]}")
    return folder


@pytest.mark.long
@pytest.mark.parametrize("case", sorted(CASES.glob("*.trc")), ids=lambda case: case.stem)
def test_scopes(case: Path, modules: Path, request: pytest.FixtureRequest) -> None:
    script = Path(__file__).with_name("tokenise.js")
    command = ["node", str(script), str(modules), str(GRAMMAR), str(case)]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    twin = case.with_suffix(".scopes")
    if request.config.getoption("--update", default=False):
        twin.write_text(shown, encoding="utf-8")
    assert shown == twin.read_text(encoding="utf-8")


def test_words_are_the_parsers() -> None:
    """A word of the language that the grammar does not know, or the other way round, is a mistake here."""
    parser = PARSER.read_text(encoding="utf-8")
    known = set(re.findall(r'^[A-Z]+(?:\.\d+)?: (?:"|/)([a-z]+)(?:"|\(\?!\\w\)/)$', parser, re.MULTILINE))
    rules = json.loads(GRAMMAR.read_text(encoding="utf-8"))["repository"]
    coloured = {word for rule in ("statement", "need", "word") for word in _words(json.dumps(rules[rule]))}
    assert coloured == known


def _words(rule: str) -> set[str]:
    """The words that a rule lists between brackets."""
    listed = re.findall(r"\((?:\?:)?([a-z]+(?:\|[a-z]+)*)\)", rule)
    return {word for group in listed for word in group.split("|")}


def test_the_extension_shares_what_lies_here() -> None:
    """Each file that the VS Code extension names is its own, or one that its gathering brings."""
    folder = ROOT / "editors" / "vscode"
    package = json.loads((folder / "package.json").read_text(encoding="utf-8"))
    gathered = re.findall(r'"(\.\./[^"]+)"', (folder / "gather.js").read_text(encoding="utf-8"))
    assert [path for path in gathered if not (folder / path).is_file()] == []
    contributed = package["contributes"]
    named = [
        package["main"],
        contributed["languages"][0]["configuration"],
        contributed["grammars"][0]["path"],
        contributed["yamlValidation"][0]["url"],
    ]
    own = {path.name for path in folder.iterdir()} | {Path(path).name for path in gathered}
    assert [path for path in named if Path(path).name not in own] == []
