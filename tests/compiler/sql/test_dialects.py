"""Queries of other dialects: DuckDB answers what the dialect documents, or the author is told; see tests/cases/dialects.

A case is a query and, below `--`, its rows as the dialect documents them. `warned: TEXT` stands for a warning that
underlines that text of the query: then the rows are DuckDB's, or `fails` where it gives none. Files called `refused` hold what is not translated.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.compiler.sql.test_bind import described

from trc.compiler.sql.dialect import DIALECTS, OWN, Translation, translate
from trc.compiler.sql.tokens import canonical

CASES = Path(__file__).parents[2] / "cases" / "dialects"
ROWS = [path for path in sorted(CASES.glob("*/*.sql")) if path.stem != "refused"]
REFUSED = sorted(CASES.glob("*/refused.sql"))
WORLD = """
create table t as from (values
  (1, 7, 2, 'Ann', date '2024-01-31', timestamp '2024-01-31 13:45:10', 2.5::double, 10.25::decimal(10, 2)),
  (2, -7, 2, 'bob', date '2024-02-29', timestamp '2024-02-29 00:00:00', -2.5, -1.5),
  (3, null, 0, null, null, null, null, null)
) as v(id, a, b, s, d, ts, x, n)
"""


def cases(paths: list[Path]) -> Iterator[Any]:
    for path in paths:
        for part in path.read_text().split("-- case: ")[1:]:
            name, _, rest = part.partition("\n")
            sql, _, expected = rest.partition("\n--\n")
            dialect = path.parent.name
            yield pytest.param(dialect, sql.strip(), expected.strip(), id=f"{dialect}-{path.stem}-{name}")


def translated(dialect: str, sql: str) -> Translation:
    return translate(dialect, sql, frozenset(), frozenset())


@pytest.fixture(scope="module")
def answer() -> Iterator[Callable[[str], str]]:
    import duckdb

    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute(WORLD)

        def rows(sql: str) -> str:
            try:
                return "\n".join(" | ".join(map(shown, row)) for row in connection.execute(sql).fetchall())
            except duckdb.Error:
                return "fails"

        yield rows


def shown(value: object) -> str:
    """A value so that its type shows."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case datetime() | date() | Decimal():
            return f"{type(value).__name__} {value}"
        case list():
            return f"[{', '.join(map(shown, value))}]"
        case _:
            return repr(value)


@pytest.mark.parametrize(("dialect", "sql", "expected"), list(cases(ROWS)))
def test_rows_are_those_of_the_dialect(dialect: str, sql: str, expected: str, answer: Callable[[str], str]) -> None:
    found = translated(dialect, sql)
    assert found.sql is not None, [problem.message for problem in found.problems]
    warned = [f"warned: {sql[problem.start : problem.end]}" for problem in found.problems]
    assert "\n".join([*warned, answer(found.sql)]).strip() == expected


@pytest.mark.parametrize("path", REFUSED, ids=lambda path: path.parent.name)
def test_what_is_refused(path: Path, snapshot: Callable[[Path, str], None]) -> None:
    told: list[str] = []
    for part in path.read_text().split("-- case: ")[1:]:
        name, _, sql = part.partition("\n")
        sql = sql.strip()
        found = translated(path.parent.name, sql)
        assert found.sql is None
        told.append(f"## {name}\n{sql}\n--\n{''.join(described(sql, problem) for problem in found.problems)}")
    snapshot(path.with_suffix(".expected"), "\n".join(told))


@pytest.mark.long
@pytest.mark.parametrize("table", ["CORRECTIONS", "DIFFERENCES"])
def test_each_entry_makes_a_difference_to_a_case(
    table: str, answer: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it, some case would answer something else."""
    from trc.compiler.sql.dialects import corrections, differences, query

    module: Any = corrections if table == "CORRECTIONS" else differences
    entries = getattr(module, table)
    all_cases: list[tuple[str, str, str]] = [case.values for case in cases(ROWS)]

    def is_noticed(dialect: str, sql: str, expected: str) -> bool:
        found = query.translated(dialect, sql, frozenset(), frozenset())
        warned = [f"warned: {sql[problem.start : problem.end]}" for problem in found.problems]
        return found.sql is None or "\n".join([*warned, answer(found.sql)]).strip() != expected

    for index, (dialects, _, rule) in enumerate(entries):
        monkeypatch.setattr(module, table, entries[:index] + entries[index + 1 :])
        concerned = (case for case in all_cases if dialects is None or case[0] in dialects)
        assert any(is_noticed(*case) for case in concerned), rule.__name__


def test_enough_dialects_have_cases() -> None:
    assert len({path.parent.name for path in ROWS}) >= 10
    assert {path.parent.name for path in [*ROWS, *REFUSED]} <= set(DIALECTS)


def test_names_are_those_that_sqlglot_has() -> None:
    from sqlglot.dialects.dialect import Dialect, Dialects

    assert set(DIALECTS) == {one.value for one in Dialects if one.value}
    assert all(Dialect.get(name) for name in DIALECTS)


def test_translations_are_the_same_in_every_process() -> None:
    """A key rests on them."""
    queries = [case.values[:2] for case in cases(ROWS)][::7]
    code = f"from trc.compiler.sql.dialect import translate\nprint([translate(d, q, frozenset(), frozenset()).sql for d, q in {queries!r}])"
    seen = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(seen) == 1


@pytest.mark.parametrize(("dialect", "sql", "expected"), list(cases(ROWS)))
def test_layout_and_comments_change_nothing(dialect: str, sql: str, expected: str) -> None:  # noqa: ARG001
    one, other = translated(dialect, sql), translated(dialect, f"/* a note */\n  {sql}\n ;")
    assert one.written == other.written
    assert canonical(one.sql or "") == canonical(other.sql or "")


@given(st.sampled_from([case.values for case in cases(ROWS)]), st.data())
def test_no_text_breaks_the_translation(case: tuple[str, str, str], data: st.DataObject) -> None:
    """Places are within the text, and no text makes sqlglot's own errors reach the reader."""
    dialect, sql, _ = case
    start = data.draw(st.integers(0, len(sql)))
    end = data.draw(st.integers(start, len(sql)))
    cut = sql[:start] + data.draw(st.sampled_from(["", "(", ")", "'", ",", " from ", "é", "/*", "`", ";"])) + sql[end:]
    found = translated(dialect, cut)
    assert found.sql is not None or found.problems
    for problem in found.problems:
        assert 0 <= problem.start <= problem.end <= len(cut)
        assert "<class" not in problem.message + "".join(problem.help)
    for origin in found.origins:
        assert 0 <= origin.first < origin.last <= len(cut)


@pytest.mark.parametrize("dialect", [one for one in DIALECTS if one not in (OWN, "prql")])
def test_names_are_found_where_they_stand(dialect: str) -> None:
    """Each column of the translation comes from where the author wrote it, in every dialect."""
    sql = "select a, (b) as c from t where b > 1 group by a, b"
    found = translated(dialect, sql)
    if found.sql is None:
        pytest.skip("the dialect has no such query")
    places = {(found.sql[one.start : one.end], sql[one.first : one.last]) for one in found.origins}
    assert ("a", "a") in places
    assert ("b", "b") in places
