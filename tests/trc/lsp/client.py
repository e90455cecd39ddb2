"""A small editor: speaks the Language Server Protocol with a real `trc lsp` over its pipes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

JsonValue = Any


class Editor:
    """One server process. What it says on its own account is kept until it is asked for."""

    def __init__(self, folder: Path, capabilities: dict[str, Any] | None = None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "trc", "lsp"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
        )
        self.folder = folder
        self.heard: list[dict[str, Any]] = []
        self.versions: dict[str, int] = {}
        self.texts: dict[str, str] = {}
        self._last = 0
        self.initialized = self.ask(
            "initialize",
            {"processId": None, "rootUri": folder.as_uri(), "capabilities": capabilities or {}},
        )
        self.tell("initialized", {})

    def close(self) -> str:
        """Says goodbye; answers with what the server wrote on standard error."""
        self.ask("shutdown", None)
        self.tell("exit", None)
        _, errors = self.process.communicate(timeout=60)
        assert self.process.returncode == 0
        return errors.decode()

    def ask(self, method: str, params: JsonValue) -> JsonValue:
        """A request's result; an error answer is returned as `{"error": ...}`."""
        return self.answer_to(self.request(method, params))

    def request(self, method: str, params: JsonValue) -> int:
        self._last += 1
        self._send({"jsonrpc": "2.0", "id": self._last, "method": method, "params": params})
        return self._last

    def answer_to(self, number: int) -> JsonValue:
        found = self._until(lambda message: message.get("id") == number and "method" not in message)
        return {"error": found["error"]} if "error" in found else found.get("result")

    def tell(self, method: str, params: JsonValue) -> None:
        self._send({"jsonrpc": "2.0", "method": method, "params": params})

    def uri(self, name: str) -> str:
        return (self.folder / name).as_uri()

    def open(self, name: str, text: str) -> None:
        uri = self.uri(name)
        self.versions[uri], self.texts[uri] = 1, text
        item = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self.tell("textDocument/didOpen", {"textDocument": item})

    def change(self, name: str, *changes: dict[str, Any]) -> int:
        """Sends changes as they are, and answers with the version that they make."""
        uri = self.uri(name)
        self.versions[uri] += 1
        identifier = {"uri": uri, "version": self.versions[uri]}
        self.tell("textDocument/didChange", {"textDocument": identifier, "contentChanges": list(changes)})
        return self.versions[uri]

    def write(self, name: str, text: str) -> int:
        self.texts[self.uri(name)] = text
        return self.change(name, {"text": text})

    def diagnostics(self, name: str, version: int | None = None) -> list[dict[str, Any]]:
        """What is published for a version of a document, the present one if none is given."""
        uri = self.uri(name)
        wanted = self.versions[uri] if version is None else version

        def is_it(message: dict[str, Any]) -> bool:
            params = message.get("params", {})
            is_published = message.get("method") == "textDocument/publishDiagnostics"
            return is_published and params["uri"] == uri and params.get("version") == wanted

        found: list[dict[str, Any]] = self._until(is_it)["params"]["diagnostics"]
        return found

    def at(self, name: str, mark: str, shift: int = 0) -> dict[str, Any]:
        """The place where `mark` begins in the document's text, `shift` characters on, as parameters."""
        text = self.texts[self.uri(name)]
        offset = text.index(mark) + shift
        return {"textDocument": {"uri": self.uri(name)}, "position": position(text, offset)}

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps(message).encode()
        assert self.process.stdin
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()

    def _until(self, is_wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        for message in self.heard:
            if is_wanted(message):
                self.heard.remove(message)
                return message
        while True:
            message = self._read()
            if is_wanted(message):
                return message
            self.heard.append(message)

    def _read(self) -> dict[str, Any]:
        assert self.process.stdout
        assert self.process.stderr
        length = 0
        while (line := self.process.stdout.readline().strip()) != b"":
            length = int(line.partition(b":")[2]) if line.lower().startswith(b"content-length") else length
        if not length:
            raise AssertionError(f"the server is gone: {self.process.stderr.read().decode()}")
        message: dict[str, Any] = json.loads(self.process.stdout.read(length))
        return message


def position(text: str, offset: int) -> dict[str, int]:
    """A place as editors count: UTF-16 units."""
    line = text.count("\n", 0, offset)
    before = text[text.rfind("\n", 0, offset) + 1 : offset]
    return {"line": line, "character": len(before.encode("utf-16-le")) // 2}


def applied(text: str, edits: list[dict[str, Any]]) -> str:
    """A text after an editor has made the edits."""
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))

    def offset(place: dict[str, int]) -> int:
        line = text[starts[place["line"]] :].encode("utf-16-le")
        return starts[place["line"]] + len(line[: place["character"] * 2].decode("utf-16-le"))

    for edit in sorted(edits, key=lambda one: offset(one["range"]["start"]), reverse=True):
        start, end = offset(edit["range"]["start"]), offset(edit["range"]["end"])
        text = text[:start] + edit["newText"] + text[end:]
    return text
