"""Turns what DuckDB's binder says into a problem at the author's own token, and a repair to go on with."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

from trc.compiler.diagnostics.nearest import nearest
from trc.compiler.ir.dataset import Column
from trc.compiler.sql.edits import Edit, Edited
from trc.compiler.sql.engine import Complaint
from trc.compiler.sql.functions import scalar_names
from trc.compiler.sql.parse import Parsed
from trc.compiler.sql.problem import SqlProblem
from trc.compiler.sql.statements import plain_words, whole
from trc.compiler.sql.tokens import RESERVED, Token, tokenize
from trc.compiler.sql.uses import Relation


@dataclass(frozen=True, slots=True)
class World:
    """What a query is bound over: its own names, the columns of what it reads, and all datasets there are."""

    parsed: Parsed
    columns: Mapping[str, tuple[Column, ...]]
    """By case-folded table name, and by location."""
    datasets: Iterable[str]

    @property
    def is_description(self) -> bool:
        """Whether the query is a DESCRIBE, SHOW or SUMMARIZE, which cannot be described as it stands."""
        return tokenize(self.parsed.text.original)[0].is_word("summarize", "describe", "desc", "show")


@dataclass(frozen=True, slots=True)
class Judged:
    """A problem, and the edit that lets the binder go on. A repair that is not `sure` only keeps names apart."""

    problem: SqlProblem
    repair: Edit | None = None
    sure: bool = True
    about_names: bool = False


@dataclass(frozen=True, slots=True)
class _Case:
    """One complaint with its surroundings. `at` is the index of the token that DuckDB points to, if it does."""

    told: Complaint
    text: Edited
    world: World
    tokens: tuple[Token, ...]
    at: int | None

    def find(self, name: str, after: tuple[str, ...] = ()) -> Token | None:
        """The token that spells `name`: at the place that DuckDB tells or in the dotted name there, else the first."""
        index = self.at
        while index is not None and index < len(self.tokens):
            if _spells(self.tokens[index], name):
                return self.tokens[index]
            index = index + 2 if index + 1 < len(self.tokens) and self.tokens[index + 1].text == "." else None
        begun = not after
        for token in self.tokens:
            begun = begun or token.is_word(*after)
            if begun and _spells(token, name) and not self.text.overlaps(token.start, token.end):
                return token
        return None

    def place(self, token: Token | None) -> tuple[int, int]:
        return (token.start, token.end) if token else whole(self.tokens)

    def place_told(self) -> tuple[int, int]:
        """The token that DuckDB points to, or all of the query."""
        return self.place(self.tokens[self.at] if self.at is not None else None)

    def chain(self, token: Token) -> tuple[Token, ...]:
        """The dotted name that a token is a part of."""
        first = last = self.tokens.index(token)
        while first >= 2 and self.tokens[first - 1].text == "." and self.tokens[first - 2].name:
            first -= 2
        while last + 2 < len(self.tokens) and self.tokens[last + 1].text == "." and self.tokens[last + 2].name:
            last += 2
        return self.tokens[first : last + 1 : 2]

    def repair(self, start: int, end: int, text: str) -> Edit | None:
        return None if self.text.overlaps(start, end) else Edit(start, end, text)


def judge(told: Complaint, text: Edited, world: World, offset: int) -> Judged:
    """What a complaint means for the author. `offset` bytes of the statement stand before `text`."""
    tokens = tokenize(text.original)
    at = None
    if told.position is not None and told.position >= offset:
        place = text.place_of_byte(told.position - offset)
        at = next((index for index, token in enumerate(tokens) if token.start <= place < token.end), None)
    case = _Case(told, text, world, tokens, at)
    for pattern, judgement in _JUDGEMENTS:
        match = pattern.search(told.message)
        if match is not None:
            return judgement(case, match)
    return _other(case)


def _column(case: _Case, match: re.Match[str]) -> Judged:
    """A column that is in none of the tables of its FROM."""
    name = match["name"]
    token = case.find(name)
    relations = _relations(case, token)
    known = {relation.alias: _columns(case.world, relation) for relation in relations}
    candidates = [*(column for columns in known.values() for column in columns or ()), *_told_candidates(case.told)]
    if not relations:
        where, label = "is used without a FROM", ""
    elif not all(known):
        where, label = "is not in the FROM here", _closest(_told_candidates(case.told))
    elif len(relations) == 1:
        called = _called(relations[0])
        where, label = f'is not in "{called}"', _has(called, next(iter(known.values())))
    else:
        where, label = f"is in none of {_list(list(known))}", _closest(_told_candidates(case.told))
    return _missing_column(case, token, name, message=f'column "{name}" {where}', label=label, candidates=candidates)


def _qualified_column(case: _Case, match: re.Match[str]) -> Judged:
    """A column that the table before its dot does not have."""
    table, name = match["table"], match["name"]
    token = case.find(name)
    named = [relation for relation in _relations(case, token, table) if relation.alias.casefold() == table.casefold()]
    columns = _columns(case.world, named[0]) if named else None
    candidates = [*(columns or ()), *_told_candidates(case.told)]
    table = _called(named[0]) if named else table
    label = _has(table, columns) or _closest(_told_candidates(case.told))
    return _missing_column(
        case, token, name, message=f'column "{name}" is not in "{table}"', label=label, candidates=candidates
    )


def _listed_column(case: _Case, match: re.Match[str]) -> Judged:
    """A column in EXCLUDE, REPLACE, UNPIVOT or USING that is not there; DuckDB does not say where it stands."""
    name = match["name"]
    token = case.find(name, after=("exclude", "replace", "rename", "unpivot", "using", "on"))
    side = match.groupdict().get("side")
    where = f"not on the {side} side of the join" if side else "not in any table here"
    everywhere = [column.name for columns in case.world.columns.values() for column in columns]
    # A column of USING has to be on both sides: what the other side has helps nobody.
    others = [] if side else everywhere
    judged = _missing_column(case, token, name, message=f'column "{name}" is {where}', label="", candidates=others)
    # Nothing but a column can stand there, so there is no going on without a name that fits.
    return judged if judged.sure else Judged(judged.problem, about_names=True)


def _missing_column(
    case: _Case, token: Token | None, name: str, *, message: str, label: str, candidates: Iterable[str]
) -> Judged:
    start, end = case.place(token)
    meant = nearest(name, candidates)
    mended = _spelled_like(meant) if meant and token else None
    problem = SqlProblem("TRC402", message, start, end, label, _did_you_mean(meant), replacement=mended)
    if token is None:
        return Judged(problem, about_names=True)
    if mended is not None:
        return Judged(problem, case.repair(start, end, mended), about_names=True)
    chain = case.chain(token)
    repair = case.repair(chain[0].start, chain[-1].end, "NULL")
    return Judged(problem, repair, sure=False, about_names=True)


def _alias(case: _Case, match: re.Match[str]) -> Judged:
    """A dotted name whose table the FROM does not have."""
    name = match["name"]
    token = case.find(name)
    start, end = case.place(token)
    meant = nearest(name, _told_candidates(case.told))
    is_dataset = name.casefold() in {dataset.casefold() for dataset in case.world.datasets}
    remedy = (f'add "{name}" to the FROM',) if is_dataset and not meant else _did_you_mean(meant)
    label = _closest(_told_candidates(case.told), "the FROM has")
    mended = _spelled_like(meant) if meant and token else None
    problem = SqlProblem("TRC403", f'"{name}" is not in the FROM here', start, end, label, remedy, replacement=mended)
    if token is None:
        return Judged(problem, about_names=True)
    if mended is not None:
        return Judged(problem, case.repair(start, end, mended), about_names=True)
    chain = case.chain(token)
    is_star = case.tokens[case.tokens.index(chain[-1]) + 1 :][:2]
    if [part.text for part in is_star] == [".", "*"]:
        return Judged(problem, about_names=True)
    return Judged(problem, case.repair(chain[0].start, chain[-1].end, "NULL"), sure=False, about_names=True)


def _table(case: _Case, match: re.Match[str]) -> Judged:
    name = match["name"]
    token = case.find(name.split(".")[-1])
    problem = SqlProblem("TRC403", f'no table is called "{name}"', *case.place(token))
    return Judged(problem, about_names=True)


def _ambiguous(case: _Case, match: re.Match[str]) -> Judged:
    name = match["name"]
    choices = re.findall(r'"([^"]+)"', match["choices"])
    token = case.find(name)
    start, end = case.place(token)
    message = f'"{name}" could be {" or ".join(choices)}' if choices else f'"{name}" could mean several columns'
    remedy = (f"say which: {choices[0]}",) if choices else ()
    problem = SqlProblem("TRC405", message, start, end, help=remedy)
    repair = case.repair(start, end, choices[0]) if choices and token else None
    return Judged(problem, repair, about_names=True)


_WINDOW_ONLY: Final = frozenset(
    {
        "row_number",
        "rank",
        "rank_dense",
        "dense_rank",
        "percent_rank",
        "cume_dist",
        "ntile",
        "lag",
        "lead",
        "first_value",
        "last_value",
        "nth_value",
    }
)


def _function(case: _Case, match: re.Match[str]) -> Judged:
    name = match["name"]
    token = case.find(name)
    start, end = case.place(token)
    problem = missing_function(name, start, end, token.text if token else name, case.told)
    if token is None:
        return Judged(problem, about_names=True)
    # A call of coalesce takes any arguments, so that these are looked at too.
    text = problem.replacement or "coalesce"
    return Judged(problem, case.repair(start, end, text), sure=problem.replacement is not None, about_names=True)


def missing_function(name: str, start: int, end: int, written: str, told: Complaint | None = None) -> SqlProblem:
    """A function that DuckDB does not have. `written` is how the author spelled it."""
    extension = re.search(r"exists in the (\w+) extension", told.message) if told else None
    if extension is not None:
        message = f'function "{written}" is part of the DuckDB extension "{extension[1]}", which is not loaded'
        return SqlProblem("TRC408", message, start, end)
    if name.casefold() in _WINDOW_ONLY:
        message, remedy = f'"{written}" works on a window of rows', f"write {written}(…) over (…)"
        return SqlProblem("TRC408", message, start, end, help=(remedy,))
    is_table = told is not None and told.entry.startswith("Table")
    meant = closest(name, told.candidates if is_table and told else scalar_names(), 0.7)
    kind = "table function" if is_table else "function"
    message = f'there is no {kind} "{written}"'
    return SqlProblem("TRC408", message, start, end, help=_did_you_mean(meant), replacement=meant)


def closest(name: str, known: Iterable[str], alike: float) -> str | None:
    """The nearest of `known` if it is at least so much like `name`, from 0 to 1."""
    meant = nearest(name, known)
    ratio = SequenceMatcher(None, name.casefold(), meant.casefold()).ratio() if meant else 0
    return meant if ratio >= alike else None


_MOST_CANDIDATES = 5


def _arguments(case: _Case, match: re.Match[str]) -> Judged:
    """A function or operator that does not take what it is given."""
    name, taken = (
        match["name"],
        match["taken"].replace("INTEGER_LITERAL", "a number").replace("STRING_LITERAL", "a text"),
    )
    offered = [one for one in re.findall(r"^\t(\S.*)$", case.told.message, re.MULTILINE) if "(" in one]
    is_operator = not re.match(r"\w", name)
    same_count = [one for one in offered if one.split(")")[0].count(",") == taken.count(",")]
    shown = (same_count or offered)[:_MOST_CANDIDATES] if not is_operator else []
    if is_operator and taken.count(", ") == 1:
        taken = taken.replace(", ", " and ")
    remedy = ("cast one side, so that both fit",) if is_operator else (f"it takes {'; '.join(shown)}",) if shown else ()
    written = {"~~": "like", "~~*": "ilike", "!~~": "not like"}.get(name, name)
    message = f'"{written}" does not take {taken or "no arguments"}'
    return Judged(SqlProblem("TRC406", message, *case.place_told(), help=remedy))


def _type(case: _Case, match: re.Match[str]) -> Judged:
    name = match["name"]
    token = case.find(name)
    start, end = case.place(token)
    meant = nearest(name, case.told.candidates)
    problem = SqlProblem(
        "TRC406", f'there is no type "{name}"', start, end, help=_did_you_mean(meant), replacement=meant
    )
    return Judged(problem, case.repair(start, end, meant) if meant and token else None, about_names=True)


_ABOUT_TYPES: Final = re.compile(r"\btypes?\b|\bcasts?\b|\bcan only be applied to\b", re.IGNORECASE)


def _other(case: _Case) -> Judged:
    first, *rest = [line.strip() for line in case.told.message.splitlines() if line.strip()]
    code = "TRC406" if case.told.kind == "Conversion" or _ABOUT_TYPES.search(first) else "TRC407"
    first, *reasons = first.split(" - ")
    rest = [*reasons, *rest]
    remedies = tuple(plain_words(line) for line in rest if not line.startswith(("Candidate", "Did you mean", "LINE")))
    start, end = case.place_told()
    if case.at is None:
        named = re.search(r'"([^"]+)"', first)
        start, end = case.place(case.find(named[1])) if named else (start, end)
    return Judged(SqlProblem(code, plain_words(first.replace("_LITERAL", "")), start, end, help=remedies))


_JUDGEMENTS: Final[tuple[tuple[re.Pattern[str], Callable[[_Case, re.Match[str]], Judged]], ...]] = tuple(
    (re.compile(pattern), judgement)
    for pattern, judgement in (
        (r'^Referenced column "?(?P<name>.+?)"? (?:not found in FROM|was not found because)', _column),
        (r'^(?:Table|Values list) "(?P<table>.+?)" does not have a column named "(?P<name>.+?)"', _qualified_column),
        (r'^Column "(?P<name>.+?)" in (?:EXCLUDE|REPLACE|RENAME) list not found', _listed_column),
        (r'^Column "(?P<name>.+?)" referenced in UNPIVOT', _listed_column),
        (r'^Column "(?P<name>.+?)" does not exist on (?P<side>left|right) side of join', _listed_column),
        (r'^Referenced table "(?P<name>.+?)" not found', _alias),
        (r'^Table with name "?(?P<name>.+?)"? does not exist', _table),
        (r'^Ambiguous reference to (?:column name|alias) "(?P<name>.+?)"(?P<choices>.*)', _ambiguous),
        (r'Function with name "?(?P<name>.+?)"? (?:does not exist|is not in the catalog)', _function),
        (r"^No function matches the given name and argument types '(?P<name>.+?)\((?P<taken>.*)\)'", _arguments),
        (r"^Type with name (?P<name>.+?) does not exist", _type),
    )
)


def _relations(case: _Case, token: Token | None, alias: str | None = None) -> tuple[Relation, ...]:
    """What the SELECT around a token takes its columns from; with `alias`, any SELECT that has it."""
    parsed = case.world.parsed
    places = {case.chain(token)[0].start, token.start} if token else set[int]()
    scopes = [parsed.scopes[scope] for start, scope in parsed.scope_of if start in places and scope >= 0]
    if not scopes and alias is None and len(parsed.scopes) == 1:
        scopes = [parsed.scopes[0]]
    if alias is not None and not any(_has_alias(scope, alias) for scope in scopes):
        scopes = [scope for scope in parsed.scopes if _has_alias(scope, alias)]
    return scopes[0] if scopes else ()


def _called(relation: Relation) -> str:
    """What the author calls a relation: its alias, or the table's whole name where that has parts."""
    is_last_part = relation.table is not None and relation.table.endswith(f".{relation.alias}")
    return relation.table if is_last_part and relation.table else relation.alias


