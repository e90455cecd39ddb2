"""How expectations are called, in messages, in journals and in keys."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from trc.compiler.ir.task import Expectation
from trc.compiler.ir.values import Duration

_LONGEST: Final = 80
_OF_ROWS: Final = frozenset({"not_null", "accepted_values", "check"})


def label(expectation: Expectation) -> str:
    """Such as `not_null(customer_id)`: the check with what tells it from others."""
    return f"{expectation.check}({_inner(expectation.check, expectation.arguments)})"


def labelled(expectations: Iterable[Expectation]) -> Iterator[tuple[str, Expectation]]:
    """Each expectation with a name that no other of its task has."""
    seen: dict[str, int] = {}
    for one in expectations:
        name = label(one)
        seen[name] = count = seen.get(name, 0) + 1
        yield (name if count == 1 else f"{name} #{count}"), one


def looked_up(expectations: Iterable[Expectation]) -> tuple[str, ...]:
    """The datasets that values are looked up in, each once, ignoring case."""
    names = [str(one.arguments["to"]) for one in expectations if one.check == "relationships"]
    return tuple({name.casefold(): name for name in reversed(names)}.values())[::-1]


def is_of_rows(expectation: Expectation, task: str) -> bool:
    """Whether each row of a task's output meets it or not by itself, whatever other rows there are."""
    if expectation.check == "relationships":
        return str(expectation.arguments["to"]).partition(".")[0].casefold() != task.casefold()
    return expectation.check in _OF_ROWS


def _inner(check: str, arguments: dict[str, Any]) -> str:
    match check:
        case "not_null" | "unique":
            return ", ".join(arguments["columns"])
        case "accepted_values":
            return str(arguments["column"])
        case "relationships":
            return f"{arguments['column']}, {arguments['to']}.{arguments['field']}"
        case "row_count":
            low, high = arguments.get("min"), arguments.get("max")
            if low == high:
                return str(low)
            return f"{'' if low is None else low}..{'' if high is None else high}"
        case "freshness":
            return f"{arguments['column']}, {Duration(int(arguments['max_age'] * 1000))}"
        case _:
            condition = " ".join(str(arguments["condition"]).split())
            return condition if len(condition) <= _LONGEST else condition[: _LONGEST - 1] + "…"
