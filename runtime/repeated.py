"""Tasks that are repeated for items: what asks for the items, what each repetition is, and what they make together."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from trc.runtime.handed import asks_for_item
from trc.runtime.spec import ItemSpec, KeyPart, OutputSpec, ReadSpec, SkipSpec, TaskSpec
from trc.runtime.store.journal import TaskRecord
from trc.runtime.store.results import StoredOutput
from trc.runtime.taskside.items import Unfit, filled, located
from trc.runtime.taskside.records import record
from trc.runtime.taskside.result import Failure

ITEMS: Final = "items"
"""The output that lists the items of a task that is repeated for rows."""
ALL: Final = "*"
"""In the place of an item: all of them together."""
WHOLE: Final = "whole"
"""The part of its key by which what is about all items is told from other tasks."""
_LIST_ITEMS: Final = "trc.stdlib_tasks.duckdb_sql.run.items:run"
_LISTED_WITH: Final = "types"
"""What is written down of items beside their values: another thing, and they are listed anew."""
_PLAIN: Final = re.compile(r"\w[\w.+-]{0,39}")
_IN_LOCATIONS: Final = re.compile(r"[^/\x00-\x1f\x7f*?\[\]{}\\]+")


@record(frozen=True, slots=True)
class Item:
    """One item, and of a row the DuckDB types of its fields."""

    value: Any
    types: tuple[tuple[str, str], ...] = ()


def lister(task: TaskSpec) -> TaskSpec:
    """What writes down the items of a task that is repeated for rows, under the task's own name."""
    assert task.each is not None
    assert task.each.rows is not None
    read = task.each.rows
    form = json.dumps([read.format, read.columns, read.written, _LISTED_WITH])
    return TaskSpec(
        task.name,
        task.type,
        _LIST_ITEMS,
        (
            *(part for part in task.key_parts if part.field == "epoch"),
            KeyPart("for_each", "code", form),
            # It writes values as its texts of them.
            KeyPart("environment.engine.duckdb", "environment", task.each.engine),
        ),
        SkipSpec(can_skip=True),
        reads=(read,),
        outputs=(OutputSpec(ITEMS, "json"),),
        needs=task.needs,
        retry=task.retry,
        timeout=task.timeout,
        memory=task.memory,
        cpus=task.cpus,
    )


def whole(task: TaskSpec) -> TaskSpec | None:
    """What holds the rows of all items of a task to its expectations; None where it has none of these.

    It reads what they have made, once the last of them has ended, and writes nothing. No label of an item is its own.
    """
    assert task.each is not None
    if not task.each.checks:
        return None
    (output,) = task.outputs
    read = ReadSpec(task.name, output.format, (task.name, output.name), columns=output.columns, written=output.written)
    return TaskSpec(
        f"{task.name}[{ALL}]",
        task.type,
        "",
        (*(part for part in task.key_parts if part.field == "epoch"), KeyPart(WHOLE, "code", task.name)),
        SkipSpec(can_skip=True),
        reads=(read,),
        retry=task.retry,
        timeout=task.timeout,
        memory=task.memory,
        cpus=task.cpus,
        checks=task.each.checks,
        check_parts=task.each.check_parts,
        checks_due=task.each.checks_due,
        secrets=task.secrets,
        environment=task.environment,
        image=task.image,
        system_packages=task.system_packages,
        whole_of=task.name,
    )


def is_item(name: str, task: str) -> bool:
    """Whether a name is that of one of a task's items."""
    return name.startswith(task + "[")


def task_called(name: str) -> str:
    """The task that is meant by a name, which may be that of one of its items."""
    return name.partition("[")[0]


def items_beneath(records: Iterable[TaskRecord]) -> tuple[TaskRecord, ...]:
    """The tasks of a run in their order, each with its items right behind it."""
    found = tuple(records)
    if not any("[" in one.task for one in found):
        return found
    places: dict[str, int] = {}
    for one in found:
        places.setdefault(task_called(one.task), len(places))
    return tuple(sorted(found, key=lambda one: places[task_called(one.task)]))


