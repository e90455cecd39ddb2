"""What is done to a pipeline so that it runs faster and every sink stays as it is: the passes, in their order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from trc.compiler.passes.column_pruning import column_pruning
from trc.compiler.passes.draft import Draft
from trc.compiler.passes.fusion import fusion
from trc.compiler.passes.predicate_pushdown import predicate_pushdown

PASSES: Final[tuple[Callable[[Draft], Draft], ...]] = (
    fusion,
    # Of what is still stored:
    column_pruning,
    predicate_pushdown,
)


def optimised(draft: Draft) -> Draft:
    """The draft after all passes. No pass changes a query: they choose how its rows are kept for those that read them."""
    for one in PASSES:
        draft = one(draft)
    return draft
