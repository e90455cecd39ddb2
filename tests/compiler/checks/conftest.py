"""Pipelines in a few words, for tests of checks that need the IR and places in a text, and no front end."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from trc.compiler.ir.dataset import DatasetRead, Output, Read, Source, UriRead
from trc.compiler.ir.formats import format_of
from trc.compiler.ir.pipeline import Pipeline
from trc.compiler.ir.places import Path, Place, Places
from trc.compiler.ir.policy import Need
from trc.compiler.ir.task import Query, Task
from trc.compiler.source import ScalarMap, Segment, SourceFile

FILE = "sketch"


@dataclass
class Sketch:
    """A pipeline read from lines such as `a: reads b, raw/*.csv; writes out/a.csv; needs c on completion`."""

    text: str
    pipeline: Pipeline = field(init=False)
    places: Places = field(init=False)
    missing: frozenset[str] = field(init=False)
    source: SourceFile = field(init=False)

    def __post_init__(self) -> None:
        self.source = SourceFile(FILE, self.text)
        self._table: dict[Path, Place] = {}
        sources, tasks, missing = [], [], []
        for line in re.finditer(r"(?m)^.+$", self.text):
            if match := re.match(r"source (\S+) = (.*)", line[0]):
                sources.append(Source(name=match[1], uri=match[2], format=format_of(match[2])))
                self._put(("sources", match[1]), line.start() + match.start(1), match[1])
                self._put(("sources", match[1], "uri"), line.start() + match.start(2), match[2])
            elif match := re.match(r"missing (\S+)", line[0]):
                missing.append(match[1])
            elif match := re.match(r"(\S+):", line[0]):
                tasks.append(self._task(match[1], line.start(), line[0]))
        self.pipeline = Pipeline(name="sketch", sources=tuple(sources), tasks=tuple(tasks))
        self.places = Places(self._table)
        self.missing = frozenset(missing)

    def _task(self, name: str, start: int, line: str) -> Task:
        self._put(("tasks", name), start, name)
        reads: list[Read] = []
        outputs: list[Output] = []
        needs: list[Need] = []
        params: dict[str, Any] = {}
        query = None
        for clause in re.finditer(r"(reads|writes|needs|sql) ([^;]*)", line):
            at = start + clause.start(2)
            if clause[1] == "sql":
                query = Query(text=clause[2], param="sql")
                params["sql"] = clause[2]
                self._put(("tasks", name, "params", "sql"), at, clause[2])
                continue
            for index, item in enumerate(re.finditer(r"[^,]+", clause[2])):
                text = item[0].strip()
                spot = at + item.start() + len(item[0]) - len(item[0].lstrip())
                if clause[1] == "needs":
                    task, _, requires = text.partition(" on ")
                    needs.append(Need.model_validate({"task": task, "requires": requires or "success"}))
                    self._put(("tasks", name, "needs", index), spot, task)
                elif clause[1] == "reads":
                    reads.append(_read(text))
                    params.setdefault("inputs", []).append(text)
                    self._put(("tasks", name, "params", "inputs", index), spot, text)
                else:
                    label, _, uri = text.rpartition("=")
                    outputs.append(Output(name=label or "output", uri=None if uri == "-" else uri))
                    path: Path = ("outputs", label, "uri") if label else ("output_uri",)
                    self._put(("tasks", name, "params", *path), spot + len(text) - len(uri), uri)
        if query is not None:
            reads = [_read(found) for found in re.findall(r"(?:from|join) '?([\w./*-]+)", query.text)]
        return Task(
            name=name, type="sketch", params=params, reads=tuple(reads), outputs=tuple(outputs), query=query,
            needs=tuple(needs),
        )  # fmt: skip

    def _put(self, path: Path, start: int, text: str) -> None:
        span = self.source.span(start, start + len(text))
        self._table[path] = Place(span, span, ScalarMap(span, (Segment(0, start, len(text)),)))


def _read(text: str) -> Read:
    if "/" in text:
        return UriRead(name=text, uri=text, format=format_of(text))
    return DatasetRead(name=text, dataset=text)


@pytest.fixture
def sketch() -> Callable[[str], Sketch]:
    return Sketch
