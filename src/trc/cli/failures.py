"""Turns what ends a command early into words on the screen and an exit code."""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

import click

import trc
from trc.cli import exits
from trc.cli.output import Screen
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.source import SourceFile
from trc.runtime.errors import Stopped

_OUTPUT_LOST: Final = frozenset({errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EBADF})


@contextmanager
def told(ctx: click.Context) -> Iterator[None]:
    """Whatever ends the command inside leaves no traceback on the screen."""
    try:
        yield
        ctx.obj.out.flush()
    except (click.ClickException, click.Abort, click.exceptions.Exit):
        raise
    except Stopped as stop:
        _tell_stop(ctx.obj, stop)
        raise click.exceptions.Exit(stop.exit_code) from None
    except BrokenPipeError:
        raise click.exceptions.Exit(exits.BROKEN_PIPE) from None
    except Exception as error:  # noqa: BLE001 - the last place that can tell the user of a bug
        if isinstance(error, OSError) and error.filename is None and error.errno in _OUTPUT_LOST:
            ctx.obj.tell(f"error: the output cannot be written: {error.strerror}")
        else:
            _tell_bug(ctx.obj, error)
        raise click.exceptions.Exit(exits.WRONG_USAGE) from None


def tell_diagnostics(screen: Screen, diagnostics: Sequence[Diagnostic], sources: Mapping[str, SourceFile]) -> None:
    """Diagnostics as people read them, on standard error; nothing where there are none."""
    if diagnostics:
        from trc.compiler.diagnostics.render import human  # noqa: PLC0415 - most commands have nothing to tell

        screen.tell(human.render(diagnostics, sources, screen.colour_err).rstrip("\n"))


def _tell_stop(screen: Screen, stop: Stopped) -> None:
    tell_diagnostics(screen, stop.diagnostics, stop.sources)
    if screen.wants_json:
        from trc.compiler.diagnostics.render import json as as_json  # noqa: PLC0415 - most commands have nothing to tell

        screen.document({"diagnostics": as_json.render(stop.diagnostics, stop.sources)})
        screen.out.flush()


def _tell_bug(screen: Screen, error: Exception) -> None:
    import platform  # noqa: PLC0415 - most commands have nothing to tell
    import tempfile  # noqa: PLC0415 - most commands have nothing to tell
    import traceback  # noqa: PLC0415 - most commands have nothing to tell

    trace = "".join(traceback.format_exception(error))
    with tempfile.NamedTemporaryFile(
        "w", prefix="trc-bug-", suffix=".txt", delete=False, encoding="utf-8", errors="backslashreplace"
    ) as file:
        file.write(f"trc {trc.__version__}, Python {platform.python_version()}, {platform.platform()}\n")
        file.write(f"arguments: {sys.argv[1:]!r}\n\n{trace}")
    screen.tell(f"{screen.paint_err('error', 'red', 'bold')}: this is a bug in trc: {type(error).__name__}: {error}")
    screen.tell(f"  its trace is in {file.name}; please report it with the pipeline that shows it")
    if screen.debug:
        screen.tell(trace.rstrip("\n"))
