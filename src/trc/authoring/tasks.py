"""The builder that pipelines and composites share: it takes in tasks, one call each."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Callable, Union, overload

from trc.authoring.misuse import Misuse, wrong_kind
from trc.authoring.options import TASK, TaskOptions, checked
from trc.authoring.places import NAME_OF_FUNCTION, Spot, here
from trc.authoring.placing import Adding, Placed, once, provided, refuse_params
from trc.authoring.refs import Dataset, Group, Task
from trc.authoring.values import many, text
from trc.authoring.wiring import outward, wired
from trc.authoring.work import (
    Inputs,
    Output,
    Reading,
    Work,
    code,
    data_table,
    decorated,
    query,
    reading,
    typed,
)
from trc.runtime.taskside.task import BaseTask

if TYPE_CHECKING:
    from typing import Unpack

Requires = Union[Sequence[Union[Dataset, Group, str]], Mapping[str, Union[Dataset, Group, str]]]
Provides = Union[str, Sequence[str]]
Code = Union[Callable[..., Any], BaseTask, type[BaseTask]]


class Tasks:
    """Takes tasks in. What is added is a dataset by its name, for the SQL of the others and for `requires`."""

    placed: list[Placed]

    def __new__(cls, *_arguments: Any, **_named: Any) -> Any:
        """Subclasses need not call `__init__`."""
        new = super().__new__(cls)
        new.placed = []
        return new

    def sql(
        self,
        name: str,
        text: str,
        output: Output | None = None,
        *,
        dialect: str | None = None,
        **options: Unpack[TaskOptions],
    ) -> Task:
        """A task of SQL: one query; without an `output`, only this pipeline reads its rows.

        `dialect` is what the query is written in, where that is not DuckDB's SQL.
        """
        spot = here()
        work = query(text, output, dialect, spot, 1)
        return self._task(Adding(spot, name, spot.argument(0, "name"), options, []), work)

    def task_of(self, name: str, type: str, **params: Any) -> Task:  # noqa: A002 - the word for it
        """A task of any type, by the type's name; all else that is given are the type's parameters."""
        spot = here()
        work = typed(type, params, spot, spot.argument(1, "type"))
        return self._task(Adding(spot, name, spot.argument(0, "name"), {}, []), work)

    @overload
    def task(self, function: Callable[..., Any], /) -> Task: ...
    @overload
    def task(
        self,
        /,
        *,
        name: str | None = None,
        inputs: Inputs | None = None,
        files: Sequence[str] | None = None,
        output: Output | None = None,
        outputs: Mapping[str, Output] | None = None,
        args: Mapping[str, Any] | None = None,
        **options: Unpack[TaskOptions],
    ) -> Callable[[Callable[..., Any]], Task]: ...
    def task(
        self,
        function: Any = None,
        /,
        *,
        name: str | None = None,
        inputs: Inputs | None = None,
        files: Sequence[str] | None = None,
        output: Output | None = None,
        outputs: Mapping[str, Output] | None = None,
        args: Mapping[str, Any] | None = None,
        **options: Unpack[TaskOptions],
    ) -> Any:
        """Makes the function below a task, called by the function's name unless another is given."""
        spot = here()
        params = data_table(spot, inputs=inputs, files=files, output=output, outputs=outputs, args=args)
        checked(options, TASK, spot, "a task")

        def place(function: Callable[..., Any]) -> Task:
            work = decorated(function, spot)
            called = function.__name__ if name is None else name
            name_spot = spot.at(NAME_OF_FUNCTION) if name is None else spot.argument(-1, "name")
            return self._task(Adding(spot, called, name_spot, options, params), work, function)

        return place if function is None else place(function)

    @overload
    def add(
        self,
        name: str,
        work: Work | Code,
        *,
        requires: Requires | None = None,
        provides: Provides | None = None,
        inputs: Inputs | None = None,
        files: Sequence[str] | None = None,
        output: Output | None = None,
        outputs: Mapping[str, Output] | None = None,
        args: Mapping[str, Any] | None = None,
        **options: Unpack[TaskOptions],
    ) -> Task: ...
    @overload
    def add(
        self,
        name: str,
        work: CompositeTask,
        *,
        requires: Requires | None = None,
        provides: Provides | Mapping[str, str] | None = None,
        **options: Unpack[TaskOptions],
    ) -> Group: ...
    def add(
        self,
        name: str,
        work: Any,
        *,
        requires: Requires | None = None,
        provides: Any = None,
        inputs: Inputs | None = None,
        files: Sequence[str] | None = None,
        output: Output | None = None,
        outputs: Mapping[str, Output] | None = None,
        args: Mapping[str, Any] | None = None,
        **options: Unpack[TaskOptions],
    ) -> Any:
        """A task by its name and its work: `sql("…")`, `shell("…")`, a function, a `BaseTask`, or a composite."""
        spot = here()
        place = spot.argument(1, "work")
        params = data_table(spot, inputs=inputs, files=files, output=output, outputs=outputs, args=args)
        adding = Adding(spot, name, spot.argument(0, "name"), options, params)
        return self._add(adding, work, place, requires, provides)

    @overload
    def add_task(
        self,
        work: Work | Code,
        *,
        requires: Requires | None = None,
        provides: Provides | None = None,
        name: str | None = None,
        inputs: Inputs | None = None,
        files: Sequence[str] | None = None,
        output: Output | None = None,
        outputs: Mapping[str, Output] | None = None,
        args: Mapping[str, Any] | None = None,
        **options: Unpack[TaskOptions],
    ) -> Task: ...
    @overload
    def add_task(
        self,
        work: CompositeTask,
        *,
        requires: Requires | None = None,
        provides: Provides | Mapping[str, str] | None = None,
        name: str | None = None,
        **options: Unpack[TaskOptions],
    ) -> Group: ...
    def add_task(
        self,
        work: Any,
        *,
        requires: Requires | None = None,
        provides: Any = None,
        name: str | None = None,
        inputs: Inputs | None = None,
        files: Sequence[str] | None = None,
        output: Output | None = None,
        outputs: Mapping[str, Output] | None = None,
        args: Mapping[str, Any] | None = None,
        **options: Unpack[TaskOptions],
    ) -> Any:
        """A task that is wired by names: it reads what it `requires`, and is found by what it `provides`.

        Without a `name` it is called as the one thing that it provides, else as its class or function is.
        """
        spot = here()
        work_spot = spot.argument(0, "work")
        name_spot = work_spot if name is None else spot.argument(-1, "name")
        if name is None and isinstance(provides, str):
            name, name_spot = provides, spot.argument(-1, "provides")
        elif name is None:
            name = _name_of(work, work_spot)
        params = data_table(spot, inputs=inputs, files=files, output=output, outputs=outputs, args=args)
        return self._add(Adding(spot, name, name_spot, options, params), work, work_spot, requires, provides)

    def _add(self, adding: Adding, work: Any, work_spot: Spot, requires: Any, provides: Any) -> Any:
        if isinstance(work, CompositeTask):
            refuse_params(adding.params, "a composite")
            return self._group(adding, work, requires, provides)
        done = work if isinstance(work, Work) else code(work, "work", work_spot)
        place = adding.spot.argument(-1, "requires")
        named = [] if requires is None else reading(requires, "requires", place).named
        if requires is not None and done.takes_inputs:
            adding.params = [*adding.params, ("inputs", place, Reading(named, place))]
        names = provided(provides, done, adding)
        task = self._task(adding, done)
        placed = self.placed[-1]
        placed.provides = names
        if not done.takes_inputs:
            for local, at, one in named:
                if isinstance(one, Dataset):
                    placed.reads[local or one.output or one.name] = (at, one)
                elif local is not None and isinstance(one, str):
                    placed.reads[local] = (at, one)
        return task

    def _task(self, adding: Adding, work: Work, function: Callable[..., Any] | None = None) -> Task:
        placed = adding.placed("a task")
        if not work.takes_inputs:
            refuse_params([entry for entry in adding.params if not entry[0].startswith("output_")], f'"{work.kind}"')
        placed.work = work
        placed.params = once([*work.params, *adding.params])
        self.placed.append(placed)
        return Task(self, placed, function)

    def _group(self, adding: Adding, composite: CompositeTask, requires: Any, provides: Any) -> Group:
        placed = adding.placed("a composite")
        for refused in ("for_each", "columns", "expect", "reads"):
            if refused in placed.options:
                raise Misuse(f'a composite has no "{refused}"', placed.options[refused][0], "say it of a task in it")
        placed.composite = composite
        if requires is not None:
            placed.reads = wired(requires, composite.required(), adding.spot.argument(-1, "requires"))
        placed.outward = outward(provides, composite.provided(), placed.name, adding.spot.argument(-1, "provides"))
        composite.composed(adding.spot)
        self.placed.append(placed)
        return Group(self, placed, placed.outward.items())


