"""Draws the attempts of a run on an axis of time, as SVG: who waited, who ran, and what was tried again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from trc.api import RunAccount, TaskAccount
from trc.cli.page.text import safe
from trc.cli.quantities import duration
from trc.runtime.store.journal import AttemptRecord

_NAMES: Final = 210.0
_PLOT: Final = 820.0
_ROW: Final = 20.0
_BAR: Final = 12.0
_HEAD: Final = 26.0
_MARGIN: Final = 10.0
_THINNEST: Final = 1.5
_LONGEST_NAME: Final = 28
_MOST_TICKS: Final = 8
_STEPS: Final = tuple(
    [1, 2, 5, 10, 20, 50, 100, 200, 500]
    + [1000 * one for one in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800)]
    + [3_600_000 * one for one in (1, 2, 4, 6, 12, 24, 48, 120, 240)]
)
"""Milliseconds between two ticks of the axis."""


@dataclass(frozen=True, slots=True)
class _Axis:
    """From when to when, in seconds since the epoch."""

    began: float
    ended: float

    @property
    def scale(self) -> float:
        return _PLOT / max(self.ended - self.began, 0.001)

    def x(self, at: float) -> float:
        return _MARGIN + _NAMES + (at - self.began) * self.scale


def gantt(account: RunAccount) -> str:
    """A row for each task that began, in the order in which they did; pointing at a bar tells what it was."""
    begun = sorted((one for one in account.tasks if one.attempts), key=lambda one: one.attempts[0].claimed_at)
    axis = _Axis(account.run.created_at, max([account.at, *_ends(begun)]))
    width, height = _NAMES + _PLOT + 2 * _MARGIN + 40, _HEAD + _ROW * len(begun) + _MARGIN
    marked = {one.task for one in account.path}
    ready = _ready_times(account)
    length = duration(axis.ended - axis.began)
    words = f"{len(begun)} of {len(account.tasks)} tasks on an axis of {length}; the table has the times"
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{safe(words)}">'
    )
    rows: list[str] = []
    for index, task in enumerate(begun):
        name = task.record.task
        kind = "row marked" if name in marked else "row"
        rows.append(f'<g class="{kind}" transform="translate(0 {_HEAD + index * _ROW:.0f})">')
        rows += [*_row(task, axis, ready.get(name)), "</g>"]
    return "\n".join([opening, *_ticks(axis, height), *rows, "</svg>"])


def _ends(tasks: Sequence[TaskAccount]) -> Iterator[float]:
    yield from (one.ended_at for task in tasks for one in task.attempts if one.ended_at is not None)


def _ready_times(account: RunAccount) -> Mapping[str, float]:
    """When nothing held a task any more; empty where it is not known what tasks waited for."""
    if account.needs is None:
        return {}
    ended = {one.record.task: one.record.ended_at for one in account.tasks}
    began = account.run.created_at
    return {task: max([began, *(ended.get(one) or began for one in needs)]) for task, needs in account.needs.items()}


def _ticks(axis: _Axis, height: float) -> Iterator[str]:
    length = axis.ended - axis.began
    step = next((one / 1000 for one in _STEPS if length * 1000 / one <= _MOST_TICKS), length / _MOST_TICKS)
    for number in range(int(length / step + 1e-9) + 1):
        x, when = axis.x(axis.began + number * step), duration(number * step) if number else "0"
        yield f'<path class="tick" d="M{x:.1f} {_HEAD - 4:.0f}V{height - _MARGIN:.0f}"/>'
        yield f'<text class="when" x="{x:.1f}" y="{_HEAD - 10:.0f}" text-anchor="middle">{when}</text>'


def _row(task: TaskAccount, axis: _Axis, ready: float | None) -> Iterator[str]:
    name, first = task.record.task, task.attempts[0]
    shown = name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
    x, y = _MARGIN + _NAMES - 8, _ROW / 2 + 4
    yield f'<text class="name" x="{x:.1f}" y="{y:.0f}" text-anchor="end">{safe(shown)}</text>'
    yield _waiting(name, axis, first.claimed_at if ready is None else ready, first.started_at or first.ended_at)
    for one, two in pairwise(task.attempts):
        yield _waiting(name, axis, one.ended_at, two.started_at or two.ended_at)
    for one in task.attempts:
        yield _running(one, axis)


def _waiting(task: str, axis: _Axis, since: float | None, until: float | None) -> str:
    """A thin bar, for the time in which nothing but its turn, or the pause before the next attempt, held the task."""
    if since is None or until is None or (until - since) * axis.scale < _THINNEST:
        return ""
    said = f"{task}: waited {duration(until - since)}"
    return (
        f'<rect class="wait" x="{axis.x(since):.1f}" y="{_ROW / 2 - 1.5:.1f}" '
        f'width="{(until - since) * axis.scale:.1f}" height="3"><title>{safe(said)}</title></rect>'
    )


def _running(attempt: AttemptRecord, axis: _Axis) -> str:
    start = attempt.started_at or attempt.ended_at
    if start is None:
        return ""
    length = (attempt.ended_at or axis.ended) - start
    told = f"{attempt.task}, attempt {attempt.number}: {attempt.state}"
    said = f"{told}, {duration(length)} from {duration(start - axis.began)} on"
    return (
        f'<rect class="bar {safe(attempt.state)}" x="{axis.x(start):.1f}" y="{(_ROW - _BAR) / 2:.0f}" '
        f'width="{max(length * axis.scale, _THINNEST):.1f}" height="{_BAR:.0f}" rx="2"><title>{safe(said)}</title></rect>'
    )
