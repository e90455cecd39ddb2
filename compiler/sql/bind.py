"""What DuckDB's binder says of a query over tables of given columns: its own columns, or what is wrong with it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Self

from trc.compiler.diagnostics.nearest import did_you_mean, nearest
from trc.compiler.ir.dataset import Column
from trc.compiler.ir.types import Known, Schema, Unknown
from trc.compiler.queries import Queries
from trc.compiler.sql.columns import BoundPlan
from trc.compiler.sql.complaints import World, closest, judge, missing_function
from trc.compiler.sql.edits import Edit, Edited
from trc.compiler.sql.engine import PROVING, Complaint, complaint, give_back, lend, literal, query
from trc.compiler.sql.expressions import Json
from trc.compiler.sql.functions import fixed_schema, scalar_names
from trc.compiler.sql.held import HeldTables, give_back_held, lend_held
from trc.compiler.sql.memory import columns_of
from trc.compiler.sql.operators import TableKey
from trc.compiler.sql.parse import Parsed
from trc.compiler.sql.problem import SqlProblem
from trc.compiler.sql.shared import SharedTables, give_back_tables, lend_tables
from trc.compiler.sql.skim import Plain
from trc.compiler.sql.statements import whole
from trc.compiler.sql.tokens import tokenize
from trc.compiler.sql.uses import FileUse, TableUse
from trc.compiler.sql.walk import stem

if TYPE_CHECKING:
    import duckdb

_MOST_REPAIRS = 10
_DESCRIBE = "DESCRIBE "
_DESCRIBE_OTHER = "DESCRIBE FROM ("
_ONLY = "SELECT {} FROM (\n"
_NOT_PLANNED = "DuckDB cannot tell how it is planned"
_DYNAMIC = "its PIVOT lists no values, so its columns follow from its rows"


@dataclass(frozen=True, slots=True)
class Bound:
    """A query's columns and mistakes. With mistakes the columns are those of the query as repaired."""

    schema: Schema
    problems: tuple[SqlProblem, ...] = ()


def bind(parsed: Parsed, tables: Mapping[str, Schema], files: Mapping[str, Schema]) -> Bound:
    """Binds one query in a database of its own; see `Binder.bind`."""
    with Binder() as binder:
        return binder.bind(parsed, tables, files)


