"""Whether a text is exactly one query, as DuckDB's own parser sees it, and that query's tree."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Final

from trc.compiler.diagnostics.nearest import nearest
from trc.compiler.sql.edits import Edit, Edited
from trc.compiler.sql.engine import literal, query
from trc.compiler.sql.problem import SqlProblem
from trc.compiler.sql.tokens import LONGEST_OPERATOR, OPERATOR, RESERVED, UNICODE_SPACES, Token, tokenize

_UNWRITABLE: Final = re.compile("[\x00\ud800-\udfff]")
_WIDE_SPACE: Final = re.compile(f"[{UNICODE_SPACES}]")
_WIDE: Final = re.compile(r"[^\x00-\x7f]")
_SIGNS: Final = re.compile(f"{OPERATOR}{{{LONGEST_OPERATOR + 1},}}+")
_ONE_QUERY: Final = "a task's SQL is one query; trc itself writes its rows to the task's output"


@dataclass(frozen=True, slots=True)
class Tree:
    """A query's parse tree, as DuckDB serialises it. Places in it are bytes of `text`.

    `statement` is None where DuckDB cannot serialise the query; `dynamic` says that it pivots by
    values that only its rows tell, so that its columns are known when it runs.
    """

    text: Edited
    statement: dict[str, Any] | None
    dynamic: bool = False


def read_tree(sql: str) -> Tree | SqlProblem:
    """The tree of the only query in `sql`, or why there is none."""
    hostile = _UNWRITABLE.search(sql)
    if hostile is not None:
        message = f"the character U+{ord(hostile[0]):04X} cannot stand in SQL"
        return SqlProblem("TRC401", message, hostile.start(), hostile.end())
    text = Edited(with_plain_spaces(sql))
    tokens = tokenize(text.original)
    signs = next(_runs_of_signs(text.original, tokens), None)
    if signs is not None:
        message = f"more than {LONGEST_OPERATOR} signs of operators stand side by side here"
        return SqlProblem("TRC401", message, *signs)
    answer = _serialised(text.text)
    if answer is not None and answer["error"] and answer["error_type"] == "parser":
        return _syntax_problem(answer, text, tokens)
    problem = _not_one_query(tokens)
    if problem is not None:
        return problem
    if answer is None:
        return Tree(text, None)
    if not answer["error"]:
        return Tree(text, answer["statements"][0])
    return _tree_of_other(text, tokens, str(answer["error_message"]))


def serialised(queries: Sequence[str]) -> list[str | None]:
    """What DuckDB says of each text, as JSON; None where it would not take it as it is written."""
    sent = {index: sql for index, sql in enumerate(queries) if _is_ordinary(sql)}
    listed = ", ".join(f"({literal(sql)})" for sql in sent.values())
    rows = query(f"from (values {listed}) as queries(sql) select json_serialize_sql(sql)") if sent else []
    answers: list[str | None] = [None] * len(queries)
    for index, (answer,) in zip(sent, rows, strict=True):
        answers[index] = answer
    return answers


def only_statement(answer: str) -> dict[str, Any] | None:
    """The tree in what DuckDB says of a text; None where that is not one query that it can serialise."""
    tree = _loaded(answer)
    if tree is None or tree["error"] or len(tree["statements"]) != 1:
        return None
    statement: dict[str, Any] = tree["statements"][0]
    return statement


def _is_ordinary(sql: str) -> bool:
    return not (_UNWRITABLE.search(sql) or _SIGNS.search(sql)) and (sql.isascii() or not _WIDE_SPACE.search(sql))


def _runs_of_signs(sql: str, tokens: Sequence[Token]) -> Iterator[tuple[int, int]]:
    """Where operators run on for so long that DuckDB would take minutes to cut them; comments and texts may."""
    operators = {token.start for token in tokens if token.kind == "operator"} if _SIGNS.search(sql) else set[int]()
    for run in _SIGNS.finditer(sql):
        before_comment = re.split(r"--|/\*", run[0], maxsplit=1)[0]
        if run.start() in operators and len(before_comment) > LONGEST_OPERATOR:
            yield run.start(), run.start() + len(before_comment)


def with_plain_spaces(sql: str) -> str:
    """`sql` with each wide or hidden space between its tokens as a blank.

    DuckDB does the same, but then counts the places of its errors in a text that got shorter.
    """
    if sql.isascii() or not _WIDE_SPACE.search(sql):
        return sql
    parts: list[str] = []
    position = 0
    for token in tokenize(sql):
        parts += (_WIDE_SPACE.sub(" ", sql[position : token.start]), token.text)
        position = token.end
    return "".join(parts) + _WIDE_SPACE.sub(" ", sql[position:])


def _serialised(sql: str) -> dict[str, Any] | None:
    """DuckDB's answer, or None for a query that nests deeper than its tree can be read."""
    ((answer,),) = query(f"select json_serialize_sql({literal(sql)})")
    if not answer and not sql.isascii():
        # An error whose message DuckDB cut within a character: letters of one byte make the same one, at the same place.
        return _serialised(_WIDE.sub("x", sql))
    return _loaded(answer)


