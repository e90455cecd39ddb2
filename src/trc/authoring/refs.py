"""What an author holds of the things that were declared: datasets to read, tasks to wait for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Callable, Protocol, TypeVar

from trc.authoring.misuse import Misuse, nearest, wrong_kind
from trc.authoring.places import Spot, here
from trc.authoring.values import text

_Other = TypeVar("_Other")


class Placed(Protocol):
    """What was added, as far as those that wait for it or come after it need it."""

    name: str
    needs: list[tuple[Any, Spot]]


class Dataset:
    """A dataset of the builder that it was declared in: a source, a task's output, or what a composite provides."""

    def __init__(self, owner: object, name: str, output: str | None = None) -> None:
        self.owner = owner
        self.name = name
        """The name of the source or the task, as its builder knows it."""
        self.output = output

    @property
    def rows(self) -> Rows:
        """The dataset's rows, as the items of a `for_each`."""
        return Rows(self)


class Rows:
    """The rows of a dataset, for `for_each`."""

    def __init__(self, dataset: Dataset | str) -> None:
        self.dataset = dataset


class Ordered:
    """Something that can stand before and after others: `first >> second`, `second << first`."""

    owner: object
    name: str

    def wait_for(self, other: object, spot: Spot) -> None:
        raise NotImplementedError

    @property
    def completed(self) -> Completed:
        """Waits for the end of the task, whether it succeeds or fails: `needs=[audit.completed]`."""
        return Completed(self)

    def __rshift__(self, other: _Other) -> _Other:
        spot = here()
        for one in _each(other, spot):
            _ordered(one, spot).wait_for(self, spot)
        return other

    def __lshift__(self, other: _Other) -> _Other:
        spot = here()
        for one in _each(other, spot):
            self.wait_for(one, spot)
        return other

    def __rrshift__(self, other: object) -> Ordered:
        spot = here()
        for one in _each(other, spot):
            self.wait_for(one, spot)
        return self

    def __rlshift__(self, other: object) -> Ordered:
        spot = here()
        for one in _each(other, spot):
            _ordered(one, spot).wait_for(self, spot)
        return self


def _each(value: object, spot: Spot) -> list[object]:
    if isinstance(value, (list, tuple)):
        return list(value)
    if isinstance(value, (Ordered, Completed, str)):
        return [value]
    raise wrong_kind("the other side", value, "a task, or a list of tasks", spot)


def _ordered(value: object, spot: Spot) -> Ordered:
    if isinstance(value, Ordered):
        return value
    raise wrong_kind("the right side", value, "a task", spot, "say it as needs=[...] of the task that waits")


class Completed:
    """The end of a task, whether it succeeds or fails."""

    def __init__(self, task: Ordered | str) -> None:
        self.task = task

    def __rshift__(self, other: _Other) -> _Other:
        spot = here()
        for one in _each(other, spot):
            _ordered(one, spot).wait_for(self, spot)
        return other


class Task(Dataset, Ordered):
    """A task of a pipeline. It is a dataset if it has one output; `task["report"]` is one of several.

    A task that was made of a function can be called as that function.
    """

    def __init__(self, owner: object, placed: Placed, function: Callable[..., Any] | None = None) -> None:
        super().__init__(owner, placed.name)
        self.placed = placed
        self.function = function
        if function is not None:
            self.__doc__ = function.__doc__
            self.__module__ = function.__module__

    def __getitem__(self, output: str) -> Dataset:
        spot = here()
        return Dataset(self.owner, self.name, text(output, "output", spot))

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        if self.function is None:
            raise Misuse(f'the task "{self.name}" is not a function, and cannot be called', here())
        return self.function(*arguments, **named)

    def wait_for(self, other: object, spot: Spot) -> None:
        self.placed.needs.append((other, spot))


class Group(Ordered):
    """A composite where it was added: `load["clean"]` is what it provides under that name."""

    def __init__(self, owner: object, placed: Placed, provides: Iterable[tuple[str, str]]) -> None:
        self.owner = owner
        self.name = placed.name
        self.placed = placed
        self._provides = dict(provides)
        """The name of each provided dataset out here, by its name inside."""

    def __getitem__(self, name: str) -> Dataset:
        spot = here()
        if name not in self._provides:
            raise Misuse(
                f'"{self.name}" provides no "{name}"', spot, *nearest(str(name), self._provides, "it provides")
            )
        return Dataset(self.owner, self._provides[name])

    def only(self, spot: Spot) -> Dataset:
        """The only dataset that it provides."""
        if len(self._provides) != 1:
            how = f'write it like {self.name}["{next(iter(self._provides))}"]' if self._provides else "name a task"
            raise Misuse(f'"{self.name}" provides {len(self._provides)} datasets, and one is wanted', spot, how)
        return Dataset(self.owner, next(iter(self._provides.values())))

    def wait_for(self, other: object, spot: Spot) -> None:
        self.placed.needs.append((other, spot))
