"""Expressions over the columns of `t`, made at random: values of each type, and conditions."""

from __future__ import annotations

from hypothesis import strategies as st

LEAVES = {
    "int": ["i", "n", "0", "1", "2", "-1", "1000", "2147483647"],
    "text": ["s", "'x'", "''", "'%y'", "'1'"],
    "float": ["f", "0.5::double", "2.5::double"],
    "decimal": ["e", "1.5", "2", "0.01"],
    "date": ["d", "date '2020-02-29'", "'2021-01-01'::date"],
    "time": ["m", "timestamp '2020-01-01 12:30:01'"],
    "truth": ["o", "true", "s is null", "i > 1"],
}
MADE = {
    "int": [
        "({int} + {int})",
        "({int} - {int})",
        "({int} * {int})",
        "({int} % {int})",
        "({int} // {int})",
        "(- {int})",
        "abs({int})",
        "({int})::bigint",
        "({int})::integer",
        "({int})::hugeint",
        "({truth})::integer",
        "length({text})",
        "year({date})",
        "month({time})",
        "extract(hour from {time})",
        "date_diff('day', {date}, {date})",
        "({date} - {date})",
        "case when {truth} then {int} else {int} end",
        "coalesce({int}, {int})",
        "greatest({int}, {int})",
        "instr({text}, {text})",
        "try_cast({text} as integer)",
        "({text})::integer",
        "({int} & {int})",
    ],
    "text": [
        "lower({text})",
        "upper({text})",
        "trim({text})",
        "({text} || {text})",
        "concat({text}, {int}, {float}, {date})",
        "left({text}, {int})",
        "right({text}, {int})",
        "substring({text}, {int}, {int})",
        "replace({text}, {text}, {text})",
        "({int})::varchar",
        "({decimal})::varchar",
        "({float})::varchar",
        "strftime({date}, '%Y-%m')",
        "case when {truth} then {text} end",
        "nullif({text}, {text})",
        "concat_ws({text}, {text}, {text})",
        "reverse({text})",
        "split_part({text}, {text}, {int})",
        "({text})[{int}]",
    ],
    "float": [
        "({float} + {float})",
        "({float} * {float})",
        "({float} / {float})",
        "({int} / {int})",
        "({int})::double",
        "({decimal})::double",
        "abs({float})",
        "round({float}, 2)",
        "floor({float})",
        "pow({float}, {float})",
        "sqrt({float})",
        "try_cast({text} as double)",
        "(- {float})",
    ],
    "decimal": [
        "({decimal} + {decimal})",
        "({decimal} - {decimal})",
        "({decimal} * {decimal})",
        "(- {decimal})",
        "round({decimal}, 1)",
        "({decimal})::decimal(20, 4)",
        "({int})::decimal(12, 2)",
        "coalesce({decimal}, {decimal})",
    ],
    "date": [
        "({time})::date",
        "date_trunc('month', {date})::date",
        "({date} + 1)",
        "try_cast({text} as date)",
        "least({date}, {date})",
        "case when {truth} then {date} else {date} end",
    ],
    "time": ["({date})::timestamp", "date_trunc('day', {time})", "coalesce({time}, {time})"],
    "truth": [
        "({int} = {int})",
        "({int} < {decimal})",
        "({int} >= {float})",
        "({decimal} <> {decimal})",
        "({text} > {text})",
        "({text} = {text})",
        "({date} <= {date})",
        "({date} < {time})",
        "({time} >= {time})",
        "({float} < {float})",
        "({truth} and {truth})",
        "({truth} or {truth})",
        "(not {truth})",
        "({text} is null)",
        "({int} is not null)",
        "({text} is distinct from {text})",
        "({text} in ({text}, {text}))",
        "({int} in (1, 3, {int}))",
        "({int} not in (1, 2))",
        "({int} between {int} and {int})",
        "({text} like {text})",
        "({text} like '%x%')",
        "({text} like 'x%')",
        "({text} not ilike 'X_')",
        "contains({text}, {text})",
        "starts_with({text}, {text})",
        "regexp_matches({text}, '^x+')",
        "isnan({float})",
        "coalesce({truth}, {truth})",
        "case when {truth} then {truth} else {truth} end",
    ],
}
"""By type, ways to make a value of it out of others."""


@st.composite
def expressions(draw: st.DrawFn, kind: str, depth: int = 3) -> str:
    """An expression of a type."""
    if depth == 0 or draw(st.integers(0, 3)) == 0:
        return draw(st.sampled_from(LEAVES[kind]))
    form = draw(st.sampled_from(MADE[kind]))
    while "{" in form:
        start, end = form.index("{"), form.index("}")
        form = form[:start] + draw(expressions(form[start + 1 : end], depth - 1)) + form[end + 1 :]
    return form


@st.composite
def selections(draw: st.DrawFn) -> str:
    """A query of a filter and expressions over `t`."""
    kinds = draw(st.lists(st.sampled_from(sorted(MADE)), min_size=1, max_size=3))
    listed = ", ".join(f"{draw(expressions(kind))} AS v{place}" for place, kind in enumerate(kinds))
    wheres = draw(st.lists(expressions("truth"), max_size=2))
    return f"SELECT i, {listed} FROM t" + (f" WHERE {' AND '.join(wheres)}" if wheres else "")
