"""Questions to the server as data: the cursor is `‸` in a case's text, and the answer stands beside it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.trc.lsp.client import Editor, applied, position

CASES = Path(__file__).parents[2] / "cases" / "lsp"
FILES = sorted(file for file in CASES.iterdir() if file.suffix in (".yaml", ".trc"))


@pytest.mark.parametrize("case", FILES, ids=lambda case: case.name)
def test_question(case: Path, editor: Editor, request: pytest.FixtureRequest) -> None:
    before, _, marked = case.read_text(encoding="utf-8").rpartition("=====\n")
    text = marked.replace("‸", "")
    editor.open(case.name, before or text)
    if before:
        assert not [one for one in editor.diagnostics(case.name) if one["severity"] == 1]
        editor.write(case.name, text)
    place = {"textDocument": {"uri": editor.uri(case.name)}, "position": position(text, marked.index("‸"))}
    shown = ASKED[case.stem.partition("_")[0]](editor, case, text, place)
    twin = case.with_name(f"{case.name}.expected")
    if request.config.getoption("--update", default=False):
        twin.write_text(shown, encoding="utf-8")
    assert shown == twin.read_text(encoding="utf-8")


def completed(editor: Editor, _case: Path, _text: str, place: dict[str, Any]) -> str:
    """An offer a line, in the order that an editor shows: what is put in, and what is told of it."""
    found = editor.ask("textDocument/completion", place)["items"]
    lines = [
        f"{one['textEdit']['newText']!r} {one.get('detail') or one.get('documentation') or ''}".rstrip()
        for one in sorted(found, key=lambda one: one["sortText"])
    ]
    return "".join(f"{line}\n" for line in lines) or "nothing\n"


def hovered(editor: Editor, _case: Path, text: str, place: dict[str, Any]) -> str:
    found = editor.ask("textDocument/hover", place)
    return f"{told(found['range'], text)}\n\n{found['contents']['value']}\n" if found else "nothing\n"


def defined(editor: Editor, case: Path, text: str, place: dict[str, Any]) -> str:
    found = editor.ask("textDocument/definition", place)
    return f"{located(editor, case, text, found)}\n" if found else "nothing\n"


def referred(editor: Editor, case: Path, text: str, place: dict[str, Any]) -> str:
    found = editor.ask("textDocument/references", {**place, "context": {"includeDeclaration": True}})
    uses = editor.ask("textDocument/references", {**place, "context": {"includeDeclaration": False}})
    assert [one for one in found if one not in uses] == found[:1]
    return "".join(f"{located(editor, case, text, one)}\n" for one in found)


def renamed(editor: Editor, case: Path, text: str, place: dict[str, Any]) -> str:
    """The lines that change, or why nothing does."""
    new = text.partition("\n")[0].partition("to: ")[2]
    prepared = editor.ask("textDocument/prepareRename", place)
    found = editor.ask("textDocument/rename", {**place, "newName": new})
    if "error" in found:
        return f"refused: {found['error']['message']}\n"
    after = applied(text, found["changes"][editor.uri(case.name)]).splitlines()
    changed = [f"- {old}\n+ {now}\n" for old, now in zip(text.splitlines(), after, strict=True) if old != now]
    return f"{prepared['placeholder']}\n{''.join(changed)}"


def located(editor: Editor, case: Path, text: str, found: dict[str, Any]) -> str:
    file = found["uri"].removeprefix(editor.folder.as_uri() + "/")
    if file != case.name:
        text = (editor.folder / file).read_text(encoding="utf-8")
    name = "here" if file == case.name else file
    return f"{name} {told(found['range'], text)}"


def told(place: dict[str, Any], text: str) -> str:
    """A range within one line, with what stands there."""
    start, end = place["start"], place["end"]
    line = text.splitlines()[start["line"]] if text else ""
    stands = line[start["character"] : end["character"]]
    return f"{start['line'] + 1}:{start['character'] + 1}-{end['line'] + 1}:{end['character'] + 1} {stands!r}"


ASKED: dict[str, Callable[[Editor, Path, str, dict[str, Any]], str]] = {
    "complete": completed,
    "hover": hovered,
    "define": defined,
    "refer": referred,
    "rename": renamed,
}
