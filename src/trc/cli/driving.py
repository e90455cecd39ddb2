"""What commands that run a pipeline share: someone watches it, signals end it in order, and its end is told."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from trc import api
from trc.cli import exits
from trc.cli.live import Live
from trc.cli.output import Screen
from trc.cli.progress import Lines, Silent
from trc.cli.summary import run_report_document, summarise
from trc.runtime.store.journal import RunState


@dataclass(slots=True)
class Interruption:
    """The first Ctrl-C (or SIGTERM) ends the run in order, a second one at once."""

    watch: Live | Lines | Silent
    asked: bool = False

    def listen(self, cancel: Callable[[], None]) -> None:
        """From now on, signals ask for the run to end by `cancel`."""

        def ask(number: int, _frame: FrameType | None) -> None:
            signal.signal(number, signal.default_int_handler)
            self.asked = True
            self.watch.note("canceling: tasks are being stopped; again ends at once")
            cancel()

        signal.signal(signal.SIGINT, ask)
        signal.signal(signal.SIGTERM, ask)


@contextmanager
def watched(screen: Screen, folder: Path) -> Iterator[Interruption]:
    """While this lasts, the run's progress is on the screen, and signals may end it."""
    with closing(_watch(screen, folder)) as watch:
        yield Interruption(watch)


def _watch(screen: Screen, folder: Path) -> Live | Lines | Silent:
    if screen.is_log:
        return Silent()
    return Live(screen, folder) if screen.is_live else Lines(screen, folder)


def tell_end(screen: Screen, report: api.RunReport, folder: Path, interruption: Interruption) -> int:
    """Says how the run ended; answers with the command's exit code."""
    if screen.wants_json:
        screen.document(run_report_document(report))
    else:
        summarise(screen, report, folder)
    return exit_code(report.run.state, interruption.asked)


def exit_code(state: RunState, interrupted: bool) -> int:
    """How a command ends whose run ended so."""
    if state == "success":
        return exits.OK
    return exits.INTERRUPTED if interrupted or state == "canceled" else exits.FAILED