class CompositeTask(Tasks):
    """Tasks that are added to a pipeline together, under one name.

    `requires` names the datasets that they read from outside, `provides` those of their own that are read
    outside. Add the tasks in `compose`, or to an instance.
    """

    requires: Sequence[str] = ()
    provides: Sequence[str] = ()
    is_composed = False

    def __init__(self, requires: Sequence[str] | None = None, provides: Sequence[str] | None = None) -> None:
        spot = here()
        for name, value in (("requires", requires), ("provides", provides)):
            if value is not None:
                place = spot.argument(-1, name)
                setattr(self, name, [text(one, name, at) for one, at in many(value, name, place)])

    def compose(self) -> None:
        """Adds the composite's tasks: `self.sql(...)`, `self.add(...)`, `self.add_task(...)`."""

    def required(self) -> tuple[str, ...]:
        """The names of the datasets that it requires."""
        return _names(self.requires)

    def provided(self) -> tuple[str, ...]:
        """The names of the datasets that it provides."""
        return _names(self.provides)

    def composed(self, spot: Spot) -> None:
        """Has the tasks added, once."""
        if not self.is_composed:
            self.is_composed = True
            self.compose()
        if not self.placed:
            raise Misuse("the composite has no task", spot, "add some in its compose(), or to it before it is added")


def _names(value: Sequence[str]) -> tuple[str, ...]:
    """One text alone is one name."""
    return (value,) if isinstance(value, str) else tuple(value)


def _name_of(work: Any, spot: Spot) -> str:
    """What a task is called that was given no name: as its class or function, in the case of names."""
    if isinstance(work, Work):
        raise Misuse("the task has no name", spot, 'give it one: name="…", or what it provides="…"')
    found = work if isinstance(work, type) or not isinstance(work, (BaseTask, CompositeTask)) else type(work)
    name = getattr(found, "__name__", "")
    if not name:
        raise wrong_kind("work", work, "a BaseTask, a function or a composite", spot)
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
