"""What the server does on its own account: it follows texts as they are typed, and tells what is wrong with them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.trc.lsp.client import Editor, applied, position
from tests.trc.lsp.conftest import ORDERS, fill

SHOP = """\
name: shop
sources:
  orders: {csv: data/orders.csv}
nodes:
  - id: paid
    type: duckdb_sql
    params:
      sql: |
        select order_id, customer, amount
        from orders
      output_uri: out/paid.parquet
"""
BROKEN = SHOP.replace("customer,", "custmer,")

Open = Callable[..., Editor]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Open]:
    """Starts editors in a folder of the test's own; `toml` makes a project of it."""
    started: list[Editor] = []
    fill(tmp_path)

    def start(toml: str | None = None, capabilities: dict[str, Any] | None = None) -> Editor:
        if toml is not None:
            (tmp_path / "trc.toml").write_text(toml)
        started.append(Editor(tmp_path, capabilities))
        return started[-1]

    yield start
    for editor in started:
        if editor.process.poll() is None:
            assert editor.close() == ""


def codes(found: list[dict[str, Any]]) -> list[str]:
    return [one["code"] for one in found]


def insertion(text: str, mark: str, written: str) -> dict[str, Any]:
    place = position(text, text.index(mark))
    return {"range": {"start": place, "end": place}, "text": written}


def deletion(text: str, mark: str) -> dict[str, Any]:
    start = text.index(mark)
    return {"range": {"start": position(text, start), "end": position(text, start + len(mark))}, "text": ""}


def test_it_says_what_it_can(editor: Editor) -> None:
    can = editor.initialized["capabilities"]
    assert can["positionEncoding"] == "utf-16"
    assert can["textDocumentSync"]["change"] == 2
    assert can["renameProvider"]["prepareProvider"] is True
    assert {"hoverProvider", "definitionProvider", "referencesProvider", "documentSymbolProvider"} <= can.keys()


def test_a_mistake_is_told_at_its_place(editor: Editor) -> None:
    editor.open("told.yaml", BROKEN)
    (found,) = editor.diagnostics("told.yaml")
    assert found["code"] == "TRC402"
    assert found["severity"] == 1
    assert found["message"].splitlines() == [
        'column "custmer" is not in "orders"',
        '"orders" has: order_id, customer, status, amount',
        'help: did you mean "customer"?',
    ]
    start = BROKEN.index("custmer")
    assert found["range"] == {"start": position(BROKEN, start), "end": position(BROKEN, start + 7)}


def test_edits_are_followed(editor: Editor) -> None:
    editor.open("edits.yaml", SHOP)
    assert editor.diagnostics("edits.yaml") == []
    editor.change("edits.yaml", deletion(SHOP, "tomer"))
    assert codes(editor.diagnostics("edits.yaml")) == ["TRC402"]
    editor.change("edits.yaml", insertion(SHOP, "tomer", "tom"), insertion(SHOP, "er,", "er"))
    assert editor.diagnostics("edits.yaml") == []


def test_related_places_are_told(editor: Editor) -> None:
    text = SHOP.replace("  - id: paid", "  - id: orders")
    editor.open("related.yaml", text)
    found = next(one for one in editor.diagnostics("related.yaml") if one["code"] == "TRC206")
    (related,) = found["relatedInformation"]
    assert related["location"]["range"]["start"] == position(text, text.index("orders: {csv"))


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n"], ids=["crlf", "cr", "lf"])
def test_line_ends_and_wide_letters_are_counted_as_editors_do(editor: Editor, end: str) -> None:
    name = f"wide{ord(end[0])}{len(end)}.yaml"
    text = SHOP.replace("name: shop\n", 'name: shop\ndescription: "🦆🦆 \u2028 é"\n').replace(
        "sql: |\n        select order_id, customer, amount\n        from orders",
        "sql: select '🦆' as duck, custmer from orders",
    )
    text = text.replace("\n", end)
    editor.open(name, text)
    (one,) = editor.diagnostics(name)
    line = text.split(end)[one["range"]["start"]["line"]]
    before = line[: line.index("custmer")]
    assert one["range"]["start"]["character"] == len(before) + 1
    editor.change(name, {"range": one["range"], "text": "customer"})
    assert editor.diagnostics(name) == []


def test_a_byte_order_mark_is_passed_over(editor: Editor) -> None:
    editor.open("marked.yaml", "\ufeff" + SHOP)
    assert editor.diagnostics("marked.yaml") == []


