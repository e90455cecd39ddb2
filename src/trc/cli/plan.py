"""`trc plan`: shows what a run would do, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from trc import api
from trc.cli import exits
from trc.cli.failures import tell_diagnostics
from trc.cli.options import choices_options, deny_option, file_argument, force_option, json_option, subcommand
from trc.cli.output import STATE_COLOURS, Screen
from trc.cli.quantities import count
from trc.compiler.choices import Choices
from trc.compiler.diagnostics.render.cells import visible
from trc.runtime.plan import Action, Plan

_ACTIONS: Final[tuple[tuple[Action, str], ...]] = (
    ("run", "to run"),
    ("maybe", "to decide later"),
    ("skip", "to skip"),
    ("blocked", "blocked"),
)


@subcommand
@file_argument
@choices_options()
@force_option
@deny_option
@json_option
def command(screen: Screen, file: Path, choices: Choices, force: bool, deny_warnings: bool) -> int:
    """Show what a run would do, and why.

    Nothing is run. "maybe" is decided when what the task reads is there.
    """
    report = api.plan(file, choices, force=force, deny_warnings=deny_warnings)
    tell_diagnostics(screen, report.diagnostics, report.sources)
    if screen.wants_json:
        screen.document(report.plan.to_json())
    else:
        _say_plan(screen, report.plan)
    return exits.OK


def _say_plan(screen: Screen, plan: Plan) -> None:
    rows = [(task.action, task.task, task.reason.sentence()) for task in plan.tasks]
    screen.table(("PLAN", "TASK", "WHY"), rows, colours=[STATE_COLOURS[action] for action, _, _ in rows])
    counts = [f"{count(plan.count(action))} {words}" for action, words in _ACTIONS if plan.count(action)]
    screen.say(f"\n{visible(plan.pipeline)}: {', '.join(counts) or 'no tasks'}")
