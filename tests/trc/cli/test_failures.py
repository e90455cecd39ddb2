"""What ends a command early: told in words, with the right exit code, and without a traceback."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from trc.cli import exits
from trc.cli.failures import told
from trc.cli.output import Screen
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.source import SourceFile, Span
from trc.runtime.errors import Stopped

STOP = Stopped(
    [Diagnostic("TRC208", 'there is no task type "sqll"', Span("a.yaml", 6, 10), help=('did you mean "sql"?',))],
    exits.WRONG_PIPELINE,
    {"a.yaml": SourceFile("a.yaml", "type: sqll\n")},
)


def end_with(error: BaseException | None, screen: Screen) -> int:
    """The exit code of a command that ends with `error`."""
    ctx = click.Context(click.Command("x"), obj=screen)
    try:
        with told(ctx):
            if error is not None:
                raise error
    except click.exceptions.Exit as end:
        return end.exit_code
    return exits.OK


def screen(**settings: bool) -> Screen:
    return Screen(io.StringIO(), io.StringIO(), **settings)


def text(stream: object) -> str:
    assert isinstance(stream, io.StringIO)
    return stream.getvalue()


def test_a_stop_is_rendered_where_people_look() -> None:
    shown = screen()
    assert end_with(STOP, shown) == exits.WRONG_PIPELINE
    assert text(shown.out) == ""
    assert text(shown.err).startswith('error[TRC208]: there is no task type "sqll"\n')
    assert "a.yaml:1:7" in text(shown.err)


def test_a_stop_is_a_document_where_one_was_promised() -> None:
    shown = screen(wants_json=True)
    assert end_with(STOP, shown) == exits.WRONG_PIPELINE
    assert '"code": "TRC208"' in text(shown.out)
    assert "TRC208" in text(shown.err)


def test_a_bug_leaves_its_trace_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    shown = screen()
    assert end_with(ZeroDivisionError("it divides"), shown) == exits.WRONG_USAGE
    assert "this is a bug in trc: ZeroDivisionError: it divides" in text(shown.err)
    assert "Traceback" not in text(shown.err)
    [trace] = tmp_path.iterdir()
    assert str(trace) in text(shown.err)
    assert "Traceback" in trace.read_text()


def test_a_bug_is_shown_at_once_to_who_looks_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    shown = screen(debug=True)
    end_with(ZeroDivisionError(), shown)
    assert "Traceback" in text(shown.err)


@pytest.mark.parametrize("error", [click.Abort(), click.UsageError("x"), KeyboardInterrupt()], ids=repr)
def test_what_others_handle_passes(error: BaseException) -> None:
    with pytest.raises(type(error)):
        end_with(error, screen())


PRINTER = """
import sys, click
from trc.cli.failures import told
from trc.cli.output import Screen
screen = Screen.of(sys.stdout, sys.stderr, {}, colour=False)
try:
    with told(click.Context(click.Command("x"), obj=screen)):
        for number in range(100_000):
            screen.say(f"line {number}")
except click.exceptions.Exit as end:
    sys.exit(end.exit_code)
"""


def test_a_reader_that_leaves_ends_the_command_quietly() -> None:
    command = subprocess.Popen(
        [sys.executable, "-c", PRINTER], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert command.stdout is not None
    assert command.stderr is not None
    command.stdout.readline()
    command.stdout.close()
    assert command.stderr.read() == ""
    command.stderr.close()
    assert command.wait() == exits.BROKEN_PIPE


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_a_full_disk_under_the_output_is_no_bug() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", PRINTER], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == exits.WRONG_USAGE
    assert re.fullmatch(r"error: the output cannot be written: .*\n", done.stderr)
