"""What is expected of a task's rows, as planning and running see it, and the key that the checks have of their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from trc.compiler.ir.expectations import is_of_rows, labelled
from trc.compiler.ir.task import Expectation, Task
from trc.compiler.sql.parse import Parsed, parse
from trc.compiler.sql.tokens import canonical
from trc.runtime.passed import EXPECT
from trc.runtime.spec import CheckSpec, KeyPart
from trc.runtime.taskside.records import record


@record(frozen=True, slots=True)
class Contract:
    """A task's expectations; `due` says why time alone can change their verdict, if it can."""

    checks: tuple[CheckSpec, ...] = ()
    parts: tuple[KeyPart, ...] = ()
    due: str = ""


def contract_of(task: Task, engine: str) -> Contract:
    """What is expected of what one attempt writes, evaluated by this version of the engine."""
    if task.for_each is None:
        return _contract(tuple(labelled(task.expect)), engine)
    return _contract(tuple(pair for pair in labelled(task.expect) if is_of_rows(pair[1], task.name)), engine)


def contract_of_all(task: Task, engine: str) -> Contract:
    """What is expected of all that the items of a repeated task write: what no item tells by itself."""
    return _contract(tuple(pair for pair in labelled(task.expect) if not is_of_rows(pair[1], task.name)), engine)


def _contract(named: tuple[tuple[str, Expectation], ...], engine: str) -> Contract:
    if not named:
        return Contract()
    checks = tuple(CheckSpec(name, one.check, one.arguments, one.severity, one.store_failures) for name, one in named)
    parts = [KeyPart(f"{EXPECT}{name}", "checks", one.model_dump_json()) for name, one in _as_counted(named)]
    parts.append(KeyPart(f"{EXPECT}engine.duckdb", "checks", engine))
    due = next((f"{name} {why}" for name, one in named if (why := _why_due(one))), "")
    return Contract(checks, tuple(parts), due)


def _as_counted(named: Iterable[tuple[str, Expectation]]) -> Iterator[tuple[str, Expectation]]:
    """What of expectations counts: comments and layout of their SQL do not."""
    return labelled(
        one
        if one.check != "check"
        else one.model_copy(update={"arguments": {"condition": canonical(str(one.arguments["condition"]))}})
        for _, one in named
    )


def _why_due(one: Expectation) -> str:
    if one.check == "freshness":
        return "depends on the time of the run"
    if one.check != "check":
        return ""
    parsed = parse(f"SELECT 1 WHERE (\n{one.arguments['condition']}\n)")
    return f"may change by itself: {parsed.volatile.reason}" if isinstance(parsed, Parsed) and parsed.volatile else ""
