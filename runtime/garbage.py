"""Forgets what no run will ask for again: old runs with their logs, results that were replaced, digests of files that are gone."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

from trc.runtime import shapes
from trc.runtime.store.journal import Journal, RunRecord
from trc.runtime.store.results import DigestCache, Results
from trc.runtime.taskside.records import record

_OF_RUNS: Final = ("logs", "failures")
"""Folders under the state that have a folder for each run."""
_ALL: Final = 1 << 62


class Store(Journal, Results, DigestCache, Protocol):
    """A store that keeps runs, results and digests."""


@record(frozen=True, slots=True)
class Rules:
    """What is kept: of each pipeline the newest `keep` runs, and all that is younger than `age` seconds."""

    keep: int
    age: float


@record(frozen=True, slots=True)
class Garbage:
    """What was forgotten: runs, results, digests, and the files and folders that were of them, with their size in bytes."""

    runs: tuple[str, ...]
    results: int
    digests: int
    paths: tuple[str, ...]
    size: int


class _OnlyLooking(Exception):  # noqa: N818 - a signal, not an error
    """Takes back what was only tried."""


def collect(store: Store, state: Path, rules: Rules, now: float, *, dry: bool = False) -> Garbage:
    """Forgets what the rules do not keep; with `dry`, only tells what that would be.

    Runs that go on are kept, and those that open dead letters or the last result of a task speak of. Data are not
    touched: each run removes the intermediates that its pipeline's results do not need any more.
    """
    # Listed first: a run is recorded before it has a folder, so that a folder whose run is not known was of none that goes on.
    folders = [folder for name in _OF_RUNS for folder in _folders(state / name)]
    kept_shapes = list((state / shapes.FOLDER).glob("*.json"))
    runs: list[RunRecord] = []
    forgotten: tuple[str, ...] = ()
    results = 0
    with suppress(_OnlyLooking), store.transaction() as change:
        runs = store.runs(limit=_ALL)
        forgotten = tuple(_forgotten(store, runs, rules, now))
        change.forget_runs(forgotten)
        results = change.forget_results(now - rules.age)
        if dry:
            raise _OnlyLooking
    left = [run for run in runs if run.id not in set(forgotten)]
    ids, digests = {run.id for run in left}, {run.digest for run in left}
    paths = [folder for folder in folders if folder.name not in ids]
    paths += [path for path in kept_shapes if path.stem not in digests]
    size = sum(map(_size, paths))
    gone = [path for path in store.digest_paths() if not os.path.lexists(path)]
    if not dry:
        for path in paths:
            _remove(path)
        store.forget_digests(gone)
    return Garbage(forgotten, results, len(gone), tuple(map(str, paths)), size)


def _forgotten(store: Store, runs: Iterable[RunRecord], rules: Rules, now: float) -> Iterator[str]:
    """The runs that the rules do not keep; `runs` come newest first."""
    seen: Counter[str] = Counter()
    spoken_of = {letter.run for letter in store.letters(limit=_ALL)}
    asked: set[str] = set()
    for run in runs:
        seen[run.pipeline] += 1
        if run.pipeline not in asked:
            asked.add(run.pipeline)
            spoken_of |= {result.run for result in store.latest(run.pipeline).values()}
        is_old = run.ended_at is not None and run.ended_at < now - rules.age
        if run.state != "running" and is_old and seen[run.pipeline] > rules.keep and run.id not in spoken_of:
            yield run.id


def _folders(path: Path) -> list[Path]:
    with suppress(OSError):
        return sorted(one for one in path.iterdir() if one.is_dir() and not one.is_symlink())
    return []


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else (path,)
    total = 0
    for file in files:
        with suppress(OSError):
            total += file.lstat().st_size if not file.is_dir() else 0
    return total


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
