"""The group: what it loads, what it says, and how it ends."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import click
import pytest

from trc.cli import answer, exits
from trc.cli.group import COMMANDS, group

HEAVY = ("pydantic", "duckdb", "yaml", "sqlite3", "trc.api", "trc.runtime.plan", "trc.cli.run", "trc.cli.output")


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["-h"], []], ids=" ".join)
def test_the_front_page_loads_nothing_heavy(arguments: list[str]) -> None:
    program = (
        "import sys; from trc.cli import answer; code = answer(sys.argv[1:]);"
        f"loaded = [name for name in {HEAVY!r} if name in sys.modules]; print('loaded', loaded, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
    assert done.stderr.strip().splitlines()[-1] == "loaded []"


def test_every_command_has_a_module_a_help_and_a_name() -> None:
    for name in COMMANDS:
        command = import_module(f"trc.cli.{name}").command
        assert isinstance(command, click.Command)
        assert command.name == name
        assert command.help


@pytest.mark.parametrize("name", COMMANDS)
def test_a_commands_help_can_be_read(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer([name, "--help"]) == exits.OK
    told = capsys.readouterr().out
    assert told.startswith(f"Usage: trc {name} ")
    assert "--no-color" in told


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["chek"], 'there is no command "chek"; did you mean "check"?'),
        (["stauts"], 'did you mean "status"?'),
        (["zzzzzz"], 'there is no command "zzzzzz"'),
        (["--frob"], "No such option"),
        (["check"], "Missing argument"),
        (["run", "a.yaml", "--workers", "0"], "0 is not in the range"),
        (["run", "a.yaml", "--on-conflict", "pray"], "'pray' is not one of"),
        (["check", "a.yaml", "--format", "xml"], "'xml' is not one of"),
        (["plan", "a.yaml", "b.yaml"], "unexpected extra argument"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_has_an_exit_code_of_its_own(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answer(arguments) == exits.WRONG_USAGE
    printed = capsys.readouterr()
    assert told in printed.err
    assert printed.out == ""


def test_the_group_without_a_command_shows_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert answer([]) == exits.WRONG_USAGE
    assert "Commands:" in capsys.readouterr().err


def test_commands_are_listed_in_the_order_of_the_work() -> None:
    assert group.list_commands(click.Context(group)) == list(COMMANDS)
