"""In which order the rows of a bound plan come: by which columns of the result, and whether that leaves anything open."""

from __future__ import annotations

from trc.compiler.sql.determined import Settling
from trc.compiler.sql.expressions import Json
from trc.compiler.sql.plans import ordered_by, place_of


def order_of(plan: Json, names: tuple[str, ...], settling: Settling) -> tuple[tuple[str, ...] | None, bool]:
    """The columns of the result that its ORDER BY begins with, and whether rows that it holds for equal are equal altogether.

    None where it has no ORDER BY. The columns end at the first that the result does not have; `settling` was over the plan.
    """
    shown = dict(enumerate(names))
    """The columns of the result by their places in what the operator hands on."""
    while plan["type"] in ("LOGICAL_PROJECTION", "LOGICAL_FILTER", "LOGICAL_LIMIT", "LOGICAL_MATERIALIZED_CTE"):
        if plan["type"] == "LOGICAL_PROJECTION":
            places = [place_of(one) for one in plan["expressions"]]
            shown = {place: shown[at] for at, place in enumerate(places) if place is not None and at in shown}
        kept = plan.get("projection_map") or ()
        shown = {place: shown[at] for at, place in enumerate(kept) if at in shown} if kept else shown
        plan = plan["children"][-1]
    if plan["type"] != "LOGICAL_ORDER_BY":
        return None, False
    if plan["projections"]:
        shown = {place: shown[at] for at, place in enumerate(plan["projections"]) if at in shown}
    (child,) = plan["children"]
    order = ordered_by(plan["orders"])
    columns: list[str] = []
    for one in order:
        name = shown.get(-1 if (place := place_of(one)) is None else place)
        if name is None:
            break
        columns.append(name)
    return tuple(columns), settling.settles(order, child)