class Binder:
    """Sandboxed databases in which a pipeline's queries are bound one after the other.

    Plain queries share a database and its tables, and so do queries that are planned; in another, each query has tables
    of its own. They are there from their first use on: a pipeline without SQL does not pay for loading DuckDB.
    """

    def __init__(self, queries: Queries | None = None, passes: frozenset[str] = PROVING) -> None:
        self._queries = queries
        self._passes = passes
        self._database: duckdb.DuckDBPyConnection | None = None
        self._shared: SharedTables | None = None
        self._held: HeldTables | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        if self._database is not None and error is None:
            give_back(self._database, self._passes)
        if self._shared is not None and error is None:
            give_back_tables(self._shared)
        if self._held is not None and error is None:
            give_back_held(self._held, self._passes)
        self._database = self._shared = self._held = None

    @property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        if self._database is None:
            self._database = lend(self._passes)
        return self._database

    def bind(
        self,
        parsed: Parsed,
        tables: Mapping[str, Schema],
        files: Mapping[str, Schema],
        reader: str = "",
        *,
        values: Mapping[str, str] | None = None,
    ) -> Bound:
        """Binds a query of the task `reader`, with an expression of SQL for each of its parameters, if it has any.

        `tables` are all datasets that it may name (a reader's name, or `task.output`), `files` the
        schemas by location. Where a schema that it reads is unknown, so are its columns, and only
        the names of tables and functions are checked.
        """
        reads, problems = _read_schemas(parsed, tables, reader)
        file_schemas = _file_schemas(parsed, files)
        reason = _why_unknown(parsed, [*reads.values(), *file_schemas.values()], has_values=values is not None)
        if reason is not None:
            return Bound(Unknown(reason), (*problems, *_unknown_functions(parsed)))
        columns = {name: _columns(schema) for name, schema in reads.items()}
        bases = {call: _columns(schema) for call, schema in file_schemas.items()}
        with self._created(columns, bases.values()) as failure:
            if failure is not None:
                return Bound(Unknown(failure), (*problems, *_unknown_functions(parsed)))
            world = World(parsed, {**columns, **_by_uri(parsed, bases)}, tables)
            edits = _edits(parsed) if values is None else (*_edits(parsed), *_put_in(parsed, values))
            bound = self._bind(Edited(parsed.text.original, edits), world, problems)
        if parsed.dynamic and isinstance(bound.schema, Known):
            return Bound(Unknown(_DYNAMIC), bound.problems)
        return bound

    def bind_plain(self, query: Plain, tables: Mapping[str, Schema]) -> Known | None:
        """The columns of a query; None where not all is as it should be, or known, which `bind` then tells."""
        read: dict[str, Known] = {}
        for name in query.tables:
            schema = _find(name, tables)
            if not isinstance(schema, Known):
                return None
            read[name.casefold()] = schema
        columns = columns_of(self._queries, query, read, lambda: self._asked(query, read))
        if columns is None or len({column.name.casefold() for column in columns}) < len(columns):
            return None
        return Known(columns)

    def _asked(self, query: Plain, read: Mapping[str, Known]) -> tuple[Column, ...] | None:
        if self._shared is None or self._shared.is_full or not self._shared.is_fit:
            self._shared = lend_tables()
        return self._shared.columns(query, read)

    def plan(
        self,
        parsed: Parsed,
        tables: Mapping[str, Schema],
        files: Mapping[str, Schema],
        *,
        pushed: bool = False,
        bound: tuple[Column, ...] | None = None,
        values: Mapping[str, str] | None = None,
        kept: Mapping[str, str] | None = None,
    ) -> BoundPlan | Unknown:
        """The plan of a query that `bind` finds no mistakes in: what its lineage and, with `pushed`, its facts are read from.

        `bound` are the columns that `bind` found over the same schemas, where they are known; `values` are as there. Of the
        parameters in `kept`, which have these types, the plan tells where they are; lineage calls them columns of `PARAMETER`.
        """
        reads, problems = _read_schemas(parsed, tables, "")
        file_schemas = _file_schemas(parsed, files)
        reason = _why_unknown(parsed, [*reads.values(), *file_schemas.values()], has_values=values is not None)
        if problems or parsed.dynamic or reason is not None:
            return Unknown(reason or ("its query has mistakes" if problems else _DYNAMIC))
        locations = _locations(parsed)
        if reads.keys() & {uri.casefold() for uris in locations for uri in uris}:
            return Unknown("it calls a table and a file by one name")
        columns = {name: _columns(schema) for name, schema in reads.items()}
        own = tuple(_edits(parsed))
        edits = own if values is None else (*own, *_put_in(parsed, values))
        sql = described = Edited(parsed.text.original, edits).text
        if values is not None and kept:
            asking = {**values, **{name: f"CAST(${name} AS {kind})" for name, kind in kept.items()}}
            sql = Edited(parsed.text.original, (*own, *_put_in(parsed, asking))).text
        held = self._holding()
        failure = held.hold(_written({**columns, **_by_file_table(file_schemas)}), sql)
        planned = None if failure else _planned(held, sql, ("", ", optimize := true") if pushed else ("",))
        if planned is None:
            self._held = None
            return Unknown(failure or _NOT_PLANNED)
        answer = bound or _described(held.database, described, World(parsed, {}, tables).is_description)
        if isinstance(answer, Complaint):
            self._held = None
            return Unknown(_NOT_PLANNED)
        names: dict[TableKey, tuple[str, ...]] = {("main", name): (name,) for name in reads}
        names |= {(name.partition(".")[0], name.partition(".")[2]): (name,) for name in reads if "." in name}
        names |= {("main", _file_table(index)): uris for index, uris in enumerate(locations)}
        return BoundPlan(
            tuple(column.name for column in answer),
            names,
            planned[0].plan,
            tuple(column.type for column in answer),
            planned[1].plan if pushed else None,
            planned[0].text,
        )

    def is_same(
        self,
        one: Parsed,
        other: Parsed,
        columns: Iterable[str],
        tables: Mapping[str, Schema],
        files: Mapping[str, Schema],
    ) -> bool:
        """Whether DuckDB makes one plan of two queries, as far as these columns of theirs go: then they are of the same rows.

        The binder has the passes that leave out of a plan what its result does not need.
        """
        reads, problems = _read_schemas(one, tables, "")
        others, more = _read_schemas(other, tables, "")
        file_schemas = _file_schemas(one, files)
        schemas = [*reads.values(), *file_schemas.values()]
        if problems or more or reads != others or _locations(one) != _locations(other):
            return False
        if any(parsed.dynamic or _why_unknown(parsed, schemas) is not None for parsed in (one, other)):
            return False
        shown = ", ".join(map(_quoted, columns)) or "1"
        texts = [f"{_ONLY.format(shown)}{Edited(of.text.original, _edits(of)).text}\n)" for of in (one, other)]
        made = {name: _columns(read) for name, read in reads.items()}
        held = self._holding()
        failure = held.hold(_written({**made, **_by_file_table(file_schemas)}), "\n".join(texts))
        first, then = (None if failure else _planned(held, text, (", optimize := true",)) for text in texts)
        if first is None or then is None:
            self._held = None
            return False
        # As texts: in Python, zero is zero whatever its sign.
        return json.dumps(_placeless(first[0].plan)) == json.dumps(_placeless(then[0].plan))

    def _holding(self) -> HeldTables:
        if self._held is None or self._held.is_full:
            self._held = lend_held(self._passes)
        return self._held

    def type_of(self, written: str) -> str | Complaint:
        """DuckDB's own spelling of a type, or what it says of one that it does not know."""
        return _type_of(written)

    def _bind(self, text: Edited, world: World, problems: list[SqlProblem]) -> Bound:
        guessed = False
        for _ in range(_MOST_REPAIRS + 1):
            answer = self._describe(text.text, world.is_description)
            if not isinstance(answer, Complaint):
                duplicate = [] if problems else _duplicates(answer, world.parsed)
                return Bound(Known(answer), (*problems, *duplicate))
            if answer.kind in ("Permission", "IO", "HTTP", "Out of Memory", "INTERNAL", "FATAL"):
                return Bound(Unknown("DuckDB cannot tell its columns without running it"), tuple(problems))
            judged = judge(answer, text, world, len(_DESCRIBE_OTHER if world.is_description else _DESCRIBE))
            # After a guess only names can be trusted: types may be those of the guess.
            if not guessed or judged.about_names:
                problems.append(judged.problem)
            if judged.repair is None or (guessed and not judged.about_names):
                break
            guessed = guessed or not judged.sure
            text = _repaired(text, judged.repair)
        return Bound(Unknown("its query has mistakes"), tuple(problems))

    def _describe(self, sql: str, is_description: bool) -> tuple[Column, ...] | Complaint:
        told = _described(self._connection, sql, is_description)
        if isinstance(told, Complaint) and told.kind in ("INTERNAL", "FATAL"):
            # Such an error may leave the database unusable.
            self._database = None
        return told

    @contextmanager
    def _created(
        self, tables: Mapping[str, tuple[Column, ...]], files: Iterable[tuple[Column, ...]]
    ) -> Iterator[str | None]:
        """Creates the tables, empty, and drops them at the end; yields why that cannot be done, if so."""
        import duckdb

        wanted = {_qualified(name): columns for name, columns in tables.items()}
        # `task.output` can be written as one quoted name, too.
        wanted |= {_quoted(name): columns for name, columns in tables.items()}
        wanted |= {_quoted(_file_table(index)): columns for index, columns in enumerate(files)}
        schemas = {_quoted(name.partition(".")[0]) for name in tables if "." in name}
        made: list[str] = []
        failure: str | None = None
        try:
            for schema in schemas:
                self._connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
            for name, columns in wanted.items():
                self._connection.execute(f"CREATE TABLE {name} ({_listed_columns(columns)})")
                made.append(name)
        except duckdb.Error as error:
            failure = f"DuckDB cannot make a table of the columns it reads: {complaint(error).message}"
        try:
            yield failure
        finally:
            for name in made:
                self._connection.execute(f"DROP TABLE IF EXISTS {name}")
            for schema in schemas:
                self._connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")