def test_only_the_newest_version_is_told(editor: Editor) -> None:
    """Versions come while older ones are being compiled: what is told of one is never said of another."""
    tasks = "".join(
        f"  - {{id: t{number}, type: duckdb_sql, params: {{sql: select {number} as a}}}}\n" for number in range(300)
    )
    fine, wrong = SHOP + tasks, BROKEN + tasks
    editor.open("fast.yaml", fine)
    for _ in range(5):
        for text in (wrong, fine):
            editor.write("fast.yaml", text)
            for _ in range(30):
                editor.ask(
                    "textDocument/hover", {**editor.at("fast.yaml", "shop"), "textDocument": {"uri": "file:///x"}}
                )
    assert editor.diagnostics("fast.yaml") == []
    told = [
        message["params"]
        for message in editor.heard
        if message.get("method") == "textDocument/publishDiagnostics" and message["params"]["uri"].endswith("fast.yaml")
    ]
    versions = [params["version"] for params in told]
    assert versions == sorted(set(versions))
    assert all(codes(params["diagnostics"]) == (["TRC402"] if params["version"] % 2 == 0 else []) for params in told)


def test_a_text_that_cannot_be_parsed_keeps_its_outline(editor: Editor) -> None:
    editor.open("outline.yaml", SHOP)
    place = {"textDocument": {"uri": editor.uri("outline.yaml")}}
    outline = editor.ask("textDocument/documentSymbol", place)
    assert [(one["name"], one["detail"], one["kind"]) for one in outline] == [
        ("orders", "source", 1),
        ("paid", "duckdb_sql", 12),
    ]
    whole = outline[1]["range"]
    assert SHOP.splitlines()[whole["start"]["line"]] == "  - id: paid"
    assert SHOP.splitlines()[whole["end"]["line"]] == "      output_uri: out/paid.parquet"
    editor.write("outline.yaml", SHOP + "  - {{{\n")
    assert "TRC106" in codes(editor.diagnostics("outline.yaml"))
    assert editor.ask("textDocument/documentSymbol", place) == outline


def test_the_other_language_is_served_alike(editor: Editor) -> None:
    text = """\
pipeline "shop" { retires { attempts = 2 } }
source orders = csv("data/orders.csv")
task paid = sql $$
  select order_id, custmer from orders
$$
test "it works" { given orders = [], expect paid = [] }
"""
    editor.open("shop.trc", text)
    found = editor.diagnostics("shop.trc")
    assert codes(found) == ["TRC201", "TRC402"]
    start = text.index("custmer")
    assert found[1]["range"] == {"start": position(text, start), "end": position(text, start + 7)}
    outline = editor.ask("textDocument/documentSymbol", {"textDocument": {"uri": editor.uri("shop.trc")}})
    assert [(one["name"], one["detail"], one["range"]["start"]["line"]) for one in outline] == [
        ("orders", "source", 1),
        ("paid", "duckdb_sql", 2),
        ("it works", "test", 5),
    ]
    editor.write("shop.trc", text + "task {{{")
    assert "TRC120" in codes(editor.diagnostics("shop.trc"))


def test_a_document_is_laid_out(editor: Editor) -> None:
    text = 'pipeline "p" { }\ntask   a=sql $$ select 1 as one $$ {\nmemory=2Gi }\n'
    editor.open("layout.trc", text)
    asked = {"textDocument": {"uri": editor.uri("layout.trc")}, "options": {"tabSize": 2, "insertSpaces": True}}
    laid_out = applied(text, editor.ask("textDocument/formatting", asked))
    assert "task a = sql $$ select 1 as one $$ {\n  memory = 2Gi\n}\n" in laid_out
    editor.write("layout.trc", laid_out)
    assert editor.ask("textDocument/formatting", asked) == []
    editor.write("layout.trc", "task {{{ $$")
    assert editor.ask("textDocument/formatting", asked) is None


def test_a_fix_is_offered_where_it_mends(editor: Editor) -> None:
    text = SHOP + "    optimise: yes\n"
    editor.open("fix.yaml", text)
    (found,) = editor.diagnostics("fix.yaml")
    asked = {"textDocument": {"uri": editor.uri("fix.yaml")}, "range": found["range"], "context": {"diagnostics": []}}
    (action,) = editor.ask("textDocument/codeAction", asked)
    assert action["title"] == "write true"
    assert action["kind"] == "quickfix"
    assert action["diagnostics"] == [found]
    assert applied(text, action["edit"]["changes"][editor.uri("fix.yaml")]) == text.replace("yes", "true")
    elsewhere = {**asked, "range": {"start": position(text, 0), "end": position(text, 4)}}
    assert editor.ask("textDocument/codeAction", elsewhere) == []


def test_comment_that_allows_nothing_is_offered_to_be_removed(editor: Editor) -> None:
    comment = "# trc: allow TRC409 nothing is hidden\n"
    editor.open("idle.yaml", comment + SHOP)
    (found,) = editor.diagnostics("idle.yaml")
    assert found["code"] == "TRC230"
    asked = {"textDocument": {"uri": editor.uri("idle.yaml")}, "range": found["range"], "context": {"diagnostics": []}}
    (action,) = editor.ask("textDocument/codeAction", asked)
    assert action["title"] == "remove the comment"
    assert applied(comment + SHOP, action["edit"]["changes"][editor.uri("idle.yaml")]) == SHOP


