"""What a task does: a query, a command, a class or function of the project, or a task type by its name."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Callable, Union

from trc.authoring.locations import Location, located
from trc.authoring.misuse import Misuse, called, wrong_kind
from trc.authoring.options import dataset
from trc.authoring.places import NAME_OF_FUNCTION, Spot, here
from trc.authoring.refs import Dataset, Group, Task
from trc.authoring.values import Entries, Table, Written, keyed, listed, plain, text, texts
from trc.runtime.taskside.task import BaseTask

Input = Union[Dataset, Group, Location, str]
Inputs = Union[Sequence[Input], Mapping[str, Input]]
Output = Union[Location, str]


class Work:
    """A task type with its parameters; `takes_inputs` where the type is told what it reads."""

    def __init__(self, kind: str, params: Table, spot: Spot, *, takes_inputs: bool = False) -> None:
        self.kind = kind
        self.params = params
        self.spot = spot
        self.takes_inputs = takes_inputs

    @property
    def is_sql(self) -> bool:
        return self.kind == "duckdb_sql"


class Reading:
    """The `inputs` of a task, names and datasets: which datasets, is known when the pipeline is whole."""

    def __init__(self, named: list[tuple[str | None, Spot, Location | Dataset | str]], spot: Spot) -> None:
        self.named = named
        self.spot = spot


class EntryPoint:
    """A class or function of the project, by the file and the name that it is found by."""

    def __init__(self, target: Callable[..., Any], spot: Spot) -> None:
        self.target = target
        self.spot = spot


def sql(text: str, output: Output | None = None, *, dialect: str | None = None) -> Work:
    """One query, run by DuckDB: it names sources and other tasks as tables.

    `dialect` is what it is written in, such as `"snowflake"`, where that is not DuckDB's SQL.
    """
    spot = here()
    return query(text, output, dialect, spot, 0)


def query(words: Any, output: Any, dialect: Any, spot: Spot, first: int) -> Work:
    """The work of a query; its text is the argument at `first`, what it writes the next one."""
    words_spot, output_spot = spot.argument(first, "text"), spot.argument(first + 1, "output")
    params: Table = [("sql", words_spot, text(words, "text", words_spot))]
    if dialect is not None:
        dialect_spot = spot.argument(-1, "dialect")
        params.append(("dialect", dialect_spot, text(dialect, "dialect", dialect_spot)))
    if output is not None:
        place = located(output, "output", output_spot)
        if place.form == "file":
            message = f'"{place.uri}" is written as a file of bytes, and a query yields rows'
            raise Misuse(message, output_spot, f'say which format they have: csv("{place.uri}")')
        params += place.output()
    return Work("duckdb_sql", params, words_spot)


def shell(command: str | Sequence[str]) -> Work:
    """A command: a text for `/bin/sh`, or a list of a program and its arguments."""
    spot = here()
    place = spot.argument(0, "command")
    value = text(command, "command", place) if isinstance(command, str) else texts(command, "command", place)
    return Work("shell", [("command", place, value)], spot, takes_inputs=True)


def work_of(type: str, **params: Any) -> Work:  # noqa: A002 - the word for it
    """A task type by its name, with its own parameters: `work_of("download_to_s3", url=…)`."""
    spot = here()
    return typed(type, params, spot, spot.argument(0, "type"))


def typed(kind: Any, params: Mapping[str, Any], spot: Spot, kind_spot: Spot) -> Work:
    table: Table = []
    for name, value in params.items():
        place = spot.argument(-1, name)
        if name == "inputs":
            table.append((name, place, reading(value, name, place)))
        elif isinstance(value, (Dataset, Group)):
            table.append((name, place, dataset(value, name, place)))
        elif isinstance(value, Location) and value.uri is not None:
            table.append((name, value.place, value.uri))
        else:
            table.append((name, place, plain(value, name, place)))
    return Work(text(kind, "type", kind_spot), table, kind_spot)


def code(target: Any, name: str, spot: Spot) -> Work:
    """A function, or a class with `execute`, of the project."""
    if isinstance(target, Task) and target.function is not None:
        target = target.function
    if isinstance(target, BaseTask):
        target = _class_of(target, name, spot)
    is_class = isinstance(target, type) and issubclass(target, BaseTask)
    if not is_class and not inspect.isroutine(target):
        wanted = 'sql("…"), shell("…"), a function or a BaseTask'
        raise wrong_kind(name, target, wanted, spot)
    return Work("python", [("entrypoint", spot, EntryPoint(target, spot))], spot, takes_inputs=True)


def _class_of(instance: BaseTask, name: str, spot: Spot) -> type:
    """The instance's class: each attempt makes an instance of its own, so this one must hold nothing."""
    held = sorted(getattr(instance, "__dict__", {}))
    if held:
        raise Misuse(
            f'"{name}" holds {", ".join(held)}, and each attempt makes a new {type(instance).__name__}() without that',
            spot,
            "give the values as args={...}: the task finds them in context.args",
            code="TRC229",
        )
    return type(instance)


