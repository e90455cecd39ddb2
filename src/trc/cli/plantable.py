"""A plan as people read it."""

from __future__ import annotations

from typing import Final

from trc.cli.output import STATE_COLOURS, Colour, Screen
from trc.cli.quantities import count, names
from trc.compiler.diagnostics.render.cells import visible
from trc.runtime.plan import Action, Plan, PlannedTask

_ACTIONS: Final[tuple[tuple[Action, str], ...]] = (
    ("run", "to run"),
    ("maybe", "to decide later"),
    ("skip", "to skip"),
    ("omit", "to omit"),
    ("blocked", "blocked"),
)


def say_plan(screen: Screen, plan: Plan, *, explain: bool = False) -> None:
    """Each task with what is foreseen for it; with `explain`, also partitions and how outputs are kept."""
    _say_tasks(screen, plan)
    if explain:
        _say_partitions(screen, plan)
        _say_passes(screen, plan)


def _say_tasks(screen: Screen, plan: Plan) -> None:
    rows = [(task.action, task.task, _why(task)) for task in plan.tasks]
    screen.table(("PLAN", "TASK", "WHY"), rows, colours=[STATE_COLOURS[action] for action, _, _ in rows])
    counts = [f"{count(plan.count(action))} {words}" for action, words in _ACTIONS if plan.count(action)]
    counts += [f"{count(len(plan.left_out))} left out"] if plan.left_out else []
    screen.say(f"\n{visible(plan.pipeline)}: {', '.join(counts) or 'no tasks'}")
    if plan.left_out:
        screen.say(screen.paint(f"left out: {visible(names(plan.left_out))}", "dim"))


def _why(task: PlannedTask) -> str:
    told, parts = task.reason.sentence(), task.partitions
    if parts is None:
        return told
    if parts.why:
        return f"{told}; not by {parts.column}, but over all of it: {parts.why}"
    return f"{told}; {count(len(parts.to_run))} of {count(parts.total, 'partition')} by {parts.column}"


def _say_partitions(screen: Screen, plan: Plan) -> None:
    """Which partitions will be computed."""
    rows = [(task.task, value) for task in plan.tasks if task.partitions for value in task.partitions.to_run]
    if rows:
        screen.say()
        screen.table(("TASK", "PARTITION"), rows)


def _say_passes(screen: Screen, plan: Plan) -> None:
    """What each pass did for each task. One reason that stopped them all is told once."""
    if not plan.notes:
        screen.say("\nEach output is stored as its query makes it.")
        return
    rows: list[tuple[str, str, str]] = []
    colours: list[Colour] = []
    for task in dict.fromkeys(note.task for note in plan.notes):
        notes = [note for note in plan.notes if note.task == task]
        if not any(note.applied for note in notes) and len({note.text for note in notes}) == 1:
            rows.append((task, "as written", notes[0].text))
            colours.append("dim")
            continue
        for note in notes:
            rows.append((task, note.by if note.applied else f"no {note.by}", note.text))
            colours.append("green" if note.applied else "dim")
    screen.say()
    screen.table(("TASK", "OUTPUT", "WHY"), rows, colours=colours)
    changed = tuple(dict.fromkeys(note.task for note in plan.notes if note.applied))
    told = f"passes change how {count(len(changed), 'output')} will be kept: {names(changed)}"
    screen.say(f"\n{visible(told if changed else 'no pass changes how an output will be kept')}")
