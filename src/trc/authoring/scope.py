"""What names mean: a composite's tasks know each other, and what they require, by names of their own."""

from __future__ import annotations

from trc.authoring.misuse import Misuse
from trc.authoring.places import Spot
from trc.authoring.placing import Placed
from trc.authoring.refs import Completed, Dataset, Group, Task
from trc.authoring.tasks import CompositeTask, Tasks


class Scope:
    """The names within a pipeline, or within a composite where it was added."""

    def __init__(self, owner: Tasks, parent: Scope | None, inputs: dict[str, tuple[Spot, Dataset | str]]) -> None:
        self.owner = owner
        self.parent = parent
        self.tasks: dict[str, str] = {}
        """The names in the pipeline, by those of the tasks here."""
        self.symbols: dict[str, str] = {}
        """Datasets of the pipeline, by what is said to provide them."""
        self.groups: dict[str, list[str]] = {}
        """All tasks of each composite here, by their names in the pipeline."""
        self.inner: dict[int, Scope] = {}
        """The scopes of the composites here, by the index of where they were added."""
        self._inputs = inputs
        self._renamed: dict[str, str] | None = None

    def meaning(self, name: str) -> str:
        """The dataset of the pipeline that a name here means; a name that means nothing here is the pipeline's."""
        first, dot, rest = name.partition(".")
        key = first.casefold()
        if key in self.symbols:
            return self.symbols[key] + dot + rest
        if key in self._inputs and self.parent is not None:
            spot, given = self._inputs[key]
            return self.parent.dataset(given, spot) + dot + rest
        if key in self.tasks:
            return self.tasks[key] + dot + rest
        return name if self.parent is None else self.parent.meaning(name)

    def dataset(self, ref: Dataset | str, spot: Spot) -> str:
        """The dataset of the pipeline that is referred to."""
        if isinstance(ref, str):
            return self.meaning(ref)
        scope = self._of(ref.owner, ref.name, spot)
        key = ref.name.casefold()
        found = scope.tasks.get(key) or scope.symbols.get(key) or ref.name
        return found if ref.output is None else f"{found}.{ref.output}"

    def waited_for(self, ref: object, spot: Spot) -> list[tuple[str, bool]]:
        """The tasks of the pipeline that are to be waited for, each with whether its end alone is enough."""
        if isinstance(ref, Completed):
            return [(name, True) for name, _end in self.waited_for(ref.task, spot)]
        if isinstance(ref, Group):
            return [(name, False) for name in self._of(ref.owner, ref.name, spot).groups[ref.name.casefold()]]
        if isinstance(ref, Task):
            return [(self.dataset(ref, spot), False)]
        if isinstance(ref, str) and ref.casefold() in self.groups:
            return [(name, False) for name in self.groups[ref.casefold()]]
        return [(self.meaning(str(ref)), False)]

    def renamed(self) -> dict[str, str]:
        """The names here that mean a dataset of another name."""
        if self._renamed is None:
            below = {} if self.parent is None else self.parent.renamed()
            own = {key: self.meaning(key) for key in (*self.tasks, *self._inputs, *self.symbols)}
            self._renamed = {key: name for key, name in {**below, **own}.items() if key != name.casefold()}
        return self._renamed

    def _of(self, owner: object, name: str, spot: Spot) -> Scope:
        scope: Scope | None = self
        while scope is not None:
            if scope.owner is owner:
                return scope
            scope = scope.parent
        where = (
            "a composite; take it from what the composite provides"
            if isinstance(owner, CompositeTask)
            else "another pipeline"
        )
        raise Misuse(f'"{name}" belongs to {where}', spot)


def scope_of(owner: Tasks) -> Scope:
    """The names of a whole pipeline."""
    return _scope(owner, None, {}, "", {})


def _scope(
    owner: Tasks,
    parent: Scope | None,
    inputs: dict[str, tuple[Spot, Dataset | str]],
    prefix: str,
    given: dict[str, str],
) -> Scope:
    """`given` are names that the outside gives to what this provides."""
    scope = Scope(owner, parent, inputs)
    for index, placed in enumerate(owner.placed):
        if placed.composite is not None:
            _add_group(scope, index, placed, prefix, given)
        else:
            _add_task(scope, placed, prefix, given)
    return scope


def _add_task(scope: Scope, placed: Placed, prefix: str, given: dict[str, str]) -> None:
    called = [placed.name, *(symbol for symbol, output in placed.provides if output is None)]
    outside = next((given[one.casefold()] for one in called if one.casefold() in given), None)
    name = scope.tasks[placed.name.casefold()] = outside or prefix + placed.name
    for symbol, output in placed.provides:
        scope.symbols[symbol.casefold()] = name if output is None else f"{name}.{output}"


def _add_group(scope: Scope, index: int, placed: Placed, prefix: str, given: dict[str, str]) -> None:
    composite = placed.composite
    assert isinstance(composite, CompositeTask)
    above: Scope | None = scope
    while above is not None:
        if above.owner is composite:
            raise Misuse("the composite holds itself", placed.call, "add another instance, or none")
        above = above.parent
    inputs = {name.casefold(): placed.reads.get(name, (placed.call, name)) for name in composite.required()}
    names = {inner.casefold(): given.get(outer.casefold(), prefix + outer) for inner, outer in placed.outward.items()}
    inner = scope.inner[index] = _scope(composite, scope, inputs, f"{prefix}{placed.name}__", names)
    for provided, outer in placed.outward.items():
        key = provided.casefold()
        if key not in inner.tasks and key not in inner.symbols:
            raise Misuse(f'the composite provides "{provided}", and none of its tasks does', placed.call)
        scope.symbols[outer.casefold()] = inner.symbols.get(key) or inner.tasks[key]
    scope.groups[placed.name.casefold()] = [
        *inner.tasks.values(),
        *(name for names in inner.groups.values() for name in names),
    ]
