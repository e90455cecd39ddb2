"""The file of metrics: it goes on counting, in one piece, and is nobody else's."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from trc.runtime.telemetry.exposition import Family, Numbers, read
from trc.runtime.telemetry.textfile import TextFile

DONE = Family("trc_done_total", "counter", "Done.", ("pipeline",))
READY = Family("trc_ready", "gauge", "Ready.", ("pipeline",))
LAST = Family("trc_last", "gauge", "Last.", ("pipeline", "task"))
ALL = (DONE, READY, LAST)


class Run:
    """A run of a pipeline, as far as its metrics go."""

    def __init__(self, path: Path, pipeline: str = "p", tasks: tuple[str, ...] = ("a",)) -> None:
        self.numbers = Numbers(ALL)
        self.pipeline = pipeline
        self.file = TextFile(path, ALL, pipeline, tasks)

    def does(self, count: int, ready: int = 0) -> Run:
        self.numbers.add(DONE, (self.pipeline,), count)
        self.numbers.set(READY, (self.pipeline,), ready)
        self.file.show(self.numbers.series())
        return self


def held(path: Path) -> dict[str, float]:
    return {
        f"{name} {','.join(value for _, value in labels)}": value
        for (name, labels), value in read(path.read_text()).items()
    }


def test_counters_go_on_from_run_to_run_and_gauges_are_of_the_last(tmp_path: Path) -> None:
    path = tmp_path / "new" / "m.prom"
    Run(path).does(2, ready=7).does(1, ready=5)
    assert held(path) == {"trc_done_total p": 3, "trc_ready p": 5}
    Run(path).does(4, ready=1)
    assert held(path) == {"trc_done_total p": 7, "trc_ready p": 1}
    assert [one.name for one in path.parent.iterdir()] == ["m.prom"]


def test_runs_that_share_the_file_lose_nothing_of_each_other(tmp_path: Path) -> None:
    path = tmp_path / "m.prom"

    def many(pipeline: str) -> None:
        run = Run(path, pipeline)
        for _ in range(50):
            run.does(1)

    threads = [threading.Thread(target=many, args=(name,)) for name in ("p", "p", "q")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert held(path) == {"trc_done_total p": 100, "trc_done_total q": 50, "trc_ready p": 0, "trc_ready q": 0}


def test_gauges_of_tasks_that_are_gone_go(tmp_path: Path) -> None:
    path = tmp_path / "m.prom"
    before = Run(path, tasks=("a", "b"))
    for name in ("a", "b"):
        before.numbers.set(LAST, ("p", name), 1)
    other = Run(path, "q", ("b",))
    other.numbers.set(LAST, ("q", "b"), 1)
    before.does(1)
    other.does(1)
    Run(path).does(1)
    assert {name for name in held(path) if name.startswith("trc_last")} == {"trc_last p,a", "trc_last q,b"}


def test_a_file_of_something_else_stays_as_it_is(tmp_path: Path) -> None:
    """`--metrics shop.trc` by mistake must not cost the pipeline."""
    for text in ('pipeline "shop" {}\n', "node_load1 0.5\n"):
        path = tmp_path / "shop.trc"
        path.write_text(text)
        run = Run(path).does(1)
        assert path.read_text() == text
        (problem,) = run.file.problems
        assert problem.code == "TRC642"
        assert "something else" in problem.message


def test_what_could_not_be_written_comes_with_the_next(tmp_path: Path) -> None:
    path = tmp_path / "m.prom"
    path.mkdir()
    run = Run(path).does(2)
    assert "is a directory" in run.file.problems[0].message
    path.rmdir()
    run.does(1)
    assert not run.file.problems
    assert held(path)["trc_done_total p"] == 3


def test_the_file_can_be_read_by_who_may_read_others(tmp_path: Path) -> None:
    """The collector is another user."""
    before = os.umask(0o022)
    try:
        Run(tmp_path / "m.prom").does(1)
    finally:
        os.umask(before)
    assert (tmp_path / "m.prom").stat().st_mode & 0o777 == 0o644
