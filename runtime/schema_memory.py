"""Remembers the columns of source files for as long as the files stay what they are: an editor asks at each keystroke."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from trc.compiler.context import SourceReader
from trc.compiler.ir.formats import Format
from trc.compiler.ir.types import Schema
from trc.compiler.ir.uris import normalise

Answers = dict[tuple[str, Format], tuple[tuple[object, ...], Schema]]
"""By location and format: the files' state when they were read, and what they held then."""


class RememberedSchemas:
    """Answers from `answers` where the files are unchanged, else asks `reader` and notes its answer there."""

    def __init__(
        self, project: str, list_files: Callable[[str], Sequence[str]], reader: SourceReader, answers: Answers
    ) -> None:
        self._project = project
        self._list = list_files
        self._reader = reader
        self._answers = answers
        self._asked: set[str] = set()

    @property
    def asked(self) -> frozenset[str]:
        """The absolute files and globs whose columns were asked for."""
        return frozenset(self._asked)

    def schema(self, uri: str, fmt: Format) -> Schema:
        """The columns of the file or glob at `uri`, or why they are not known."""
        absolute = normalise(uri, self._project)
        self._asked.add(absolute)
        state = () if "://" in absolute else tuple(_state(file) for file in self._list(absolute))
        known = self._answers.get((absolute, fmt))
        if known is None or known[0] != state:
            known = self._answers[absolute, fmt] = state, self._reader.schema(uri, fmt)
        return known[1]


def _state(file: str) -> tuple[object, ...]:
    try:
        found = os.stat(file)  # noqa: PTH116 - asked for each file at each keystroke
    except OSError:
        return (file,)
    return file, found.st_size, found.st_mtime_ns, found.st_ino
