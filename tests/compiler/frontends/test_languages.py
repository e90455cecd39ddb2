"""Which files are read at all."""

from __future__ import annotations

import pytest

from trc.compiler.diagnostics.collector import Collector
from trc.compiler.frontends.languages import parse
from trc.compiler.frontends.suffixes import SUFFIXES
from trc.compiler.source import SourceFile


@pytest.mark.parametrize("name", ["pipeline.txt", "pipeline", "yaml"])
def test_file_of_another_kind_is_refused_by_its_name(name: str) -> None:
    collect = Collector()
    assert parse(SourceFile(name, "name: p\n"), collect) is None
    [found] = collect.sorted()
    assert (found.code, found.message) == ("TRC110", f'"{name}" is not a pipeline file by its name')
    assert all(suffix in found.help[0] for suffix in SUFFIXES)


def test_suffix_counts_in_any_case() -> None:
    collect = Collector()
    assert parse(SourceFile("P.YAML", "name: p\n"), collect) is not None
    assert not collect.sorted()
