"""Plays a small pipeline on a backend, and tells all that can be seen of it, without what is another in each run."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.endpoint import Endpoint, endpoint
from tests.warm import COMMANDS, TRC, Done

Case = Mapping[str, Any]
"""A pipeline, its files, and its runs, as `pipelines.yaml` writes them."""
Seen = dict[str, Any]
"""Of one run: what it came to, what happened task by task, and what lies there after it."""

_LOG = '[logging]\nfile = "events.jsonl"\nlevel = "debug"\n'
_UNTIMED = ("time", "run", "seconds", "cpu_seconds", "peak_memory", "in_seconds", "help")
"""Of an event, what is another in each run; the remedies of a diagnostic name commands of their backend."""
_UNTIMED_OF_MESSAGES = ("id", "at", "run", "logical_time", "started_at", "ended_at")
_ENDPOINT = "@endpoint@"
_UNTIMED_OF_LINEAGE = (
    "eventTime",
    "producer",
    "schemaURL",
    "_producer",
    "_schemaURL",
    "runId",
    "nominalTime",
    "version",
)
"""Of an OpenLineage event, what is another in each run, or says which trc made it."""


@dataclass(frozen=True, slots=True)
class Backend:
    """Where pipelines are played: what the project says of it, and what every task's environment holds."""

    name: str
    settings: str = ""
    """`@given@` in it is what its fixture is."""
    environment: str = ""
    needs: str = ""
    """The fixture of what has to be there for it: a lock file, an address, or nothing that a project has to be told."""
    marks: tuple[pytest.MarkDecorator, ...] = ()

    def written(self, name: str, text: str) -> str:
        """A pipeline's file, with what every task's environment holds."""
        if not self.environment or name not in {"p.trc", "p.yaml"}:
            return text
        if name == "p.yaml":
            return f"{text}\ndefaults: {{environment: {{{self.environment.replace(' = ', ': ')}}}}}\n"
        return f"{text}\ndefaults {{ environment {{ {self.environment} }} }}\n"


def play(folder: Path, case: Case, backend: Backend, given: str = "") -> list[Seen]:
    """What each run of the case came to, one after the other in one project; `given` is what the backend needs."""
    settings = case.get("settings", "") + backend.settings.replace("@given@", given)
    with endpoint() if _ENDPOINT in case["pipeline"] else nullcontext() as told:
        _write(folder, {"p.trc": case["pipeline"], "trc.toml": settings + _LOG, **case.get("files", {})}, backend, told)
        if backend.needs == "lock":
            write(folder, {"trc.lock": given})
        return [_run(folder, run, backend, told) for run in case["runs"]]


def write(folder: Path, files: Mapping[str, str | None]) -> None:
    """Writes files; None removes one, or a folder."""
    for name, text in files.items():
        path = folder / name
        if text is None:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _write(folder: Path, files: Mapping[str, str | None], backend: Backend, told: Endpoint | None) -> None:
    """Writes files as the backend needs them."""
    as_needed = {
        name: text if text is None else backend.written(name, _with_address(text, told)) for name, text in files.items()
    }
    write(folder, as_needed)


def _run(folder: Path, run: Mapping[str, Any], backend: Backend, told: Endpoint | None) -> Seen:
    _write(folder, run.get("write", {}), backend, told)
    for name in ("events.jsonl", "lineage.jsonl"):
        (folder / name).unlink(missing_ok=True)
    on_backend = ["--backend", backend.name, "--no-optimise"]
    for words in run.get("before", ()):
        done = COMMANDS.run([*words, *on_backend], folder)
        assert done.code == 0, done.err
    words = ["run", run.get("file", "p.trc"), "--json", *on_backend, *run.get("options", ())]
    if told is not None:
        told.requests.clear()
    meddle = _MEDDLINGS.get(run.get("while_it_runs", ""))
    done = COMMANDS.run(words, folder, run.get("environ")) if meddle is None else _meddled(words, folder, meddle)
    assert done.code in {0, 1}, done.err
    if done.json.get("submitted_before"):
        return {"submitted_before": True, "code": done.code}
    tasks = done.json["tasks"]
    errors = {one["task"]: one["error"] for one in tasks if one["error"]}
    events = list(_events(folder))
    return {
        "code": done.code,
        "states": {one["task"]: one["state"] for one in tasks},
        "attempts": {one["task"]: one["attempt"] for one in tasks},
        "reasons": {name: error["reason"] for name, error in errors.items()},
        "messages": {name: _plain(error["message"], folder) for name, error in errors.items()},
        "why": {one["task"]: one["reason"]["code"] for one in tasks},
        "blocked_by": {one["task"]: one["blocked_by"] for one in tasks if one["blocked_by"]},
        "events": _by_task(events),
        "logs": {path.name: _plain(path.read_text(), folder) for path in _logs(folder, done.json["run"]["id"])},
        "letters": _letters(folder) if done.code else [],
        "hooks": sorted(([one.json["type"], one.json.get("task")] for one in told.requests), key=str) if told else [],
        "told": sorted((_told(one.json) for one in told.requests), key=str) if told else [],
        "lineage": _lineage(folder),
        "computed": {task: _computed(folder, task) for task in run.get("computed", ())},
        "sinks": {
            str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(folder.rglob("out/**/*"))
            if path.is_file() and ".trc" not in path.parts
        },
    }


