"""Sends one request, and keeps what is answered: in the output, else as a value for other tasks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

from trc.runtime.taskside.errors import AttemptFailed
from trc.runtime.taskside.order import TaskOrder
from trc.runtime.taskside.quantities import seconds_of, size_of
from trc.runtime.taskside.result import Failure
from trc.runtime.taskside.task import TaskContext, TaskResult
from trc.runtime.taskside.web import Answer, Cut, Web, allowed_of, over, refusal

_LARGEST_VALUE = 64 << 10
_READING = ("GET", "HEAD")
_SAID = 200
_UNCERTAIN = frozenset({500, 502, 504})
"""Statuses after which nobody knows what became of the request."""
_TOLD = ("content-type", "etag", "last-modified", "location")


def run(order: TaskOrder, context: TaskContext) -> TaskResult:
    """Answers the status, some headers, and the body as far as it is small and no output takes it."""
    params = order.params
    method = params["method"]
    web = Web(allowed_of(order.network), seconds_of(params["idle_timeout"]))
    body, headers = _sent(params)
    if method not in _READING:
        # Equal for all attempts of this task in this run: a server that knows such keys does it once.
        headers["Idempotency-Key"] = order.idempotency_key
    headers = over(headers, params["headers"])
    repeats = params.get("idempotent")
    is_repeatable = method not in ("POST", "PATCH") if repeats is None else repeats
    with closing(web.ask(method, params["url"], headers, body)) as answer:
        _require_success(answer, params, is_repeatable=is_repeatable)
        values: dict[str, Any] = {"status": answer.status}
        values |= {name.replace("-", "_"): answer.headers[name] for name in _TOLD if name in answer.headers}
        chunks = _bounded(answer, size_of(params["max_size"]) or 0, is_repeatable=is_repeatable)
        if not order.outputs:
            return TaskResult(values={**values, **_body(chunks, answer.headers)})
        size = 0
        with open(order.outputs[0].path, "wb") as file:
            for chunk in chunks:
                file.write(chunk)
                size += len(chunk)
                context.progress(size)
    return TaskResult(values={**values, "size": size})


def _sent(params: Mapping[str, Any]) -> tuple[bytes | None, dict[str, str]]:
    if params.get("json_body") is not None:
        return json.dumps(params["json_body"]).encode(), {"Content-Type": "application/json"}
    if params.get("body") is not None:
        return str(params["body"]).encode(), {"Content-Type": "text/plain; charset=utf-8"}
    return None, {}


def _require_success(answer: Answer, params: Mapping[str, Any], *, is_repeatable: bool) -> None:
    wanted = params.get("expect_status")
    if answer.status in wanted if wanted else 200 <= answer.status < 300:
        return
    failure = refusal(answer, f"{params['method']} {params['url'].partition('?')[0]}")
    said = answer.beginning(_SAID).decode(errors="replace").strip()
    message = f"{failure.message}\nit says: {said}" if said else failure.message
    if answer.status in _UNCERTAIN and not is_repeatable:
        raise AttemptFailed(Failure(message, "unknown", "web_unanswered"))
    raise AttemptFailed(Failure(message, failure.kind, failure.reason))


def _bounded(answer: Answer, most: int, *, is_repeatable: bool) -> Iterator[bytes]:
    size = 0
    told = answer.headers.get("content-length", "")
    try:
        for chunk in answer.chunks():
            size += len(chunk)
            if size > most:
                message = f"the answer is larger than the {most:,} bytes that max_size allows"
                raise AttemptFailed(Failure(message, "permanent", "web_size"))
            yield chunk
    except Cut as error:
        raise AttemptFailed(_cut(str(error), is_repeatable=is_repeatable)) from None
    if told.isdigit() and size < int(told):
        raise AttemptFailed(_cut(f'"{answer.host}" ended its answer too early', is_repeatable=is_repeatable))


def _cut(message: str, *, is_repeatable: bool) -> Failure:
    kind, reason = ("temporary", "web_unreachable") if is_repeatable else ("unknown", "web_unanswered")
    return Failure(message, kind, reason)


def _body(chunks: Iterator[bytes], headers: Mapping[str, str]) -> dict[str, Any]:
    """The body as a value: what JSON says, else a text. A larger one is not kept, and that is told."""
    held = bytearray()
    for chunk in chunks:
        if len(held) <= _LARGEST_VALUE:
            held += chunk
    if not held:
        return {}
    if len(held) > _LARGEST_VALUE:
        return {"body_left_out": f"more than {_LARGEST_VALUE:,} bytes: say output_uri to keep it"}
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        text = bytes(held).decode()
        return {"body": json.loads(text) if kind == "application/json" or kind.endswith("+json") else text}
    except ValueError:
        return {"body_left_out": "it is neither JSON nor UTF-8: say output_uri to keep it"}
