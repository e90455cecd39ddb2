"""Evaluates expectations on a task's output: in one scan where that can be, each by itself where it cannot."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trc.runtime.taskside.errors import AttemptFailed
from trc.runtime.taskside.failures import Mask
from trc.runtime.taskside.order import OrderCheck, OrderChecks, TaskOrder
from trc.runtime.taskside.result import Failure, Verdict
from trc.stdlib_tasks.duckdb_sql.run.broken import keep, sample
from trc.stdlib_tasks.duckdb_sql.run.complaint import complaint
from trc.stdlib_tasks.duckdb_sql.run.engine import connected
from trc.stdlib_tasks.duckdb_sql.run.inputs import create_inputs, identifier, rows_of
from trc.stdlib_tasks.duckdb_sql.run.questions import Question, question

if TYPE_CHECKING:
    import duckdb

_OUTPUT = '"trc output"'


def evaluate(order: TaskOrder, checks: OrderChecks, mask: Mask = None) -> tuple[Verdict, ...]:
    """The verdict of each expectation, in order. Raises AttemptFailed where the data cannot be read at all.

    With `mask`, which is done to a text before it is shortened, the rows may hold secrets: none are told or kept.
    """
    scratch = os.path.dirname(order.outputs[0].path) if order.outputs else checks.folder
    with connected(order, scratch) as connection:
        _create_views(connection, checks)
        rows = f"{_OUTPUT} AS {identifier(checks.data.name)}"
        questions = [question(one, rows, checks.data.name, order.run_time) for one in checks.items]
        answers = _answers(connection, questions, rows, mask)
        judge = _Judge(connection, None if mask else checks.folder)
        return tuple(
            judge.verdict(one, questions[index], answers[index], index + 1) for index, one in enumerate(checks.items)
        )


_Answer = tuple[int, Any, str]
"""How many rows there are, what the question gave, and why it gave nothing."""


def _create_views(connection: duckdb.DuckDBPyConnection, checks: OrderChecks) -> None:
    import duckdb

    data = checks.data
    if not data.files and data.columns is None:
        message = "its expectations cannot be evaluated: there is nothing that tells its columns\ndeclare columns"
        raise AttemptFailed(Failure(message, "permanent", "unchecked"))
    try:
        connection.execute(f"CREATE VIEW {_OUTPUT} AS {rows_of(data, checks.place)}")
    except duckdb.Error as error:
        failure = complaint(error).failure
        message = f"its expectations cannot be evaluated: the output cannot be read as {data.format}: {failure.message}"
        raise AttemptFailed(Failure(message, failure.kind, "unchecked", failure.type)) from error
    try:
        create_inputs(connection, checks.looked_up)
    except duckdb.Error as error:
        raise complaint(error) from error


def _answers(
    connection: duckdb.DuckDBPyConnection, questions: Sequence[Question], rows: str, mask: Mask
) -> list[_Answer]:
    """All that one scan can answer is asked at once; where that fails, each by itself tells which it is."""
    import duckdb

    at_once = [index for index, one in enumerate(questions) if one.in_scan]
    asked = "".join(f", {questions[index].asks}" for index in at_once)
    found: dict[int, _Answer] = {}
    try:
        row = connection.execute(f"SELECT count(*){asked}\nFROM {rows}").fetchone()
        assert row is not None
        count = int(row[0])
        # A condition of `COLUMNS(*)` becomes several: then it is not known which answer is whose.
        if len(row) == 1 + len(at_once):
            found = {index: (count, row[place + 1], "") for place, index in enumerate(at_once)}
    except duckdb.Error as error:
        if len(at_once) == 0 or not _is_its_own(error):
            raise complaint(error) from error
        count = _alone(connection, f"SELECT count(*) FROM {rows}", mask)[0] or 0
    for index, one in enumerate(questions):
        if index not in found:
            sql = f"SELECT {one.asks}\nFROM {rows}" if one.in_scan else one.asks
            value, why = _alone(connection, sql, mask)
            found[index] = (count, value, why)
    return [found[index] for index in range(len(questions))]


def _alone(connection: duckdb.DuckDBPyConnection, sql: str, mask: Mask) -> tuple[Any, str]:
    import duckdb

    try:
        row = connection.execute(sql).fetchone()
    except duckdb.Error as error:
        if not _is_its_own(error):
            raise complaint(error) from error
        message = complaint(error).failure.message
        return None, (mask(message) if mask else message).strip().splitlines()[0]
    if row is None or len(row) != 1:
        return None, "it is not one condition"
    return row[0], ""


def _is_its_own(error: duckdb.Error) -> bool:
    """Whether the question is to blame, and not the machine."""
    return complaint(error).failure.kind == "permanent"


@dataclass(frozen=True)
class _Judge:
    """Makes verdicts of answers; rows that break an expectation go to `folder`, if there is one, where that is asked for."""

    connection: duckdb.DuckDBPyConnection
    folder: str | None

    def verdict(self, one: OrderCheck, asked: Question, answer: _Answer, number: int) -> Verdict:
        rows, value, why = answer
        if why:
            return Verdict(one.name, one.severity, passed=False, rows=rows, error=why)
        failing, found = asked.judge(rows, value)
        if not found or not (one.store_failures and asked.failing):
            return Verdict(one.name, one.severity, passed=not found, rows=rows, failing=failing, found=found)
        if self.folder is None:
            found += "; no rows are kept, for the task is given a secret"
            return Verdict(one.name, one.severity, passed=False, rows=rows, failing=failing, found=found)
        kept, trouble = keep(self.connection, asked.failing, f"{self.folder}/{number}_{one.check}.parquet")
        return Verdict(
            one.name,
            one.severity,
            passed=False,
            rows=rows,
            failing=failing,
            found=found + trouble,
            sample=sample(self.connection, asked.failing),
            kept=kept,
        )