def known_items(task: TaskSpec) -> tuple[Item, ...] | None:
    """The items that the author wrote; None where they are rows."""
    assert task.each is not None
    return None if task.each.items is None else tuple(map(Item, task.each.items))


def listed_items(path: str) -> tuple[Item, ...]:
    """The items that `lister` has written down. Raises OSError, or ValueError for what it did not write."""
    with Path(path).open(encoding="utf-8") as file:
        types = tuple((name, kind) for name, kind in json.loads(file.readline())["types"])
        return tuple(Item(json.loads(line), types) for line in file)


def repetitions(task: TaskSpec, items: Sequence[Item]) -> tuple[TaskSpec, ...]:
    """The task once for each item, in order. Raises Unfit where an item cannot stand where it is wanted."""
    is_row = task.each is not None and task.each.rows is not None
    made = tuple(
        _repetition(task, label, item, is_row=is_row)
        for label, item in zip(_labels(items, is_row=is_row), items, strict=True)
    )
    writers: dict[str, str] = {}
    for one in made:
        for output in one.outputs:
            if output.uri is not None and writers.setdefault(output.uri, one.name) != one.name:
                raise Unfit(f'"{writers[output.uri]}" and "{one.name}" would both write "{output.uri}"')
    return made


def _repetition(task: TaskSpec, label: str, item: Item, *, is_row: bool) -> TaskSpec:
    name = f"{task.name}[{label}]"
    try:
        outputs = tuple(
            one if one.uri is None else replace(one, uri=located(one.uri, item.value, is_row=is_row, fits=_fits))
            for one in task.outputs
        )
        params = {
            name: value if name == "sql" else filled(value, item.value, is_row=is_row)
            for name, value in task.params.items()
        }
    except Unfit as why:
        raise Unfit(f'"{name}": {why}') from None
    # Whatever a strategy leaves out of the parameters, the item is what this is about.
    assert task.each is not None
    reads = task.reads if task.each.is_read else tuple(one for one in task.reads if one != task.each.rows)
    own = KeyPart("item", "code", json.dumps([item.value, item.types], sort_keys=True, ensure_ascii=False))
    return replace(
        task,
        name=name,
        key_parts=(*task.key_parts, own),
        params=params,
        reads=reads,
        outputs=outputs,
        needs=(),
        each=None,
        when=task.when if asks_for_item(task.when) else "",
        item=ItemSpec(task.name, item.value, item.types, is_row=is_row),
    )


def _fits(text: str) -> bool:
    """Whether a text can be a part of a file's name without leading elsewhere."""
    return _IN_LOCATIONS.fullmatch(text) is not None and text.strip(". ") != ""


def _labels(items: Sequence[Item], *, is_row: bool) -> list[str]:
    """What tells the items apart: themselves, of rows their first field, where that is short and unique; else their places."""
    told = [_label(one.value, is_row=is_row) for one in items]
    counted = Counter(label.casefold() for label in told if label is not None)
    if None in told or any(count > 1 for count in counted.values()):
        return [str(place) for place in range(len(items))]
    return [label for label in told if label is not None]


def _label(value: Any, *, is_row: bool) -> str | None:
    if is_row:
        value = next(iter(value.values()), None)
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value) if _PLAIN.fullmatch(str(value)) else None


def unrepeatable(message: str, remedy: str) -> Failure:
    """What becomes of a task that cannot be repeated for its items."""
    return Failure(f"{message}\n{remedy}", kind="permanent", reason="items")


def gathered(name: str, outputs: Iterable[tuple[str, StoredOutput]]) -> StoredOutput:
    """What the items have made of one output, by the items' names, in order: one dataset of many files."""
    members = tuple(outputs)
    made = [output for _, output in members]
    digest = hashlib.sha256("\n".join(one.digest for one in made).encode()).hexdigest()
    counts = [one.rows for one in made if one.rows is not None]
    rows = sum(counts) if len(counts) == len(made) else None
    return StoredOutput(name, "", f"sha256:{digest}", sum(one.size for one in made), rows, members=members)
