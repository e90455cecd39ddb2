"""Calls a task's code, a function or a `BaseTask`, with what it asks for, and takes what it returns."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Mapping
from dataclasses import replace
from types import FunctionType
from typing import Any

from trc.runtime.taskside import handing, params, saving
from trc.runtime.taskside.task import BaseTask, Ended, TaskContext, TaskResult
from trc.runtime.taskside.typed import Misfit, annotations_of, fitted

_BY_POSITION = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def call(work: Any, context: TaskContext) -> Any:
    """Runs the work, and answers what it came to: a TaskResult, a mapping of values or None; of asynchronous work, what is to be awaited.

    Data that it returns is saved to the outputs before. Raises AttemptFailed for arguments and data that do not fit, and what the code raises.
    """
    try:
        returned = _called(work, context)
    except Ended as end:
        returned = end.result
    if returned is None:
        return None
    if inspect.isawaitable(returned):
        return _awaited(returned, context)
    return _taken(returned, context)


async def _awaited(returned: Any, context: TaskContext) -> Any:
    try:
        done = await returned
    except Ended as end:
        done = end.result
    return _taken(done, context)


def _called(work: Any, context: TaskContext) -> Any:
    if isinstance(work, BaseTask) or (isinstance(work, type) and issubclass(work, BaseTask)):
        made = work() if isinstance(work, type) else work
        made.context = context
        if made.Params is not None or made.params is None:
            made.params = params.typed(made.Params, context.args, context.task)
        missing = [f'"{name}" is missing' for name in made.get_required_params() if name not in context.args]
        if missing:
            raise params.unfit(missing, context.task)
        # A task that is a class finds its other arguments in `self.params`.
        return _given(made.execute, context, is_marked=True, sees_all=True)
    # A task of a pipeline in Python stands for its function there.
    function = getattr(work, "function", None) or work
    return _given(function, context, is_marked=function is not work or hasattr(function, "__trc_task__"))


def _given(function: Any, context: TaskContext, *, is_marked: bool, sees_all: bool = False) -> Any:
    """Calls it with the context, as ever, or with what its parameters are called."""
    if not is_marked and _takes_one(function):
        return function(context)
    try:
        asked = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # something of C's, which does not say
        return function(context)
    if (
        len(asked) == 1
        and asked[0].kind in _BY_POSITION
        and (not is_marked or _is_context(asked[0], function, context))
    ):
        return function(context)
    if any(one.kind is inspect.Parameter.VAR_POSITIONAL for one in asked) and len(asked) <= 2:
        return function(context)
    positional, named = _Mapping(function, context).of(asked, sees_all=sees_all)
    return function(*positional, **named)


def _takes_one(function: Any) -> bool:
    """Whether it is a plain function of one parameter: `inspect` would take longer to say so than a small task runs."""
    if type(function) is not FunctionType or hasattr(function, "__wrapped__") or hasattr(function, "__signature__"):
        return False
    code = function.__code__
    others = code.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS)
    return code.co_argcount == 1 and not (code.co_kwonlyargcount or others)


def _is_context(one: inspect.Parameter, function: Any, context: TaskContext) -> bool:
    if one.name == "context":
        return True
    if one.annotation is not inspect.Parameter.empty:
        return _wanted(one, annotations_of(function)) is TaskContext
    return one.default is inspect.Parameter.empty and not _found(one.name, context)


def _wanted(one: inspect.Parameter, annotations: Mapping[str, Any]) -> Any:
    wanted = annotations.get(one.name, Any)
    # Where the name is imported for type checkers only, its text is all that there is.
    return TaskContext if isinstance(wanted, str) and wanted.rpartition(".")[2] == "TaskContext" else wanted


def _plain_name(name: str) -> str:
    """A dataset's name as a parameter can have it: `clean.good` is `clean_good`."""
    return re.sub(r"\W", "_", name)


def _found(name: str, context: TaskContext) -> list[tuple[str, Any]]:
    """What of the context a parameter of this name may mean."""
    found: list[tuple[str, Any]] = [("input", one) for key, one in context.inputs.items() if _plain_name(key) == name]
    found += [("output", one) for key, one in context.outputs.items() if _plain_name(key) == name]
    if name in context.args:
        found.append(("argument", context.args[name]))
    return found


