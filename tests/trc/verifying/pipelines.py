"""Random pipelines: tables of random rows, and tasks with random queries over them and over each other."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

Draw = st.DrawFn
Kind = str

TYPES: dict[Kind, str] = {
    "int": "INTEGER",
    "big": "BIGINT",
    "text": "VARCHAR",
    "float": "DOUBLE",
    "decimal": "DECIMAL(10,2)",
    "date": "DATE",
    "time": "TIMESTAMP",
    "truth": "BOOLEAN",
    "list": "INTEGER[]",
}
VALUES: dict[Kind, list[str]] = {
    "int": ["1", "2", "3", "1", "2", "3", "0", "7", "-1", "2147483647", "-2147483648"],
    "big": ["1", "2", "1", "0", "5", "-3", "9223372036854775807"],
    "text": ["'x'", "'y'", "'x'", "'1'", "'xy'", "''", "'12'", "'X'", "'a%'", "'é'"],
    # No zero with a sign: of those in a column, Parquet keeps one; see docs/optimising.md.
    "float": ["0.0", "0.5", "1.0", "2.5", "-1.0", "'nan'", "'inf'", "'-inf'"],
    "decimal": ["0", "1.50", "2.25", "-3", "99999999.99"],
    "date": ["'2020-01-01'", "'2020-02-29'", "'2021-06-01'", "'infinity'"],
    "time": ["'2020-01-01'", "'2020-01-01 12:30:01'", "'2021-06-01'", "'-infinity'"],
    "truth": ["true", "false"],
    "list": ["[]", "[1]", "[1, 2, 2]", "[3, NULL]"],
}
SAFE: dict[Kind, list[str]] = {
    "int": [
        "{int} % 3",
        "length({text})",
        "year({date})",
        "case when {truth} then {int} else {int} end",
        "coalesce({int}, 0)",
        "nullif({int}, 1)",
        "try_cast({text} as integer)",
        "cast({truth} as integer)",
        "len({list})",
        "{list}[1]",
        "greatest({int}, {int})",
    ],
    "big": ["{int}::bigint", "coalesce({big}, {int})", "{int}::bigint * 1000", "{int}::bigint + {int}"],
    "text": [
        "upper({text})",
        "{text} || {text}",
        "left({text}, 1)",
        "cast({int} as varchar)",
        "cast({date} as varchar)",
        "coalesce({text}, 'none')",
        "concat({text}, {int})",
        "case when {truth} then {text} end",
        "replace({text}, 'x', 'z')",
    ],
    "float": ["{int} / 2", "{float} + 1", "{float} * 2", "abs({float})", "cast({decimal} as double)"],
    "decimal": ["case when {truth} then {decimal} end", "-{decimal}", "coalesce({decimal}, 1.5)"],
    "date": ["cast({time} as date)", "try_cast({text} as date)", "coalesce({date}, date '2020-01-01')"],
    "time": ["cast({date} as timestamp)", "coalesce({time}, timestamp '2020-01-01')"],
    "list": ["[{int}, {int}]", "coalesce({list}, [0])"],
    "truth": [
        "{int} > {int}",
        "{int} = 1",
        "{int} <> {int}",
        "{int} in (1, 2, null)",
        "{int} not in (1, 7)",
        "{int} between 0 and 2",
        "{int} is distinct from {int}",
        "{big} >= {int}",
        "{text} = {text}",
        "{text} like 'x%'",
        "{text} is null",
        "{int} is not null",
        "{float} > 1",
        "{float} = {float}",
        "{decimal} < 2",
        "{date} >= date '2020-02-01'",
        "{date} = {date}",
        "{time} < {date}",
        "not ({truth})",
        "({truth}) and ({truth})",
        "({truth}) or ({truth})",
        "coalesce({truth}, false)",
        "isnan({float})",
        "{truth} is true",
    ],
}
"""By kind, ways to make a value of it out of others that always have one."""
RISKY: dict[Kind, list[str]] = {
    "int": [
        "{int} + 1",
        "{int} - {int}",
        "{int} // {int}",
        "-{int}",
        "cast({text} as integer)",
        "cast({big} as integer)",
    ],
    "big": ["{big} + {int}", "{big} * 2"],
    "text": ["substring({text}, {int}, 2)", "repeat({text}, {int} % 3)", "split_part({text}, 'x', 1)"],
    "float": ["sqrt({float})", "ln({float})"],
    "decimal": ["{decimal} + 1", "cast({int} as decimal(10, 2))", "{decimal} * {decimal}", "round({decimal}, 1)"],
    "date": ["{date} + 1", "cast({text} as date)"],
    "time": ["date_trunc('month', {time})", "{time} + interval 1 day"],
    "list": ["list_sort({list})", "list_transform({list}, lambda x: x + 1)"],
    "truth": ["10 / {int} > 2", "list_contains({list}, 1)", "cast({text} as integer) > 1", "{int} + 1 > 2"],
}
"""The same with ways that may fail, or that are not known not to."""
GATHERED: dict[Kind, list[str]] = {
    "int": ["max({int})", "min({int})", "bit_or({int})", "max({int}) filter (where {truth})"],
    "big": [
        "count(*)",
        "count({text})",
        "count(*) filter (where {truth})",
        "count(distinct {text})",
        "count(distinct {int})",
    ],
    "text": ["min({text})", "max({text})", "max({text}) filter (where {truth})"],
    "float": ["avg({int})", "max({float})", "sum({float})", "median({int})"],
    "decimal": ["max({decimal})", "min({decimal}) filter (where {truth})", "sum({decimal})::decimal(10, 2)"],
    "date": ["min({date})", "max({date})"],
    "time": ["max({time})"],
    "truth": ["bool_or({truth})", "bool_and({truth})", "count(*) > 1"],
    "list": ["max({list})", "min({list})"],
}
WINDOWED: dict[Kind, list[str]] = {
    "int": ["max({int}) over (partition by {text})", "first_value({int}) over ({all})", "lag({int}) over ({all})"],
    "big": [
        "row_number() over ({all})",
        "rank() over (partition by {text} order by {int})",
        "dense_rank() over (order by {date}, {text})",
        "count(*) over (partition by {int})",
        "count({int}) over ({all} rows between 1 preceding and current row)",
    ],
    "text": ["min({text}) over (partition by {int})", "lead({text}, 1, 'end') over ({all})"],
}
NAMES = ("a", "b", "c", "d", "e", "f")
_DEPTH = 2
_SELDOM = 9
_UNLIKE = ("float", "list")
"""Kinds of which trc does not prove that equal values are the same."""


@dataclass(frozen=True)
class Column:
    name: str
    kind: Kind


@dataclass(frozen=True)
class Table:
    """Something that can be read by a name."""

    name: str
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class Source:
    """A file of rows; each row has as many values as there are columns."""

    table: Table
    format: str
    rows: tuple[tuple[str, ...], ...]

    @property
    def file(self) -> str:
        return f"{self.table.name}.{self.format}"

    @property
    def copy(self) -> str:
        """The statement that writes it."""
        cast = [f"CAST({{}} AS {TYPES[one.kind]}) AS {one.name}" for one in self.table.columns]
        rows = [f"SELECT {', '.join(map(str.format, cast, row))}" for row in self.rows or (("NULL",) * len(cast),)]
        where = "" if self.rows else " WHERE false"
        return f"COPY ({' UNION ALL '.join(rows)}{where}) TO '{{folder}}/{self.file}'"

    @property
    def declared(self) -> str:
        if self.format == "parquet":
            return f'source {self.table.name} = parquet("{self.file}")'
        columns = ", ".join(f"{one.name}: {TYPES[one.kind].lower()}" for one in self.table.columns)
        return f'source {self.table.name} = csv("{self.file}") {{ columns {{ {columns} }} }}'


@dataclass(frozen=True)
class Task:
    table: Table
    sql: str
    output: str = ""

    def __str__(self) -> str:
        return f"task {self.table.name} = sql $$ {self.sql} $${self.output}"


@dataclass(frozen=True)
class Pipeline:
    sources: tuple[Source, ...]
    tasks: tuple[Task, ...]

    def __str__(self) -> str:
        lines = ['pipeline "random" { }', *(one.declared for one in self.sources), *map(str, self.tasks)]
        return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Scope:
    """The columns that an expression may name, as it has to write them."""

    columns: tuple[tuple[str, Kind], ...]


Query = tuple[str, tuple[Column, ...]]
"""A query's text and its columns."""


