"""The command `trc`. A run with nothing to do is answered here, before anything else is loaded."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

import trc
from trc.runtime import standing


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs the command line, and ends the process with its exit code."""
    code = answer(arguments)
    # The process is about to give back all that it holds: to look first for what is of no use any more takes up to 0.06 s.
    gc.freeze()
    sys.exit(code)


def answer(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line, and answers with the exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if _tell_standinganswer(arguments):
        return 0
    # Loading and compiling make many objects that stay: looking through them ever again costs a tenth of the time.
    gc.set_threshold(100_000, 20, 20)
    code: int = import_module("trc.cli.group").run(arguments)
    return code


def _tell_standinganswer(arguments: Sequence[str]) -> bool:
    """Answers `trc run FILE` if the last such run had nothing to do, and nothing that it looked at has moved."""
    if len(arguments) != 2 or arguments[0] != "run" or arguments[1].startswith("-"):
        return False
    pipeline = arguments[1]
    text = standing.recall(standing.answer_path(standing.find_state(pipeline), pipeline), pipeline, trc.__version__)
    if not isinstance(text, str):
        return False
    sys.stdout.write(text)
    return True
