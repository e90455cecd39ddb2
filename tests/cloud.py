"""Lambda and ECS on loopback: the endpoint's own API, whose functions and containers really run, as processes of this machine."""

from __future__ import annotations

import base64
import io
import json
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from tests.objects import ObjectServer

ROLE = "arn:aws:iam::123456789012:role/test"

HANDLE = """
import base64, json, sys, traceback
code, context, event = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.stdin.read())
names = {}
try:
    exec(code, names)
    print(json.dumps({"returned": names["handler"](event, context)}), file=sys.stderr)
except BaseException as error:
    told = {"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": traceback.format_tb(error.__traceback__)}
    print(json.dumps({"failed": told}), file=sys.stderr)
"""


@dataclass
class Cloud:
    """The endpoint's Lambda and ECS. `ran` are the events of functions, `stops` the reasons for which tasks were told to stop."""

    objects: ObjectServer
    functions: Any = None
    tasks: Any = None
    ran: list[Any] = field(default_factory=list)
    stops: list[str] = field(default_factory=list)
    started: threading.Event = field(default_factory=threading.Event)
    """Set once a container runs."""

    def function(self, name: str, code: str) -> None:
        """A function of Python, whose `handler(event, context)` is called in a process of its own."""
        held = io.BytesIO()
        with zipfile.ZipFile(held, "w") as archive:
            archive.writestr("main.py", code)
        iam = client("iam", self.objects, "us-east-1")
        with suppress(iam.exceptions.EntityAlreadyExistsException):
            iam.create_role(RoleName="test", AssumeRolePolicyDocument="{}")
        self.functions.create_function(
            FunctionName=name,
            Runtime="python3.11",
            Role=ROLE,
            Handler="main.handler",
            Code={"ZipFile": held.getvalue()},
            Publish=True,
        )

    def definition(self, family: str, *containers: dict[str, Any]) -> None:
        """A task definition; what a container's `command` says is run on this machine."""
        fargate = [{"capacityProvider": "FARGATE"}]
        self.tasks.create_cluster(clusterName="default", defaultCapacityProviderStrategy=fargate)
        made = [{"image": "none", "memory": 64, "essential": True, **one} for one in containers]
        self.tasks.register_task_definition(family=family, containerDefinitions=made)


def client(service: str, objects: ObjectServer, region: str) -> Any:
    return import_module("boto3").client(
        service,
        endpoint_url=objects.url,
        region_name=region,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


@contextmanager
def running_cloud(objects: ObjectServer, monkeypatch: pytest.MonkeyPatch, region: str = "us-east-1") -> Iterator[Cloud]:
    """The account's functions and tasks in that region, none at first."""
    found = Cloud(objects, client("lambda", objects, region), client("ecs", objects, region))
    _functions_run(found, monkeypatch)
    _containers_run(found, monkeypatch)
    yield found
    for name in ("lambda", "ecs", "iam"):
        for backend in import_module("moto.backends").get_backend(name)["123456789012"].values():
            backend.reset()


def _functions_run(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    models: Any = import_module("moto.awslambda.models")

    def invoke(self: Any, body: Any, request_headers: Any, response_headers: Any) -> str | bytes:
        event = json.loads(body) if body else {}
        told = request_headers.get("X-Amz-Client-Context") or "e30="
        cloud.ran.append({"event": event, "context": json.loads(base64.b64decode(told)), "name": self.function_name})
        code = zipfile.ZipFile(io.BytesIO(self.code_bytes)).read("main.py").decode()
        done = subprocess.run(
            [sys.executable, "-c", HANDLE, code, "{}"],
            input=json.dumps(event),
            capture_output=True,
            text=True,
            check=True,
        )
        outcome = json.loads(done.stderr)
        if request_headers.get("X-Amz-Invocation-Type") == "Event":
            return ""
        response_headers["x-amz-executed-version"] = self.version
        # The end of the log alone, as AWS tells it.
        response_headers["x-amz-log-result"] = base64.b64encode(done.stdout.encode()[-4096:]).decode()
        if "failed" in outcome:
            response_headers["x-amz-function-error"] = "Unhandled"
            return json.dumps(outcome["failed"]).encode()
        return json.dumps(outcome["returned"]).encode()

    monkeypatch.setattr(models.LambdaFunction, "invoke", invoke)


def _containers_run(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    backend: Any = import_module("moto.ecs.models").EC2ContainerServiceBackend
    monkeypatch.setattr(import_module("moto.ecs.models").Task, "advance", lambda _self: None)
    run_task = backend.run_task
    processes: dict[str, list[subprocess.Popen[bytes]]] = {}

    def started(self: Any, *arguments: Any, **named: Any) -> Any:
        tasks = run_task(self, *arguments, **named)
        for task in tasks:
            found = next(
                one
                for family in self.task_definitions.values()
                for one in family.values()
                if one.arn == task.task_definition_arn
            )
            _run(cloud, task, found.container_definitions, processes)
        return tasks

    def stopped(self: Any, cluster: str, name: str, reason: str) -> Any:
        del cluster
        task = next(one for tasks in self.tasks.values() for one in tasks.values() if name in (one.task_arn, one.id))
        cloud.stops.append(reason)
        task.stopped_reason, task.stop_code = reason, "UserInitiated"
        for process in processes.get(task.task_arn, ()):
            process.terminate()
        return task

    monkeypatch.setattr(backend, "run_task", started)
    monkeypatch.setattr(backend, "stop_task", stopped)


def _run(cloud: Cloud, task: Any, definitions: Any, processes: dict[str, list[subprocess.Popen[bytes]]]) -> None:
    """Runs the containers as processes; those that have no command cannot be pulled."""
    model: Any = import_module("moto.ecs.models").Container
    changes = {one["name"]: one for one in (task.overrides or {}).get("containerOverrides", ())}
    containers = []
    for one in definitions:
        container = model(SimpleNamespace(container_definitions=[one], arn=task.task_definition_arn))
        container.exitCode = None
        container.last_status = "PENDING"
        containers.append((container, {**one, **changes.get(one["name"], {})}, one))
    task.containers = [container for container, _, _ in containers]
    task.last_status = "PROVISIONING"
    task.stop_code = None
    processes[task.task_arn] = []

    def follow() -> None:
        task.last_status = "RUNNING"
        for container, changed, own in containers:
            if not changed.get("command"):
                container.reason = "CannotPullContainerError: there is no such image"
                task.stop_code, task.stopped_reason = "TaskFailedToStart", container.reason
                continue
            variables = {v["name"]: v["value"] for v in [*own.get("environment", ()), *changed.get("environment", ())]}
            process = subprocess.Popen(
                [*own.get("entryPoint", ()), *changed["command"]], env=variables, stdout=subprocess.DEVNULL
            )
            processes[task.task_arn].append(process)
            cloud.started.set()
            code = process.wait()
            container.exitCode = code if code >= 0 else 128 - code
            if container.exitCode == 137:
                container.reason = "OutOfMemoryError: Container killed due to memory usage"
        task.stop_code = task.stop_code or "EssentialContainerExited"
        task.stopped_reason = task.stopped_reason or "Essential container in task exited"
        for container in task.containers:
            container.last_status = "STOPPED"
        task.desired_status = task.last_status = "STOPPED"

    threading.Thread(target=follow, daemon=True).start()
