"""Random pipelines write optimised what they write as they are."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from tests.both_ways import BothWays, Passes
from tests.trc.verifying.pipelines import Pipeline, pipelines

from trc.compiler.passes import PASSES
from trc.compiler.passes.dead_tasks import dead_tasks
from trc.compiler.passes.fusion import fusion
from trc.runtime.errors import Stopped

if TYPE_CHECKING:
    import duckdb

MANY = 10_000 if os.environ.get("HYPOTHESIS_PROFILE") == "nightly" else 200
WAYS: dict[str, Passes | None] = {
    "all passes": None,
    "without fusion": tuple(one for one in PASSES if one is not fusion),
}


@dataclass(slots=True)
class Bench:
    """Runs one pipeline after the other in folders of their own, and counts what came of it."""

    folder: Path
    database: duckdb.DuckDBPyConnection
    seen: Counter[str] = field(default_factory=Counter[str])

    def check(self, pipeline: Pipeline, passes: Passes | None) -> None:
        self.seen["pipelines"] += 1
        place = self.folder / str(self.seen["pipelines"])
        place.mkdir()
        for source in pipeline.sources:
            self.database.execute(source.copy.format(folder=place))
        (place / "p.trc").write_text(str(pipeline))
        try:
            both_ways = BothWays.of(place / "p.trc", place / "made")
        except Stopped:
            # A CTE that hides a table has other columns than a subquery may expect.
            self.seen["refused"] += 1
            reject()
        found = both_ways.together(passes)
        different = [one for one in found.sinks if one.verdict == "different"]
        assert not different, f"{pipeline}\n{chr(10).join(source.copy for source in pipeline.sources)}\n{different}"
        self.seen["optimised"] += any(note.applied for note in found.notes)
        self.seen.update({note.by for note in found.notes if note.applied})
        self.seen.update(one.verdict for one in found.sinks)
        self.seen["sinks with rows"] += sum(bool(one.rows) for one in found.sinks)
        shutil.rmtree(place)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    import duckdb

    with duckdb.connect() as database:
        yield Bench(tmp_path_factory.mktemp("random"), database)


@settings(max_examples=20)
@given(pipeline=pipelines(), way=st.sampled_from(sorted(WAYS)))
def test_a_few_random_pipelines(bench: Bench, pipeline: Pipeline, way: str) -> None:
    bench.check(pipeline, WAYS[way])


@pytest.mark.long
@pytest.mark.timeout(7_200)
def test_many_random_pipelines(bench: Bench) -> None:
    """Pipelines in which nothing is optimised, and empty sinks, prove nothing: there are few of them."""

    @settings(max_examples=MANY)
    @given(pipeline=pipelines(), way=st.sampled_from(sorted(WAYS)))
    def check(pipeline: Pipeline, way: str) -> None:
        bench.check(pipeline, WAYS[way])

    check()
    seen = bench.seen
    sinks = seen["equal"] + seen["not_verifiable"] + seen["failed"]
    assert seen["refused"] < seen["pipelines"] / 20
    assert seen["optimised"] > seen["pipelines"] / 3
    assert seen["equal"] > sinks * 2 / 3
    assert seen["sinks with rows"] > sinks / 3
    # Tasks are dead where others are selected, which is nothing that is compared here.
    assert min(seen[one.__name__] for one in PASSES if one is not dead_tasks) > 0, seen