def _described(connection: duckdb.DuckDBPyConnection, sql: str, is_description: bool) -> tuple[Column, ...] | Complaint:
    import duckdb

    try:
        statement = f"{_DESCRIBE_OTHER}{sql}\n)" if is_description else _DESCRIBE + sql
        rows = connection.execute(statement).fetchall()
    except duckdb.Error as error:
        return complaint(error)
    return tuple(Column(name=row[0], type=row[1]) for row in rows)


@dataclass(frozen=True, slots=True)
class _Planned:
    plan: Json
    text: str


def _planned(held: HeldTables, sql: str, ways: tuple[str, ...]) -> list[_Planned] | None:
    """The plan of a query in each of several ways; None after an error, which may leave the database unusable."""
    import duckdb

    asked = ", ".join(f"json_serialize_plan({literal(sql)}{way})" for way in ways)
    try:
        (told,) = held.database.execute(f"SELECT {asked}").fetchall()
        answers = [json.loads(one) for one in told]
    except (duckdb.Error, RecursionError, ValueError):
        # DuckDB writes some constants, as those of BIT, so that it is no JSON.
        return None
    if any(one["error"] or len(one["plans"]) != 1 for one in answers):
        return None
    return [_Planned(one["plans"][0], text) for one, text in zip(answers, told, strict=True)]