class _Mapping:
    """Finds what each parameter of a function stands for."""

    def __init__(self, function: Any, context: TaskContext) -> None:
        self._context = context
        self._annotations = annotations_of(function)
        self._hands = handing.Hands(context.engine())
        self._problems: list[str] = []
        self._used: set[str] = set()

    def of(self, asked: list[inspect.Parameter], *, sees_all: bool) -> tuple[list[Any], dict[str, Any]]:
        """The arguments by position, and those by name; with `sees_all`, others may be left over. Raises AttemptFailed with all that is wrong."""
        positional: list[Any] = []
        named: dict[str, Any] = {}
        takes_rest = False
        for one in asked:
            if one.kind is inspect.Parameter.VAR_KEYWORD:
                takes_rest = True
            elif one.kind is not inspect.Parameter.VAR_POSITIONAL:
                sees_all = sees_all or self._is_context(one)
                value = self._value(one)
                if value is inspect.Parameter.empty:
                    continue
                if one.kind is inspect.Parameter.POSITIONAL_ONLY:
                    positional.append(value)
                else:
                    named[one.name] = value
        left = {key: value for key, value in self._context.args.items() if key not in self._used}
        if takes_rest:
            named.update(left)
        elif not sees_all:
            self._problems += [params.unknown(key, (one.name for one in asked)) for key in left]
        if self._problems:
            raise params.unfit(self._problems, self._context.task)
        return positional, named

    def _is_context(self, one: inspect.Parameter) -> bool:
        return one.name == "context" or _wanted(one, self._annotations) is TaskContext

    def _value(self, one: inspect.Parameter) -> Any:
        if self._is_context(one):
            return self._context
        found = _found(one.name, self._context)
        wanted = _wanted(one, self._annotations)
        if len(found) > 1:
            self._problems.append(
                f'"{one.name}" is {" and ".join(_with_article(kind) for kind, _ in found)} at once; give one another name'
            )
            self._used.add(one.name)
            return inspect.Parameter.empty
        if not found:
            return self._left_out(one)
        kind, value = found[0]
        if kind == "input":
            return self._hands.input(value, wanted)
        if kind == "output":
            return handing.output(value, wanted)
        self._used.add(one.name)
        try:
            return fitted(value, wanted)
        except Misfit as error:
            self._problems.append(f'"{one.name}" {error}')
            return inspect.Parameter.empty

    def _left_out(self, one: inspect.Parameter) -> Any:
        if one.name == "item":
            return self._context.item
        if one.default is not inspect.Parameter.empty:
            # Of those that go by position alone, the ones behind it may still be given.
            return one.default if one.kind is inspect.Parameter.POSITIONAL_ONLY else inspect.Parameter.empty
        there = {**self._context.inputs, **self._context.outputs, **self._context.args}
        self._problems.append(
            f'"{one.name}" is no input, output or argument' + params.near(one.name, map(_plain_name, there))
        )
        return inspect.Parameter.empty


def _with_article(kind: str) -> str:
    return f"an {kind}"


def _taken(returned: Any, context: TaskContext) -> Any:
    """What was returned, without the data in it, which is saved to the outputs."""
    if returned is None or not context.outputs or (isinstance(returned, TaskResult) and returned.data is None):
        return returned
    if not isinstance(returned, TaskResult):
        values = _saved(returned, context)
        return TaskResult(values=values) if values or context.saved else None
    if not returned.success:
        return returned
    return replace(returned, data=None, values={**_saved(returned.data, context), **returned.values})


def _saved(data: Any, context: TaskContext) -> dict[str, Any]:
    """Saves what is data for outputs; answers what is values."""
    if isinstance(data, Mapping):
        if data and all(_takes(key, context) for key in data):
            for key, one in data.items():
                context.save_output(one, key)
            return {}
        strange = [key for key, one in data.items() if saving.is_data(one)]
        if strange:
            raise handing.unmapped(
                f'the value "{strange[0]}" is a {type(data[strange[0]]).__name__}, which only an output can take'
                + params.near(str(strange[0]), context.outputs)
            )
        return dict(data)
    context.save_output(data)
    return {}


def _takes(name: Any, context: TaskContext) -> bool:
    """Whether it is an output for which nothing is written yet."""
    output = context.outputs.get(name) if isinstance(name, str) else None
    return output is not None and not os.path.lexists(output.path)
