"""Reads one query of a dialect; says what is wrong with it at the author's token."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from sqlglot import ErrorLevel, Token, TokenType, exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import ParseError, TokenError

from trc.compiler.sql.dialects.crashes import CRASHES
from trc.compiler.sql.dialects.marking import CLOSE, OPEN
from trc.compiler.sql.problem import SqlProblem
from trc.compiler.sql.tokens import RESERVED

_ONE_QUERY: Final = "a task's SQL is one query; trc itself writes its rows to the task's output"
_UNWRITABLE: Final = re.compile(f"[\x00\ud800-\udfff{OPEN}-{CLOSE}]")
_WHERE: Final = re.compile(r"Missing (?P<closing>.+) from \d+:(?P<start>\d+)")


class Refused(Exception):  # noqa: N818 - not an error of ours, but a finding
    """Ends the reading of a query that is none."""

    def __init__(self, problem: SqlProblem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def tokens_of(judge: Dialect, dialect: str, text: str) -> list[Token]:
    """The text's tokens as its dialect cuts them; raises Refused for what cannot be cut."""
    hostile = _UNWRITABLE.search(text)
    if hostile is not None:
        message = f"the character U+{ord(hostile[0]):04X} cannot stand in SQL"
        raise Refused(SqlProblem("TRC422", message, hostile.start(), hostile.end()))
    try:
        return judge.tokenize(text)
    except TokenError as error:
        raise Refused(_never_closed(dialect, text, error)) from error


def read_query(judge: Dialect, dialect: str, text: str, tokens: Sequence[Token]) -> exp.Expr:
    """The tree of the only query; raises Refused for anything else."""
    parser = judge.parser(error_level=ErrorLevel.IMMEDIATE)
    try:
        read = parser.parse(list(tokens), text)
    except ParseError as error:
        raise Refused(_syntax(dialect, tokens, error)) from error
    except CRASHES as error:
        raise Refused(
            SqlProblem("TRC422", f"sqlglot cannot read this as a {dialect} query", *_whole(tokens))
        ) from error
    statements = _statements(tokens)
    if not statements:
        raise Refused(SqlProblem("TRC404", "the SQL holds no query", 0, 0, help=(_ONE_QUERY,)))
    if len(statements) > 1 or len(read) > 1:
        start, end = _whole(statements[-1] if len(statements) == 1 else statements[1])
        message = f"the SQL holds {max(len(statements), len(read))} statements"
        raise Refused(SqlProblem("TRC404", message, start, end, "the second begins here", (_ONE_QUERY,)))
    tree = read[0]
    into = next((token for token in tokens if token.token_type == TokenType.INTO), None)
    if not isinstance(tree, exp.Query) or (into and tree.args.get("into")):
        first = into if into and isinstance(tree, exp.Query) else statements[0][0]
        problem = SqlProblem(
            "TRC404",
            f'"{_text(first, text)}" {"cannot stand in" if first is into else "is not"} a query',
            first.start,
            first.end + 1,
            help=(_ONE_QUERY,),
        )
        raise Refused(problem)
    return tree


def canonical(text: str, tokens: Sequence[Token]) -> str:
    """The author's tokens as a key holds them: one space apart, words of SQL in lower case."""
    listed = [_text(token, text) for token in tokens]
    while listed and listed[-1] == ";":
        listed.pop()
    before = ["", *listed]
    return " ".join(
        one.lower() if one.lower() in RESERVED and previous != "." and previous.lower() != "as" else one
        for one, previous in zip(listed, before, strict=False)
    )


def _statements(tokens: Sequence[Token]) -> list[list[Token]]:
    statements: list[list[Token]] = [[]]
    for token in tokens:
        if token.token_type == TokenType.SEMICOLON:
            statements.append([])
        else:
            statements[-1].append(token)
    return [statement for statement in statements if statement]


def _text(token: Token, text: str) -> str:
    return text[token.start : token.end + 1]


def _whole(tokens: Sequence[Token]) -> tuple[int, int]:
    return (tokens[0].start, tokens[-1].end + 1) if tokens else (0, 0)


def _never_closed(dialect: str, text: str, error: TokenError) -> SqlProblem:
    # Compiled, as `sqlglot[c]` is, what it was raised from is its context alone.
    found = _WHERE.search(str(error.__cause__ or error.__context__ or error))
    if found is None:
        is_comment = "/*" in text
        start = text.rindex("/*") if is_comment else 0
        message = "a comment is never closed" if is_comment else f"this cannot be read as {dialect} SQL"
        return SqlProblem("TRC422", message, start, start + 2 if is_comment else len(text))
    start = min(int(found["start"]), len(text) - 1)
    return SqlProblem("TRC422", f"a {found['closing']} is never closed", start, start + 1, "it opens here")


def _syntax(dialect: str, tokens: Sequence[Token], error: ParseError) -> SqlProblem:
    told = error.errors[0] if error.errors else {}
    token = next((one for one in tokens if (one.line, one.col) == (told.get("line"), told.get("col"))), None)
    said = str(told.get("description") or "")
    if token is None:
        return SqlProblem("TRC422", f"sqlglot cannot read this as a {dialect} query", *_whole(tokens), help=_said(said))
    is_last = token is tokens[-1]
    message = f'syntax error in {dialect} SQL at "{told.get("highlight")}"'
    label = "something may be missing after this" if is_last else f"sqlglot can read {dialect} up to here"
    return SqlProblem("TRC422", message, token.start, token.end + 1, label, _said(said))


def _said(description: str) -> tuple[str, ...]:
    """What sqlglot says of an error, where that is more than that there is one."""
    first = description.strip().partition("\n")[0].rstrip(".")
    is_plain = first and not first.startswith("Invalid expression") and not re.search(r"<(class|Token)\b", first)
    return (f"sqlglot says: {first}",) if is_plain else ()
