"""What was proved is there again for the same pipeline and the same code, and for no other."""

from __future__ import annotations

from pathlib import Path

from trc.compiler.sql.facts import Condition, QueryFacts, ReadFacts, Use
from trc.runtime import proofs

FACTS = QueryFacts(
    (("x", "INTEGER"),),
    (ReadFacts("orders", ("x",), (Use((Condition('"x" > 1', ("x",)),)), Use()), "it has a LIMIT"),),
    inexact="sum(DOUBLE)",
    failing_columns=(("x", "CAST"),),
    is_row_wise=True,
)
PROVED = {f"{digit:x}{'0' * 63}": None if digit % 3 == 0 else FACTS for digit in range(16)}
PIPELINE = Path("/p/é.trc")


def test_what_was_proved_is_there_again(tmp_path: Path) -> None:
    proofs.keep(tmp_path, PIPELINE, b"world", PROVED)
    assert proofs.recall(tmp_path, PIPELINE, b"world") == PROVED


def test_another_pipeline_and_other_code_have_none(tmp_path: Path) -> None:
    proofs.keep(tmp_path, PIPELINE, b"world", PROVED)
    assert not proofs.recall(tmp_path, PIPELINE, b"other world")
    assert not proofs.recall(tmp_path, Path("/p/e.trc"), b"world")
    assert not proofs.recall(tmp_path / "elsewhere", PIPELINE, b"world")


def test_what_is_no_longer_asked_goes(tmp_path: Path) -> None:
    proofs.keep(tmp_path, PIPELINE, b"world", PROVED)
    kept = dict(list(PROVED.items())[:2])
    proofs.keep(tmp_path, PIPELINE, b"world", kept)
    assert proofs.recall(tmp_path, PIPELINE, b"world") == kept


def test_a_damaged_entry_is_as_if_it_were_not_there(tmp_path: Path) -> None:
    proofs.keep(tmp_path, PIPELINE, b"world", PROVED)
    one = sorted((tmp_path / "proved").iterdir())[3]
    one.write_bytes(one.read_bytes()[:-1])
    assert len(proofs.recall(tmp_path, PIPELINE, b"world")) == len(PROVED) - 1
