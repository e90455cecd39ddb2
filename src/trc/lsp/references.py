"""All places of a pipeline that name a task or a source."""

from __future__ import annotations

from lsprotocol.types import Location

from trc.lsp.ask import Ask
from trc.lsp.occurrences import at, occurrences


def refer(ask: Ask, *, with_definition: bool) -> list[Location]:
    """The places that name the thing at the place."""
    found = occurrences(ask.compiled)
    here = at(ask, found)
    if here is None:
        return []
    same = (one for one in found if one.name == here.name and (with_definition or not one.defines))
    return [location for one in same if (location := ask.location(one.span))]
