"""Downloads an address to the task's output: resumed where it breaks, bounded, checked, and of the version that was planned."""

from __future__ import annotations

import hashlib
from functools import partial
from typing import Any, Callable

from trc.runtime.taskside.download import Download, Downloaded, Hash
from trc.runtime.taskside.errors import AttemptFailed
from trc.runtime.taskside.order import TaskOrder
from trc.runtime.taskside.quantities import seconds_of, size_of
from trc.runtime.taskside.result import Failure
from trc.runtime.taskside.task import TaskContext, TaskResult
from trc.runtime.taskside.web import Web, allowed_of


def run(order: TaskOrder, context: TaskContext) -> TaskResult:
    """Writes what `params.url` answers to the only output; answers its size, its version and how often it was gone on with."""
    params = order.params
    kind, _, wanted = (params.get("checksum") or "").partition(":")
    web = Web(allowed_of(order.network), seconds_of(params["idle_timeout"]))
    done = Download(
        web,
        params["url"],
        params["headers"],
        known=_known(order),
        limit=size_of(params.get("max_size")),
        hashing=_hashing(kind) if kind else None,
        report=context.report,
    ).to(order.outputs[0].path)
    if kind and done.digest != wanted:
        raise AttemptFailed(_other(kind, done.digest, wanted))
    return TaskResult(values=_values(done))


def _known(order: TaskOrder) -> str:
    """The version that was told when the attempt began, and stands in the task's key."""
    source = next((one for one in order.inputs if one.etags), None)
    return "" if source is None else source.etags[0]


def _hashing(kind: str) -> Callable[[], Hash]:
    # A checksum guards against accidents here: where no such kind may guard secrets, it may still be asked for.
    return partial(hashlib.new, kind, usedforsecurity=False)


def _other(kind: str, found: str, wanted: str) -> Failure:
    message = f"what was downloaded is not what the checksum says: {kind} is {found}, and should be {wanted}"
    return Failure(message, "permanent", "web_checksum")


def _values(done: Downloaded) -> dict[str, Any]:
    told = {"size": done.size, "etag": done.version.etag, "last_modified": done.version.modified}
    values: dict[str, Any] = {name: value for name, value in told.items() if value != ""}
    if done.resumed:
        values["resumed"] = done.resumed
    return values
