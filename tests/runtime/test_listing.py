"""What a listing remembers of the files that it found, and when it looks at them anew."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from trc.runtime.listing import Inputs, Listing
from trc.runtime.spec import CheckSpec, PipelineSpec, ReadSpec, SkipSpec, TaskSpec
from trc.runtime.storage.local import LocalStorage
from trc.runtime.store.memory import MemoryStore


def _task(name: str, *reads: ReadSpec, looked_up: tuple[ReadSpec, ...] = ()) -> TaskSpec:
    checks = tuple(CheckSpec("known", "relationships", {}) for _ in looked_up)
    return TaskSpec(
        name, "python", "m:f", (), SkipSpec(can_skip=True), reads=reads, checks=checks, check_reads=looked_up
    )


@pytest.fixture
def listing(tmp_path: Path) -> Listing:
    storage = LocalStorage(MemoryStore(), tmp_path / ".trc", "boot-1", lambda: 10**18)
    return Listing(PipelineSpec("p", "p.yaml", str(tmp_path), (), "digest"), storage, {})


def _inputs(listing: Listing, task: TaskSpec) -> Inputs:
    found = listing.inputs(task, {})
    assert isinstance(found, Inputs)
    return found


def test_files_that_are_as_before_are_the_same_input(listing: Listing, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1")
    (tmp_path / "b.csv").write_text("1")
    task = _task("t", ReadSpec("a", "csv", uri=f"{tmp_path}/a.csv"), ReadSpec("all", "csv", uri=f"{tmp_path}/*.csv"))
    before = _inputs(listing, task)
    again = _inputs(listing, task)
    assert (again.inputs[0] is before.inputs[0], again) == (True, before)
    (tmp_path / "b.csv").write_text("2")
    a, both = _inputs(listing, task).inputs
    assert (a is before.inputs[0], both.parts == before.inputs[1].parts) == (True, False)
    (tmp_path / "c.csv").write_text("3")
    assert _inputs(listing, task).inputs[1].files == tuple(f"{tmp_path}/{name}.csv" for name in "abc")


def test_two_that_look_the_same_file_up_each_read_it_in_their_own_way(listing: Listing, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    read = ReadSpec("a", "csv", uri=f"{tmp_path}/a")
    for form in ("csv", "json"):
        task = _task(f"in_{form}", looked_up=(replace(read, format=form),))
        assert [one.read.format for one in _inputs(listing, task).looked_up] == [form]


def test_tasks_that_are_looked_at_in_one_moment_see_one_version_of_a_file(listing: Listing, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    one, other = (_task(name, ReadSpec("a", "csv", uri=str(file))) for name in ("one", "other"))
    file.write_text("1")
    listing.look_again()
    first = _inputs(listing, one)
    file.write_text("22")
    assert _inputs(listing, other).parts == first.parts
    listing.wrote(str(file))
    told = _inputs(listing, other)
    assert told.parts != first.parts
    file.write_text("333")
    listing.look_again()
    assert _inputs(listing, one).parts not in {first.parts, told.parts}
    file.write_text("4444")
    listing.look_each_time()
    before = _inputs(listing, one).parts
    file.write_text("55555")
    assert _inputs(listing, one).parts != before
