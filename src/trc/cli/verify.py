"""`trc verify`: runs a pipeline optimised and as it is written, and compares every sink."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click

from trc.cli import exits
from trc.cli.failures import tell_diagnostics
from trc.cli.options import choices_options, file_argument, json_option, subcommand
from trc.cli.output import Colour, Screen
from trc.cli.quantities import count
from trc.compiler.choices import Choices
from trc.compiler.diagnostics.render.cells import visible
from trc.verifying.made_up import MadeUp
from trc.verifying.sinks import Difference
from trc.verifying.usecase import Rows, verify
from trc.verifying.verify import SinkVerdict, Verdict, Verification

_WORDS: Final[dict[Verdict, str]] = {
    "equal": "equal",
    "different": "DIFFERENT",
    "not_verifiable": "not verifiable",
    "failed": "failed both ways",
    "omitted": "omitted",
}
_COLOURS: Final[dict[Verdict, Colour]] = {
    "equal": "green",
    "different": "red",
    "not_verifiable": "yellow",
    "failed": "red",
    "omitted": "dim",
}


@subcommand
@file_argument
@choices_options()
@click.option("--exact", is_flag=True, help="In one thread: floating-point numbers have to be equal to the last digit.")
@click.option(
    "--made-up",
    type=click.IntRange(1, 1_000_000),
    metavar="ROWS",
    help="Read so many rows that are made up from each source's columns, not its files.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**63 - 1),
    metavar="N",
    help="Makes up other rows; 0 if it is not given.",
)
@click.option("--workers", type=click.IntRange(min=1), metavar="N", help="How many tasks run at a time.")
@json_option
def command(
    screen: Screen,
    file: Path,
    choices: Choices,
    *,
    exact: bool,
    made_up: int | None,
    seed: int | None,
    workers: int | None,
) -> int:
    """Prove that optimising changes no result: run both ways, and compare.

    The pipeline reads what it always reads, or made-up rows, and writes into a temporary place. Nothing that is stored is
    used.
    """
    if made_up is None and seed is not None:
        raise click.UsageError("--seed is of the rows that --made-up makes")
    rows = None if made_up is None else Rows(made_up, seed or 0)
    found, compilation = verify(file, choices, exact=exact, workers=workers, rows=rows)
    tell_diagnostics(screen, compilation.diagnostics, compilation.sources)
    if screen.wants_json:
        screen.document(_document(found))
    else:
        _say(screen, found)
    return exits.OK if found.holds else exits.FAILED


def _say(screen: Screen, found: Verification) -> None:
    rows = [(_WORDS[one.verdict], _name(one), _told(one)) for one in found.sinks]
    screen.table(("VERDICT", "SINK", ""), rows, colours=[_COLOURS[one.verdict] for one in found.sinks])
    for one in found.sinks:
        if one.difference is not None:
            _say_rows(screen, one, one.difference)
    counts = [
        f"{count(sum(one.verdict == verdict for one in found.sinks))} {word.lower()}"
        for verdict, word in _WORDS.items()
        if any(one.verdict == verdict for one in found.sinks)
    ]
    if found.made_up is not None:
        _say_made_up(screen, found.made_up)
    changed = len({note.task for note in found.notes if note.applied})
    screen.say(
        f"\n{visible(found.pipeline)}: {', '.join(counts) or 'no sinks'}; "
        f"passes changed how {count(changed, 'output')} {'is' if changed == 1 else 'are'} kept"
    )


def _say_made_up(screen: Screen, made_up: MadeUp) -> None:
    screen.say(f"\nmade up: {visible(', '.join(made_up.sources)) or 'nothing'}")
    if made_up.as_they_are:
        screen.say(
            f"read as they are, their columns being unknown or of types that are not made up: {visible(', '.join(made_up.as_they_are))}"
        )


def _say_rows(screen: Screen, one: SinkVerdict, difference: Difference) -> None:
    screen.say(f"\n{visible(_name(one))}: {difference.text}")
    for sign, rows, colour in (("-", difference.missing, "red"), ("+", difference.added, "green")):
        for row in rows:
            told = visible(f"  {sign} {', '.join(map(str, row))}")
            screen.say(screen.paint(told, "red" if colour == "red" else "green"))


def _name(one: SinkVerdict) -> str:
    return one.task if one.output == "output" else f"{one.task}.{one.output}"


def _told(one: SinkVerdict) -> str:
    if one.verdict != "equal":
        return one.text
    rows = count(one.rows or 0, "row")
    return f"{rows}, those that its ORDER BY holds for equal in another order" if one.tied else rows


def _document(found: Verification) -> dict[str, Any]:
    return {
        "pipeline": found.pipeline,
        "holds": found.holds,
        "sinks": [
            {
                "task": one.task,
                "output": one.output,
                "verdict": one.verdict,
                "rows": one.rows,
                "text": one.text,
                "tied": one.tied,
                "missing": [list(map(str, row)) for row in one.difference.missing] if one.difference else [],
                "added": [list(map(str, row)) for row in one.difference.added] if one.difference else [],
            }
            for one in found.sinks
        ],
        "made_up": None if found.made_up is None else list(found.made_up.sources),
        "passes": [{"pass": one.by, "task": one.task, "applied": one.applied, "text": one.text} for one in found.notes],
    }
