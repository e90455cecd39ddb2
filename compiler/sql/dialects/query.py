"""Translates one query: reads it as its dialect has it, puts right what sqlglot does not, writes it as DuckDB's SQL."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from sqlglot import Token, TokenType, exp
from sqlglot.dialects.dialect import Dialect

from trc.compiler.sql.dialect import Origin, Translation
from trc.compiler.sql.dialects.corrections import correct
from trc.compiler.sql.dialects.crashes import CRASHES
from trc.compiler.sql.dialects.differences import Difference, differences
from trc.compiler.sql.dialects.marking import Written, write
from trc.compiler.sql.dialects.places import Place, locate, place_of, whole_range, written_columns
from trc.compiler.sql.dialects.reading import Refused, canonical, read_query, tokens_of
from trc.compiler.sql.dialects.unwritten import unwritten
from trc.compiler.sql.edits import Edit, Edited
from trc.compiler.sql.functions import scalar_names
from trc.compiler.sql.parse import parse
from trc.compiler.sql.problem import SqlProblem
from trc.compiler.sql.tokens import tokenize

# What sqlglot cannot translate it tells a log, too; what matters of that is told as a diagnostic.
logging.getLogger("sqlglot").setLevel(logging.CRITICAL)

_HARMLESS: Final = re.compile(r"\bhints?\b", re.IGNORECASE)
"""What sqlglot says of parts of a query that change nothing about its rows."""
_MOST_SHOWN: Final = 100
_SPECIAL: Final = "write what is special to the dialect in it as a task of its own, in DuckDB's SQL"


def translated(dialect: str, text: str, values: frozenset[str], texts: frozenset[str]) -> Translation:
    """See `trc.compiler.sql.dialect.translate`."""
    try:
        return _Query(dialect, text, values, texts).translated()
    except Refused as refused:
        return Translation(None, "", problems=(refused.problem,))
    except RecursionError:
        message, remedy = "the query nests too deep to be translated", "take parts of it into CTEs"
        return Translation(None, "", problems=(SqlProblem("TRC422", message, 0, len(text), help=(remedy,)),))


class _Query:
    """One query. Places in `text` are told as those of the author's, in which no quotes stand around values."""

    def __init__(self, dialect: str, text: str, values: frozenset[str], texts: frozenset[str]) -> None:
        self.dialect = dialect
        self.judge = Dialect.get_or_raise(dialect)
        tokens = tokens_of(self.judge, dialect, text)
        self.written = canonical(text, tokens)
        # Within quotes they are parts of a text already.
        bare = [token for token in tokens if token.text in texts and token.token_type == TokenType.VAR]
        self.text = Edited(text, tuple(Edit(one.start, one.end + 1, f"'{one.text}'") for one in bare))
        self.values = values | texts
        self.tokens: Sequence[Token] = tokens
        self.all: tuple[int, int] | None = None

    def translated(self) -> Translation:
        text = self.text.text
        self.tokens = tokens = tokens_of(self.judge, self.dialect, text)
        tree = read_query(self.judge, self.dialect, text, tokens)
        try:
            locate(tree, text, tokens)
            whole = place_of(tree)
            self.all = whole[:2] if whole else None
            columns = written_columns(tree)
            lost_clauses = list(unwritten(tree, self.dialect))
            warnings = [self.difference(node, found) for node, found in differences(tree, self.dialect)]
            made = write(correct(tree, self.dialect))
        except CRASHES as error:
            message = f"sqlglot cannot translate this {self.dialect} query"
            raise Refused(SqlProblem("TRC423", message, 0, len(self.text.original), help=(_SPECIAL,))) from error
        problems = [
            *self.unsupported(made),
            *self.left_out(columns, made),
            *self.unwritten(lost_clauses),
            *(self.lost(text, tokens, made.sql) or self.unknown(made)),
        ]
        # The first that is told of a place says most.
        problems = list({(one.start, one.end): one for one in reversed(problems)}.values())[::-1]
        origins = tuple(self.origin(one) for one in made.origins)
        return Translation(None if problems else made.sql, self.written, origins, (*problems, *warnings))

    def origin(self, one: Origin) -> Origin:
        return Origin(one.start, one.end, *self.range(one.first, one.last), one.named and self.range(*one.named))

    def range(self, first: int, last: int) -> tuple[int, int]:
        """A place of the text as one of the author's."""
        end = self.text.place(last - 1)
        widened = next((one.end for one in self.text.edits if one.start == end), end + 1)
        return self.text.place(first), widened

    def problem(self, code: str, message: str, place: Place | None, *help: str, label: str = "") -> SqlProblem:  # noqa: A002
        # A query's own words have no place: then it is all of the text.
        is_all = place is None or (place[2] is None and place[:2] == self.all)
        first, last, named = (0, len(self.text.text), None) if is_all or place is None else place
        return SqlProblem(code, message, *self.range(*(named or self.whole((first, last)))), label, help)

    def whole(self, place: Sequence[Any]) -> tuple[int, int]:
        return whole_range(self.tokens, place[0], place[1])

    def difference(self, node: exp.Expr, found: Difference) -> SqlProblem:
        message = f"{self.dialect} {found.there}, and DuckDB {found.here}"
        place = place_of(node)
        first, last = self.range(*self.whole(place)) if place else (0, len(self.text.original))
        return SqlProblem("TRC424", message, first, last, help=(found.remedy,), severity="warning")

    def unsupported(self, made: Written) -> Iterator[SqlProblem]:
        for said, place in dict.fromkeys(made.unsupported):
            if not _HARMLESS.search(said):
                what = f'"{self.called(place)}"' if place and place[2] else "this"
                message = f"{what} of {self.dialect} has no counterpart in DuckDB"
                yield self.problem("TRC423", message, place, f"sqlglot says: {said.rstrip('.')}")

    def left_out(self, columns: Iterable[Place], made: Written) -> Iterator[SqlProblem]:
        """Columns that the translation does not have: sqlglot passes over clauses that it cannot write."""
        for place in columns:
            if place[:2] not in made.kept:
                message = f"sqlglot leaves this out when it translates this {self.dialect} query"
                yield self.problem(
                    "TRC423", message, place, "write the query without it, or what it does in another way"
                )

    def unwritten(self, clauses: Iterable[tuple[exp.Expr, str]]) -> Iterator[SqlProblem]:
        for node, what in clauses:
            message = f"sqlglot does not translate {what} of {self.dialect}"
            yield self.problem(
                "TRC423", message, place_of(node), "write the query without it, or what it does in another way"
            )

    def unknown(self, made: Written) -> Iterator[SqlProblem]:
        """What DuckDB does not read, and functions that it does not have: sqlglot passes on what it does not know."""
        parsed = parse(made.sql)
        if isinstance(parsed, SqlProblem):
            place = place_at(made.origins, parsed.start, parsed.end, is_sure=True)
            message = f"sqlglot translates this {self.dialect} query to what DuckDB cannot read"
            yield self.problem(
                "TRC423", message, place, f"DuckDB was to read: {_around(made.sql, parsed.start, parsed.end)}"
            )
            return
        for use in parsed.functions:
            # A form of the language in DuckDB, and no function.
            if use.name.lower() not in {"unnest", *scalar_names()}:
                place = place_at(made.origins, use.start, use.end)
                written = self.called(place) if place and place[2] else use.name
                message = f'the function "{written}" of {self.dialect} has no counterpart in DuckDB that sqlglot knows'
                yield self.problem("TRC423", message, place, "write it with functions that both have")

    def called(self, place: Place) -> str:
        """The author's word for what stands at a place."""
        first, last = self.range(*(place[2] or place[:2]))
        return self.text.original[first:last]

    def lost(self, text: str, tokens: Iterable[Token], sql: str) -> list[SqlProblem]:
        """Values that the translation has put into something else, or has left out: there they would mean other things."""
        kept = [(one.kind, one.text.casefold()) for one in tokenize(sql)]
        lost: list[SqlProblem] = []
        for token in tokens:
            written = text[token.start : token.end + 1]
            within = [one for one in self.values if one in written]
            if not within:
                continue
            quoted = "'" + token.text.replace("'", "''") + "'"
            wanted = ("word", token.text) if token.token_type == TokenType.VAR else ("string", quoted)
            found = [one for one in kept if any(value in one[1] for value in within)]
            if not found or any(one != (wanted[0], wanted[1].casefold()) for one in found):
                message = (
                    f"a template gives a value that sqlglot would have to know to translate this {self.dialect} query"
                )
                place = (token.start, token.end + 1, None)
                lost.append(self.problem("TRC423", message, place, "write the value itself here"))
        return lost


def place_at(origins: Sequence[Origin], start: int, end: int, *, is_sure: bool = False) -> Place | None:
    """Where `[start, end)` of a translation came from: what the innermost part around it was made of.

    A clause's own words have no place, so that it may not be what is `around`: then nothing is sure.
    """
    around = [one for one in origins if one.start <= start and end <= one.end]
    if not around:
        return None
    inner = min(around, key=lambda one: (one.end - one.start, one.last - one.first))
    is_all = (inner.start, inner.end) == (start, end)
    if is_sure and not is_all and inner.named is None:
        return None
    return inner.first, inner.last, None if is_all else inner.named


def _around(sql: str, start: int, end: int) -> str:
    """The part of a query that is about `[start, end)`, on one line."""
    spare = max(_MOST_SHOWN - (end - start), 0) // 2
    first, last = max(start - spare, 0), min(end + spare, len(sql))
    shown = " ".join(sql[first:last].split())
    return ("… " if first else "") + shown[:_MOST_SHOWN] + (" …" if last < len(sql) or len(shown) > _MOST_SHOWN else "")
