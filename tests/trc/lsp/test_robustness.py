"""No text and no place in it makes the server stumble; and places are those that editors mean."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lsprotocol.types import Range, TextDocumentContentChangePartial
from pygls.exceptions import JsonRpcException

from trc.lsp import actions, completion, definition, formatting, hover, references, rename, symbols
from trc.lsp.ask import Ask
from trc.lsp.diagnostics import told
from trc.lsp.text import Text
from trc.workspace import Workspace

CASES = Path(__file__).parents[2] / "cases" / "lsp"
TEXTS = {file.name: file.read_text(encoding="utf-8").replace("‸", "") for file in sorted(CASES.glob("rename_*[!d]"))}
JUNK = st.lists(
    st.sampled_from([*"{}[]()$\"'`:,.-#|>&*!%@=\\ \n\r\t", "$$", "{{", "}}", "🦆", "\u2028", "\ud800", "\0", "a", "1"]),
    max_size=8,
).map("".join)


def utf16(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


@pytest.fixture(scope="module")
def workspace() -> Workspace:
    return Workspace()


@settings(max_examples=150)
@given(
    name=st.sampled_from(sorted(TEXTS)), start=st.floats(0, 1), length=st.integers(0, 40), junk=JUNK, at=st.floats(0, 1)
)
def test_any_text_gets_answers(
    workspace: Workspace,
    tmp_path_factory: pytest.TempPathFactory,
    name: str,
    start: float,
    length: int,
    junk: str,
    at: float,
) -> None:
    whole = TEXTS[name]
    path = tmp_path_factory.getbasetemp() / f"any{Path(name).suffix}"
    workspace.hide(path)
    workspace.show(path, whole)
    workspace.check(path)
    cut = int(start * len(whole))
    content = whole[:cut] + junk + whole[cut + length :]
    workspace.show(path, content)
    text = Text(content, utf16)
    ask = Ask(path.as_uri(), text, int(at * len(content)), workspace.check(path), workspace, lambda _path: None)
    told(ask.compiled.diagnostics, ask.path, text, ask.text_of)
    completion.complete(ask)
    hover.hover(ask)
    definition.define(ask)
    references.refer(ask, with_definition=True)
    symbols.outline(ask)
    formatting.lay_out(ask)
    actions.offer(ask, text.range(0, len(content)))
    if rename.prepare(ask) is not None:
        with suppress(JsonRpcException):
            rename.rename(ask, "renamed")


LINES = st.lists(st.sampled_from(["a", "é", "🦆", "\n", "\r\n", "\u2028", "\x0b", "b"]), max_size=30).map("".join)


@given(content=LINES, start=st.integers(0, 30), length=st.integers(0, 10), written=LINES)
def test_an_edit_is_made_where_it_is_meant(content: str, start: int, length: int, written: str) -> None:
    start = min(start, len(content))
    end = min(start + length, len(content))
    text = Text(content, utf16)
    # Editors have no place between the two halves of a line's end.
    if any(content[place - 1 : place + 1] == "\r\n" for place in (start, end) if place):
        return
    places = Range(text.position(start), text.position(end))
    changed = text.changed(TextDocumentContentChangePartial(range=places, text=written))
    assert changed.content == content[:start] + written + content[end:]


@given(content=LINES)
def test_places_are_counted_in_units_of_utf_16(content: str) -> None:
    text = Text(content, utf16)
    for offset in range(len(content) + 1):
        if content[offset - 1 : offset + 1] == "\r\n":
            continue
        place = text.position(offset)
        before = content[:offset].replace("\r\n", "\n")
        assert place.line == before.count("\n")
        assert place.character == utf16(before.rpartition("\n")[2])
        assert text.offset(place) == offset
