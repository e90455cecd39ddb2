"""Scripts of events, each with the commands that answer it: `tests/cases/scheduler/*.script`.

A script names its tasks (`task NAME key=value …`), what a dead driver left (`resumed NAME STATE …`), and what
the run may take (`slots N`, `retries N`, `deadline TIME`).
Then come events, `TIME WORDS`, each followed by its commands, indented.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any, assert_never, cast

import pytest

from trc.runtime.plan import Action, PlannedTask
from trc.runtime.reasons import Reason
from trc.runtime.scheduler import events
from trc.runtime.scheduler.budget import NO_LIMITS, Limits
from trc.runtime.scheduler.commands import (
    Command,
    Decide,
    Discard,
    DropTimer,
    Expand,
    FindTwin,
    Finish,
    FreeRoom,
    Gather,
    LeaveLine,
    Publish,
    Record,
    SetTimer,
    Start,
    Stop,
    TakeRoom,
    TellService,
)
from trc.runtime.scheduler.course import Course
from trc.runtime.scheduler.machine import Machine
from trc.runtime.scheduler.node import Node
from trc.runtime.spec import (
    BreakerSpec,
    EachSpec,
    ItemSpec,
    NeedSpec,
    ReadSpec,
    RetrySpec,
    RuleSpec,
    SkipSpec,
    TaskSpec,
    TwinSpec,
)
from trc.runtime.store.journal import AttemptRecord, TaskRecord, TaskState
from trc.runtime.taskside.result import AttemptResult, Failure

SCRIPTS = sorted((Path(__file__).parents[2] / "cases" / "scheduler").glob("*.script"))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_script(path: Path, snapshot: Callable[[Path, str], None]) -> None:
    snapshot(path, _play(path.read_text()))


def test_there_are_scripts() -> None:
    assert SCRIPTS


def _play(script: str) -> str:
    """The script again, with the commands as the machine gives them."""
    tasks: list[TaskSpec] = []
    planned: dict[str, PlannedTask] = {}
    resumed: list[TaskRecord] = []
    played: list[str] = []
    slots, async_slots, machine, limits = 1, 0, None, Limits(start=None)
    for line in script.splitlines():
        words = line.split()
        if line.startswith(" "):
            continue
        played.append(line)
        match words:
            case ["task", name, *pairs]:
                settings = dict(pair.split("=", 1) for pair in pairs)
                tasks.append(_task(name, settings))
                action = cast("Action", settings.get("plan", "run"))
                planned[name] = PlannedTask(name, action, Reason("first"), settings.get("key"))
            case ["resumed", name, state, *pairs]:
                resumed.append(_resumed(name, cast("TaskState", state), dict(pair.split("=", 1) for pair in pairs)))
            case ["slots", number]:
                slots = int(number)
            case ["async_slots", number]:
                async_slots = int(number)
            case ["retries", number]:
                limits = replace(limits, retries=int(number))
            case ["start", within]:
                limits = replace(limits, start=float(within))
            case ["deadline", at]:
                limits = replace(limits, deadline=float(at))
            case [at, *told] if at[0].isdigit():
                machine = machine or Machine(
                    "run",
                    tasks,
                    planned,
                    slots,
                    Random(0),
                    token=lambda task, n: f"{task}.{n}",
                    resumed=resumed,
                    async_slots=async_slots,
                    limits=limits,
                )
                played += [f"    {_told(command)}" for command in machine.handle(_event(float(at), told))]
    return "\n".join(played) + "\n"


def _task(name: str, settings: Mapping[str, str]) -> TaskSpec:
    return TaskSpec(
        name,
        "shell",
        "shell:run",
        (),
        SkipSpec(can_skip=True),
        needs=tuple(_need(word) for word in settings.get("needs", "").split(",") if word),
        retry=RetrySpec(
            max_attempts=int(settings.get("attempts", 1)),
            initial_delay=float(settings.get("delay", 1)),
            jitter="none",
            errors=tuple((name, int(most)) for name, _, most in _pairs(settings.get("errors", ""))),
        ),
        timeout=float(settings.get("timeout", 100)),
        heartbeat_timeout=float(settings["heartbeat"]) if "heartbeat" in settings else None,
        idempotent=settings.get("idempotent") != "no",
        each={"items": EachSpec(items=()), "rows": EachSpec(rows=ReadSpec("rows", "parquet"))}.get(
            settings.get("each", "")
        ),
        is_async=settings.get("executor") == "async",
        twins=tuple(TwinSpec("running", group) for group in settings.get("twins", "").split(",") if group),
        breaker=BreakerSpec(settings["service"], settings["service"]) if "service" in settings else None,
        deadline=float(settings["deadline"]) if "deadline" in settings else None,
        rules=tuple(RuleSpec(int(most), name, f"of {name}") for name, _, most in _pairs(settings.get("rules", ""))),
    )


def _item(task: str, label: str) -> TaskSpec:
    return replace(_task(f"{task}[{label}]", {}), item=ItemSpec(task, label))


def _pairs(text: str) -> list[tuple[str, str, str]]:
    return [word.partition(":") for word in text.split(",") if word]


def _need(word: str) -> NeedSpec:
    """`a` is read; `a:success` and `a:completion` are order alone."""
    name, _, requires = word.partition(":")
    return NeedSpec(name, "completion" if requires == "completion" else "success", data=not requires)


def _resumed(name: str, state: TaskState, settings: Mapping[str, str]) -> TaskRecord:
    return TaskRecord(
        "run",
        name,
        state,
        int(settings.get("attempt", 0)),
        settings.get("token"),
        int(settings.get("lost", 0)),
        error={"reason": settings["error"]} if "error" in settings else None,
        before=int(settings.get("before", 0)),
    )


def _event(at: float, words: list[str]) -> events.Event:
    match words:
        case ["open"]:
            return events.Opened(at)
        case ["pause", task]:
            return events.TaskPauseRequested(at, task)
        case ["resume", task]:
            return events.TaskResumeRequested(at, task)
        case ["cancel", task]:
            return events.TaskCancelRequested(at, task)
        case ["pause"]:
            return events.PauseRequested(at)
        case ["resume"]:
            return events.ResumeRequested(at)
        case ["cancel"]:
            return events.CancelRequested(at)
        case ["allow", slots]:
            return events.SlotsChanged(at, int(slots))
        case ["timer", *timer]:
            return events.TimerFired(at, " ".join(timer))
        case ["run", task]:
            return events.DecidedRun(at, task, Reason("changed"))
        case ["skip", task]:
            return events.DecidedSkip(at, task, Reason("up_to_date"))
        case ["omit", task]:
            return events.DecidedOmit(at, task, Reason("omitted"))
        case ["items", task]:
            return events.DecidedItems(at, task, Reason("items"))
        case ["expanded", task, *items, "closing", label]:
            closing = replace(_task(f"{task}[{label}]", {}), whole_of=task)
            return events.Expanded(at, task, tuple(_item(task, item) for item in items), closing)
        case ["expanded", task, *items]:
            return events.Expanded(at, task, tuple(_item(task, item) for item in items))
        case ["submitted", task, *names]:
            return events.Expanded(at, task, tuple(_task(f"{task}[{name}]", {}) for name in names))
        case ["unexpanded", task]:
            return events.ExpandFailed(at, task, Failure("no item fits", "permanent", "items"))
        case ["cannot", task]:
            return events.DecidedFailure(at, task, Failure("no input", reason="output_missing"))
        case ["alone", task]:
            return events.StandsAlone(at, task)
        case ["behind", task, run, twin]:
            return events.StandsBehind(at, task, run, twin)
        case ["twin", task, run, twin]:
            return events.TwinEnded(at, task, run, twin)
        case ["twin", task, run, twin, message]:
            return events.TwinEnded(at, task, run, twin, {"message": message, "kind": "unknown", "reason": "exit"})
    word, token, *more = words
    task = token.rpartition(".")[0]
    match word, more:
        case "taken", []:
            return events.RoomTaken(at, task, token)
        case "down", [until]:
            return events.ServiceDown(at, task, token, float(until))
        case "full", [group]:
            return events.RoomFull(at, task, token, group)
        case "queued", []:
            return events.AttemptQueued(at, task, token)
        case "started", []:
            return events.AttemptStarted(at, task, token)
        case "beat", []:
            return events.Heartbeat(at, task, token)
        case "ok", []:
            return events.AttemptEnded(at, task, token, AttemptResult(token))
        case "fails", [kind, *reason]:
            return events.AttemptEnded(
                at, task, token, AttemptResult(token, Failure("no", kind, " ".join(reason) or "error"))
            )
        case "lost", []:
            return events.AttemptLost(at, task, token, "its worker died")
        case "published", []:
            return events.Published(at, task, token)
        case "published", ["others"]:
            return events.Published(at, task, token, becomes_others=True)
        case "unpublished", [kind, *reason]:
            return events.PublishFailed(at, task, token, Failure("no place", kind, " ".join(reason) or "error"))
    raise AssertionError(f"no event: {words}")


def _told(command: Command) -> str:
    match command:
        case FindTwin(task=task, behind=behind, anew=anew):
            return f"find {task}{f' behind {behind[1]} of {behind[0]}' if behind else ''}{' anew' if anew else ''}"
        case TellService(token=token, found=found):
            return f"tell {token} {found}"
        case TakeRoom(token=token, claims=claims, breaker=breaker):
            groups = [f"{group}:{most}" for group, most in claims.items()]
            return " ".join(["take", token, *groups, *([breaker.service] if breaker else [])])
        case FreeRoom(token=token):
            return f"free {token}"
        case LeaveLine(groups=groups):
            return f"leave {' '.join(groups)}"
        case Record(task=task, attempt=attempt, durable=durable):
            parts = [_told_task(task)] if task else []
            parts += [f"{attempt.token} {attempt.state}{_told_error(attempt.result)}"] if attempt else []
            return f"{'record' if durable else 'note'} {', '.join(parts)}"
        case Decide(task=task):
            return f"decide {task}"
        case Start(token=token, attempt=attempt):
            assert token.endswith(f".{attempt}")
            return f"start {token}"
        case Publish(token=token) | Discard(token=token) | Stop(token=token):
            return f"{type(command).__name__.lower()} {token}"
        case SetTimer(timer=timer, at=at):
            return f"set {timer} {at:g}"
        case DropTimer(timer=timer):
            return f"drop {timer}"
        case Expand(task=task):
            return f"expand {task}"
        case Gather(task=task, items=items):
            return f"gather {task}: {' '.join(items)}".rstrip()
        case Finish(state=state):
            return f"finish {state}"
        case _:
            assert_never(command)


def _told_task(record: TaskRecord) -> str:
    text = f"{record.task} {record.state}"
    if record.reason["code"] != "first":
        text += f" ({record.reason['code']})"
    text += f" lost={record.lost}" if record.lost else ""
    text += f" by={record.blocked_by}" if record.blocked_by else ""
    return text + (f' error="{record.error["message"]}"' if record.error and "message" in record.error else "")


def _told_error(result: Mapping[str, Any] | None) -> str:
    return f' "{result["failure"]["message"]}"' if result and result["failure"] else ""


def _machine(*tasks: TaskSpec, resumed: Sequence[TaskRecord] = (), attempts: Sequence[AttemptRecord] = ()) -> Machine:
    planned = {task.name: PlannedTask(task.name, "run", Reason("first")) for task in tasks}
    return Machine(
        "run",
        tasks,
        planned,
        1,
        Random(0),
        token=lambda task, n: f"{task}.{n}",
        resumed=resumed,
        attempts=attempts,
    )


def test_records_hold_times_and_results() -> None:
    machine = _machine(_task("a", {}))
    machine.handle(events.Opened(1.0))
    machine.handle(events.DecidedRun(2.0, "a", Reason("first")))
    machine.handle(events.AttemptStarted(3.0, "a", "a.1"))
    result = AttemptResult("a.1", values={"rows": 3})
    machine.handle(events.AttemptEnded(4.0, "a", "a.1", result))
    record = machine.handle(events.Published(5.0, "a", "a.1"))[0]
    assert isinstance(record, Record)
    assert record.task == machine.records["a"]
    assert record.task == TaskRecord(
        "run", "a", "success", 1, "a.1", reason={"code": "first"}, started_at=3.0, ended_at=5.0
    )
    assert record.attempt is not None
    assert (record.attempt.claimed_at, record.attempt.started_at, record.attempt.ended_at) == (2.0, 3.0, 5.0)
    assert record.attempt.result is not None
    assert record.attempt.result["values"] == {"rows": 3}


def test_an_interrupted_attempt_keeps_what_was_known_of_it() -> None:
    known = AttemptRecord("run", "a", 1, "a.1", "running", "a.log", 2.0, 3.0)
    machine = _machine(_task("a", {}), resumed=[TaskRecord("run", "a", "running", 1, "a.1")], attempts=[known])
    record = machine.handle(events.Opened(9.0))[0]
    assert isinstance(record, Record)
    assert record.attempt == AttemptRecord("run", "a", 1, "a.1", "lost", "a.log", 2.0, 3.0, 9.0)


def test_a_kept_task_keeps_its_record() -> None:
    before = TaskRecord("run", "a", "success", 2, "a.2", 1, {"code": "changed"}, None, None, 1.0, 2.0)
    machine = Machine(
        "run",
        [_task("a", {})],
        {"a": PlannedTask("a", "run", Reason("kept"))},
        1,
        Random(0),
        token=lambda task, n: f"{task}.{n}",
        resumed=[before],
    )
    assert not machine.done
    assert machine.state == "running"
    assert [_told(command) for command in machine.handle(events.Opened(9.0))] == ["finish success"]
    assert machine.records == {"a": before}
    assert machine.done
    assert machine.state == "success"


def test_records_cannot_be_changed_from_outside() -> None:
    machine = _machine(_task("a", {}))
    with pytest.raises(TypeError):
        cast("dict[str, TaskRecord]", machine.records)["a"] = TaskRecord("run", "a", "success")


def test_a_run_begins_with_opened_and_opens_once() -> None:
    machine = _machine(_task("a", {}))
    with pytest.raises(AssertionError):
        machine.handle(events.CancelRequested(0.0))
    machine.handle(events.Opened(0.0))
    with pytest.raises(AssertionError):
        machine.handle(events.Opened(0.0))


def test_an_illegal_move_is_a_bug() -> None:
    node = Node(_task("a", {}), {})
    course = Course("run", {"a": node}, NO_LIMITS)
    with pytest.raises(AssertionError, match="a: waiting to success is no legal move"):
        course.move(node, "success")


def test_a_task_lasts_as_long_as_its_attempt() -> None:
    machine = Machine(
        "run",
        [_task("a", {})],
        {"a": PlannedTask("a", "run", Reason("first"))},
        1,
        Random(0),
        token=lambda task, n: f"{task}.{n}",
    )
    result = AttemptResult("a.1", started_at=3.0, ended_at=4.0)
    for event in (
        events.Opened(1.0),
        events.DecidedRun(2.0, "a", Reason("first")),
        events.AttemptEnded(5.0, "a", "a.1", result),
        events.Published(9.0, "a", "a.1"),
    ):
        machine.handle(event)
    assert (machine.records["a"].started_at, machine.records["a"].ended_at) == (3.0, 4.0)
