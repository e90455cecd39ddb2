"""Writes all that a state store remembers to a file."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from trc.runtime.errors import stopped
from trc.runtime.store.rows import readable
from trc.runtime.store.sql import SqlStore
from trc.runtime.store.transfer.lines import DIGEST, LETTER, RECORDS, RUN, Writer


def export_state(store: SqlStore, path: Path) -> Mapping[str, int]:
    """Writes the store as it is at one moment; answers how many lines of each kind. The file is whole, or is not there.

    Stores that remember the same write the same bytes. Leases and drivers are of no use elsewhere, and left out.
    Raises `Stopped` where a run is unfinished, and for a file that cannot be written.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with aside.open("wb") as file:
            written = _write(store, Writer(file))
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise stopped("TRC637", f'the state cannot be written to "{path}": {reason}', "choose another file") from error
    finally:
        with suppress(OSError):
            aside.unlink(missing_ok=True)
    return written


def _write(store: SqlStore, writer: Writer) -> Mapping[str, int]:
    counts: Counter[str] = Counter()
    with store.snapshot() as stream:
        for kind in RECORDS:
            for values in store.export_rows(stream, f"{kind.statements}_out"):
                if kind == RUN and values["state"] == "running":
                    told = f"run {values['id']} of {values['pipeline']} goes on, or was left unfinished"
                    raise stopped("TRC637", told, f"wait for its end, or end it: `trc cancel {values['id']}`")
                if kind == LETTER:
                    # As it is written by now.
                    values["log"] = readable(values["log"])
                writer.put(kind, values)
                counts[kind.name] += 1
    cache = store.cache()
    with cache.snapshot() as stream:
        for values in cache.export_rows(stream, f"{DIGEST.statements}_out"):
            writer.put(DIGEST, values)
            counts[DIGEST.name] += 1
    writer.end()
    return counts
