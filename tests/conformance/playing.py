"""Plays a small pipeline on a backend, and tells all that can be seen of it, without what is another in each run."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
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

    @property
    def defaults(self) -> str:
        return f"\ndefaults {{ environment {{ {self.environment} }} }}\n" if self.environment else ""


def play(folder: Path, case: Case, backend: Backend, given: str = "") -> list[Seen]:
    """What each run of the case came to, one after the other in one project; `given` is what the backend needs."""
    settings = case.get("settings", "") + backend.settings.replace("@given@", given)
    with endpoint() if _ENDPOINT in case["pipeline"] else nullcontext() as told:
        pipeline = _with_address(case["pipeline"], told)
        write(folder, {"p.trc": pipeline + backend.defaults, "trc.toml": settings + _LOG, **case.get("files", {})})
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


def _run(folder: Path, run: Mapping[str, Any], backend: Backend, told: Endpoint | None) -> Seen:
    changed = dict(run.get("write", {}))
    if "p.trc" in changed:
        changed["p.trc"] = _with_address(changed["p.trc"], told) + backend.defaults
    write(folder, changed)
    (folder / "events.jsonl").unlink(missing_ok=True)
    words = [
        "run",
        run.get("file", "p.trc"),
        "--json",
        "--backend",
        backend.name,
        "--no-optimise",
        *run.get("options", ()),
    ]
    if told is not None:
        told.requests.clear()
    done = _paused(words, folder) if run.get("paused") else COMMANDS.run(words, folder, run.get("environ"))
    assert done.code in {0, 1}, done.err
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
        "computed": {task: _computed(folder, task) for task in run.get("computed", ())},
        "sinks": {
            str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(folder.rglob("out/**/*"))
            if path.is_file() and ".trc" not in path.parts
        },
    }


def _paused(words: list[str], folder: Path) -> Done:
    """A run that is paused while its first task runs, and goes on when that has ended and nothing else has begun."""
    for name in ("began", "gate"):
        os.mkfifo(folder / name)
    said: list[str] = []
    with subprocess.Popen(
        [*TRC, *words], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None

        def await_line(begin: str) -> None:
            for line in process.stderr or ():
                said.append(line)
                if line.startswith(begin):
                    return
            raise AssertionError(f"it never said {begin}: {said}")

        (folder / "began").read_bytes()
        COMMANDS.run(["pause"], folder)
        await_line("paused")
        (folder / "gate").write_bytes(b"")
        await_line("done     first")
        states = {one["task"]: one["state"] for one in COMMANDS.run(["status", "--json"], folder).json["tasks"]}
        assert states["second"] not in {"claimed", "running", "success"}
        COMMANDS.run(["resume"], folder)
        out, err = process.communicate(timeout=120)
    return Done(process.returncode, out, "".join(said) + err)


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
        yield {key: value for key, value in event.items() if key not in _UNTIMED}


def _by_task(events: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """In their order for each task; those of the run stand under no name."""
    told: dict[str, list[dict[str, Any]]] = {}
    for event in events:
        event.pop("logical_time", None)
        told.setdefault(event.pop("task", ""), []).append(event)
    return told


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
