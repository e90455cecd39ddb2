"""The facts about a pipeline's queries that passes may rely on, task by task."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from trc.compiler.compile import Compiled
from trc.compiler.context import SourceReader
from trc.compiler.ir.dataset import Format
from trc.compiler.ir.types import Schema, Unknown
from trc.compiler.lineage.steps import Stepping
from trc.compiler.sql.bind import Binder
from trc.compiler.sql.facts import QueryFacts
from trc.compiler.sql.query_facts import facts_of


class _NoFiles:
    """Files that nobody looks into."""

    def schema(self, uri: str, fmt: Format) -> Schema:
        return Unknown(f'nobody looks into the {fmt} files at "{uri}"')


_NO_FILES: Final = _NoFiles()


def query_facts(
    compiled: Compiled, sources: SourceReader = _NO_FILES, tasks: Collection[str] | None = None
) -> dict[str, QueryFacts]:
    """By task, what is proved of its query; a task of whose query nothing is proved is not in it.

    None but `tasks` are looked at; None stands for all.

    The pipeline has no mistakes. `sources` answers for the files that queries read without a declared source, as it
    did when they were checked; without it, nothing is proved of such queries. Datasets are named as each query does.
    """
    assert compiled.graph is not None
    found: dict[str, QueryFacts] = {}
    with Binder() as binder:
        stepping = Stepping(compiled, sources, binder)
        for name in compiled.graph.order:
            if tasks is not None and name not in tasks:
                continue
            task, inputs = stepping.tasks[name], compiled.graph.inputs.get(name, ())
            planned = stepping.planned(task, inputs, pushed=True)
            if isinstance(planned, Unknown):
                for output in task.outputs:
                    stepping.doubts(task, output.name, planned, inputs)
                continue
            facts = facts_of(*planned)
            if not isinstance(facts, Unknown):
                found[name] = facts
    return found
