"""A project on disk and an editor that works in it, for the tests of each feature."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.trc.lsp.client import Editor

ORDERS = "order_id,customer,status,amount\n1,ada,paid,120.5\n2,grace,open,80.0\n"
PAGE = '"""Writes a page."""\n\n\ndef page(context):\n    """Writes it."""\n'


def fill(folder: Path) -> None:
    """The files that the pipelines of the tests name."""
    (folder / "data").mkdir()
    (folder / "data" / "orders.csv").write_text(ORDERS)
    (folder / "tasks").mkdir()
    (folder / "tasks" / "page.py").write_text(PAGE)
    (folder / "requirements.txt").write_text("")


@pytest.fixture(scope="module")
def editor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    """An editor in a folder that is no project: its files have nothing to do with each other."""
    folder = tmp_path_factory.mktemp("pipelines")
    fill(folder)
    editor = Editor(folder, {"textDocument": {"rename": {"prepareSupport": True}}})
    yield editor
    assert editor.close() == ""
