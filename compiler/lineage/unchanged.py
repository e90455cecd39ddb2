"""Which rows a new query surely has in common with the one that it replaces."""

from __future__ import annotations

from collections.abc import Sequence

from trc.compiler.compile import Compiled
from trc.compiler.context import SourceReader
from trc.compiler.ir.types import Unknown
from trc.compiler.lineage.steps import Stepping
from trc.compiler.sql.bind import Binder
from trc.compiler.sql.engine import TRIMMING
from trc.compiler.sql.parse import Parsed, parse


def unchanged(compiled: Compiled, sources: SourceReader, task: str, before: str, columns: Sequence[str]) -> bool:
    """Whether the rows of these columns of a task's query are proved to be those that the query `before` has.

    Both read the same data, and neither may answer otherwise each time.
    """
    old = parse(before)
    if not isinstance(old, Parsed):
        return False
    with Binder(passes=TRIMMING) as binder:
        stepping = Stepping(compiled, sources, binder)
        new = stepping.asked(stepping.tasks[task], stepping.graph.inputs.get(task, ()))
        if isinstance(new, Unknown):
            return False
        return binder.is_same(old, new.parsed, columns, new.tables, new.files)