def test_yaml_that_is_no_pipeline_is_left_alone(editor: Editor) -> None:
    editor.open("compose.yaml", "services: {web: {image: nginx}}\n")
    assert editor.ask("textDocument/hover", editor.at("compose.yaml", "services")) is None
    editor.open("later.yaml", SHOP)
    editor.diagnostics("later.yaml")
    assert not [one for one in editor.heard if one.get("params", {}).get("uri") == editor.uri("compose.yaml")]
    # What was a pipeline stays one while its keys are typed anew.
    editor.write("later.yaml", SHOP.replace("nodes:", "node:").replace("sources:", "source:"))
    assert "TRC201" in codes(editor.diagnostics("later.yaml"))


def test_a_closed_document_has_no_mistakes(editor: Editor) -> None:
    editor.open("closed.yaml", BROKEN)
    assert editor.diagnostics("closed.yaml")
    editor.tell("textDocument/didClose", {"textDocument": {"uri": editor.uri("closed.yaml")}})
    editor.versions[editor.uri("closed.yaml")] = 0
    found = editor._until(lambda message: message.get("params", {}).get("uri") == editor.uri("closed.yaml"))
    assert found["params"]["diagnostics"] == []


def test_unsaved_code_counts(editor: Editor) -> None:
    text = "name: p\nnodes:\n  - id: a\n    type: python\n    params: {entrypoint: tasks/page.py:chapter}\n"
    editor.open("unsaved.yaml", text)
    assert codes(editor.diagnostics("unsaved.yaml")) == ["TRC212"]
    editor.open("tasks/page.py", "\n\ndef chapter(context):\n    pass\n")
    assert editor.diagnostics("unsaved.yaml") == []
    found = editor.ask("textDocument/definition", editor.at("unsaved.yaml", "tasks/page"))
    assert found["range"]["start"] == {"line": 2, "character": 4}
    editor.tell("textDocument/didClose", {"textDocument": {"uri": editor.uri("tasks/page.py")}})
    assert codes(editor.diagnostics("unsaved.yaml")) == ["TRC212"]


def told_in_the_end(editor: Editor, name: str, expected: list[str]) -> None:
    """Waits for these mistakes: what was told of the same version before another file changed may still be on its way."""
    while codes(editor.diagnostics(name)) != expected:
        continue


def test_unsaved_imports_count(start: Open) -> None:
    editor = start(toml="")
    common = 'source orders = csv("data/orders.csv")\n'
    (editor.folder / "common.trc").write_text(common)
    text = 'import "common.trc"\n\npipeline "p" {}\n\ntask a = sql $$ select customer from orders $$\n'
    editor.open("p.trc", text)
    assert editor.diagnostics("p.trc") == []
    editor.open("common.trc", common)
    told_in_the_end(editor, "common.trc", [])
    editor.write("common.trc", common.replace("orders =", "bills ="))
    told_in_the_end(editor, "p.trc", ["TRC403"])
    editor.write("common.trc", "\n" + common)
    told_in_the_end(editor, "p.trc", [])
    found = editor.ask("textDocument/definition", editor.at("p.trc", "orders"))
    assert found["uri"] == editor.uri("common.trc")
    assert found["range"]["start"] == {"line": 1, "character": 7}


def test_file_that_is_only_imported_need_not_be_a_pipeline(start: Open) -> None:
    editor = start(toml="")
    common = 'source orders = csv("data/orders.csv")\n'
    editor.open("common.trc", common)
    told_in_the_end(editor, "common.trc", ["TRC202", "TRC202"])
    (editor.folder / "p.trc").write_text('import "common.trc"\n\npipeline "p" {}\n\ntask a = sql $$ select 1 as x $$\n')
    editor.open("p.trc", (editor.folder / "p.trc").read_text())
    assert editor.diagnostics("p.trc") == []
    editor.write("common.trc", common + "\n")
    told_in_the_end(editor, "common.trc", [])


def test_files_that_move_are_looked_at_again(start: Open) -> None:
    editor = start()
    editor.open("shop.yaml", BROKEN)
    assert codes(editor.diagnostics("shop.yaml")) == ["TRC402"]
    orders = editor.folder / "data" / "orders.csv"
    orders.write_text(ORDERS.replace("customer", "custmer"))
    editor.tell("workspace/didChangeWatchedFiles", {"changes": [{"uri": orders.as_uri(), "type": 2}]})
    assert editor.diagnostics("shop.yaml") == []


