"""The tree of a pipeline as JSON: each value with the call, and the argument of it, that it came through."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from trc.authoring.locations import Location, is_location, short_name
from trc.authoring.misuse import Misuse
from trc.authoring.options import Options, policy_table
from trc.authoring.pipeline import Pipeline
from trc.authoring.places import Call, Spot
from trc.authoring.placing import Placed
from trc.authoring.refs import Dataset, Rows
from trc.authoring.scope import Scope, scope_of
from trc.authoring.tasks import Tasks
from trc.authoring.values import Entries, Table, Written
from trc.authoring.work import EntryPoint, Reading, entry

Json = Any


class Calls:
    """The calls that values came through, by number, each as its place in the pipeline's file."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._numbers: dict[int, int] = {}
        self._positions: dict[int, list[Any]] = {}
        self._kept: list[Any] = []
        self.places: list[list[Json]] = []
        """Line, column, last line and column, counted as Python does; and whether the arguments stand there."""

    def place(self, spot: Spot) -> list[Json]:
        """The call's number, then the path."""
        number = self._numbers.get(id(spot.call))
        if number is None:
            number = self._numbers[id(spot.call)] = len(self.places)
            self._kept.append(spot.call)
            self.places.append(self.where(spot.call))
        return [number, *(list(step) if isinstance(step, tuple) else step for step in spot.path)]

    def where(self, call: Call) -> list[Json]:
        """Of a call from another file, the place in this one that led to it."""
        for depth, (code, instruction, line) in enumerate(call.frames):
            if code.co_filename == self._file:
                return [*self.position(code, instruction, line), depth == 0]
        return [1, 0, 1, 0, False]

    def position(self, code: Any, instruction: int, line: int) -> list[Json]:
        positions = self._positions.get(id(code))
        if positions is None:
            self._kept.append(code)
            positions = self._positions[id(code)] = list(code.co_positions()) if hasattr(code, "co_positions") else []
        found = positions[instruction // 2] if 0 <= instruction // 2 < len(positions) else (line, line, None, None)
        first, last, start, end = found
        return [first or line, start, last or line, end]


class Document:
    """Writes a pipeline down; raises Misuse for what can be seen only when all of it is there."""

    def __init__(self, project: str, file: str) -> None:
        self.project = project
        self.calls = Calls(file)

    def pipeline(self, pipeline: Pipeline) -> Json:
        pipeline.refuse_duplicates()
        before, after = pipeline.tables()
        scope = scope_of(pipeline)
        nodes = [Written(Entries(table), spot) for table, spot in self._tasks(pipeline, scope, {}, [])]
        table: Table = [*before, ("nodes", pipeline.spot, Written(nodes, pipeline.spot)), *after]
        root = self._value(Written(Entries(table), pipeline.spot), pipeline.spot)
        return {"calls": self.calls.places, "root": root}

    def _tasks(
        self, owner: Tasks, scope: Scope, options: Options, needs: list[tuple[str, bool, Spot]]
    ) -> list[tuple[Table, Spot]]:
        """All tasks, those of composites where these were added; `options` and `needs` come from outside."""
        tables: list[tuple[Table, Spot]] = []
        renamed = scope.renamed()
        for index, placed in enumerate(owner.placed):
            own = {**options, **placed.options}
            waits = [
                *needs,
                *((name, end, spot) for one, spot in placed.needs for name, end in scope.waited_for(one, spot)),
            ]
            if placed.composite is not None:
                tables += self._tasks(placed.composite, scope.inner[index], own, waits)
            else:
                tables.append((self._task(placed, scope, renamed, own, waits), placed.call))
        return tables

    def _task(
        self,
        placed: Placed,
        scope: Scope,
        renamed: Mapping[str, str],
        options: Options,
        needs: list[tuple[str, bool, Spot]],
    ) -> Table:
        assert placed.work is not None
        work = placed.work
        table: Table = [
            ("id", placed.name_spot, scope.tasks[placed.name.casefold()]),
            ("type", work.spot, work.kind),
            ("params", placed.call, Written(Entries(self._params(placed, scope)), placed.call)),
        ]
        if needs:
            waited = [_need(name, end, spot) for name, end, spot in dict.fromkeys(needs)]
            table.append(("needs", needs[0][2], Written(waited, needs[0][2])))
        reads, is_whole = self._reads(placed, scope, renamed)
        if reads:
            table.append(("reads", reads[0][1], _Reads(reads, is_whole)))
        for name in ("columns", "when", "deadline"):
            if name in options:
                table.append((name, *options[name]))
        if "expect" in options:
            spot, checks = options["expect"]
            table.append(("expect", spot, _named(checks, spot, scope)))
        if "for_each" in options:
            spot, items = options["for_each"]
            is_rows = isinstance(items, Rows)
            rows = Entries([("rows", spot, scope.dataset(items.dataset, spot))]) if is_rows else None
            table.append(("for_each", spot, items if rows is None else rows))
        return [*table, *policy_table(options)]

    def _params(self, placed: Placed, scope: Scope) -> Table:
        table: Table = []
        for key, spot, value in placed.params:
            if isinstance(value, EntryPoint):
                table.append((key, spot, entry(value, self.project)))
            elif isinstance(value, Reading):
                table.append((key, spot, _inputs(value, scope)))
            elif isinstance(value, Dataset):
                table.append((key, spot, scope.dataset(value, spot)))
            else:
                table.append((key, spot, value))
        return table

    def _reads(self, placed: Placed, scope: Scope, renamed: Mapping[str, str]) -> tuple[Table, bool]:
        """What names in the task's SQL mean, where that is not the dataset of that name."""
        said: Table = [(name, spot, scope.dataset(ref, spot)) for name, (spot, ref) in placed.reads.items()]
        reads = [entry for entry in said if entry[0] != entry[2]]
        if placed.work is None or not placed.work.is_sql:
            return reads, True
        words = _words(next(value for key, _spot, value in placed.params if key == "sql"))
        known = {name.casefold() for name, _spot, _dataset in said}
        derived = [
            (name, placed.name_spot, dataset)
            for name, dataset in renamed.items()
            if name not in known and name in words
        ]
        return [*reads, *derived], not derived

    def _value(self, value: Any, spot: Spot) -> Json:
        if isinstance(value, Written):
            return self._value(value.data, value.spot)
        if isinstance(value, _Reads):
            return {**self._value(Entries(value.table), spot), "whole": value.is_whole}
        if isinstance(value, Entries):
            entries = [[key, self.calls.place(at), self._value(one, at)] for key, at, one in value.table]
            return {"entries": entries, "at": self.calls.place(spot), "words": True}
        if isinstance(value, Mapping):
            entries = [
                [self._value(key, spot)["value"], self.calls.place(spot.at(key)), self._value(one, spot.at(key))]
                for key, one in value.items()
            ]
            return {"entries": entries, "at": self.calls.place(spot)}
        if isinstance(value, (list, tuple)):
            items = [self._value(one, spot.at(index)) for index, one in enumerate(value)]
            return {"items": items, "at": self.calls.place(spot)}
        if isinstance(value, str) and not _is_writable(value):
            raise Misuse("the text holds half of a character, which no file can hold", spot)
        return {"value": value, "at": self.calls.place(spot)}


class _Reads:
    """A task's names for datasets; `is_whole` where the author wrote each of them."""

    def __init__(self, table: Table, is_whole: bool) -> None:
        self.table = table
        self.is_whole = is_whole


def _named(value: Any, spot: Spot, scope: Scope) -> Any:
    """A value with the names of the datasets in it, which are known only now."""
    if isinstance(value, (list, tuple)):
        return [_named(one, spot, scope) for one in value]
    if isinstance(value, Written):
        return Written(_named(value.data, value.spot, scope), value.spot)
    if isinstance(value, Entries):
        table: Table = []
        for key, at, one in value.table:
            is_dataset = isinstance(one, Dataset) or (key == "to" and isinstance(one, str))
            table.append((key, at, scope.dataset(one, at) if is_dataset else _named(one, at, scope)))
        return Entries(table)
    return value


def _need(name: str, end: bool, spot: Spot) -> Written:
    if not end:
        return Written(name, spot)
    return Written(Entries([("task", spot, name), ("requires", spot, "completion")]), spot)


def _inputs(reading: Reading, scope: Scope) -> Written:
    """The task's inputs: a list where they are known by the names of their datasets."""
    table: Table = []
    is_list = True
    for name, spot, one in reading.named:
        local, dataset = _input(one, spot, scope)
        is_list = is_list and name is None and local == dataset
        table.append((name or local, spot, Written(dataset, spot)))
    if is_list:
        return Written([value for _name, _spot, value in table], reading.spot)
    short = [(short_name(name), spot, value) for name, spot, value in table]
    for index, (name, spot, _value) in enumerate(short):
        if name in [other for other, _spot, _one in short[:index]]:
            remedy = 'give each a name of its own: inputs={"first": …, "second": …}'
            raise Misuse(f'two inputs are called "{name}"', spot, remedy, code="TRC206")
    return Written(Entries(short), reading.spot)


def _input(one: Location | Dataset | str, spot: Spot, scope: Scope) -> tuple[str, str]:
    """What an input is called here, and the dataset or location that it is."""
    if isinstance(one, Location):
        return one.uri or "", one.uri or ""
    if isinstance(one, str):
        return one, one if is_location(one) else scope.meaning(one)
    dataset = scope.dataset(one, spot)
    return one.name if one.output is None else dataset, dataset


def _is_writable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _words(sql: str) -> set[str]:
    """All that could be a name in a query, and more."""
    return {word.casefold() for pattern in (r"\w+", r"[\w-]+") for word in re.findall(pattern, sql)}
