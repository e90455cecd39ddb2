"""Clones a commit, and leaves its files, each under the name of its bytes, beside the list that says what they are called."""

from __future__ import annotations

import csv
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from trc.runtime.taskside.errors import AttemptFailed
from trc.runtime.taskside.gitrefs import headers_of
from trc.runtime.taskside.order import TaskOrder
from trc.runtime.taskside.quantities import seconds_of, size_of
from trc.runtime.taskside.result import Failure
from trc.runtime.taskside.task import TaskContext, TaskResult
from trc.runtime.taskside.web import Web, allowed_of
from trc.stdlib_tasks.git_clone_to_s3.run.fetching import Repositories
from trc.stdlib_tasks.git_clone_to_s3.run.relay import relaying
from trc.stdlib_tasks.git_clone_to_s3.run.tree import Limits, Wanted, require_names

COLUMNS = ("path", "kind", "size", "blob")


def run(order: TaskOrder, context: TaskContext) -> TaskResult:
    """Writes the list of files to the first output, the files to the folder beside it, and the commits to the other output."""
    params = order.params
    listed, *logs = order.outputs
    web = Web(allowed_of(order.network), seconds_of(params["idle_timeout"]))
    limits = Limits(size_of(params["max_size"]) or 0, params["max_files"])
    wanted = Wanted(params["include"], params["exclude"])
    with _folder(listed.path + ".git") as folder, relaying(web, limits.size, context.report) as relay:
        repositories = Repositories(web, relay, folder, headers_of(params["credentials"]), params["url"])
        found = repositories.fetch(params["url"], params["ref"], params["depth"])
        if order.inputs[0].etags and found.commit != order.inputs[0].etags[0]:
            message = f'"{params["ref"]}" points to another commit than when it was looked at'
            raise AttemptFailed(Failure(message, "temporary", "input_moved"))
        entries = list(repositories.entries(found, wanted, limits, is_deep=params["submodules"]))
        require_names(entries)
        os.mkdir(order.filling)
        repositories.copy(entries, order.filling, context.progress)
        for log in logs:
            _write(log.path, ("commit", "author", "committed_at", "subject"), found.commits(params["depth"]))
        at = found.committed_at()
    _write(listed.path, COLUMNS, ((one.path, one.kind, one.size, one.blob) for one in entries))
    files = [one for one in entries if one.is_file]
    values: dict[str, Any] = {
        "commit": found.commit,
        "committed_at": at,
        "files": len(files),
        "bytes": sum(one.size for one in files),
    }
    return TaskResult(values=values, rows={listed.name: len(entries)})


def _write(path: str, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(columns)
        lines.writerows(rows)


@contextmanager
def _folder(path: str) -> Iterator[str]:
    os.mkdir(path, 0o700)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
