"""What each expectation asks of the data, as SQL, and what an answer means."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, Callable

from trc.runtime.taskside.errors import PermanentError
from trc.runtime.taskside.order import OrderCheck
from trc.stdlib_tasks.duckdb_sql.run.inputs import identifier, text

Judge = Callable[[int, Any], "tuple[int | None, str]"]


@dataclass(frozen=True)
class Question:
    """What is asked, and how the answer is understood.

    `asks` is an expression over all rows (`in_scan`), or a query of one value. `judge` is given the number of
    rows and the answer, and says how many rows fail and what was found: nothing, where all is well.
    `failing` is the query of the rows that fail, where it is rows that do.
    """

    asks: str
    judge: Judge
    in_scan: bool = True
    failing: str = ""


def question(one: OrderCheck, rows: str, task: str, run_time: str) -> Question:
    """The question of an expectation about `rows`, the FROM of the task's output."""
    given = one.arguments
    if one.check == "not_null":
        columns = [identifier(name) for name in given["columns"]]
        return _of_rows(" OR ".join(f"{name} IS NULL" for name in columns), rows, "no value", "have", "has")
    if one.check == "accepted_values":
        column, values = identifier(given["column"]), ", ".join(map(_literal, given["values"]))
        return _of_rows(f"{column} IS NOT NULL AND {column} NOT IN ({values})", rows, "another value", "hold", "holds")
    if one.check == "check":
        condition = f"NOT coalesce(CAST((\n{given['condition']}\n) AS BOOLEAN), true)"
        return _of_rows(condition, rows, "it", "break", "breaks")
    if one.check == "unique":
        return _unique([identifier(name) for name in given["columns"]], rows)
    if one.check == "relationships":
        return _related(given, rows, task)
    if one.check == "row_count":
        return Question("count(*)", lambda count, _value: (None, _miscounted(count, given)))
    if one.check == "freshness":
        return _fresh(given, run_time)
    raise PermanentError(f'this version knows no expectation "{one.check}"')


def _of_rows(breaks: str, rows: str, what: str, many: str, one: str) -> Question:
    return Question(
        f"count(*) FILTER (WHERE {breaks})",
        _judged(what, many, one),
        failing=f"SELECT * FROM {rows} WHERE {breaks}",
    )


def _judged(what: str, many: str, one: str) -> Judge:
    def judge(count: int, value: Any) -> tuple[int | None, str]:
        failing = int(value or 0)
        verb = one if failing == 1 else many
        return failing, f"{failing:,} of {count:,} row{'' if count == 1 else 's'} {verb} {what}" if failing else ""

    return judge


def _unique(columns: list[str], rows: str) -> Question:
    key = ", ".join(columns)
    whole = " AND ".join(f"{name} IS NOT NULL" for name in columns)
    doubled = f"SELECT count(*) AS n FROM {rows} WHERE {whole} GROUP BY {key} HAVING count(*) > 1"
    what = "a value with another" if len(columns) == 1 else "their values with another"
    return Question(
        f"SELECT coalesce(sum(n), 0) FROM ({doubled})",
        _judged(what, "share", "shares"),
        in_scan=False,
        failing=f"SELECT * FROM {rows} WHERE {whole} QUALIFY count(*) OVER (PARTITION BY {key}) > 1",
    )


def _related(given: dict[str, Any], rows: str, task: str) -> Question:
    is_own = given["to"].partition(".")[0].casefold() == task.casefold()
    there = f"(SELECT {identifier(given['field'])} AS trc_value FROM {rows if is_own else identifier(given['to'])})"
    breaks = f"trc_row.trc_key IS NOT NULL AND NOT EXISTS (FROM {there} AS trc_there WHERE trc_value = trc_row.trc_key)"
    keyed = f"(SELECT *, {identifier(given['column'])} AS trc_key FROM {rows}) AS trc_row"
    return Question(
        f"SELECT count(*) FROM {keyed} WHERE {breaks}",
        _judged(f'what is not in "{given["to"]}"', "name", "names"),
        in_scan=False,
        failing=f"SELECT * EXCLUDE (trc_key) FROM {keyed} WHERE {breaks}",
    )


def _miscounted(count: int, given: dict[str, Any]) -> str:
    low, high = given.get("min"), given.get("max")
    found = "there is 1 row" if count == 1 else f"there are {count:,} rows"
    if low is not None and low == high and count != low:
        return f"{found}, and exactly {low:,} {'is' if low == 1 else 'are'} wanted"
    if low is not None and count < low:
        return f"{found}, and at least {low:,} {'is' if low == 1 else 'are'} wanted"
    if high is not None and count > high:
        return f"{found}, and at most {high:,} {'is' if high == 1 else 'are'} allowed"
    return ""


def _fresh(given: dict[str, Any], run_time: str) -> Question:
    at = datetime.fromisoformat(run_time).astimezone(timezone.utc).replace(tzinfo=None)
    allowed = timedelta(seconds=given["max_age"])
    oldest = (at - allowed).isoformat(" ")
    newest = f"max(CAST({identifier(given['column'])} AS TIMESTAMP))"

    def judge(_count: int, value: Any) -> tuple[int | None, str]:
        if value is None:
            return None, f'no row has a value in "{given["column"]}"'
        is_fresh, told = value["fresh"], value["newest"]
        return (
            None,
            "" if is_fresh else f"the newest is {told}, and the oldest allowed is {oldest}",
        )

    asks = f"CASE WHEN {newest} IS NOT NULL THEN {{'fresh': {newest} >= CAST({text(oldest)} AS TIMESTAMP), 'newest': CAST({newest} AS VARCHAR)}} END"
    return Question(asks, judge)


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return text(value) if isinstance(value, str) else repr(value)
