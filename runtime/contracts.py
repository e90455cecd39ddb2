"""What is expected of a task's rows, as planning and running see it, and the key that the checks have of their own."""

from __future__ import annotations

from dataclasses import dataclass

from trc.compiler.ir.expectations import labelled
from trc.compiler.ir.task import Expectation, Task
from trc.compiler.sql.parse import Parsed, parse
from trc.compiler.sql.tokens import canonical
from trc.runtime.passed import EXPECT
from trc.runtime.spec import CheckSpec, KeyPart


@dataclass(frozen=True, slots=True)
class Contract:
    """A task's expectations; `due` says why time alone can change their verdict, if it can."""

    checks: tuple[CheckSpec, ...] = ()
    parts: tuple[KeyPart, ...] = ()
    due: str = ""


def contract_of(task: Task, engine: str) -> Contract:
    """The contract of a task whose expectations are evaluated by this version of the engine."""
    if not task.expect:
        return Contract()
    named = tuple(labelled(task.expect))
    checks = tuple(CheckSpec(name, one.check, one.arguments, one.severity, one.store_failures) for name, one in named)
    parts = [
        KeyPart(f"{EXPECT}{name}", "checks", one.model_dump_json())
        for name, one in labelled(map(_as_counted, task.expect))
    ]
    parts.append(KeyPart(f"{EXPECT}engine.duckdb", "checks", engine))
    due = next((f"{name} {why}" for name, one in named if (why := _why_due(one))), "")
    return Contract(checks, tuple(parts), due)


def _as_counted(one: Expectation) -> Expectation:
    """What of an expectation counts: comments and layout of its SQL do not."""
    if one.check != "check":
        return one
    return one.model_copy(update={"arguments": {"condition": canonical(str(one.arguments["condition"]))}})


def _why_due(one: Expectation) -> str:
    if one.check == "freshness":
        return "depends on the time of the run"
    if one.check != "check":
        return ""
    parsed = parse(f"SELECT 1 WHERE (\n{one.arguments['condition']}\n)")
    return f"may change by itself: {parsed.volatile.reason}" if isinstance(parsed, Parsed) and parsed.volatile else ""
