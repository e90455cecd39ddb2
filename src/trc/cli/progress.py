"""Tells how a run goes, line by line, where lines cannot be drawn again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from trc.cli.cells import pad
from trc.cli.documents import is_checked_only, reason_of
from trc.cli.output import STATE_COLOURS, Screen, shown_path
from trc.cli.quantities import count, duration, size
from trc.cli.quantities import names as names_of
from trc.cli.tally import FINAL
from trc.compiler.diagnostics.render.cells import visible, width
from trc.runtime.observe import EnvironmentMoved, Happening, RunFinished, RunOpened, TaskMoved, Waiting, Wished
from trc.runtime.reasons import WAITS
from trc.runtime.store.journal import TaskRecord
from trc.runtime.store.results import StoredOutput

SINGLE_SKIPS: Final = 50
"""Pipelines of more tasks have their skips told by reason, not one by one."""
_LONGEST_NAME: Final = 32
_REASONS_TOLD: Final = 10
_STATE_WIDTH: Final = 8
_WISHES: Final = {
    "pause": "paused: nothing more begins until `trc resume`",
    "run": "going on: `trc resume` was called",
    "cancel": "canceling: `trc cancel` was called, and tasks are being stopped",
}
_WISHES_OF_TASKS: Final = {
    "pause": "{} is not to begin: `trc pause --task` was called",
    "run": "{} may begin: `trc resume --task` was called",
    "cancel": "{} is to end: `trc cancel --task` was called",
}
_WORDS: Final = {"upstream_failed": "blocked", "failure": "failed", "success": "done"}


@dataclass(slots=True)
class Story:
    """Turns what happens in a run into lines, each said once."""

    screen: Screen
    folder: Path
    name_width: int = 0
    single_skips: bool = True
    skipped: Counter[str] = field(default_factory=Counter[str])
    waited: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])

    def lines(self, happening: Happening) -> list[str]:
        """What there is to say about it; often nothing."""
        if isinstance(happening, TaskMoved):
            return self._moved(happening.record, happening.outputs)
        if isinstance(happening, RunOpened):
            return self._opened(happening)
        if isinstance(happening, Waiting):
            return self._waiting(happening)
        if isinstance(happening, EnvironmentMoved):
            return self._environment(happening)
        if isinstance(happening, Wished):
            told = _WISHES if happening.task is None else _WISHES_OF_TASKS
            return [told[happening.wish].format(visible(happening.task or ""))]
        if isinstance(happening, RunFinished):
            return self._grouped_skips()
        return []

    def _opened(self, opened: RunOpened) -> list[str]:
        names = [task.task for task in opened.plan.tasks]
        self.name_width = min(max(map(width, names), default=0), _LONGEST_NAME)
        self.single_skips = len(names) <= SINGLE_SKIPS
        verb = "resuming" if opened.resumed else "running"
        others = opened.plan.left_out
        tasks = (
            f"{count(len(names))} of {count(len(names) + len(others), 'task')}" if others else count(len(names), "task")
        )
        line = f"{verb} {visible(opened.run.pipeline)}, {tasks}, run {opened.run.id}"
        return [line, f"left out: {visible(names_of(others))}"] if others else [line]

    def _moved(self, record: TaskRecord, outputs: Sequence[StoredOutput]) -> list[str]:
        if record.state == "skipped" and not self.single_skips:
            reason = reason_of(record)
            self.skipped[reason.sentence() if reason else ""] += 1
            return []
        if record.state in FINAL:
            state = "checked" if is_checked_only(record) else record.state
            return [self._line(state, record.task, facts(record, outputs))]
        reason = reason_of(record)
        if reason is not None and reason.code in WAITS:
            return [self._line("paused" if record.state == "paused" else "waits", record.task, reason.sentence())]
        if record.error is not None and record.state in {"waiting", "pending"}:
            return [self._line("retry", record.task, f"attempt {record.attempt} failed: {error_line(record)}")]
        return []

    def _waiting(self, waiting: Waiting) -> list[str]:
        if (waiting.uri, waiting.run) in self.waited:
            return []
        self.waited.add((waiting.uri, waiting.run))
        return [f"waiting for run {waiting.run} to be done with {visible(shown_path(waiting.uri, self.folder))}"]

    def _environment(self, moved: EnvironmentMoved) -> list[str]:
        """That is told beside the first of its tasks. One that cannot be had is told by those that fail of it."""
        first, *others = moved.tasks
        told = moved.what + (f", for {count(len(others), 'more task')} as well" if others else "")
        if moved.state == "building":
            return [self._line("building", first, told)]
        return [self._line("built", first, f"{duration(moved.seconds):>6}  {told}")] if moved.state == "built" else []

    def _grouped_skips(self) -> list[str]:
        told = self.skipped.most_common(_REASONS_TOLD)
        rest = self.skipped.total() - sum(number for _, number in told)
        groups = [(count(number, "task"), reason) for reason, number in told]
        if rest:
            groups.append((count(rest, "task"), "for other reasons"))
        columns = max((len(number) for number, _ in groups), default=0)
        return [self._line("skipped", number, reason, columns) for number, reason in groups]

    def _line(self, state: str, name: str, text: str, columns: int | None = None) -> str:
        word = pad(_WORDS.get(state, state), _STATE_WIDTH)
        painted = self.screen.paint_err(word, STATE_COLOURS.get(state, "yellow"))
        # Items of repeated tasks are not in the plan, and may have longer names.
        wide = columns or max(self.name_width, min(width(name), _LONGEST_NAME))
        return f"{painted} {pad(visible(name), wide)}  {text}".rstrip()


def facts(record: TaskRecord, outputs: Sequence[StoredOutput]) -> str:
    """What matters about a finished task: time and rows, or why it was not run, or how it failed."""
    if record.state == "success":
        return "  ".join(_success_facts(record, outputs))
    if record.state == "failure":
        return error_line(record)
    reason = reason_of(record)
    if record.state == "upstream_failed" and record.blocked_by:
        return f"needs {record.blocked_by}, which failed"
    return visible(reason.sentence()) if reason else ""


def error_line(record: TaskRecord) -> str:
    """The first line of a task's error, with the exception's class where there was one."""
    return failure_line(record.error or {})


def failure_line(error: Mapping[str, Any]) -> str:
    """As `error_line`, of a failure as the journal keeps it."""
    lines = str(error.get("message") or "").strip().splitlines() or ["no message"]
    kind = f"{error['type']}: " if error.get("type") else ""
    return visible(f"{kind}{lines[0]}")


def _success_facts(record: TaskRecord, outputs: Sequence[StoredOutput]) -> list[str]:
    told: list[str] = []
    if record.started_at is not None and record.ended_at is not None:
        told.append(f"{duration(record.ended_at - record.started_at):>6}")
    rows = [output.rows for output in outputs if output.rows is not None]
    if rows:
        told.append(count(sum(rows), "row"))
    if any(output.is_view for output in outputs):
        told.append("not stored")
    elif any(output.home for output in outputs):
        told += [f"the same as {visible(output.home)}" for output in outputs]
    elif outputs:
        told.append(size(sum(output.size for output in outputs)))
    if record.attempt > 1:
        told.append(f"attempt {record.attempt}")
    return told


@dataclass(slots=True)
class Lines:
    """An observer that prints a line for each task that is done with."""

    screen: Screen
    folder: Path
    story: Story = field(init=False)
    waiting: list[str] = field(default_factory=list[str])

    def __post_init__(self) -> None:
        self.story = Story(self.screen, self.folder)

    def __call__(self, happening: Happening) -> None:
        self.waiting.extend(self.story.lines(happening))
        # Tasks that end together are told in one write: time passes before the next are waited for.
        if not isinstance(happening, TaskMoved):
            self._flush()

    def note(self, line: str) -> None:
        """Prints a line when something happens next; can be called at any time, by a signal handler too."""
        self.waiting.append(line)

    def close(self) -> None:
        """Prints what is still to be said."""
        self._flush()
        self.screen.err.flush()

    def _flush(self) -> None:
        if self.waiting:
            lines, self.waiting = self.waiting, []
            self.screen.tell("\n".join(lines))


@dataclass(slots=True)
class Silent:
    """An observer that says nothing: the run's log does."""

    def __call__(self, happening: Happening) -> None:
        """Passes."""

    def note(self, line: str) -> None:
        """Passes."""

    def close(self) -> None:
        """Nothing is held back."""
