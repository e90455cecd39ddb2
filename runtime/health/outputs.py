"""Whether the outputs that stored results tell of are there, and hold what was recorded: every byte is read."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from shlex import quote
from time import time_ns

from trc.compiler.ir.uris import is_remote
from trc.runtime.folders import STATE_FOLDER
from trc.runtime.health.finding import Finding, ok
from trc.runtime.health.reading import Reading
from trc.runtime.storage.digests import Digests, identify
from trc.runtime.store.results import FileDigest, Result, StoredOutput
from trc.runtime.store.rows import digest_of, result_of
from trc.runtime.taskside.records import record


@record(frozen=True, slots=True)
class _Recorded:
    """An output as it is recorded; `path` is where it lies in this project, `file` its pipeline's."""

    result: Result
    output: StoredOutput
    path: str
    file: str


def look_at_outputs(
    reading: Reading, cached: Reading | None, state: Path, writing: Collection[str], left: Mapping[str, str]
) -> Iterator[Finding]:
    """The outputs of the latest results; not those of the pipelines that are `writing` now.

    `cached` is where digests of this machine's files are kept, if there are any.
    `left` are unfinished runs of dead processes, by pipeline: such a one may have published what it did not record.
    """
    recorded = _recorded(reading, state)
    quiet = {path: one for path, one in recorded.items() if one.result.pipeline not in writing}
    digests, wrong, size = Digests(_NothingKnown(), "", time_ns), 0, 0
    for one in quiet.values():
        finding = _judged(cached, digests, one, left.get(one.result.pipeline))
        if finding is not None:
            wrong += 1
            yield finding
        else:
            size += one.output.size
    passed = len(recorded) - len(quiet)
    later = f"; {passed:,} of pipelines that run now are not looked at" if passed else ""
    if not recorded:
        yield ok("outputs", "no output is recorded")
    elif not wrong:
        tasks = len({(one.result.pipeline, one.result.task) for one in quiet.values()})
        yield ok(
            "outputs",
            f"all {len(quiet):,} stored outputs of {tasks:,} tasks hold what was recorded ({size / 1e6:,.1f} MB read){later}",
        )


def _judged(cached: Reading | None, digests: Digests, one: _Recorded, left: str | None) -> Finding | None:
    name, anew = _name(one), f"`trc run {quote(one.file)}` makes it again"
    where = {"pipeline": one.result.pipeline, "task": one.result.task, "path": one.path}
    try:
        digest = digests.digest(one.path)
    except OSError as error:
        return Finding("outputs", "error", f"{name} cannot be read: {error}", "let this user read it", **where)
    if digest == one.output.digest:
        return None
    if digest is None:
        return Finding("outputs", "warn", f'{name} is gone: "{one.path}"', anew, **where)
    if _is_believed(cached, one):
        text = (
            f'{name} does not hold what its task wrote, and its size and times say that it did not change: "{one.path}"'
        )
        remedy = (
            f"look at the disk's health; then `trc run {quote(one.file)} --select {quote(one.result.task)} --force`"
        )
        return Finding("outputs", "error", text, remedy, **where)
    if left is not None:
        text = f'{name} is not what was recorded, maybe for run {left}, which is unfinished, wrote it: "{one.path}"'
        return Finding("outputs", "warn", text, anew, **where)
    return Finding("outputs", "error", f'{name} was changed by someone else: "{one.path}"', anew, **where)


def _name(one: _Recorded) -> str:
    task = f"{one.result.pipeline}.{one.result.task}"
    return f"the output of {task}" if one.output.name == "output" else f'the output "{one.output.name}" of {task}'


def _is_believed(cached: Reading | None, one: _Recorded) -> bool:
    """Whether a run would go by a cached digest, and take the output for what was recorded."""
    if cached is None:
        return False
    rows = cached.rows("results", "digests", (json.dumps([one.path]),))
    known = dict(map(digest_of, rows)).get(one.path)
    return known is not None and known.digest == one.output.digest and known.identity == identify(one.path)


def _recorded(reading: Reading, state: Path) -> Mapping[str, _Recorded]:
    """By path, the output that was committed last of those that were ever written there."""
    found: dict[str, _Recorded] = {}
    for *row, log, file in reading.rows("health", "latest"):
        result = result_of(tuple(row))
        for output in result.outputs:
            if not (output.is_view or is_remote(output.path)):
                path = _here(output.path, log or "", result.run, state)
                found[path] = _Recorded(result, output, path, file or "PIPELINE")
    return found


def _here(path: str, log: str, run: str, state: Path) -> str:
    """Where a file lies now that was in the project when its state lay where the attempt's log was."""
    before = log.rpartition(f"/logs/{run}/")[0]
    if not before or before == str(state):
        return path
    for then, now in ((before, str(state)), (before.removesuffix(f"/{STATE_FOLDER}"), str(state.parent))):
        if path.startswith(f"{then}/"):
            return now + path[len(then) :]
    return path


class _NothingKnown:
    """Stands for the results store: no digest is known, and none is kept."""

    def latest(self, pipeline: str) -> Mapping[str, Result]:
        del pipeline
        return {}

    def find(self, pipeline: str, task: str, key: str) -> Result | None:
        del pipeline, task, key
        return None

    def digests(self, paths: Iterable[str]) -> Mapping[str, FileDigest]:
        del paths
        return {}

    def put_digests(self, digests: Mapping[str, FileDigest]) -> None:
        """Nothing is kept."""
