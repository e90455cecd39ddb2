"""How a run stands, counted from what it tells its observers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from trc.cli.quantities import count
from trc.runtime.observe import Happening, RunOpened, TaskMoved, TaskProgressed, Ticked
from trc.runtime.store.journal import TaskRecord

FINAL: Final = frozenset({"success", "failure", "canceled", "skipped", "omitted", "upstream_failed"})
_UNDER_WAY: Final = frozenset({"claimed", "running"})


@dataclass(slots=True)
class Tally:
    """The tasks of a run by where they are."""

    total: int = 0
    began: float = 0.0
    now: float = 0.0
    running: dict[str, TaskRecord] = field(default_factory=dict[str, TaskRecord])
    progress: dict[str, tuple[int, int | None]] = field(default_factory=dict[str, tuple[int, int | None]])
    finals: dict[str, str] = field(default_factory=dict[str, str])

    def take(self, happening: Happening) -> None:
        """Brings the count up to date."""
        if isinstance(happening, RunOpened):
            # Of a run that is taken up again nobody says here which tasks were done before.
            self.total = 0 if happening.resumed else len(happening.plan.tasks)
        elif isinstance(happening, TaskMoved):
            self._move(happening.record)
        elif isinstance(happening, TaskProgressed):
            self.progress[happening.task] = (happening.done, happening.total)
        elif isinstance(happening, Ticked):
            self.began = self.began or happening.at
            self.now = happening.at

    def _move(self, record: TaskRecord) -> None:
        if record.state in _UNDER_WAY:
            self.running[record.task] = record
            return
        self.running.pop(record.task, None)
        self.progress.pop(record.task, None)
        if record.state in FINAL:
            self.finals[record.task] = record.state

    def totals(self) -> str:
        """The counts in one line, those that are not zero."""
        states = Counter(self.finals.values())
        parts = [
            (states["success"], "done"),
            (states["skipped"], "skipped"),
            (states["failure"], "failed"),
            (states["upstream_failed"] + states["omitted"], "not run"),
            (states["canceled"], "canceled"),
            (len(self.running), "running"),
            (self.total - len(self.finals) - len(self.running), "left"),
        ]
        return " · ".join(f"{count(number)} {word}" for number, word in parts if number > 0) or "nothing to do"
