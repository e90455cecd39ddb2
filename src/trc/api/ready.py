"""A pipeline that is ready to be planned or run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from trc.backends.base import Backend
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.source import SourceFile
from trc.compiler.sql.facts import QueryFacts
from trc.runtime.facts import Facts
from trc.runtime.optimising import optimise as optimise_spec
from trc.runtime.selecting import Part, select
from trc.runtime.selectors import States, no_states
from trc.runtime.spec import PipelineSpec

if TYPE_CHECKING:
    from trc.compiler.compile import Compiled


@dataclass(frozen=True, slots=True)
class Ready:
    """A pipeline to be planned or run at a logical time; `facts` are those behind its spec, if they can be told."""

    spec: PipelineSpec
    queries: Mapping[str, QueryFacts]
    facts: Facts | None
    backend: Backend
    logical_time: str
    diagnostics: tuple[Diagnostic, ...] = ()
    sources: Mapping[str, SourceFile] = field(default_factory=dict[str, SourceFile])
    compiled: Compiled | None = None
    holds_time: bool = False
    """Whether the spec holds something of its logical time."""
    optimise: bool = False
    """Whether it is to be optimised: as the command line says, else the target, else as trc does by itself."""
    part: Part | None = None
    """What the spec is of a pipeline, where not all of it was asked for."""

    def selected(self, patterns: Sequence[str], excluded: Sequence[str] = (), states: States = no_states) -> Ready:
        """With the part of the pipeline that selections name, without what is `excluded`; all of it without any."""
        if not patterns and not excluded:
            return self
        part = select(self.spec, patterns, excluded, states)
        if self.optimise:
            part = part.without(optimise_spec(self.spec, self.queries, part).dead)
        return replace(self, spec=part.spec, part=part)