def _loaded(answer: str) -> dict[str, Any] | None:
    if not answer:
        return None
    try:
        tree: dict[str, Any] = json.loads(answer)
    except RecursionError:
        return None
    return tree


def _syntax_problem(answer: dict[str, Any], text: Edited, tokens: tuple[Token, ...]) -> SqlProblem:
    raw = str(answer["error_message"])
    position = str(answer.get("position", ""))
    # The parser counts characters; bytes are counted by trees, and by who binds them.
    start = text.place(int(position)) if position.isdigit() else None
    token = next((token for token in tokens if start is not None and token.start <= start < token.end), None)
    if "memory exhausted" in raw:
        at = start if start is not None else 0
        return SqlProblem(
            "TRC401", "the query nests too deep for DuckDB", at, at + 1, help=("take parts of it into CTEs",)
        )
    if "unterminated" in raw:
        what = "comment" if "comment" in raw else "quoted name" if "identifier" in raw else "quoted text"
        at = start if start is not None else 0
        return SqlProblem("TRC401", f"a {what} is never closed", at, at + 1, "it begins here")
    if "end of input" in raw:
        end = tokens[-1].end if tokens else len(text.original)
        return SqlProblem("TRC401", "the query ends too early", max(end - 1, 0), end, "something is missing after this")
    if token is None:
        if "CTE needs a SELECT" in raw:
            token = next((one for one in tokens if one.is_word("insert", "update", "delete", "merge")), tokens[0])
            message = f'"{token.text}" cannot stand in a query'
            return SqlProblem("TRC404", message, token.start, token.end, help=(_ONE_QUERY,))
        named = re.search(r'"([^"]+)"', raw)
        token = next((one for one in tokens if named and one.name == named[1]), None)
        place = (token.start, token.end) if token else whole(tokens)
        return SqlProblem("TRC407", plain_words(raw), *place)
    meant = nearest(token.text, RESERVED - {token.text.lower()}) if token.kind == "word" and start == 0 else None
    remedy = (f'did you mean "{meant}"?',) if meant else _remedy(tokens, tokens.index(token))
    message = f'syntax error at "{token.text}"' if "syntax error" in raw else plain_words(raw)
    return SqlProblem(
        "TRC401",
        message,
        token.start,
        token.end,
        "DuckDB can read the query up to here" if "syntax error" in raw else "",
        remedy,
        replacement=meant,
    )


_CLAUSES: Final = ("from", "where", "group", "having", "order", "limit", "qualify", "union", "using", "window")
_BEFORE_NAMES: Final = ("from", "join", "as", "into")


