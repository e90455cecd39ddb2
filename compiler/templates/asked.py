"""What templates and conditions ask of a run: paths such as `tasks.load.values.day`, their spelling, and back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final

from trc.compiler.templates.mistake import Mistake

_STEPS: Final = r'(?:\.[^\W\d]\w*|\["(?:[^"\\]|\\.)*"\])+'
_STEP: Final = re.compile(r'\.([^\W\d]\w*)|\[("(?:[^"\\]|\\.)*")\]')
_TEMPLATE: Final = re.compile(r"\{\{ (tasks" + _STEPS + r") \}\}")
_IN_CONDITION: Final = re.compile(r"'(?:[^'\\]|\\.)*'|(?<![\w.])(tasks" + _STEPS + ")", re.DOTALL)
_ITEM_IN_CONDITION: Final = re.compile(r"'(?:[^'\\]|\\.)*'|(?<![\w.\"\[])(item(?:" + _STEPS + r")?)(?!\w)", re.DOTALL)
_WORD: Final = re.compile(r"[^\W\d]\w*")

SHAPES: Final = "tasks.NAME.values.KEY is a value that it returned, tasks.NAME.rows how many rows it wrote"


def spelled(path: tuple[str, ...]) -> str:
    """The one spelling of a path: `tasks.load.rows`, `tasks["down-load"].values.day`."""
    first, *steps = path
    return first + "".join(
        f".{one}" if _WORD.fullmatch(one) else f"[{json.dumps(one, ensure_ascii=False)}]" for one in steps
    )


def path_of(text: str) -> tuple[str, ...]:
    """The path that is spelled so."""
    found = _WORD.match(text)
    assert found is not None, "what was spelled begins with a word"
    steps = (step.group(1) or json.loads(step.group(2)) for step in _STEP.finditer(text, found.end()))
    return (found.group(), *steps)


def parameter_of(path: tuple[str, ...]) -> str:
    """What a path is called as a parameter of a query, which is a name of letters, digits and `_`."""
    return "_".join(re.sub(r"\W", "_", one) for one in path)


def asked_in_text(text: str) -> Iterator[tuple[tuple[str, ...], int, int]]:
    """The paths to results in a text that was rendered, each with its place."""
    for found in _TEMPLATE.finditer(text):
        yield path_of(found.group(1)), found.start(), found.end()


def asked_in_condition(text: str) -> Iterator[tuple[tuple[str, ...], int, int]]:
    """The paths to results in a condition, as `canonical_condition` spells it, each with its place."""
    for found in _IN_CONDITION.finditer(text):
        if found.group(1):
            yield path_of(found.group(1)), found.start(1), found.end(1)


def fields_in_condition(text: str) -> frozenset[str]:
    """The fields of the item that a condition asks for, as `canonical_condition` spells it; `*` stands for the whole item."""
    asked = (found.group(1) for found in _ITEM_IN_CONDITION.finditer(text) if found.group(1))
    return frozenset(path_of(one)[1] if one != "item" else "*" for one in asked)


def require_result(path: tuple[str, ...]) -> None:
    """Raises Mistake where a path that begins with `tasks` asks for nothing that a task could have."""
    if len(path) < 3:
        message = f'"{spelled(path)}" does not say what of a task is meant'
    elif path[2] == "rows" and len(path) > 3:
        message = f'"{spelled(path[:3])}" is a number, and has nothing in it'
    elif path[2] == "values" and len(path) < 4:
        message = f'"{spelled(path)}" does not say which value is meant'
    elif path[2] not in ("rows", "values"):
        message = f'a task has no "{path[2]}" that others could ask for'
    else:
        return
    raise Mistake(message, code="TRC661", help=(SHAPES,))
