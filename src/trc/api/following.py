"""What the tasks of a run print, as they print it, until the run ends."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from trc.api.recorded import find_run, known_task, recorded_in
from trc.runtime.clock import SystemClock
from trc.runtime.drivers import is_driven
from trc.runtime.store.journal import AttemptRecord
from trc.runtime.store.sql import SqlStore


@dataclass(frozen=True, slots=True)
class LogPiece:
    """Whole lines that an attempt printed since the last piece; the last one of an ended attempt may lack its end."""

    attempt: AttemptRecord
    text: str


@dataclass(slots=True)
class _Reader:
    """Reads on in one log: characters are never cut, and of a running attempt's lines no beginnings are told."""

    path: str
    offset: int = 0
    held: str = ""
    decoder: codecs.IncrementalDecoder = field(default_factory=lambda: codecs.getincrementaldecoder("utf-8")("replace"))

    def read(self, *, ended: bool) -> str:
        try:
            with Path(self.path).open("rb") as file:
                file.seek(self.offset)
                data = file.read()
        except OSError:
            data = b""
        self.offset += len(data)
        text = self.held + self.decoder.decode(data, final=ended)
        whole = len(text) if ended else text.rfind("\n") + 1
        self.held = text[whole:]
        return text[:whole]


def follow_logs(folder: Path, run: str | None, task: str | None, pause: Callable[[], None]) -> Iterator[LogPiece]:
    """Pieces of the logs of a run's attempts, of one task or of all, until the run ends or its process dies.

    `pause` waits a moment between two looks.
    """
    readers: dict[str, _Reader] = {}
    with recorded_in(folder) as store:
        record = find_run(store, run)
        known_task(store, record, task)
        goes_on = True
        while goes_on:
            # Asked first: what is printed until the run ends is read after that.
            goes_on = _goes_on(store, record.id)
            for attempt in store.attempts(record.id, task):
                reader = readers.setdefault(attempt.token, _Reader(attempt.log))
                ended = attempt.ended_at is not None or not goes_on
                text = reader.read(ended=ended)
                if text:
                    yield LogPiece(attempt, text)
            if goes_on:
                pause()


def _goes_on(store: SqlStore, run: str) -> bool:
    record = store.run(run)
    return record is not None and is_driven(record, store.drivers(), SystemClock())