@st.composite
def pipelines(draw: Draw) -> Pipeline:
    """A pipeline of a few tasks over a few files: those that nothing reads are written where others may read them."""
    made = tuple(draw(_sources(f"t{place}")) for place in range(draw(st.integers(1, 3))))
    tables = [one.table for one in made]
    tasks: list[Task] = []
    for place in range(draw(st.integers(3, 8))):
        # Of what was made last more is read: chains are what is optimised.
        sql, columns = draw(_queries([*tables, *tables[len(made) :], *tables[-2:] * 3]))
        if tasks and draw(st.integers(0, _SELDOM)) == 0:
            # The same once more, which need not be computed again.
            other = draw(st.sampled_from(tasks))
            sql, columns = other.sql.replace("select ", "SELECT  "), other.table.columns
        table = Table(f"m{place}", columns)
        tasks.append(Task(table, sql))
        tables.append(table)
    read = {name for one in tasks for name in re.findall(r"\bm\d\b", one.sql)}
    return Pipeline(made, tuple(draw(_published(one, is_read=one.table.name in read)) for one in tasks))


@st.composite
def _published(draw: Draw, task: Task, *, is_read: bool) -> Task:
    if is_read and draw(st.integers(0, 7)):
        return task
    form = draw(st.sampled_from(["parquet", "parquet", "parquet", "csv", "json"]))
    return Task(task.table, task.sql, f' {{ output = {form}("out/{task.table.name}.{form}") }}')


