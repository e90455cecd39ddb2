"""`trc fmt`: lays pipelines out as everybody's are."""

from __future__ import annotations

import difflib
from pathlib import Path

import click

from trc import api
from trc.cli import exits
from trc.cli.failures import tell_diagnostics
from trc.cli.files import write_whole
from trc.cli.options import json_option, subcommand
from trc.cli.output import Colour, Screen
from trc.cli.quantities import count
from trc.texts import Formatted, format_files


@subcommand
@click.argument("paths", nargs=-1, required=True, metavar="FILE|DIR...", type=click.Path(path_type=Path))
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if a file is laid out otherwise.")
@click.option("--diff", is_flag=True, help="Write nothing; show what would change.")
@click.option("--sql", is_flag=True, help="Lay out the SQL between $$, and in YAML's block texts, too.")
@json_option
def command(screen: Screen, paths: tuple[Path, ...], check: bool, diff: bool, sql: bool) -> int:
    """Lay pipelines out in the one canonical way.

    What a file says stays, its comments too; SQL is left as it is, unless it is asked for: then its white space
    changes, and nothing else. A folder stands for all pipelines below it.
    """
    found = tuple(dict.fromkeys(file for path in paths for file in api.pipeline_files(path)))
    report = format_files(found, sql=sql)
    changed = [file for file in report.files if file.differs]
    writes = not (check or diff)
    for file in changed if writes else ():
        assert file.after is not None
        write_whole(file.path, file.after)
    tell_diagnostics(screen, report.diagnostics, report.sources)
    is_wrong = any(found.severity == "error" for found in report.diagnostics)
    kept_whole = [file for file in report.files if file.left]
    left = [(file.path, one) for file in report.files for one in file.left_sql]
    if screen.wants_json:
        kept = [{"file": path, "line": one.line, "task": one.task, "why": one.why} for path, one in left]
        found_files = [file.path for file in report.files]
        whole = [{"file": file.path, "why": file.left} for file in kept_whole]
        screen.document(
            {
                "changed": [file.path for file in changed],
                "files": found_files,
                "left_as_they_are": whole,
                "sql_left_as_it_is": kept,
            }
        )
    else:
        for file in kept_whole:
            screen.tell(f"{file.path} is left as it is: {file.left}")
        for path, one in left:
            screen.tell(f'{path}:{one.line}: the SQL of "{one.task}" is left as it is: {one.why}')
        right = 0 if is_wrong else len(report.files) - len(kept_whole)
        _tell(screen, changed, right, diff=diff, writes=writes)
    if is_wrong:
        return exits.WRONG_PIPELINE
    return exits.FAILED if check and changed else exits.OK


def _tell(screen: Screen, changed: list[Formatted], right: int, *, diff: bool, writes: bool) -> None:
    for file in changed:
        if diff:
            _show_difference(screen, file)
        else:
            screen.say(f"{'formatted' if writes else 'would format'} {file.path}")
    if right and not changed:
        screen.say(f"{count(right, 'file')} as {'it' if right == 1 else 'they'} should be")


_COLOURS: dict[str, Colour] = {"+": "green", "-": "red", "@": "cyan"}


def _show_difference(screen: Screen, file: Formatted) -> None:
    assert file.after is not None
    lines = difflib.unified_diff(
        file.before.splitlines(), file.after.splitlines(), str(file.path), f"{file.path} (formatted)", lineterm=""
    )
    for line in lines:
        colour = _COLOURS.get(line[:1])
        screen.say(screen.paint(line, colour) if colour else line)
