"""Compares the tasks of two pipelines: those on one side only, those that only have another name, those that differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from trc.compiler.compare.change import ABSENT, Change, FieldChange
from trc.compiler.compare.fields import changed_fields, unnamed
from trc.compiler.compare.query import is_same, unified
from trc.compiler.compare.written import Written, content_changes
from trc.compiler.ir.dataset import DatasetRead, UriRead
from trc.compiler.ir.task import Task
from trc.compiler.sql.tokens import Token, tokenize

Renames = Mapping[str, str]
"""New names by old ones; the old ones are folded."""


def task_changes(old: Written, new: Written) -> Iterator[Change]:
    """What differs between two pipelines' tasks; their order says nothing, and names are compared ignoring case."""
    before = {task.name.casefold(): task for task in old.pipeline.tasks}
    after = {task.name.casefold(): task for task in new.pipeline.tasks}
    renames = _renames(
        [task for name, task in before.items() if name not in after],
        [task for name, task in after.items() if name not in before],
    )
    taken = {name.casefold() for name in renames.values()}
    for name, task in before.items():
        if name in after:
            fields = (*task_fields(task, after[name]), *_contents(old, new, task, after[name]))
            if fields:
                yield Change("changed", "task", after[name].name, fields)
        elif name in renames:
            renamed = after[renames[name].casefold()]
            fields = (*task_fields(task, renamed), *_contents(old, new, task, renamed))
            yield Change("renamed", "task", renamed.name, fields, task.name)
        else:
            yield Change("removed", "task", task.name, value=unnamed(task))
    for name, task in after.items():
        if name not in before and name not in taken:
            yield Change("added", "task", task.name, value=unnamed(task))


def task_fields(old: Task, new: Task) -> tuple[FieldChange, ...]:
    """The fields in which two tasks differ, their names apart; a query is compared by its tokens."""
    is_spelt_anew = old.name.casefold() == new.name.casefold() and old.name != new.name
    name = (FieldChange("name", old.name, new.name),) if is_spelt_anew else ()
    is_other = old.type != new.type
    fields = changed_fields(_bare(old, is_other), _bare(new, is_other), but=frozenset(("name", "query")))
    return (*name, *_query(old, new), *fields)


def _contents(old: Written, new: Written, before: Task, after: Task) -> Iterator[FieldChange]:
    """What files hold that both tasks read by location: scripts, requirements, data that is kept with the pipeline."""
    for location in _locations(before):
        if location in _locations(after):
            yield from content_changes(old, new, location)


def _locations(task: Task) -> tuple[str, ...]:
    requirements = task.environment.requirements_file
    return (*(one.uri for one in task.reads if isinstance(one, UriRead)), *((requirements,) if requirements else ()))


def _bare(task: Task, without_nulls: bool) -> Task:
    """The task without the parameter that holds its query, which is compared for itself.

    Without nulls, what a type's parameters do not say is left out: another type does not know them.
    """
    query = task.query.param if task.query else None
    params = {
        name: value for name, value in task.params.items() if name != query and not (without_nulls and value is None)
    }
    return task.model_copy(update={"params": params})


def _query(old: Task, new: Task) -> Iterator[FieldChange]:
    """A query that the author wrote; one that the type makes follows from its parameters."""
    before, after = _written(old), _written(new)
    if before is None and after is None:
        return
    if before is None or after is None:
        yield FieldChange("query", ABSENT if before is None else before, ABSENT if after is None else after)
    elif not is_same(before, after):
        yield FieldChange("query", before, after, unified(before, after))


def _written(task: Task) -> str | None:
    if task.query is None or task.query.param is None:
        return None
    return task.query.text if task.query.written is None else task.query.written


def _renames(gone: Sequence[Task], come: Sequence[Task]) -> dict[str, str]:
    """Tasks that are equal but for their names, each to exactly one other; readers of renamed ones count as equal."""
    renames: dict[str, str] = {}
    while True:
        found = {
            old.name.casefold(): matches
            for old in gone
            if old.name.casefold() not in renames
            and (matches := [one.name for one in come if _is_renamed(old, one, renames)])
        }
        taken = [name for matches in found.values() for name in matches]
        sure = {old: matches[0] for old, matches in found.items() if len(matches) == 1 and taken.count(matches[0]) == 1}
        if not sure:
            return renames
        renames |= sure


def _is_renamed(old: Task, new: Task, renames: Renames) -> bool:
    return new.name not in renames.values() and not task_fields(_with(old, renames), new)


def _with(task: Task, renames: Renames) -> Task:
    """The task as it would read with these names for other tasks."""
    if not renames:
        return task
    reads = tuple(
        one.model_copy(
            update={
                "dataset": _dataset(one.dataset, renames),
                "name": _dataset(one.name, renames) if one.name.casefold() == one.dataset.casefold() else one.name,
            }
        )
        if isinstance(one, DatasetRead)
        else one
        for one in task.reads
    )
    needs = tuple(one.model_copy(update={"task": _dataset(one.task, renames)}) for one in task.needs)
    params = {name: _mentions(value, renames) for name, value in task.params.items()}
    query = task.query.model_copy(update={"text": _sql(task.query.text, renames)}) if task.query else None
    return task.model_copy(update={"reads": reads, "needs": needs, "params": params, "query": query})


def _dataset(name: str, renames: Renames) -> str:
    task, dot, output = name.partition(".")
    return f"{renames[task.casefold()]}{dot}{output}" if task.casefold() in renames else name


def _mentions(value: object, renames: Renames) -> object:
    """A parameter that names datasets, such as a list of inputs."""
    if isinstance(value, str):
        return _dataset(value, renames)
    if isinstance(value, list):
        return [_mentions(item, renames) for item in value]
    if isinstance(value, dict):
        return {key: _mentions(item, renames) for key, item in value.items()}
    return value


def _sql(text: str, renames: Renames) -> str:
    """The query's tokens, with the new names for the old."""
    return " ".join(
        token.text if token.name is None else _identifier(token, renames.get(token.name.casefold()))
        for token in tokenize(text)
    )


def _identifier(token: Token, new: str | None) -> str:
    if new is None:
        return token.text
    return f'"{new}"' if token.kind == "quoted" else new