def _by_file_table(schemas: Mapping[tuple[int, int], Schema]) -> dict[str, tuple[Column, ...]]:
    return {_file_table(index): _columns(schema) for index, schema in enumerate(schemas.values())}


def _written(tables: Mapping[str, tuple[Column, ...]]) -> dict[str, str]:
    """The columns of tables as SQL."""
    return {name: _listed_columns(columns) for name, columns in tables.items()}


def _listed_columns(columns: tuple[Column, ...]) -> str:
    return ", ".join(f"{_quoted(column.name)} {column.type}" for column in columns)


# A project declares few types, and each of them often.
@lru_cache(maxsize=1024)
def _type_of(written: str) -> str | Complaint:
    import duckdb

    if not _is_closed(written):
        return Complaint("Parser", f'"{written}" is not a type')
    try:
        rows = query(f"{_DESCRIBE}SELECT CAST(NULL AS {written}) AS value")
    except duckdb.Error as error:
        return complaint(error)
    return str(rows[0][1]) if len(rows) == 1 and rows[0][0] == "value" else Complaint("Parser", "not a type")


def _read_schemas(
    parsed: Parsed, tables: Mapping[str, Schema], reader: str
) -> tuple[dict[str, Schema], list[SqlProblem]]:
    """The schema of each table, and the tables that do not exist; those stand for what they come closest to."""
    schemas: dict[str, Schema] = {}
    problems: list[SqlProblem] = []
    for use in parsed.tables:
        schema = _find(use.name, tables)
        if schema is None:
            problems.append(_unknown_table(use, _others(tables, reader)))
            # Only a table that was surely meant has columns that tell something.
            meant = closest(use.name, tables, 0.85)
            schema = tables[meant] if meant else Unknown(f'there is no "{use.name}"')
        schemas.setdefault(use.name.casefold(), schema)
    return schemas, problems


def _find(name: str, tables: Mapping[str, Schema]) -> Schema | None:
    """The table of that name, ignoring case. Most are written as they are called, and pipelines can be long."""
    if name in tables:
        return tables[name]
    folded = name.casefold()
    return next((schema for known, schema in tables.items() if known.casefold() == folded), None)


_DECLARE: Final = "declare a source of that name, or read a file by its path, as in: from 'data/orders.csv'"


def _unknown_table(use: TableUse, known: list[str]) -> SqlProblem:
    meant = nearest(use.name, known)
    label = "" if meant else _listing("there are", known)
    return SqlProblem(
        "TRC403",
        f'no source or task is called "{use.name}"',
        use.start,
        use.end,
        label,
        did_you_mean(use.name, known) or (_DECLARE,),
        replacement=quoted_if_needed(meant) if meant else None,
    )


def _others(tables: Mapping[str, Schema], reader: str) -> list[str]:
    """What a task may have meant: not itself, and no output by two names."""
    return [
        name
        for name in tables
        if name.partition(".")[0] != reader
        and (not name.endswith(".output") or name.removesuffix(".output") not in tables)
    ]


def _file_schemas(parsed: Parsed, files: Mapping[str, Schema]) -> dict[tuple[int, int], Schema]:
    """The schema of each table that is made of files, by the place of its call."""
    schemas: dict[tuple[int, int], Schema] = {}
    for use in parsed.files:
        schema = _file_schema(use, files)
        before = schemas.setdefault(use.call, schema)
        if before != schema:
            schemas[use.call] = Unknown("the files in its list have different columns")
    return schemas


def _file_schema(use: FileUse, files: Mapping[str, Schema]) -> Schema:
    fixed = fixed_schema(use.function) if use.function else None
    if fixed is not None:
        return fixed
    if not use.plain:
        return Unknown(f'{use.function}() reads "{use.uri}" with options that can change its columns')
    if use.format == "file":
        return Unknown(f'the suffix of "{use.uri}" does not tell its format')
    return files.get(use.uri, Unknown(f'the columns of "{use.uri}" are not known'))


def _why_unknown(parsed: Parsed, schemas: Iterable[Schema], *, has_values: bool = False) -> str | None:
    if parsed.parameters and not has_values:
        return f"it takes the value of {parsed.parameters[0].name} when it runs"
    if parsed.computed:
        return f"it computes the locations that {parsed.computed[0].name}() reads"
    if parsed.unread:
        return "its query is too deep or too odd to be understood in full"
    return next((schema.reason for schema in schemas if isinstance(schema, Unknown)), None)


