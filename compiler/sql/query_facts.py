"""What passes may rely on about a pipeline's queries."""

from __future__ import annotations

from trc.compiler.compile import Compiled
from trc.compiler.sql.facts import QueryFacts


def query_facts(compiled: Compiled) -> dict[str, QueryFacts]:
    return {}