def test_files_are_watched_where_the_editor_can(start: Open) -> None:
    editor = start(capabilities={"workspace": {"didChangeWatchedFiles": {"dynamicRegistration": True}}})
    asked = editor._until(lambda message: message.get("method") == "client/registerCapability")
    editor._send({"jsonrpc": "2.0", "id": asked["id"], "result": None})
    (registration,) = asked["params"]["registrations"]
    assert registration["method"] == "workspace/didChangeWatchedFiles"


def test_pipelines_of_a_project_are_told_of_each_other(start: Open) -> None:
    editor = start(toml="")
    (editor.folder / "a.yaml").write_text(SHOP)
    (editor.folder / "not_a_pipeline.yaml").write_text("[")
    editor.open("b.yaml", SHOP)
    # First what the file itself says, then, as the others are known, what they say of it.
    assert editor.diagnostics("b.yaml") == []
    found = editor.diagnostics("b.yaml")
    assert codes(found) == ["TRC206", "TRC303"]
    assert found[0]["relatedInformation"][0]["location"]["uri"] == editor.uri("a.yaml")
    # The change of one open file concerns another.
    editor.open("a.yaml", SHOP.replace("name: shop", "name: other").replace("out/paid", "out/other"))
    assert editor.diagnostics("a.yaml") == []
    assert editor.diagnostics("b.yaml") == []
    # Closed without being saved: its disk counts again.
    editor.tell("textDocument/didClose", {"textDocument": {"uri": editor.uri("a.yaml")}})
    assert codes(editor.diagnostics("b.yaml")) == ["TRC206", "TRC303"]


def test_a_wrong_project_file_is_told(start: Open) -> None:
    editor = start(toml="[local]\nworkrs = 1\n")
    editor.open("shop.yaml", SHOP)
    (found,) = editor.diagnostics("shop.yaml")
    assert found["code"] == "TRC111"
    assert found["range"]["start"] == {"line": 0, "character": 0}


def test_hostile_texts_are_told_and_survived(editor: Editor) -> None:
    texts = {
        "bomb": "nodes:\na: &a [x, x]\nb: &b [*a, *a]\nc: [" + "*b, " * 5000 + "]\n",
        "deep": "nodes: " + "[" * 5000,
        "nul": "\0nodes:\n",
        "surrogate": "nodes: [\ud800]\n",
        "lines": "nodes:\n" + "\n" * 100_000 + "- {id: a}\n",
    }
    for name, text in texts.items():
        editor.open(f"{name}.yaml", text)
        if name != "nul":
            assert editor.diagnostics(f"{name}.yaml"), name
        for method in ("hover", "completion", "definition"):
            answer = editor.ask(f"textDocument/{method}", editor.at(f"{name}.yaml", "nodes", 3))
            assert not (isinstance(answer, dict) and "error" in answer), (name, method, answer)


def test_a_question_can_be_withdrawn(start: Open) -> None:
    editor = start()
    tasks = "".join(
        f"  - {{id: t{number}, type: duckdb_sql, params: {{sql: select {number} as a}}}}\n" for number in range(400)
    )
    editor.open("long.yaml", f"name: long\nnodes:\n{tasks}")
    number = editor.request("textDocument/hover", editor.at("long.yaml", "t399"))
    editor.tell("$/cancelRequest", {"id": number})
    assert editor.answer_to(number)["error"]["code"] == -32800
    assert editor.diagnostics("long.yaml") == []


def test_what_is_no_message_is_survived(editor: Editor) -> None:
    assert editor.process.stdin
    editor.process.stdin.write(b"Content-Length: 5\r\n\r\n{nope")
    editor.process.stdin.flush()
    assert "error" in editor.ask("textDocument/nothing", {})
    assert (
        editor.ask(
            "textDocument/hover", {"textDocument": {"uri": editor.uri("unknown.yaml")}, "position": position("", 0)}
        )
        is None
    )


def test_it_ends_with_its_editor(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "trc", "lsp"], cwd=tmp_path, input=b"", capture_output=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"", b"")


def test_a_missing_extra_is_told(tmp_path: Path) -> None:
    (tmp_path / "hide.py").write_text(
        "from importlib.machinery import PathFinder\n"
        "real = PathFinder.find_spec\n"
        "PathFinder.find_spec = lambda name, *rest: None if name == 'pygls' else real(name, *rest)\n"
        "from trc.cli import main\n"
        "main(['lsp'])\n"
    )
    ended = subprocess.run(
        [sys.executable, "hide.py"], cwd=tmp_path, input=b"", capture_output=True, timeout=60, check=False
    )
    assert ended.returncode == 3
    said = ended.stderr.decode()
    assert "TRC620" in said
    assert "pip install 'trc-pipelines[lsp]'" in said
    assert json.dumps("pygls") in said
