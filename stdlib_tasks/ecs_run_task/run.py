"""Runs a task of ECS, waits until it has stopped, and stops it where the attempt is stopped."""

from __future__ import annotations

import contextlib
import hashlib
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Callable

from trc.runtime.taskside import aws
from trc.runtime.taskside.errors import AttemptFailed
from trc.runtime.taskside.failures import exit_kind
from trc.runtime.taskside.order import TaskOrder
from trc.runtime.taskside.quantities import seconds_of
from trc.runtime.taskside.result import Failure
from trc.runtime.taskside.task import TaskContext, TaskResult

_LONGEST_WAIT = 30.0
_SLOWER = 1.5
_ANSWER = 30.0
"""Seconds that an answer of ECS may take."""
_MOST_MISSED = 10
"""How often in a row the task may be unknown, or ECS silent, before the attempt gives it up."""
_PASSING = ("RESOURCE:", "AGENT", "Capacity is unavailable")
"""How reasons begin for which a task is not placed now, and may be later."""
_PASSING_STOPS = frozenset({"SpotInterruption", "TerminationNotice", "ServiceSchedulerInitiated"})
_PASSING_STARTS = ("ResourceInitializationError", "TaskFailedToStart: Capacity", "Timeout waiting for network")


class _Stopped(Exception):  # noqa: N818 - who runs the attempt has it stopped
    """The attempt is to end: it was canceled, or its time is over."""


def run(order: TaskOrder, context: TaskContext) -> TaskResult:
    """Answers the task's ARN, the exit codes and where the logs lie. Raises AttemptFailed for a task that did not start, or failed."""
    params = order.params
    client = aws.client("ecs", order, patience=_ANSWER, attempts=5)
    with _stoppable() as stop:
        arn = _started(client, order)
        _tell(f"ECS runs {arn}")
        try:
            stopped = _waited(client, params, arn, context, stop)
        except BaseException as error:
            # Whatever ends the attempt ends the task: else it would go on in nobody's name.
            _stop(client, params["cluster"], arn, error)
            raise
    logs = _logs(client, stopped)
    for place in logs:
        _tell(f"its log: {place}")
    return _judged(order, stopped, logs)


@contextlib.contextmanager
def _stoppable() -> Iterator[Callable[[float], None]]:
    """A wait that ends with _Stopped once the attempt is told to end; until then the word is kept, so that no request is cut off."""
    is_over = threading.Event()
    # Only the main thread may be signalled; elsewhere nobody stops the attempt but by ending the process.
    can_listen = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, lambda _number, _frame: is_over.set()) if can_listen else None

    def wait(seconds: float) -> None:
        if is_over.wait(seconds):
            raise _Stopped

    try:
        yield wait
    finally:
        if can_listen:
            signal.signal(signal.SIGTERM, before)


def _started(client: Any, order: TaskOrder) -> str:
    params = order.params
    asked: dict[str, Any] = {
        "cluster": params["cluster"],
        "taskDefinition": params["task_definition"],
        "count": 1,
        "startedBy": f"trc/{order.run}"[:128],
        # A request that is sent again is the same one; another attempt is another task.
        "clientToken": hashlib.sha256(f"{order.idempotency_key}/{order.attempt}".encode()).hexdigest()[:64],
        "tags": [{"key": "trc:pipeline", "value": order.pipeline}, {"key": "trc:task", "value": order.task}],
    }
    if params.get("launch_type"):
        asked["launchType"] = params["launch_type"]
    if params.get("subnets"):
        asked["networkConfiguration"] = {
            "awsvpcConfiguration": {
                "subnets": params["subnets"],
                "securityGroups": params.get("security_groups") or [],
                "assignPublicIp": "ENABLED" if params["assign_public_ip"] else "DISABLED",
            }
        }
    changed = _overrides(client, order)
    if changed:
        asked["overrides"] = {"containerOverrides": [changed]}
    with aws.errors_of(f'the task definition "{params["task_definition"]}"', is_repeatable=True):
        answer = client.run_task(**asked)
    if answer.get("tasks"):
        return str(answer["tasks"][0]["taskArn"])
    reasons = [one.get("reason") or one.get("detail") or "no reason" for one in answer.get("failures", ())]
    is_passing = any(reason.startswith(_PASSING) for reason in reasons)
    message = f"ECS could not place the task: {'; '.join(reasons) or 'it says no reason'}"
    raise AttemptFailed(Failure(message, "temporary" if is_passing else "permanent", "ecs"))


def _overrides(client: Any, order: TaskOrder) -> dict[str, Any]:
    params = order.params
    variables = {
        "TRC_RUN": order.run,
        "TRC_TASK": order.task,
        "TRC_RUN_TIME": order.run_time,
        "TRC_IDEMPOTENCY_KEY": order.idempotency_key,
        **params["variables"],
    }
    made: dict[str, Any] = {"environment": [{"name": name, "value": value} for name, value in variables.items()]}
    if params.get("command"):
        made["command"] = params["command"]
    return {"name": _container(client, params), **made}


