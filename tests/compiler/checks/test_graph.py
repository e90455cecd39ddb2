"""The graph's cases: a sketch of a pipeline, and what is then known and reported of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from trc.compiler.checks.graph import resolve
from trc.compiler.diagnostics.collector import Collector
from trc.compiler.diagnostics.render.human import render
from trc.compiler.ir.dataset import DatasetRead, Output, UriRead
from trc.compiler.ir.pipeline import Pipeline
from trc.compiler.ir.places import Places
from trc.compiler.ir.policy import Need
from trc.compiler.ir.task import Task

CASES = sorted((Path(__file__).parents[2] / "cases" / "graph").glob("*.sketch"), key=lambda path: path.stem)


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_resolve_case(case: Path, sketch: Any, snapshot: Any) -> None:
    given = sketch(case.read_text())
    collect = Collector()
    graph = resolve(given.pipeline, given.places, collect, given.missing, "/project")
    told = [f"order: {' '.join(graph.order)}"]
    told += [
        f"{edge.task} waits for {edge.on}: {'data' if edge.data else 'order'}, {edge.requires}, via {edge.via}"
        for edge in graph.edges
    ]
    for task, inputs in graph.inputs.items():
        for resolved in inputs:
            if resolved.explained or resolved.help:
                told.append(f"{task}: {resolved.read.name}: explained={resolved.explained}, help={list(resolved.help)}")
    told += ["", render(collect.sorted(), {given.source.name: given.source}), ""]
    snapshot(case.with_suffix(".expected"), "\n".join(told))


def test_there_are_cases() -> None:
    assert len(CASES) >= 20


def test_resolve_tells_sources_producers_and_feeders(sketch: Any) -> None:
    given = sketch("source s = data/s.csv\na: writes out/a.csv\nb: reads s, A, out/./a.csv, out/*.csv, other/x.csv\n")
    inputs = resolve(given.pipeline, given.places, Collector(), frozenset(), "/project").inputs["b"]
    assert [(one.source and one.source.name, one.producer, one.feeders) for one in inputs] == [
        ("s", None, ()),
        (None, ("a", "output"), ()),
        (None, ("a", "output"), ()),
        (None, None, ("a",)),
        (None, None, ()),
    ]


def test_resolve_knows_absolute_and_relative_spellings_of_one_file() -> None:
    write = Task(name="a", type="t", outputs=(Output(uri="file:///project/out//a.csv"),))
    read = Task(name="b", type="t", reads=(UriRead(name="x", uri="./out/a.csv", format="csv"),))
    graph = resolve(Pipeline(name="p", tasks=(read, write)), Places(), Collector(), frozenset(), Path("/project"))
    assert graph.order == ("a", "b")


def test_resolve_reports_without_places() -> None:
    tasks = (
        Task(name="a", type="t", reads=(DatasetRead(name="x", dataset="b"),), outputs=(Output(uri="x"),)),
        Task(name="b", type="t", needs=(Need(task="a"), Need(task="b"), Need(task="z")), outputs=(Output(uri="x/"),)),
    )
    collect = Collector()
    resolve(Pipeline(name="p", tasks=tasks), Places(), collect, frozenset())
    assert [(one.code, one.span) for one in collect.sorted()] == [
        (code, None) for code in ("TRC301", "TRC302", "TRC304", "TRC307")
    ]


def test_resolve_long_chains_and_circles_without_recursion() -> None:
    count = 10_000

    def chain(first: str | None) -> Pipeline:
        reads = [first, *(f"t{i}" for i in range(count - 1))]
        return Pipeline(
            name="p",
            tasks=tuple(
                Task(
                    name=f"t{i}",
                    type="t",
                    reads=(DatasetRead(name="x", dataset=read),) if read else (),
                    outputs=(Output(),),
                )
                for i, read in enumerate(reads)
            ),
        )

    open_end, closed = Collector(), Collector()
    assert resolve(chain(None), Places(), open_end, frozenset()).order[-1] == f"t{count - 1}"
    assert resolve(chain(f"t{count - 1}"), Places(), closed, frozenset()).order
    assert open_end.reported == []
    assert [one.code for one in closed.reported] == ["TRC302"]
