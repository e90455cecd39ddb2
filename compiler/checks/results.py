"""What tasks ask of the results of others: which task and which value each `tasks.…` means."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from trc.compiler.checks.datasets import Datasets
from trc.compiler.checks.spots import output_span, params_texts, query_path
from trc.compiler.diagnostics.collector import Collector
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.diagnostics.nearest import did_you_mean
from trc.compiler.ir.places import Places
from trc.compiler.ir.task import Task
from trc.compiler.source import Span
from trc.compiler.sql.parse import Parsed, parse
from trc.compiler.templates.asked import (
    SHAPES,
    asked_in_condition,
    asked_in_text,
    parameter_of,
    require_result,
    spelled,
)
from trc.compiler.templates.mistake import Mistake

Path = tuple[str, ...]
PARAMETER: Final = "$tasks_"
"""How the parameters of a query begin that are results of other tasks."""


@dataclass(frozen=True, slots=True)
class ResultUse:
    """A value that a task is handed: that of another task at `path`, which is `("rows",)` or begins with `values`.

    Of a query's `parameter` the rest of the path is one name, with `_` for all that no parameter can have.
    """

    task: str
    path: tuple[str, ...]
    parameter: str = ""
    of_condition: bool = False
    """Whether the task's condition asks for it."""

    @property
    def shown(self) -> str:
        """As an author writes it, or finds it in a query."""
        return f"${self.parameter}" if self.parameter else spelled(("tasks", self.task, *self.path))


@dataclass(frozen=True, slots=True)
class _Found:
    use: ResultUse
    span: Span | None


def results_of(
    task: Task, datasets: Datasets, explained: frozenset[str], places: Places, collect: Collector
) -> tuple[ResultUse, ...]:
    """The values that a task is handed of others, each once; mistakes in them go to `collect`.

    `explained` are tasks that are missing for mistakes of their own.
    """
    found = [
        *_in_query(task, datasets, explained, places, collect),
        *_in_params(task, places),
        *_in_condition(task, places),
    ]
    uses: dict[ResultUse, None] = {}
    for one in found:
        use = _meant(task, one, datasets, explained, collect)
        if use is not None:
            uses[use] = None
    for output in task.outputs:
        if output.uri is not None and any(True for _ in asked_in_text(output.uri)):
            message = f'the location of an output of "{task.name}" cannot hold a result of another task'
            remedy = ("locations are known before the run: use a parameter, or leave it out",)
            collect.add(Diagnostic("TRC116", message, output_span(places, task, output), help=remedy, task=task.name))
    return tuple(uses)


def _in_params(task: Task, places: Places) -> Iterator[_Found]:
    for path, text in params_texts(task.params):
        for asked, start, end in _sound(asked_in_text(text)):
            yield _Found(
                ResultUse(asked[1], asked[2:]), places.within(("tasks", task.name, "params", *path), start, end)
            )


def _in_condition(task: Task, places: Places) -> Iterator[_Found]:
    for asked, start, end in _sound(asked_in_condition(task.when or "")):
        use = ResultUse(asked[1], asked[2:], of_condition=True)
        yield _Found(use, places.within(("tasks", task.name, "when"), start, end))


def _sound(asked: Iterable[tuple[Path, int, int]]) -> Iterator[tuple[Path, int, int]]:
    """Those paths that ask for something: of others it was told where they were read."""
    for path, start, end in asked:
        try:
            require_result(path)
        except Mistake:
            continue
        yield path, start, end


def _in_query(
    task: Task, datasets: Datasets, explained: frozenset[str], places: Places, collect: Collector
) -> Iterator[_Found]:
    query, path = task.query, query_path(task)
    if query is None or path is None or PARAMETER not in query.text.casefold():
        return
    parsed = None if query.is_untranslated else parse(query.text)
    for asked in parsed.parameters if isinstance(parsed, Parsed) else ():
        if not asked.name.casefold().startswith(PARAMETER):
            continue
        span = places.within(path, asked.start, asked.end)
        means = list(_of_parameter(asked.name[1:].casefold(), datasets.task_names()))
        if len(means) == 1:
            yield _Found(means[0], span)
        elif means:
            tasks = " and ".join(f'"{one.task}"' for one in means)
            remedy = ("rename one of the tasks: in a parameter, all that is no letter or digit is _",)
            message = f'"{asked.name}" could be a result of {tasks}'
            collect.add(Diagnostic("TRC661", message, span, help=remedy, task=task.name))
        elif not any(asked.name.casefold().startswith(PARAMETER + _worded(one) + "_") for one in explained):
            collect.add(_no_result(task, asked.name, span, datasets))


def _of_parameter(name: str, tasks: Iterable[str]) -> Iterator[ResultUse]:
    """What a parameter can mean, by the names of the tasks that there are."""
    asked = name.removeprefix(PARAMETER[1:])
    for one in tasks:
        before = _worded(one)
        if asked == f"{before}_rows":
            yield ResultUse(one, ("rows",), name)
        elif asked.startswith(f"{before}_values_"):
            yield ResultUse(one, ("values", asked.removeprefix(f"{before}_values_")), name)


def _worded(name: str) -> str:
    return parameter_of((name,)).casefold()


def _no_result(task: Task, text: str, span: Span | None, datasets: Datasets) -> Diagnostic:
    named = text.casefold().removeprefix(PARAMETER).partition("_values_")[0].removesuffix("_rows")
    by_word = {_worded(one): one for one in datasets.task_names()}
    remedy = (f"there is a task {by_word[named]}; {SHAPES}",) if named in by_word else did_you_mean(named, by_word)
    message = f'"{text}" is a result of no task'
    return Diagnostic("TRC661", message, span, help=remedy or (SHAPES,), task=task.name)


def _meant(
    task: Task, found: _Found, datasets: Datasets, explained: frozenset[str], collect: Collector
) -> ResultUse | None:
    """The use with the task's own name; None where there is no such result."""
    use = found.use
    maker = datasets.task_exactly(use.task)
    if maker is None:
        if use.task.casefold() not in explained:
            remedy = did_you_mean(use.task, datasets.task_names()) or (SHAPES,)
            message = f'no task is called "{use.task}"'
            collect.add(Diagnostic("TRC661", message, found.span, help=remedy, task=task.name))
        return None
    why, instead = _lacking(maker, use)
    if why:
        collect.add(Diagnostic("TRC661", why, found.span, help=(instead,), task=task.name))
        return None
    return replace(use, task=maker.name)


def _lacking(maker: Task, use: ResultUse) -> tuple[str, str]:
    """Why a task has no such result, and what to do; nothing where it can have one."""
    if use.path[0] == "rows" and len(maker.outputs) != 1:
        outputs = "no output" if not maker.outputs else "several outputs"
        return (
            f'"{maker.name}" has {outputs}, and its rows are those of its only one',
            "ask for a value that it returns",
        )
    if use.path[0] == "values" and maker.query is not None:
        return (
            f'"{maker.name}" is a query, and returns no values',
            "ask for its rows, or read it by its name, as a table",
        )
    if use.path[0] == "values" and maker.for_each is not None:
        return f'"{maker.name}" is repeated: each item has values of its own', "read what its items wrote, as a table"
    return "", ""