def _columns(schema: Schema) -> tuple[Column, ...]:
    assert isinstance(schema, Known)
    return schema.columns


def _placeless(plan: Any) -> Any:
    """A plan without the places of its expressions in the text."""
    if isinstance(plan, dict):
        return {key: _placeless(part) for key, part in plan.items() if key != "query_location"}
    return [_placeless(part) for part in plan] if isinstance(plan, list) else plan


def _by_uri(parsed: Parsed, bases: Mapping[tuple[int, int], tuple[Column, ...]]) -> dict[str, tuple[Column, ...]]:
    return {use.uri: bases[use.call] for use in parsed.files}


def _locations(parsed: Parsed) -> list[tuple[str, ...]]:
    """The files that each table of files is made of."""
    calls: dict[tuple[int, int], tuple[str, ...]] = {}
    for use in parsed.files:
        calls[use.call] = (*calls.get(use.call, ()), use.uri)
    return list(calls.values())


def _edits(parsed: Parsed) -> tuple[Edit, ...]:
    """Puts the empty table in the place of each file, under the name that DuckDB would give it."""
    edits = list(parsed.text.edits)
    tokens = tokenize(parsed.text.original)
    edits += [Edit(token.start, token.end, "") for token in tokens if token.text == ";"]
    calls = {use.call: use for use in parsed.files}
    for index, (call, use) in enumerate(calls.items()):
        name = "" if use.alias else f" AS {_quoted(use.function or stem(use.uri))}"
        edits.append(Edit(*call, _quoted(_file_table(index)) + name))
    return tuple(edits)


def _put_in(parsed: Parsed, values: Mapping[str, str]) -> Iterator[Edit]:
    """Puts expressions in the places of parameters, which are called by their names without `$`, in one case."""
    for use in parsed.parameters:
        yield Edit(use.start, use.end, values[use.name[1:].casefold()])


def _repaired(text: Edited, repair: Edit) -> Edited:
    return text.replaced(repair.start, repair.end, repair.text)


def _unknown_functions(parsed: Parsed) -> Iterator[SqlProblem]:
    """Calls of functions that do not exist, where the query as a whole cannot be bound."""
    for use in parsed.functions:
        if use.name not in scalar_names():
            yield missing_function(use.name, use.start, use.end, use.name)


def _duplicates(columns: tuple[Column, ...], parsed: Parsed) -> list[SqlProblem]:
    """Columns of one name: DuckDB would rename the second when it writes them."""
    counts = Counter(column.name.casefold() for column in columns)
    twice = list({name: column.name for column in columns if counts[name := column.name.casefold()] > 1}.values())
    if not twice:
        return []
    message = f'two columns of the result are called "{twice[0]}"'
    label = f"so are those called {', '.join(twice[1:])}" if len(twice) > 1 else ""
    remedy = "rename one with AS, or leave it out with EXCLUDE"
    return [SqlProblem("TRC407", message, *_second(parsed.text.original, twice[0].casefold()), label, (remedy,))]


def _second(sql: str, name: str) -> tuple[int, int]:
    """The second place in the query's own select list that spells `name`, or all of the query."""
    tokens = tokenize(sql)
    depth = 0
    found: list[tuple[int, int]] = []
    for token, after in zip(tokens, [*tokens[1:], None]):
        depth += (token.text in "([{") - (token.text in ")]}")
        if depth == 0 and token.is_word("from") and token is not tokens[0]:
            break
        is_qualifier = after is not None and after.text in (".", "(")
        if depth == 0 and (token.name or "").casefold() == name and not is_qualifier:
            found.append((token.start, token.end))
    return found[1] if len(found) > 1 else whole(tokens)


def _file_table(index: int) -> str:
    return f"trc file {index}"


def _qualified(name: str) -> str:
    return ".".join(_quoted(part) for part in name.split(".", 1))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def quoted_if_needed(name: str) -> str:
    tokens = tokenize(name)
    plain = all(token.kind == "word" or token.text == "." for token in tokens)
    return name if plain else _qualified(name)


def _listing(intro: str, names: list[str]) -> str:
    shown = sorted(names)[:8]
    return f"{intro}: {', '.join(shown)}{' …' if len(names) > len(shown) else ''}" if names else ""


def _is_closed(text: str) -> bool:
    """Whether no bracket of a text closes more than the text opened, and none stays open."""
    depth = 0
    for token in tokenize(text):
        depth += (token.text in "([{") - (token.text in ")]}")
        if depth < 0 or token.text == ";" or token.kind == "unclosed":
            return False
    return depth == 0 and bool(text.strip())