class _Driven:
    """The process of a run whose first task waits between two pipes."""

    def __init__(self, words: list[str], folder: Path) -> None:
        self.folder = folder
        self.said: list[str] = []
        self._words = words
        self._begin()

    def await_line(self, begin: str) -> None:
        for line in self.process.stderr or ():
            self.said.append(line)
            if line.startswith(begin):
                return
        raise AssertionError(f"it never said {begin}: {self.said}")

    def go_on(self) -> None:
        """Has the first task end."""
        (self.folder / "gate").write_bytes(b"")

    def begin_again(self) -> None:
        """Kills the process, and starts another one for the same, whose first task waits as well."""
        self.process.kill()
        self.process.communicate()
        self._begin()

    def _begin(self) -> None:
        self.process = subprocess.Popen(
            [*TRC, *self._words], cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        (self.folder / "began").read_bytes()


def _meddled(words: list[str], folder: Path, meddle: Callable[[_Driven], None]) -> Done:
    """A run to which something happens while its first task runs."""
    for name in ("began", "gate"):
        os.mkfifo(folder / name)
    driven = _Driven(words, folder)
    try:
        meddle(driven)
        out, err = driven.process.communicate(timeout=120)
    finally:
        driven.process.kill()
        driven.process.wait()
    return Done(driven.process.returncode, out, "".join(driven.said) + err)


def _paused(driven: _Driven) -> None:
    """It goes on when its first task has ended and nothing else has begun."""
    COMMANDS.run(["pause"], driven.folder)
    driven.await_line("paused")
    driven.go_on()
    driven.await_line("done     first")
    states = {one["task"]: one["state"] for one in COMMANDS.run(["status", "--json"], driven.folder).json["tasks"]}
    assert states["second"] not in {"claimed", "running", "success"}
    COMMANDS.run(["resume"], driven.folder)


def _canceled(driven: _Driven) -> None:
    assert COMMANDS.run(["cancel", "--task", "first"], driven.folder).code == 0


def _killed(driven: _Driven) -> None:
    driven.begin_again()
    driven.go_on()


_MEDDLINGS: dict[str, Callable[[_Driven], None]] = {
    "it is paused": _paused,
    "its first task is canceled": _canceled,
    "its process is killed": _killed,
}


def _with_address(text: str, told: Endpoint | None) -> str:
    return text if told is None else text.replace(_ENDPOINT, told.url)


def _told(message: Mapping[str, Any]) -> dict[str, Any]:
    """Of a message, what is the same in each run."""
    return {key: value for key, value in message.items() if key not in _UNTIMED_OF_MESSAGES}


def _events(folder: Path) -> Iterator[dict[str, Any]]:
    """What happened, but for what only tells how busy the machine was."""
    for line in (folder / "events.jsonl").read_text().splitlines():
        event = json.loads(_plain(line, folder))
        # Of a short attempt only the end is heard, and who waits for a worker depends on how many others have just ended.
        if event["event"] == "attempt.running" or event.get("state") in {"waiting", "pending"}:
            continue
        # What had to be built for it first is of its backend.
        if event["event"].startswith("environment."):
            continue
        if event.get("reason") == "expired":
            event["why"] = event["why"].partition(":")[0]  # then comes how old it is
        if str(event.get("digest")).startswith("view:"):
            event["digest"] = "view"  # then comes the key of its task, which holds its environment
        yield {key: value for key, value in event.items() if key not in _UNTIMED}


def _by_task(events: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """In their order for each task; those of the run stand under no name."""
    told: dict[str, list[dict[str, Any]]] = {}
    for event in events:
        event.pop("logical_time", None)
        told.setdefault(event.pop("task", ""), []).append(event)
    return told


def _lineage(folder: Path) -> dict[str, list[Any]]:
    """What OpenLineage events say of each job, where the project has them written."""
    told: dict[str, list[Any]] = {}
    path = folder / "lineage.jsonl"
    for line in path.read_text().splitlines() if path.exists() else ():
        event = json.loads(_plain(line, folder))
        told.setdefault(event["job"]["name"], []).append(_without(event, _UNTIMED_OF_LINEAGE))
    return told


def _without(value: Any, keys: tuple[str, ...]) -> Any:
    if isinstance(value, dict):
        return {key: _without(one, keys) for key, one in value.items() if key not in keys}
    return [_without(one, keys) for one in value] if isinstance(value, list) else value


def _logs(folder: Path, run: str) -> Iterator[Path]:
    """What attempts printed, where they printed anything."""
    for path in sorted((folder / ".trc/logs" / run).glob("*")):
        if path.stat().st_size:
            yield path


def _letters(folder: Path) -> list[list[str]]:
    letters = COMMANDS.run(["dlq", "list", "--json"], folder).json["letters"]
    return sorted([one["task"], one["kind"]] for one in letters)


def _computed(folder: Path, task: str) -> list[str]:
    """The partitions that the last run computed."""
    told = COMMANDS.run(["explain", f"task:{task}", "--json"], folder).json
    return [one["value"] for one in told["partitions"]["built"] if one["run"] == told["run"]["id"]]


def _plain(text: str, folder: Path) -> str:
    """A text without the places of this project, the ids of runs, the places of staging, and of what is stored under keys."""
    text = text.replace(str(folder), "")
    text = re.sub(r"http://127\.0\.0\.1:\d+", "http://…", text)
    text = re.sub(r"\b(run|of) [0-9a-f]{17}\b", r"\1 …", text)
    text = re.sub(r"/staging/[^\s\"'\\]+", "/staging/…", text)
    return re.sub(r"/data/(\w+)/([^/\s]+)/[0-9a-f]{32}", r"/data/\1/\2/…", text)