def _container(client: Any, params: Mapping[str, Any]) -> str:
    """The container that the task is about; raises AttemptFailed where there is no such, or not just one."""
    found = _definition(client, params["task_definition"])["containerDefinitions"]
    names = [one["name"] for one in found]
    if params.get("container"):
        if params["container"] not in names:
            message = (
                f'"{params["task_definition"]}" has no container "{params["container"]}"; there are: {", ".join(names)}'
            )
            raise AttemptFailed(Failure(message, "permanent", "ecs"))
        return str(params["container"])
    essential = [one["name"] for one in found if one.get("essential", True)]
    if len(essential) != 1:
        message = f'"{params["task_definition"]}" has several essential containers: {", ".join(essential)}; say which is meant: container'
        raise AttemptFailed(Failure(message, "permanent", "ecs"))
    return str(essential[0])


def _definition(client: Any, name: str) -> Any:
    with aws.errors_of(f'the task definition "{name}"', is_repeatable=True):
        return client.describe_task_definition(taskDefinition=name)["taskDefinition"]


def _waited(
    client: Any, params: Mapping[str, Any], arn: str, context: TaskContext, wait: Callable[[float], None]
) -> Mapping[str, Any]:
    """The task once it has stopped; it is asked for more and more rarely."""
    pause = seconds_of(params["poll"])
    seen, missed = "", 0
    while True:
        wait(pause)
        pause = min(pause * _SLOWER, _LONGEST_WAIT)
        task = None
        try:
            with aws.errors_of(f'the task "{arn}"', is_repeatable=True):
                found = client.describe_tasks(cluster=params["cluster"], tasks=[arn])
            task = next(iter(found.get("tasks", ())), None)
            trouble = Failure(f'ECS does not know the task "{arn}" any more', "unknown", "ecs")
        except AttemptFailed as error:
            if error.failure.kind == "permanent":
                raise
            trouble = error.failure
        if task is None:
            missed += 1
            if missed >= _MOST_MISSED:
                raise AttemptFailed(trouble)
            continue
        missed = 0
        context.heartbeat()
        if task["lastStatus"] != seen:
            seen = task["lastStatus"]
            _tell(f"{seen.lower()} at {time.strftime('%H:%M:%S', time.gmtime())} UTC")
        if seen == "STOPPED":
            return dict(task)


def _stop(client: Any, cluster: str, arn: str, error: BaseException) -> None:
    why = "the attempt was stopped" if isinstance(error, _Stopped) else f"the attempt failed: {type(error).__name__}"
    try:
        with aws.errors_of(f'the task "{arn}"', is_repeatable=True):
            client.stop_task(cluster=cluster, task=arn, reason=f"trc: {why}")
    except AttemptFailed as failed:
        _tell(f"it may still be running, and could not be stopped: {failed}")
    else:
        _tell("it was told to stop")


def _logs(client: Any, task: Mapping[str, Any]) -> list[str]:
    """Where the logs of its containers lie, as far as the task definition tells."""
    try:
        found = _definition(client, task["taskDefinitionArn"])["containerDefinitions"]
    except AttemptFailed:  # who may run it may not be allowed to look at it
        return []
    number = str(task["taskArn"]).rsplit("/", 1)[-1]
    places = []
    for one in found:
        logging = one.get("logConfiguration") or {}
        options = logging.get("options") or {}
        if logging.get("logDriver") == "awslogs" and options.get("awslogs-group"):
            prefix = options.get("awslogs-stream-prefix")
            stream = f"{prefix}/{one['name']}/{number}" if prefix else "of the container's own id"
            places.append(f"group {options['awslogs-group']}, stream {stream}")
        elif logging.get("logDriver"):
            places.append(f"{one['name']}: by the driver {logging['logDriver']}")
    return places


def _judged(order: TaskOrder, task: Mapping[str, Any], logs: Sequence[str]) -> TaskResult:
    containers = task.get("containers") or []
    codes = {one["name"]: one.get("exitCode") for one in containers}
    failure = _failure(order, task, containers)
    if failure is not None:
        raise AttemptFailed(failure)
    return TaskResult(values={"task": task["taskArn"], "exit_codes": codes, "logs": list(logs)})


def _failure(order: TaskOrder, task: Mapping[str, Any], containers: Sequence[Mapping[str, Any]]) -> Failure | None:
    why = str(task.get("stoppedReason") or "").strip()
    wanted = order.params.get("container")
    for one in containers:
        reason = str(one.get("reason") or "").strip()
        code = one.get("exitCode")
        if wanted is not None and one["name"] != wanted:
            continue
        if reason.startswith("OutOfMemory"):
            return Failure(
                f'the container "{one["name"]}" ran out of memory: {reason}', "unknown", "memory", exit_code=code
            )
        if code:
            told = f": {reason}" if reason else ""
            return Failure(
                f'the container "{one["name"]}" ended with exit code {code}{told}',
                exit_kind(code, order.retry_on),
                "exit",
                exit_code=code,
            )
    stop = str(task.get("stopCode") or "")
    if stop in _PASSING_STOPS:
        return Failure(f"AWS stopped the task: {why or stop}", "temporary", "ecs")
    if stop == "UserInitiated":
        return Failure(f"somebody stopped the task: {why or 'no reason is told'}", "unknown", "ecs")
    missing = [one for one in containers if one.get("exitCode") is None and wanted in (None, one["name"])]
    if missing or not containers:
        reasons = [str(one.get("reason") or "") for one in missing]
        told = next((reason for reason in [*reasons, why] if reason), "no reason is told")
        is_passing = told.startswith(_PASSING_STARTS) or why.startswith(_PASSING_STARTS)
        return Failure(f"the task did not run: {told}", "temporary" if is_passing else "permanent", "ecs")
    return None


def _tell(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - what is printed is the attempt's log
