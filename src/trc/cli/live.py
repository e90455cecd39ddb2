"""Draws how a run goes on a terminal: a block of running tasks, drawn again and again below what is done."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from trc.cli.cells import cut, pad
from trc.cli.output import Screen
from trc.cli.progress import Story
from trc.cli.quantities import count, duration
from trc.cli.tally import Tally
from trc.compiler.diagnostics.render.cells import visible, width
from trc.runtime.observe import Happening, RunFinished, RunOpened, Ticked
from trc.runtime.store.journal import TaskRecord

FRAME: Final = 0.1
"""Seconds between two drawings: a run is told that time has passed more often than an eye can follow."""
_SPINNER: Final = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_PLAIN_SPINNER: Final = "|/-\\"
_HIDE_CURSOR: Final = "\x1b[?25l"
_SHOW_CURSOR: Final = "\x1b[?25h"
_CLEAR_BELOW: Final = "\r\x1b[J"
_ROWS_BESIDE_TASKS: Final = 3
"""The line of totals, one that says how many more tasks run, and the cursor's own."""


@dataclass(slots=True)
class Live:
    """An observer that keeps a block at the bottom of the terminal, and lets finished tasks scroll above it."""

    screen: Screen
    folder: Path
    tally: Tally = field(default_factory=Tally)
    story: Story = field(init=False)
    waiting: list[str] = field(default_factory=list[str])
    """Lines that are to appear above the block when it is drawn next."""
    drawn: list[int] = field(default_factory=list[int])
    """The widths of the block's lines as they stand on the screen."""
    turn: int = 0
    drawn_at: float = 0.0

    def __post_init__(self) -> None:
        self.story = Story(self.screen, self.folder)

    def __call__(self, happening: Happening) -> None:
        self.tally.take(happening)
        self.waiting.extend(self.story.lines(happening))
        if isinstance(happening, RunOpened) or (
            isinstance(happening, Ticked) and happening.at - self.drawn_at >= FRAME
        ):
            self._draw()
        elif isinstance(happening, RunFinished):
            self.close()

    def note(self, line: str) -> None:
        """Shows a line with the next frame; can be called at any time, by a signal handler too."""
        self.waiting.append(line)

    def close(self) -> None:
        """Prints what is still to be said, takes the block away and gives the cursor back."""
        columns, _ = self.screen.size_err()
        self.screen.err.write(self._erasing(columns) + self._flushed() + _SHOW_CURSOR)
        self.screen.err.flush()
        self.drawn = []

    def _draw(self) -> None:
        columns, rows = self.screen.size_err()
        block = [cut(line, columns - 1) for line in self._block(rows)]
        painted = [self.screen.paint_err(line, "dim") if line is block[-1] else line for line in block]
        # One write a frame: a terminal shows either the old block or the new one.
        self.screen.err.write(_HIDE_CURSOR + self._erasing(columns) + self._flushed() + "\n".join(painted) + "\n")
        self.screen.err.flush()
        self.drawn = [width(line) for line in block]
        self.drawn_at = self.tally.now
        self.turn += 1

    def _erasing(self, columns: int) -> str:
        """What moves the cursor to the block's first row and clears from there.

        A terminal that has become narrower has wrapped the lines that no longer fit.
        """
        rows = sum(max(1, -(-line // max(columns, 1))) for line in self.drawn)
        return (f"\x1b[{rows}A" if rows else "") + _CLEAR_BELOW

    def _flushed(self) -> str:
        lines, self.waiting = self.waiting, []
        return "".join(f"{line}\n" for line in lines)

    def _block(self, rows: int) -> list[str]:
        room = max(rows - _ROWS_BESIDE_TASKS, 1)
        running = list(self.tally.running.values())
        lines = [self._task_line(record) for record in running[:room]]
        if len(running) > room:
            lines.append(f"  and {count(len(running) - room)} more")
        lines.append(f"  {self.tally.totals()}  {duration(self.tally.now - self.tally.began)}")
        return lines

    def _task_line(self, record: TaskRecord) -> str:
        frames = _SPINNER if "utf" in (self.screen.err.encoding or "").lower() else _PLAIN_SPINNER
        frame = frames[self.turn % len(frames)]
        elapsed = duration(self.tally.now - record.started_at) if record.started_at is not None else "starting"
        line = (
            f"{frame} {pad(visible(record.task), self.story.name_width)}  {elapsed:>8}  {self._progress(record.task)}"
        )
        return (line + (f"  attempt {record.attempt}" if record.attempt > 1 else "")).rstrip()

    def _progress(self, task: str) -> str:
        if task not in self.tally.progress:
            return ""
        done, total = self.tally.progress[task]
        if not total:
            return count(done)
        return f"{count(done)}/{count(total)} ({done * 100 // total}%)"
