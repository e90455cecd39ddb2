"""What is said of a task where it is added: its name, its options, what it reads and what it provides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trc.authoring.misuse import Misuse, nearest
from trc.authoring.options import TASK, Options, checked
from trc.authoring.places import Spot
from trc.authoring.refs import Dataset
from trc.authoring.values import Entries, Table, many, text
from trc.authoring.work import Work


class Placed:
    """A task, or a composite, as it was added: all that was said of it."""

    def __init__(self, name: str, name_spot: Spot, call: Spot, options: Options) -> None:
        self.name = name
        self.name_spot = name_spot
        self.call = call
        self.options = options
        self.needs: list[tuple[Any, Spot]] = list(options["needs"][1]) if "needs" in options else []
        self.reads: dict[str, tuple[Spot, Dataset | str]] = dict(options["reads"][1]) if "reads" in options else {}
        self.work: Work | None = None
        self.params: Table = []
        self.provides: list[tuple[str, str | None]] = []
        """Names that others may require, each with the output that it means; None for the only one."""
        self.composite: Any = None
        self.outward: dict[str, str] = {}
        """What a composite provides: the names out here by those inside."""


class Adding:
    """What a call that adds something says of it, besides its work."""

    def __init__(self, spot: Spot, name: Any, name_spot: Spot, options: Mapping[str, Any], params: Table) -> None:
        self.spot = spot
        self.name = text(name, "name", name_spot)
        self.name_spot = name_spot
        self.options = options
        self.params = params

    def placed(self, what: str) -> Placed:
        return Placed(self.name, self.name_spot, self.spot, checked(self.options, TASK, self.spot, what))


def refuse_params(params: Table, what: str) -> None:
    """Raises Misuse for parameters where none are taken."""
    for key, spot, _value in params:
        remedy = "name datasets in its SQL, or say reads={...}" if key == "inputs" else "leave it out"
        raise Misuse(f'{what} does not take "{key}"', spot, remedy)


def once(params: Table) -> Table:
    """The parameters, each of which may be said once."""
    seen: set[str] = set()
    for key, spot, _value in params:
        if key in seen:
            said = {"output_uri": "output", "output_format": "output"}.get(key, key)
            raise Misuse(f'"{said}" is said twice', spot, "say it once")
        seen.add(key)
    return params


def provided(provides: Any, work: Work, adding: Adding) -> list[tuple[str, str | None]]:
    """What each name that a task provides means; an output that was not said is added to its parameters."""
    if provides is None:
        return []
    place = adding.spot.argument(-1, "provides")
    found = [(text(one, "provides", at), at) for one, at in many(provides, "provides", place)]
    names = [name for name, _at in found]
    said = next((value for key, _spot, value in adding.params if key == "outputs"), None)
    if said is not None:
        known = [key for key, _at, _one in said.table]
        for name, at in found:
            if name not in known:
                raise Misuse(f'"outputs" has no "{name}"', at, *nearest(name, known))
        return [(name, name if len(known) > 1 else None) for name in names]
    if len(names) != 1:
        if not work.takes_inputs:
            raise Misuse(f'"{adding.name}" has one output, and "provides" names {len(names)}', place, "name one")
        table: Table = [(name, at, {}) for name, at in found]
        adding.params = [*adding.params, ("outputs", place, Entries(table))]
        return [(name, name) for name in names]
    has_output = any(key.startswith("output_") for key, _spot, _value in [*adding.params, *work.params])
    if work.takes_inputs and not has_output:
        adding.params = [*adding.params, ("output_format", place, "parquet")]
    return [(names[0], None)]
