"""Small values: what a task is handed of the results of others, and whether its condition holds."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib import import_module
from typing import Any, Final

from trc.runtime.spec import KeyPart, ResultSpec, TaskSpec
from trc.runtime.store.results import StoredOutput
from trc.runtime.taskside.result import Failure

RESULT: Final = "tasks."
"""Before the task and the path of a value that a task was handed, as a part of its key."""
_TEMPLATE: Final = re.compile(r'\{\{ (tasks(?:\.[^\W\d]\w*|\["(?:[^"\\]|\\.)*"\])+) \}\}')
_WORD: Final = re.compile(r"[^\W\d]\w*")
_ITEM: Final = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|(?<![\w.])(item)(?!\w)(\s*[.\[])?""")

Returned = Mapping[str, Mapping[str, Any]]
"""By task, the values that it returned."""
Upstream = Mapping[tuple[str, str], StoredOutput]


class Lacking(Exception):  # noqa: N818 - says what is not there
    """A value that a task is to be handed does not exist."""


class Undecidable(Exception):  # noqa: N818 - says why
    """A condition cannot be decided."""


def handed(task: TaskSpec, returned: Returned, upstream: Upstream) -> TaskSpec:
    """The task with the values that it is handed, each in its key; raises Lacking."""
    values: dict[str, Any] = {}
    texts: dict[str, Any] = {}
    parts: dict[str, KeyPart] = {}
    for one in task.results:
        if one.of_condition:
            continue
        name, value = value_of(one, returned, upstream)
        values[one.parameter or name] = texts[name] = value
        parts[name] = KeyPart(name, "inputs", json.dumps(value, sort_keys=True, ensure_ascii=False))
    params = task.params
    if any(not one.parameter and not one.of_condition for one in task.results):
        params = {name: value if name == "sql" else _filled(value, texts) for name, value in params.items()}
    return replace(
        task, params=params, key_parts=(*task.key_parts, *parts.values()), results=(), when="", handed=values
    )


def value_of(one: ResultSpec, returned: Returned, upstream: Upstream) -> tuple[str, Any]:
    """What a value is called, and what it is; raises Lacking."""
    if one.path[0] == "rows":
        return _spelled(one.task, ("rows",)), _rows(one, upstream)
    values = returned.get(one.task, {})
    found = list(_worded(values, one.path[1])) if one.parameter else list(_at(values, one.path[1:]))
    if len(found) == 1:
        path, value = found[0]
        return _spelled(one.task, ("values", *path)), value
    wanted = one.path[1] if one.parameter else ".".join(one.path[1:])
    if found:
        shown = " and ".join(_spelled(one.task, ("values", *path)) for path, _ in found)
        raise Lacking(f'"${one.parameter}" could be {shown}\nwrite the names of values so that they differ in letters')
    told = f"it returned: {', '.join(values)}" if values else "it returned no values"
    raise Lacking(f'"{one.task}" has returned no value "{wanted}"; {told}\nreturn it as TaskResult(values={{…}})')


def holds(task: TaskSpec, returned: Returned, upstream: Upstream) -> bool:
    """Whether the task's condition holds, now that all that it asks for is known; raises Undecidable."""
    asked: dict[str, dict[str, Any]] = {}
    for one in task.results:
        if one.of_condition:
            told = asked.setdefault(one.task, {"values": returned.get(one.task, {})})
            if one.path[0] == "rows":
                told["rows"] = _rows(one, upstream)
    names: dict[str, Any] = {"tasks": asked}
    if task.item is not None:
        names["item"] = _item(task)
    decide: Any = import_module("trc.compiler.templates.holding")
    try:
        found: bool = decide.holds(task.when, names)
    except decide.Mistake as mistake:
        raise Undecidable(mistake.message) from None
    return found


def asks_for_item(condition: str) -> bool:
    """Whether a condition is about the item of a repeated task."""
    return any(found.group(1) for found in _ITEM.finditer(condition))


def lacking(why: str) -> Failure:
    """What becomes of a task that cannot be handed a value."""
    return Failure(why, kind="permanent", reason="result")


def undecidable(condition: str, why: str) -> Failure:
    """What becomes of a task whose condition cannot be decided."""
    return Failure(f"its condition cannot be decided: {why}\nit is {condition}", kind="permanent", reason="condition")


def _item(task: TaskSpec) -> Any:
    """The item; a row of one column is that column's value where it is asked for as a whole."""
    assert task.item is not None
    value = task.item.value
    as_whole = any(found.group(1) and not found.group(2) for found in _ITEM.finditer(task.when))
    if task.item.is_row and len(value) == 1 and as_whole:
        return next(iter(value.values()))
    return value


def _rows(one: ResultSpec, upstream: Upstream) -> int:
    output = upstream.get((one.task, one.path[1]))
    if output is None or output.rows is None:
        raise Lacking(f'nobody counted the rows of "{one.task}"\nreturn them as TaskResult(rows={{…}})')
    return output.rows


def _at(values: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    found = values
    for name in path:
        if not isinstance(found, Mapping) or name not in found:
            return
        found = found[name]
    yield path, found


def _worded(values: Any, name: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The values whose path is called so in a parameter."""
    for key, value in values.items() if isinstance(values, Mapping) else ():
        word = re.sub(r"[^A-Za-z0-9_]", "_", key).casefold()
        if word == name:
            yield (key,), value
        elif name.startswith(f"{word}_"):
            for path, inner in _worded(value, name[len(word) + 1 :]):
                yield (key, *path), inner


def _filled(value: Any, values: Mapping[str, Any]) -> Any:
    """The value with what was handed in each of its texts; a text that is one template keeps the type of that."""
    if isinstance(value, str):
        whole = _TEMPLATE.fullmatch(value)
        if whole:
            return values[whole.group(1)]
        return _TEMPLATE.sub(lambda found: _text(values[found.group(1)]), value)
    if isinstance(value, Mapping):
        return {name: _filled(one, values) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_filled(one, values) for one in value]
    return value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _spelled(task: str, path: tuple[str, ...]) -> str:
    steps = (f".{one}" if _WORD.fullmatch(one) else f"[{json.dumps(one, ensure_ascii=False)}]" for one in (task, *path))
    return RESULT[:-1] + "".join(steps)
