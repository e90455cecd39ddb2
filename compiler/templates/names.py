"""The names that templates know, with their values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from importlib import import_module
from typing import Any

from trc.compiler.context import Context
from trc.compiler.source import Span
from trc.compiler.templates.comparable import comparable
from trc.compiler.templates.moments import zone_named
from trc.compiler.templates.texts import plain_text
from trc.compiler.templates.world import MISSING, Budget, Macros, Names, World


@dataclass(slots=True)
class Settled:
    """What was settled. `target` is the one that was chosen, `backend` its backend, `moment` the run's logical time.

    `values` holds every parameter that has one; `missing` are the others.
    """

    moment: datetime
    zone: str
    target: str | None = None
    wrong_target: bool = False
    """Whether a target was asked for that there is not, which is reported: nobody knows what it would have settled."""
    backend: str | None = None
    backend_span: Span | None = None
    optimise: bool | None = None
    """Whether the target is to be optimised for; None where it does not say."""
    values: dict[str, Any] = field(default_factory=dict[str, Any])
    missing: dict[str, Span] = field(default_factory=dict[str, Span])
    wrong: set[str] = field(default_factory=set[str])
    """Those of the missing ones that were given a value with a mistake in it, which is reported."""
    targets: tuple[str, ...] = ()
    unrendered: dict[str, str] = field(default_factory=dict[str, str])
    """Texts that stay as they are written, each with the name whose value nobody gave; "" where a mistake is reported."""
    conditions: dict[str, bool] = field(default_factory=dict[str, bool])
    """By task, what its condition comes to, where that is known before the run."""
    open_conditions: dict[str, str] = field(default_factory=dict[str, str])
    """By task, what is left of its condition for the run to decide."""

    def told(self) -> tuple[tuple[str, str], ...]:
        """The values as plain text, by name: runs that differ in one of them are different runs."""
        values = [(name, f"{type(value).__name__} {plain_text(value)}") for name, value in sorted(self.values.items())]
        return (*values, ("target", self.target)) if self.target else tuple(values)


def jinja() -> Any:
    """What renders templates. Only pipelines that have some pay for loading Jinja."""
    return import_module("trc.compiler.templates.rendered")


def world_of_conditions(settled: Settled, context: Context, budget: Budget) -> World:
    """The names that conditions know: as `world`, but that no target is chosen is an answer, and not a lack of one."""
    known = world(settled, context, (), budget).names
    names = {
        name: Names(name, {inner: comparable(value) for inner, value in one.values.items()}, one.used)
        if isinstance(one, Names)
        else comparable(one)
        for name, one in known.items()
    }
    target = {"name": settled.target, "backend": settled.backend}
    names["target"] = Names("target", target, lambda _name: None)
    return World(names, (), budget)


def world(settled: Settled, context: Context, macros: tuple[Macros, ...] = (), budget: Budget | None = None) -> World:
    """The world of a compilation's templates: parameters by name, `params`, `run` and `target`."""
    local = settled.moment.astimezone(zone_named(settled.zone))
    params: dict[str, Any] = {**settled.values, **dict.fromkeys(settled.missing, MISSING)}
    target = {"name": settled.target or MISSING, "backend": settled.backend or MISSING}
    names: dict[str, Any] = {
        **params,
        "params": Names("params", params, lambda _name: None),
        "run": Names("run", {"time": local, "date": local.date()}, context.used.add),
        "target": Names("target", target, lambda _name: None),
    }
    return World(names, macros, budget or Budget())
