"""In what order a run's steps are made ready, made durable, begun and told; and when inputs are looked at."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest

from trc.runtime.attempts import Attempts
from trc.runtime.clock import Clock, SystemClock
from trc.runtime.drivers import boot_id
from trc.runtime.errors import Stopped
from trc.runtime.executor import Ended, Needed, Report
from trc.runtime.keeping import Keeping
from trc.runtime.listing import Inputs
from trc.runtime.observe import Happening, TaskMoved
from trc.runtime.running import Options, Outcome, Runner
from trc.runtime.spec import (
    HookSpec,
    KeyPart,
    NeedSpec,
    OutputSpec,
    PartitionSpec,
    PipelineSpec,
    ReadSpec,
    RetrySpec,
    SecretSpec,
    SkipSpec,
    TaskSpec,
)
from trc.runtime.storage.local import LocalStorage
from trc.runtime.store.journal import TaskRecord, Transaction
from trc.runtime.store.memory import MemoryStore
from trc.runtime.taskside.order import OrderSecret, TaskOrder
from trc.runtime.taskside.result import AttemptResult, Failure, WrittenOutput

NOON = "2026-01-01T12:00:00+00:00"


@dataclass
class Diary(MemoryStore):
    """A store that notes each commit, and can fail at one."""

    steps: list[str] = field(default_factory=list)
    fails: bool = False
    at_commit: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        super().__init__()

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        with super().transaction() as change:
            yield change
            self.at_commit()
            if self.fails:
                raise OSError("the disk is full")
        self.steps.append("commit")


@dataclass
class Immediate:
    """An executor that has run whatever is started by the time of the next poll."""

    steps: list[str]
    slots: int = 1
    async_slots: int = 0
    has_idle: bool = True
    at_start: Callable[[TaskOrder], None] = lambda _order: None
    at_ready: Callable[[TaskOrder], None] = lambda _order: None
    started: list[TaskOrder] = field(default_factory=list)

    def expect(self, tasks: Sequence[TaskSpec]) -> None:
        """It has nothing to begin ahead."""

    def prepare(self, ahead: Sequence[Needed]) -> None:
        """It has nothing to build."""

    def make_ready(self, order: TaskOrder) -> bool:
        self.steps.append(f"ready {order.task}")
        self.at_ready(order)
        return self.has_idle

    def start(self, *orders: TaskOrder) -> None:
        for order in orders:
            self.steps.append(f"start {order.task}")
            self.at_start(order)
            self.started.append(order)

    def stop(self, token: str, grace: float) -> None:
        raise AssertionError(token, grace)

    def poll(self, timeout: float | None) -> Sequence[Report]:
        assert self.started, timeout
        done, self.started = self.started, []
        return [Ended(order.token, time.time(), _result(order)) for order in done]

    def close(self) -> None:
        """Nothing runs."""


def _result(order: TaskOrder) -> AttemptResult:
    outputs = []
    for output in order.outputs:
        data = "".join(Path(file).read_text() for one in order.inputs for file in one.files).encode()
        Path(output.path).write_bytes(data)
        outputs.append(WrittenOutput(output.name, output.path, len(data), f"sha256:{hashlib.sha256(data).hexdigest()}"))
    return AttemptResult(order.token, outputs=tuple(outputs), started_at=time.time(), ended_at=time.time())


@dataclass
class Vault:
    """Secrets that are noted when they are fetched; the first `failures` times there are none."""

    steps: list[str]
    failures: int = 0

    def version(self, ref: str) -> str:
        return f"version of {ref}"

    def values(self, secrets: Sequence[SecretSpec], versions: Mapping[str, str]) -> tuple[OrderSecret, ...] | Failure:
        self.steps.append(f"fetch {[(one.ref, versions.get(one.ref)) for one in secrets]}")
        if self.failures:
            self.failures -= 1
            return Failure("nobody answers", "temporary", "secret_unreachable")
        return tuple(OrderSecret(one.ref, "hunter2", one.places) for one in secrets)

    def known(self) -> Sequence[str]:
        return ["hunter2"]


@dataclass
class World:
    """A project in a folder, and what happened in its run."""

    folder: Path
    store: Diary = field(default_factory=Diary)
    clock: Clock = field(default_factory=SystemClock)

    def __post_init__(self) -> None:
        (self.folder / "seed.txt").write_text("seed")
        self.executor = Immediate(self.store.steps)

    def task(self, name: str, reads: str) -> TaskSpec:
        """A task that copies what it reads: a file, or the output of another task."""
        is_file = reads.endswith(".txt")
        read = ReadSpec(
            reads,
            "file",
            producer=None if is_file else (reads, "output"),
            uri=str(self.folder / reads) if is_file else None,
        )
        needs = () if is_file else (NeedSpec(reads, data=True),)
        output = OutputSpec("output", "file", str(self.folder / f"{name}.txt"))
        parts = (KeyPart("code", "code", name),)
        retry = RetrySpec(max_attempts=2, initial_delay=0)
        return TaskSpec(
            name,
            "python",
            "m:f",
            parts,
            SkipSpec(can_skip=True),
            reads=(read,),
            outputs=(output,),
            needs=needs,
            retry=retry,
        )

    def run(self, *tasks: TaskSpec, secrets: Vault | None = None, hooks: tuple[HookSpec, ...] = ()) -> Outcome:
        storage = LocalStorage(self.store, self.folder / ".trc", boot_id(), time.time_ns)
        spec = PipelineSpec("p", "p.yaml", str(self.folder), tasks, "digest", hooks)
        return Runner(
            spec,
            self.store,
            storage,
            self.folder / ".trc",
            self.clock,
            lambda: self.executor,
            self._note,
            lambda _seconds: pytest.fail("there is nothing to wait for"),
            lambda _cancel: None,
            secrets,
            wake=lambda: self.store.steps.append("wake"),
        ).run(Options(), NOON)

    def _note(self, happening: Happening) -> None:
        if isinstance(happening, TaskMoved) and happening.record.state in ("claimed", "success"):
            self.store.steps.append(f"told {happening.record.task} {happening.record.state}")


def test_a_link_is_read_while_it_is_made_durable_and_begun_after(tmp_path: Path) -> None:
    world = World(tmp_path)
    read = Event()

    def wait_for_the_reader() -> None:
        # The commit of what begins nothing, at the run's opening and its end, waits for nobody.
        if "start a" in world.store.steps and "start b" not in world.store.steps:
            assert read.wait(10)

    world.store.at_commit = wait_for_the_reader
    world.executor.at_ready = lambda order: read.set() if order.task == "b" else None
    outcome = world.run(world.task("a", "seed.txt"), world.task("b", "a"))
    assert outcome.run.state == "success"
    steps = world.store.steps
    link = steps[steps.index("start a") + 1 : steps.index("start b") + 1]
    # One commit a link; who watches is told once the next attempt is on its way.
    assert link == ["told a claimed", "ready b", "commit", "start b"]
    assert steps[steps.index("start b") + 1 :][:3] == ["told a success", "told b claimed", "commit"]


def test_what_cannot_be_made_durable_is_not_begun(tmp_path: Path) -> None:
    world = World(tmp_path)

    def fill_the_disk(_order: TaskOrder) -> None:
        world.store.fails = True

    world.executor.at_start = fill_the_disk
    with pytest.raises(OSError, match="the disk is full"):
        world.run(world.task("a", "seed.txt"), world.task("b", "a"))
    assert "ready b" in world.store.steps
    assert "start b" not in world.store.steps
    assert "told a success" not in world.store.steps


def test_what_breaks_while_orders_are_made_ready_ends_the_run(tmp_path: Path) -> None:
    world = World(tmp_path)

    def break_down(_order: TaskOrder) -> None:
        raise RuntimeError("nobody is there")

    world.executor.at_ready = break_down
    with pytest.raises(RuntimeError, match="nobody is there"):
        world.run(world.task("a", "seed.txt"), world.task("b", "a"))
    # What was committed by then stays for whoever takes up the run.
    assert sorted(world.store.steps[-2:]) == ["commit", "ready b"]
    assert "start b" not in world.store.steps


def test_orders_are_made_ready_as_long_as_someone_is_idle(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.executor.slots, world.executor.has_idle = 3, False
    world.run(world.task("a", "seed.txt"), *(world.task(name, "a") for name in "bcd"))
    steps = world.store.steps
    assert [step for step in steps if step.startswith("ready")] == ["ready b"]
    assert [step for step in steps if step.startswith("start")] == ["start a", "start b", "start c", "start d"]


def test_a_task_that_waited_for_a_slot_reads_what_is_there_when_it_begins(tmp_path: Path) -> None:
    world = World(tmp_path)
    (tmp_path / "other.txt").write_text("old")

    def change_the_other(order: TaskOrder) -> None:
        if order.task == "a":
            (tmp_path / "other.txt").write_text("new content")

    world.executor.at_start = change_the_other
    outcome = world.run(world.task("a", "seed.txt"), world.task("b", "other.txt"))
    assert (tmp_path / "b.txt").read_text() == "new content"
    # What they read is looked at first, which may ask the store: that is nothing for another thread.
    assert not [step for step in world.store.steps if step.startswith("ready")]
    # Its first attempt was given what was there by then.
    assert [attempt.state for attempt in world.store.attempts(outcome.run.id, "b")] == ["success"]


def test_an_input_that_moves_after_it_was_decided_upon_fails_the_attempt(tmp_path: Path) -> None:
    world = World(tmp_path)
    seed = tmp_path / "seed.txt"
    moved: list[str] = []

    def move_it_once(order: TaskOrder) -> None:
        if not moved:
            moved.append(order.task)
            seed.write_text("changed meanwhile")

    world.executor.at_start = move_it_once
    outcome = world.run(world.task("a", "seed.txt"))
    assert outcome.run.state == "success"
    assert (tmp_path / "a.txt").read_text() == "changed meanwhile"
    attempts = world.store.attempts(outcome.run.id)
    assert [attempt.state for attempt in attempts] == ["failure", "success"]


PLAIN = TaskSpec("a", "python", "m:f", (), SkipSpec(can_skip=True))


@pytest.mark.parametrize(
    ("task", "keeping", "is_listed", "expected"),
    [
        (PLAIN, Keeping(), True, True),
        (PLAIN, Keeping(), False, False),
        (replace(PLAIN, secrets=(SecretSpec("env:A", ()),)), Keeping(), True, False),
        (replace(PLAIN, partition=PartitionSpec("day")), Keeping(), True, False),
        (PLAIN, Keeping(same_as="b"), True, False),
    ],
    ids=["all is listed", "nothing is", "it has secrets", "it goes by partition", "another one may have its output"],
)
def test_only_an_order_that_asks_nothing_is_written_while_the_disk_syncs(
    task: TaskSpec, keeping: Keeping, is_listed: bool, expected: bool
) -> None:
    planner: Any = SimpleNamespace(keeping=lambda _task: keeping)
    orders: Any = SimpleNamespace(spec=SimpleNamespace(project="/project"))
    outlet: Any = SimpleNamespace()
    attempts = Attempts({"a": task}, planner, orders, outlet, SystemClock())
    listed = {"a": Inputs((), ())} if is_listed else {}
    assert attempts.knows_all("a", listed) is expected


KEPT = (SecretSpec("env:A", (("env", "A"),)), SecretSpec("aws-ssm:/b", (("env", "B"),), versioned=True))
FETCH = "fetch [('env:A', None), ('aws-ssm:/b', 'version of aws-ssm:/b')]"


def test_secrets_are_fetched_when_nothing_is_locked_and_kept_nowhere(tmp_path: Path) -> None:
    world = World(tmp_path)
    vault = Vault(world.store.steps)
    seen: list[str] = []
    world.executor.at_start = lambda order: seen.extend(one.value for one in order.secrets)
    outcome = world.run(world.task("a", "seed.txt"), replace(world.task("b", "a"), secrets=KEPT), secrets=vault)
    assert outcome.run.state == "success"
    steps = world.store.steps
    assert steps[steps.index("start a") + 1 : steps.index("start b") + 1] == [
        "told a claimed",
        "commit",
        FETCH,
        "start b",
    ]
    assert seen == ["hunter2", "hunter2"]
    kept = [
        *world.store.attempts(outcome.run.id),
        *world.store.tasks(outcome.run.id),
        *world.store.latest("p").values(),
    ]
    assert "hunter2" not in repr((kept, outcome))


def test_secrets_that_cannot_be_had_now_are_asked_for_again(tmp_path: Path) -> None:
    world = World(tmp_path)
    vault = Vault(world.store.steps, failures=1)
    outcome = world.run(replace(world.task("a", "seed.txt"), secrets=KEPT), secrets=vault)
    assert outcome.run.state == "success"
    assert [step for step in world.store.steps if step.startswith(("fetch", "start"))] == [FETCH, FETCH, "start a"]
    vault.failures = 2
    [record] = world.run(replace(world.task("c", "seed.txt"), secrets=KEPT), secrets=vault).tasks
    assert record.state == "failure"
    assert record.error is not None
    assert (record.error["message"], record.error["reason"]) == ("nobody answers", "secret_unreachable")


@pytest.mark.parametrize(
    ("idempotent", "reason", "kind"),
    [(False, "unknown_outcome", "unknown_outcome"), (True, "lost", "failed"), (False, "error", "failed")],
)
def test_a_letter_says_whether_the_outcome_is_known(tmp_path: Path, idempotent: bool, reason: str, kind: str) -> None:
    planner: Any = SimpleNamespace()
    log = tmp_path / "a.log"
    log.write_text("almost there\n")
    orders: Any = SimpleNamespace(
        spec=SimpleNamespace(project="/project"), run="r", places=SimpleNamespace(log=lambda *_which: str(log))
    )
    attempts = Attempts({"a": replace(PLAIN, idempotent=idempotent)}, planner, orders, planner, SystemClock())
    letter = attempts.letter(TaskRecord("r", "a", "failure", 1, "a.1", error={"reason": reason}))
    assert (letter.kind, letter.log, letter.order) == (kind, "almost there", None)


def test_an_attempt_whose_place_another_has_taken_publishes_nothing(tmp_path: Path) -> None:
    world = World(tmp_path)

    def take_its_place(order: TaskOrder) -> None:
        with world.store.transaction() as change:
            change.put_tasks([TaskRecord(order.run, "a", "claimed", 2, "a.2")])

    world.executor.at_start = take_its_place
    outcome = world.run(world.task("a", "seed.txt"))
    assert outcome.run.state == "failure"
    assert [(one.error or {})["reason"] for one in outcome.tasks] == ["fenced"]
    assert not (tmp_path / "a.txt").exists()
    assert dict(world.store.latest("p")) == {}
    assert not [path for path in (tmp_path / ".trc/staging").rglob("*") if path.is_file()]


def test_a_driver_that_was_taken_for_dead_writes_nothing_more(tmp_path: Path) -> None:
    world = World(tmp_path)

    def take_it_over(order: TaskOrder) -> None:
        if order.task == "b":
            run = world.store.run(order.run)
            assert run is not None
            with world.store.transaction() as change:
                change.put_run(replace(run, driver="another"))

    world.executor.at_start = take_it_over
    with pytest.raises(Stopped, match="another process has taken over"):
        world.run(world.task("a", "seed.txt"), world.task("b", "a"), world.task("c", "b"))
    (run,) = world.store.runs()
    assert (run.state, run.driver) == ("running", "another")
    assert [(one.task, one.state) for one in world.store.tasks(run.id)] == [
        ("a", "success"),
        ("b", "claimed"),
        ("c", "waiting"),
    ]
    assert not (tmp_path / "b.txt").exists()
