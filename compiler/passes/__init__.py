"""What is done to a pipeline so that it runs faster and every sink stays as it is: the passes, in their order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from trc.compiler.passes.column_pruning import column_pruning
from trc.compiler.passes.common_tasks import common_tasks
from trc.compiler.passes.constant_folding import constant_folding
from trc.compiler.passes.dead_tasks import dead_tasks
from trc.compiler.passes.draft import Draft
from trc.compiler.passes.fusion import fusion
from trc.compiler.passes.predicate_pushdown import predicate_pushdown

PASSES: Final[tuple[Callable[[Draft], None], ...]] = (
    # What is not run at all need not be looked at further:
    dead_tasks,
    # Those that read equal tasks are readers of one, before anything is decided for it:
    common_tasks,
    # Which rows matter at all comes before the question where they are computed:
    constant_folding,
    fusion,
    # Of what is still stored:
    column_pruning,
    predicate_pushdown,
)


def run_passes(draft: Draft) -> None:
    """Lets all passes work on a draft. No pass changes a query: they choose how its rows are kept for those that read them."""
    for one in PASSES:
        one(draft)
