"""Calls a Lambda function, tells the end of its log, and keeps what it returns: in the output, else as a value."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from trc.runtime.taskside import aws
from trc.runtime.taskside.errors import AttemptFailed
from trc.runtime.taskside.order import TaskOrder
from trc.runtime.taskside.quantities import seconds_of
from trc.runtime.taskside.result import Failure
from trc.runtime.taskside.task import TaskContext, TaskResult

LARGEST = {"sync": 6 << 20, "async": 1 << 20}
"""Bytes that AWS takes as an event, by mode."""
_LARGEST_VALUE = 64 << 10
_LONGEST_TRACE = 20


def run(order: TaskOrder, context: TaskContext) -> TaskResult:
    """Answers the status and, of a call that waits, what the function returned. Raises AttemptFailed where it failed, or could not be called."""
    params = order.params
    event = _event(params)
    is_sync = params["mode"] == "sync"
    client = aws.client(
        "lambda",
        order,
        patience=seconds_of(params["patience"]),
        # A request that is sent twice is two calls.
        attempts=3 if params["idempotent"] else 1,
    )
    asked: dict[str, Any] = (
        {"InvocationType": "RequestResponse", "LogType": "Tail"} if is_sync else {"InvocationType": "Event"}
    )
    if is_sync:
        asked["ClientContext"] = _client_context(order)
    context.heartbeat()
    with aws.errors_of(f'the function "{params["function"]}"', is_repeatable=params["idempotent"]):
        answer = client.invoke(FunctionName=params["function"], Payload=event, **asked)
        returned = answer["Payload"].read()
    values = _values(answer)
    if not is_sync:
        return TaskResult(values=values)
    _tell_log(answer.get("LogResult", ""))
    if answer.get("FunctionError"):
        raise AttemptFailed(_function_failure(params["function"], returned))
    if order.outputs:
        with open(order.outputs[0].path, "wb") as file:
            file.write(returned)
        return TaskResult(values={**values, "size": len(returned)})
    return TaskResult(values={**values, **_payload(returned)})


def _event(params: Mapping[str, Any]) -> bytes:
    payload = params.get("payload")
    event = json.dumps({} if payload is None else payload).encode()
    most = LARGEST[params["mode"]]
    if len(event) > most:
        message = (
            f"the event is {len(event):,} bytes as JSON, and Lambda takes {most:,} in a call that is {params['mode']}"
        )
        raise AttemptFailed(Failure(f"{message}: hand on the place of the data", "permanent", "lambda"))
    return event


def _client_context(order: TaskOrder) -> str:
    """Who calls; the key is equal for all attempts of this task in this run, so that the function can do its work once."""
    told = {"idempotency_key": order.idempotency_key, "run": order.run, "task": order.task}
    return base64.b64encode(json.dumps({"custom": told}).encode()).decode()


def _values(answer: Mapping[str, Any]) -> dict[str, Any]:
    request = answer.get("ResponseMetadata", {}).get("RequestId")
    told = {"status": answer["StatusCode"], "request_id": request, "version": answer.get("ExecutedVersion")}
    return {name: value for name, value in told.items() if value is not None}


def _tell_log(encoded: str) -> None:
    """Prints the last 4 KiB of what the function logged."""
    text = base64.b64decode(encoded).decode(errors="replace").strip() if encoded else ""
    if text:
        print(text)  # noqa: T201 - what is printed is the attempt's log


def _function_failure(name: str, returned: bytes) -> Failure:
    try:
        told = json.loads(returned)
    except ValueError:
        told = None
    if not isinstance(told, Mapping):
        return Failure(f'the function "{name}" failed without saying why', "unknown", "lambda")
    kind, said = str(told.get("errorType") or ""), str(told.get("errorMessage") or "").strip()
    trace = [str(line).rstrip() for line in told.get("stackTrace") or () if isinstance(line, (str, list))]
    for line in trace[-_LONGEST_TRACE:]:
        print(line)  # noqa: T201 - what is printed is the attempt's log
    what = ": ".join(part for part in (kind, said) if part) or "without saying why"
    return Failure(
        f'the function "{name}" failed: {what}', _KINDS.get(kind, "unknown"), "lambda", classes=(kind,) if kind else ()
    )


_KINDS = {
    "TemporaryError": "temporary",
    "PermanentError": "permanent",
    "Function.ResponseSizeTooLarge": "permanent",
    "Runtime.HandlerNotFound": "permanent",
    "Runtime.ImportModuleError": "permanent",
    "Runtime.UserCodeSyntaxError": "permanent",
}
"""What is known of errors by their names, those of Lambda's own among them."""


def _payload(returned: bytes) -> dict[str, Any]:
    if len(returned) > _LARGEST_VALUE:
        return {"payload_left_out": f"more than {_LARGEST_VALUE:,} bytes: say output_uri to keep it"}
    try:
        return {"payload": json.loads(returned)} if returned else {}
    except ValueError:
        return {"payload_left_out": "it is no JSON: say output_uri to keep it"}
