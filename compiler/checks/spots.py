"""Where in the author's text a task's reads, outputs and needs stand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pydantic import JsonValue

from trc.compiler.ir.dataset import DatasetRead, Output, Read, is_renamed
from trc.compiler.ir.places import Path, Place, Places
from trc.compiler.ir.secrets import KEY, SecretRef
from trc.compiler.ir.task import Task
from trc.compiler.source import Span


def task_span(places: Places, name: str) -> Span | None:
    """The task's name where it is declared."""
    return places.span("tasks", name)


def need_span(places: Places, task: Task, index: int) -> Span | None:
    """The name in the task's need at `index`."""
    need = task.needs[index]
    path: Path = ("tasks", task.name, "needs", index)
    inner = (*path, "task")
    return text_span(places, inner if places.exact(*inner) else path, need.task)


def query_path(task: Task) -> Path | None:
    """Under which path the characters of a task's query have their places; None where its type wrote the query."""
    if task.query is None or task.query.param is None:
        return None
    # A translation has places of its own.
    return (
        ("tasks", task.name, "params", task.query.param)
        if task.query.written is None
        else ("tasks", task.name, "query")
    )


def read_span(places: Places, task: Task, read: Read) -> Span | None:
    """Where a task names what it reads: in its query, else in the parameter that holds it."""
    wanted = read.dataset if isinstance(read, DatasetRead) else read.uri
    query = task.query
    if query is not None and is_renamed(read):
        wanted = read.name
    path = query_path(task)
    if query is not None and path is not None:
        found = re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", query.text, re.IGNORECASE)
        return places.within(path, found.start(), found.end()) if found else places.span(*path)
    return _param_span(places, task, wanted, ("inputs", read.name))


def lookup_span(places: Places, task: Task, dataset: str) -> Span | None:
    """Where an expectation names the dataset that it looks values up in."""
    for index, one in enumerate(task.expect):
        if one.check == "relationships" and str(one.arguments["to"]).casefold() == dataset.casefold():
            return text_span(places, ("tasks", task.name, "expect", index, "relationships", "to"), dataset)
    return task_span(places, task.name)


def items_span(places: Places, task: Task) -> Span | None:
    """Where a task names the dataset whose rows it is repeated for."""
    rows = task.for_each.rows if task.for_each is not None else None
    return text_span(places, ("tasks", task.name, "for_each", "rows"), rows or "")


def output_span(places: Places, task: Task, output: Output) -> Span | None:
    """Where a task says where its output lies."""
    for path in (("output_uri",), ("outputs", output.name, "uri"), ("outputs", output.name)):
        if places.exact("tasks", task.name, "params", *path):
            return text_span(places, ("tasks", task.name, "params", *path), output.uri or "")
    return _param_span(places, task, output.uri or "", ())


def secret_span(places: Places, task: Task, said: str) -> Span | None:
    """Where the task is given the secret that a message names in quotes."""
    for name, value in task.environment.env.items():
        if isinstance(value, SecretRef) and f'"{value.secret}"' in said:
            return places.span("tasks", task.name, "environment", "env", name)
    for path in task.secrets:
        inner: Any = task.params
        for step in path:
            inner = inner[step]
        if f'"{inner[KEY]}"' in said:
            return places.span("tasks", task.name, "params", *path)
    return task_span(places, task.name)


def text_span(places: Places, path: Path, text: str) -> Span | None:
    """The characters of a text value without its quotes, where the place holds just that text."""
    place = places.exact(*path)
    if place is None or place.text is None:
        return places.span(*path)
    return places.within(path, 0, len(text))


def key_span(places: Places, *path: str | int) -> Span | None:
    """The key of a written value; the closest thing around it where it was not written."""
    place: Place | None = places.find(*path)
    if place is None:
        return None
    return place.key if place.key and places.exact(*path) else place.value


def _param_span(places: Places, task: Task, text: str, guess: Path) -> Span | None:
    base: Path = ("tasks", task.name, "params")
    if guess and places.exact(*base, *guess):
        return text_span(places, (*base, *guess), text)
    for path, value in params_texts(task.params):
        if value == text and places.exact(*base, *path):
            return text_span(places, (*base, *path), text)
    return task_span(places, task.name)


def params_texts(params: JsonValue) -> Iterator[tuple[Path, str]]:
    """Every text in a value, with its path."""
    work: list[tuple[Path, JsonValue]] = [((), params)]
    while work:
        path, value = work.pop()
        if isinstance(value, str):
            yield path, value
        elif isinstance(value, dict):
            work.extend(((*path, key), inner) for key, inner in reversed(value.items()))
        elif isinstance(value, list):
            work.extend(((*path, index), inner) for index, inner in reversed(list(enumerate(value))))