def _remedy(tokens: tuple[Token, ...], at: int) -> tuple[str, ...]:
    """What may be meant where the word at `at` cannot stand: a name that is a word of SQL, or a clause misspelled before it."""
    token, before = tokens[at], tokens[at - 1] if at else None
    begins_clause = token.is_word(*_CLAUSES) and (
        not token.is_word("order", "group") or (at + 1 < len(tokens) and tokens[at + 1].is_word("by"))
    )
    if before is not None and (before.is_word(*_BEFORE_NAMES) or before.text == "."):
        is_reserved = token.kind == "word" and token.text.lower() in RESERVED
        return (
            (f'"{token.text}" is a word of SQL: as a name it stands in double quotes',)
            if (is_reserved and not begins_clause)
            else ()
        )
    if before is None or before.kind != "word" or before.text.lower() in (*RESERVED, *_CLAUSES):
        return ()
    hidden = next((char for char in before.text if not char.isprintable()), None)
    if hidden is not None:
        return (f"the word before it holds a character that cannot be seen, U+{ord(hidden):04X}: remove it",)
    meant = nearest(before.text, _CLAUSES)
    alike = SequenceMatcher(None, before.text.lower(), meant).ratio() if meant else 0
    return (f'did you mean "{meant}", and not "{before.text}"?',) if alike >= _ALIKE else ()


_ALIKE: Final = 0.8


def _not_one_query(tokens: tuple[Token, ...]) -> SqlProblem | None:
    statements: list[list[Token]] = [[]]
    for token in tokens:
        if token.text == ";":
            statements.append([])
        else:
            statements[-1].append(token)
    written = [statement for statement in statements if statement]
    if not written:
        return SqlProblem("TRC404", "the SQL holds no query", 0, 0, help=(_ONE_QUERY,))
    if len(written) > 1:
        start, end = written[1][0].start, written[1][-1].end
        message = f"the SQL holds {len(written)} statements"
        return SqlProblem("TRC404", message, start, end, "the second begins here", (_ONE_QUERY,))
    return None


def _tree_of_other(text: Edited, tokens: tuple[Token, ...], reason: str) -> Tree | SqlProblem:
    """The tree of what DuckDB's serialiser does not take: a PIVOT by values that it does not list."""
    first = tokens[0]
    if not reason.startswith("Only SELECT"):
        return SqlProblem("TRC407", plain_words(reason), *whole(tokens))
    if not _is_select(text.text) or first.is_word("pragma"):
        return SqlProblem("TRC404", f'"{first.text}" is not a query', first.start, first.end, help=(_ONE_QUERY,))
    listed = Edited(text.original, _listed_pivots(tokens))
    answer = _serialised(listed.text)
    readable = answer is not None and not answer["error"]
    return Tree(listed, answer["statements"][0] if readable and answer else None, dynamic=True)


def _is_select(sql: str) -> bool:
    """Whether DuckDB answers with rows of a query, after what it may have to find out first."""
    import duckdb

    return duckdb.StatementType.SELECT in {statement.type for statement in duckdb.extract_statements(sql)}


def _listed_pivots(tokens: tuple[Token, ...]) -> tuple[Edit, ...]:
    """Edits that give each PIVOT statement a list of values: what it reads stays the same."""
    edits: list[Edit] = []
    for index, token in enumerate(tokens):
        if token.is_word("pivot", "pivot_wider"):
            edits += _listed_columns(tokens, index + 1)
    return tuple(edits)


def _listed_columns(tokens: tuple[Token, ...], index: int) -> list[Edit]:
    depth, within_on, has_list = 0, False, False
    edits: list[Edit] = []
    for before, token in zip(tokens[index - 1 :], tokens[index:]):
        depth += (token.text in "([{") - (token.text in ")]}")
        ends = depth < 0 or (depth == 0 and token.is_word("using", "group", "order", "limit"))
        if within_on and (ends or (depth == 0 and token.text == ",")):
            if not has_list:
                edits.append(Edit(before.end, before.end, " IN (NULL)"))
            has_list = False
        if ends:
            return edits
        within_on = within_on or (depth == 0 and token.is_word("on"))
        has_list = has_list or (within_on and depth == 0 and token.is_word("in"))
    if within_on and not has_list:
        edits.append(Edit(tokens[-1].end, tokens[-1].end, " IN (NULL)"))
    return edits


def whole(tokens: tuple[Token, ...]) -> tuple[int, int]:
    """The place of all that is written."""
    return (tokens[0].start, tokens[-1].end) if tokens else (0, 0)


def plain_words(message: str) -> str:
    """The first line of what DuckDB says, as our messages are put."""
    line = message.strip().partition("\n")[0].rstrip("!. ")
    return line[:1].lower() + line[1:] if line[1:2].islower() or line[1:2] == " " else line