@st.composite
def _sources(draw: Draw, name: str) -> Source:
    kinds = ["int", "text", *draw(st.lists(st.sampled_from([*TYPES, "int", "text"]), max_size=4))]
    form = draw(st.sampled_from([*["parquet"] * 7, "csv"]))
    if form == "csv":
        kinds = ["text" if kind == "list" else kind for kind in kinds]
    columns = tuple(Column(*pair) for pair in zip(NAMES, kinds))
    row = st.tuples(*(st.sampled_from([*VALUES[one.kind], "NULL"]) for one in columns))
    rows = draw(st.lists(row, min_size=draw(st.sampled_from([0, 4, 6])), max_size=12))
    # Some stand there twice.
    return Source(Table(name, columns), form, tuple(rows + rows[: len(rows) // 2]))


@st.composite
def _queries(draw: Draw, tables: Sequence[Table]) -> Query:
    shapes = [_plain, _plain, _starred, _starred, _grouped, _grouped, _windowed, _united, _unnested]
    shape = draw(st.sampled_from(shapes))
    found: Query = draw(shape(tables))
    return found


@st.composite
def _plain(draw: Draw, tables: Sequence[Table]) -> Query:
    """Some expressions of rows; perhaps unlike ones only, or the first of them."""
    before, read, scope = draw(_from(tables))
    listed, columns = draw(_listed(scope, draw(_some_kinds(scope, 1, 4))))
    distinct = draw(st.sampled_from(["", "", "", "distinct "]))
    sql = f"{before}select {distinct}{listed} {read}{draw(_where(scope, tables))}"
    return sql + draw(_ends(columns)), columns


@st.composite
def _starred(draw: Draw, tables: Sequence[Table]) -> Query:
    """All columns of a table, or all but one, or with one of them replaced."""
    table = draw(st.sampled_from(tables))
    scope, columns, star = _scope(table, "r"), table.columns, "*"
    one = draw(st.sampled_from(columns))
    form = draw(st.sampled_from(["all", "all", "of r", "exclude", "replace", "columns"]))
    if form == "of r":
        star = "r.*"
    elif form == "exclude" and len(columns) > 1:
        star, columns = f"* exclude ({one.name})", tuple(other for other in columns if other != one)
    elif form == "replace":
        star = f"* replace ({draw(_expressions(scope, one.kind))} as {one.name})"
    elif form == "columns":
        star, columns = "columns('^[a-c]$')", tuple(other for other in columns if other.name <= "c")
    return f"select {star} from {table.name} as r{draw(_where(scope, tables))}{draw(_ends(columns))}", columns


@st.composite
def _grouped(draw: Draw, tables: Sequence[Table]) -> Query:
    before, read, scope = draw(_from(tables))
    keys = draw(_some_kinds(scope, 0, 2))
    listed, columns = draw(_listed(scope, [*keys, *draw(_some_kinds(scope, 1, 3))], gathered_from=len(keys)))
    group = f" group by {', '.join(str(place + 1) for place in range(len(keys)))}" if keys else ""
    having = draw(st.sampled_from(["", "", " having count(*) > 1", " having min({int}) is not null"]))
    having = draw(_filled(having, scope, 0))
    return f"{before}select {listed} {read}{draw(_where(scope, tables))}{group}{having}{draw(_ends(columns))}", columns


@st.composite
def _windowed(draw: Draw, tables: Sequence[Table]) -> Query:
    before, read, scope = draw(_from(tables))
    listed, columns = draw(_listed(scope, draw(_some_kinds(scope, 1, 3)), depth=0))
    kind = draw(st.sampled_from(sorted(WINDOWED)))
    order = f"order by {', '.join(name for name, _ in scope.columns)}"
    is_told_apart = all(own != "float" for _, own in scope.columns)
    forms = [form for form in WINDOWED[kind] if is_told_apart or "{all}" not in form]
    window = draw(_filled(draw(st.sampled_from(forms)).replace("{all}", order), scope, 0))
    columns = (*columns, Column("g", kind))
    qualify = draw(st.sampled_from(["", "", f" qualify {window} is not null", f" qualify rank() over ({order}) < 4"]))
    return f"{before}select {listed}, {window} as g {read}{draw(_where(scope, tables))}{qualify}", columns


@st.composite
def _united(draw: Draw, tables: Sequence[Table]) -> Query:
    names = list(NAMES)
    operator = draw(
        st.sampled_from(["union all", "union all", "union", "except", "intersect", "except all", "intersect all"])
    )
    if draw(st.booleans()) and operator.startswith("union"):
        operator += " by name"
    kinds = draw(_some_kinds(_scope(draw(st.sampled_from(tables)), "r"), 1, 3))
    if operator != "union all":
        kinds = [kind for kind in kinds if kind not in _UNLIKE] or ["int"]
    sides: list[str] = []
    for _ in range(2):
        table = draw(st.sampled_from(tables))
        scope = _scope(table, "r")
        listed = [f"{draw(_expressions(scope, kind, 1))} as {name}" for kind, name in zip(kinds, names)]
        if sides and "by name" in operator:
            listed.reverse()
        sides.append(f"select {', '.join(listed)} from {table.name} as r{draw(_where(scope, tables))}")
    return f" {operator} ".join(sides), tuple(Column(*pair) for pair in zip(names, kinds))


@st.composite
def _unnested(draw: Draw, tables: Sequence[Table]) -> Query:
    table = draw(st.sampled_from(tables))
    scope = _scope(table, "r")
    listed, columns = draw(_listed(scope, draw(_some_kinds(scope, 1, 2)), depth=1))
    value = draw(_expressions(scope, "list", 1))
    columns = (*columns, Column("u", "int"))
    if draw(st.booleans()):
        return f"select {listed}, unnest({value}) as u from {table.name} as r{draw(_where(scope, tables))}", columns
    where = draw(st.sampled_from(["", " where q.u > 1", " where q.u is not null"]))
    return f"select {listed}, q.u as u from {table.name} as r, unnest({value}) as q(u){where}", columns


def _scope(table: Table, alias: str) -> Scope:
    return Scope(tuple((f"{alias}.{one.name}", one.kind) for one in table.columns))


@st.composite
def _from(draw: Draw, tables: Sequence[Table]) -> tuple[str, str, Scope]:
    """What stands ahead of a query, its FROM, and what can be named then."""
    one, other = draw(st.sampled_from(tables)), draw(st.sampled_from(tables))
    form = draw(st.sampled_from(["one", "one", "one", "join", "join", "using", "self", "filtered", "cte", "lateral"]))
    first, second = _scope(one, "r"), _scope(other, "s")
    both = Scope(first.columns + second.columns)
    if form == "join":
        kind = draw(st.sampled_from(["join", "join", "left join", "right join", "full join", "semi join", "anti join"]))
        on = draw(_conditions(first, second))
        return "", f"from {one.name} as r {kind} {other.name} as s on {on}", first if kind[1] in "en" else both
    shared = [own.name for own in one.columns if own in other.columns]
    if form == "using" and shared:
        kind = draw(st.sampled_from(["join", "left join", "full join"]))
        name = draw(st.sampled_from(shared))
        columns = tuple((column, own) for column, own in both.columns if column[2:] != name)
        merged = (name, next(own.kind for own in one.columns if own.name == name))
        return "", f"from {one.name} as r {kind} {other.name} as s using ({name})", Scope((merged, *columns))
    if form == "self":
        second = _scope(one, "s")
        filtered = f"(select * from {one.name} as q{draw(_filters(_scope(one, 'q')))})"
        read = f"from {filtered} as r join (select * from {one.name} as q{draw(_filters(_scope(one, 'q')))}) as s"
        return "", f"{read} on {draw(_conditions(first, second))}", Scope(first.columns + second.columns)
    if form == "filtered":
        return "", f"from (select * from {one.name} as q{draw(_filters(_scope(one, 'q')))}) as r", first
    if form == "cte":
        name = draw(st.sampled_from(["w", one.name, other.name]))
        kind = draw(st.sampled_from(["as", "as materialized", "as not materialized"]))
        before = f"with {name} {kind} (select * from {one.name} as q{draw(_filters(_scope(one, 'q')))}) "
        # Its name hides a table's.
        if name == other.name or draw(st.booleans()):
            return before, f"from {name} as r", first
        return before, f"from {name} as r join {other.name} as s on {draw(_conditions(first, second))}", both
    if form == "lateral":
        inner = draw(_filled(draw(st.sampled_from(["max({int})", "count(*)", "min({text})"])), second, 0))
        kind = {"max": "int", "cou": "big", "min": "text"}[inner[:3]]
        read = f"from {one.name} as r, lateral (select {inner} as v from {other.name} as s where {draw(_conditions(first, second))}) as q"
        return "", read, Scope((*first.columns, ("q.v", kind)))
    return "", f"from {one.name} as r", first


@st.composite
def _conditions(draw: Draw, first: Scope, second: Scope) -> str:
    """What joins two tables: columns of one kind, perhaps with more."""
    pairs = [(left, right) for left, kind in first.columns for right, own in second.columns if own == kind]
    if not pairs:
        return draw(_expressions(Scope(first.columns + second.columns), "truth", 1))
    left, right = draw(st.sampled_from(pairs))
    operator = draw(st.sampled_from(["=", "=", "=", "is not distinct from", "<"]))
    more = draw(st.booleans()) and draw(_expressions(Scope(first.columns + second.columns), "truth", 1))
    return f"{left} {operator} {right}" + (f" and {more}" if more else "")


@st.composite
def _where(draw: Draw, scope: Scope, tables: Sequence[Table]) -> str:
    form = draw(st.sampled_from(["", "", "plain", "plain", "plain", "plain", "subquery"]))
    if not form:
        return ""
    if form == "plain":
        return draw(_filters(scope))
    other = draw(st.sampled_from(tables))
    inner = _scope(other, "x")
    pairs = [(left, right) for left, kind in scope.columns for right, own in inner.columns if own == kind]
    if not pairs:
        return ""
    left, right = draw(st.sampled_from(pairs))
    form = draw(st.sampled_from(["in", "not in", "exists", "not exists", "above"]))
    if form == "above":
        return f" where {left} >= (select min({right}) from {other.name} as x)"
    if form.endswith("in"):
        return f" where {left} {form} (select {right} from {other.name} as x{draw(_filters(inner))})"
    return f" where {form} (select 1 from {other.name} as x where {right} = {left})"


@st.composite
def _filters(draw: Draw, scope: Scope) -> str:
    forms = draw(st.lists(st.sampled_from(SAFE["truth"]), min_size=draw(st.sampled_from([1, 1, 0])), max_size=2))
    wheres = [draw(_filled(form, scope, draw(st.integers(0, 1)))) for form in forms]
    if draw(st.integers(0, _SELDOM)) == 0:
        wheres.append(draw(_filled(draw(st.sampled_from(RISKY["truth"])), scope, 0)))
    return f" where {' and '.join(f'({one})' for one in wheres)}" if wheres else ""


@st.composite
def _ends(draw: Draw, columns: tuple[Column, ...]) -> str:
    """An order of all columns, which leaves nothing open, and a limit."""
    form = draw(st.sampled_from([*[""] * 12, "order", "order", "limit", "limit", "limit", "open"]))
    if form == "limit" and _has_floats(columns):
        return ""
    places = draw(st.permutations([str(place + 1) for place in range(len(columns))]))
    way = draw(st.sampled_from(["", " desc", " nulls first"]))
    order = f" order by {', '.join(place + way for place in places)}"
    match form:
        case "order":
            return order
        case "limit":
            return f"{order} limit {draw(st.integers(1, 6))}{draw(st.sampled_from(['', ' offset 1']))}"
        case "open":
            return draw(st.sampled_from(["", "", f" order by {places[0]} limit 3"]))
        case _:
            return ""


def _has_floats(columns: Sequence[Column]) -> bool:
    """Whether no order tells all rows apart."""
    return any(one.kind == "float" for one in columns)


def _some_kinds(scope: Scope, least: int, most: int) -> st.SearchStrategy[list[Kind]]:
    own = [kind for _, kind in scope.columns]
    return st.lists(st.sampled_from([*own, *own, *own, *TYPES]), min_size=least, max_size=most)


@st.composite
def _listed(
    draw: Draw, scope: Scope, kinds: Sequence[Kind], *, depth: int = _DEPTH, gathered_from: int | None = None
) -> tuple[str, tuple[Column, ...]]:
    """A select list of these kinds; from the place `gathered_from` on of aggregates."""
    columns = tuple(Column(*pair) for pair in zip(NAMES, kinds))
    texts = [
        draw(_expressions(scope, one.kind, depth))
        if gathered_from is None or place < gathered_from
        else draw(_filled(draw(st.sampled_from(GATHERED[one.kind])), scope, 1))
        for place, one in enumerate(columns)
    ]
    return ", ".join(f"{text} as {one.name}" for text, one in zip(texts, columns)), columns


@st.composite
def _expressions(draw: Draw, scope: Scope, kind: Kind, depth: int = _DEPTH) -> str:
    own = [name for name, of in scope.columns if of == kind]
    if depth == 0 or draw(st.booleans()):
        constant = f"cast({draw(st.sampled_from(VALUES[kind][:5]))} as {TYPES[kind].lower()})"
        return draw(st.sampled_from([*own * 4, constant]))
    forms = RISKY if draw(st.integers(0, _SELDOM)) == 0 else SAFE
    return f"({draw(_filled(draw(st.sampled_from(forms[kind])), scope, depth - 1))})"


@st.composite
def _filled(draw: Draw, form: str, scope: Scope, depth: int) -> str:
    """A form with expressions in the places of the kinds that it names."""
    parts = re.split(r"\{(\w+)\}", form)
    return "".join(draw(_expressions(scope, part, depth)) if place % 2 else part for place, part in enumerate(parts))