def entry(point: EntryPoint, project: str) -> str:
    """How the compiler and the task's process find it: `path/to/file.py:Name`."""
    target = point.target
    name = getattr(target, "__qualname__", "")
    module = sys.modules.get(getattr(target, "__module__", None) or "")
    path = getattr(module, "__file__", None) or ""
    if "<lambda>" in name:
        raise _not_found("a lambda has no name", point, "make it a function with `def` at the top of the file")
    if "<locals>" in name:
        raise _not_found(f'"{target.__name__}" is defined inside of a function', point, _AT_TOP)
    if "." in name:
        raise _not_found(f'"{name}" is defined inside of a class', point, _AT_TOP)
    if not path.startswith(project + "/") or not path.endswith(".py"):
        raise _not_found(
            f'"{name}" comes from "{getattr(target, "__module__", "")}", which is no file of the project',
            point,
            "call it from a function of your own",
        )
    found = getattr(module, name, None)
    if found is not target and not (isinstance(found, Task) and found.function is target):
        raise _not_found(
            f'"{name}" means {called(found)} at the end of its file, not what is given here',
            point,
            "give each function and class a name of its own",
        )
    return f"{path[len(project) + 1 :]}:{name}"


_AT_TOP = "define it at the top of the file: the task's own process has to find it by name"


def _not_found(message: str, point: EntryPoint, remedy: str) -> Misuse:
    return Misuse(message, point.spot, remedy, code="TRC229")


def reading(value: Any, name: str, spot: Spot) -> Reading:
    """What a task reads: a list, or a dict with the names that it knows them by."""
    if isinstance(value, Mapping):
        named: list[tuple[str | None, Spot, Location | Dataset | str]] = [
            (key, spot.at(key), _input(one, f'{name}["{key}"]', spot.at(key)))
            for key, one in keyed(value, name, spot).items()
        ]
        return Reading(named, spot)
    return Reading([(None, at, _input(one, name, at)) for one, at in listed(value, name, spot)], spot)


def _input(value: Any, name: str, spot: Spot) -> Location | Dataset | str:
    return value if isinstance(value, Location) else dataset(value, name, spot)


def data_table(
    spot: Spot,
    *,
    inputs: Any,
    files: Any,
    output: Any,
    outputs: Any,
    args: Any,
) -> Table:
    """The parameters that say what code reads and writes, of those that were given."""
    table: Table = []
    if args is not None:
        place = spot.argument(-1, "args")
        table.append(("args", place, plain(keyed(args, "args", place), "args", place)))
    if inputs is not None:
        place = spot.argument(-1, "inputs")
        table.append(("inputs", place, reading(inputs, "inputs", place)))
    if files is not None:
        place = spot.argument(-1, "files")
        table.append(("files", place, texts(files, "files", place)))
    if output is not None:
        place = spot.argument(-1, "output")
        table += located(output, "output", place).output()
    if outputs is not None:
        place = spot.argument(-1, "outputs")
        table.append(("outputs", place, _outputs(outputs, place)))
    return table


def _outputs(value: Any, spot: Spot) -> Entries:
    table: Table = []
    for key, one in keyed(value, "outputs", spot).items():
        location = located(one, f'outputs["{key}"]', spot.at(key))
        table.append((key, spot.at(key), Written(Entries(location.output("uri", "format")), spot.at(key))))
    return Entries(table)


def decorated(function: Any, spot: Spot) -> Work:
    """A function below its decorator."""
    return code(function, "the decorated function", spot.at(NAME_OF_FUNCTION))
