"""Notes what a compilation has looked at, so that the same can be looked at again."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from datetime import datetime, time
from typing import Final

from trc.compiler.compile import Compiled
from trc.compiler.context import Context
from trc.compiler.diagnostics.collector import Collector
from trc.compiler.frontends.files import decoded
from trc.compiler.tasktype import TaskType
from trc.compiler.templates.moments import end_of_day, zone_named
from trc.runtime.answers import Text
from trc.runtime.dependencies import Dependencies
from trc.runtime.looks import Stamps, digest, listing_digest, stamps, text_digest
from trc.runtime.schemas import FileSchemas
from trc.runtime.standing import FOR_EVER, boot, is_settled

_HASTE: Final = frozenset({"TRC108", "TRC113"})
"""What is told of a file that takes too long or nests too deep: another time it might not."""
_MOST_FILES: Final = 10_000


def dependencies(context: Context, compiled: Compiled, given: datetime) -> Dependencies | None:
    """What the answer of a compilation that began at `given` depends on; None where that cannot be told."""
    if any(one.code in _HASTE for one in compiled.diagnostics):
        return None
    given_ns = int(given.timestamp() * 1e9)
    span = _span_of_time(context, compiled)
    texts = _texts(context, compiled)
    columns = _columns(context)
    code = stamps(tuple(_code(context.task_types)))
    looked_at = [*code, *(one for _, files in columns or () for one in files)]
    if span is None or texts is None or columns is None:
        return None
    if any(found is None or not is_settled(found, given_ns) for _, found in looked_at):
        return None
    return Dependencies(
        given.timestamp(),
        boot(),
        tuple((name, None if content is None else digest(content)) for name, content in context.seen.items()),
        tuple((pattern, listing_digest(names)) for pattern, names in context.listed.items()),
        texts,
        columns,
        code,
        *span,
    )


def texts_of(context: Context, compiled: Compiled) -> tuple[Text, ...]:
    """Where the files lie that places of diagnostics can be in: most are called by their paths."""
    marks = {name: text_digest(source.text) for name, source in compiled.sources.items()}
    imported: dict[str, str] = {}
    for name, content in context.seen.items() if len(marks) > 1 else ():
        file = None if content is None else decoded(content, name, Collector())
        if file is not None:
            imported[text_digest(file.text)] = str(context.project / name)
    return tuple(Text(name, imported.get(mark, name), mark) for name, mark in marks.items())


def _span_of_time(context: Context, compiled: Compiled) -> tuple[float, float] | None:
    """From when until when templates would read the same time; None for a moment."""
    if context.choices.at is not None or not context.used:
        return 0.0, FOR_EVER
    settled = compiled.settled
    if settled is None or "run.time" in context.used:
        return None
    zone = zone_named(settled.zone)
    midnight = datetime.combine(settled.moment.astimezone(zone).date(), time(), zone)
    return midnight.timestamp(), end_of_day(settled.moment, zone)


def _texts(context: Context, compiled: Compiled) -> tuple[tuple[str, str], ...] | None:
    """The file of parameters; None where there is none to be read."""
    path = context.choices.params_file
    if path is None:
        return ()
    source = compiled.sources.get(str(path))
    return None if source is None else ((str(path.absolute()), text_digest(source.text)),)


def _columns(context: Context) -> tuple[tuple[str, Stamps], ...] | None:
    """The files whose columns were asked for; None where it cannot be told what they are."""
    sources = context.sources
    if not isinstance(sources, FileSchemas) or sources.unread:
        return None
    if sum(map(len, sources.listed.values())) > _MOST_FILES:
        return None
    return tuple((uri, stamps(files)) for uri, files in sources.listed.items())


def _code(types: Mapping[str, TaskType]) -> Iterator[str]:
    """The files of others' task types, and of what they may have imported from outside of installed packages."""
    roots = {type(one).__module__.partition(".")[0] for one in types.values()} - {"trc"}
    if not roots:
        return
    told = tuple(f"{sysconfig.get_path(name)}/" for name in ("stdlib", "platstdlib", "purelib", "platlib"))
    for name, module in list(sys.modules.items()):
        file, root = getattr(module, "__file__", None), name.partition(".")[0]
        if file is not None and root != "trc" and (root in roots or not file.startswith(told)):
            yield os.path.abspath(file)  # noqa: PTH100 - as it was loaded
