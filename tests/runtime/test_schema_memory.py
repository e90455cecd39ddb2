from __future__ import annotations

import os
from pathlib import Path

from trc.compiler.ir.dataset import Column
from trc.compiler.ir.formats import Format
from trc.compiler.ir.types import Known, Schema
from trc.runtime.schema_memory import Answers, RememberedSchemas
from trc.runtime.storage.globs import list_files


class Counting:
    """Answers with a column for each time that it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def schema(self, uri: str, fmt: Format) -> Schema:  # noqa: ARG002 - the interface's
        self.asked += 1
        return Known((Column(name=f"asked_{self.asked}", type="INTEGER"),))


def test_a_file_is_read_again_when_it_has_changed(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x\n1\n")
    reader = Counting()
    answers = Answers()

    def ask(uri: str) -> Schema:
        return RememberedSchemas(str(tmp_path), list_files, reader, answers).schema(uri, "csv")

    first = ask("a.csv")
    assert ask("a.csv") == first
    assert reader.asked == 1
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    os.utime(tmp_path / "a.csv", ns=(1, 1))
    assert ask("a.csv") != first
    pattern = ask("*.csv")
    assert ask("*.csv") == pattern
    (tmp_path / "b.csv").write_text("x\n1\n")
    assert ask("*.csv") != pattern
    assert reader.asked == 4


def test_it_tells_what_it_was_asked_for(tmp_path: Path) -> None:
    schemas = RememberedSchemas(str(tmp_path), list_files, Counting(), Answers())
    schemas.schema("data/*.csv", "csv")
    schemas.schema("s3://bucket/a.parquet", "parquet")
    assert schemas.asked == {f"{tmp_path}/data/*.csv", "s3://bucket/a.parquet"}