def _has_alias(scope: tuple[Relation, ...], alias: str) -> bool:
    return any(relation.alias.casefold() == alias.casefold() for relation in scope)


def _columns(world: World, relation: Relation) -> tuple[str, ...] | None:
    """The names of a relation's columns, where it is data."""
    if relation.uri is not None:
        columns = world.columns.get(relation.uri)
    else:
        columns = world.columns.get(relation.table.casefold()) if relation.table else None
    return tuple(column.name for column in columns) if columns is not None else None


def _told_candidates(told: Complaint) -> tuple[str, ...]:
    """What DuckDB itself suggests."""
    listed = re.search(r"Candidate (?:bindings|tables): *:? *(.*)", told.message)
    return tuple(re.findall(r'"([^"]+)"', listed[1])) if listed else told.candidates


_MOST_COLUMNS = 12


def _has(name: str, columns: tuple[str, ...] | None) -> str:
    if columns is None:
        return ""
    shown = ", ".join(columns[:_MOST_COLUMNS]) + (
        f" and {len(columns) - _MOST_COLUMNS} more" if len(columns) > _MOST_COLUMNS else ""
    )
    return f'"{name}" has: {shown}'


def _closest(candidates: tuple[str, ...], intro: str = "the closest are") -> str:
    return f"{intro}: {', '.join(candidates)}" if candidates else ""


def _list(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _did_you_mean(meant: str | None) -> tuple[str, ...]:
    return (f'did you mean "{meant}"?',) if meant else ()


def _spelled_like(name: str) -> str:
    """A column's name as SQL needs it: quoted if it is no plain word."""
    plain = re.fullmatch(r"[A-Za-z_]\w*", name) and name.lower() not in RESERVED
    return name if plain else '"' + name.replace('"', '""') + '"'


def _spells(token: Token, name: str) -> bool:
    spelled = token.name
    if spelled is None:
        return token.text == name
    return spelled.casefold() == name.casefold()
