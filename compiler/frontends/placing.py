"""Notes where each part of a pipeline stands, under the path by which the IR's readers ask for it."""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field

from trc.compiler.frontends.syntax import Entry, Mapping, Node, Scalar, Sequence
from trc.compiler.ir.places import Path, Place
from trc.compiler.source import Span

_NAMED = ("sources", "targets", "params")


def place_table(root: Mapping, tasks: MappingOf[int, str]) -> dict[Path, Place]:
    """Places of the whole tree; `tasks` names the items of `nodes` that become tasks."""
    table = _Table()
    for entry in root.entries:
        if entry.key.value == "nodes":
            table.nodes(entry, tasks)
        elif entry.key.value in _NAMED:
            table.named(entry)
        else:
            table.put((entry.key.value,), entry.value, entry.key.span)
    defaults = root.get("defaults")
    if isinstance(defaults, Mapping):
        for name in tasks.values():
            table.inherit(("tasks", name), defaults)
    return table.places


@dataclass(slots=True)
class _Table:
    places: dict[Path, Place] = field(default_factory=dict[Path, Place])

    def put(self, path: Path, node: Node, key: Span | None) -> None:
        self.places[path] = _place(node, key)
        self._inside(path, node)

    def _inside(self, path: Path, node: Node) -> None:
        match node:
            case Mapping():
                for entry in node.entries:
                    self.put((*path, entry.key.value), entry.value, entry.key.span)
            case Sequence():
                items = [one for one in node.items if _is_need(one)] if path[-1:] == ("needs",) else node.items
                for index, item in enumerate(items):
                    self.put((*path, index), item, None)
            case Scalar():
                pass

    def named(self, entry: Entry) -> None:
        """Things by name: each one's own place is its name."""
        self.put((entry.key.value,), entry.value, entry.key.span)
        for thing in entry.value.entries if isinstance(entry.value, Mapping) else ():
            path: Path = (entry.key.value, thing.key.value)
            self.places[path] = _place(thing.key, thing.key.span)
            if entry.key.value == "sources" and isinstance(thing.value, Mapping):
                location = next((one for one in thing.value.entries if one.key.value != "columns"), None)
                if location:
                    self.put((*path, "uri"), location.value, location.key.span)

    def nodes(self, entry: Entry, tasks: MappingOf[int, str]) -> None:
        """Tasks stand under their names, and each one's own place is its name."""
        self.places[("nodes",)] = self.places[("tasks",)] = _place(entry.value, entry.key.span)
        for index, node in enumerate(entry.value.items if isinstance(entry.value, Sequence) else ()):
            name = tasks.get(index)
            if name is None or not isinstance(node, Mapping):
                continue
            self._inside(("tasks", name), node)
            self._translations(name, node)
            named = node.entry("id")
            if named:
                self.places[("tasks", name)] = _place(named.value, named.key.span)

    def _translations(self, task: str, node: Mapping) -> None:
        """The places of a query that was written in another dialect: those of what it was made of."""
        params = node.get("params")
        for entry in params.entries if isinstance(params, Mapping) else ():
            if isinstance(entry.value, Scalar) and entry.value.translated is not None:
                made = entry.value.translated.map
                self.places[("tasks", task, "query")] = Place(made.whole, entry.key.span, made)

    def inherit(self, path: Path, defaults: Mapping) -> None:
        """What only the defaults say about a task stands where they say it."""
        for entry in defaults.entries:
            inner = (*path, entry.key.value)
            if inner not in self.places:
                self.put(inner, entry.value, entry.key.span)
            elif isinstance(entry.value, Mapping):
                self.inherit(inner, entry.value)


def _is_need(item: Node) -> bool:
    """Whether an item of `needs` names a task: what does not is told of, and left out of the pipeline."""
    named = item.get("task") if isinstance(item, Mapping) else item
    return isinstance(named, Scalar) and bool(named.value.strip())


def _place(node: Node, key: Span | None) -> Place:
    return Place(node.span, key, node.map if isinstance(node, Scalar) else None)
