"""Compares two queries by their tokens, and shows what differs line by line in one layout for both."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Final

from trc.compiler.sql.tokens import RESERVED, Token, canonical, tokenize

_CLAUSES: Final = frozenset(
    [
        "select",
        "from",
        "where",
        "group",
        "having",
        "order",
        "limit",
        "offset",
        "union",
        "except",
        "intersect",
        "qualify",
        "window",
        "with",
        "on",
        "using",
        "set",
    ]
)
_JOINS: Final = frozenset(
    ["left", "right", "inner", "full", "cross", "natural", "asof", "semi", "anti", "positional", "join"]
)
_AFTER_JOIN_WORD: Final = frozenset((*_JOINS, "outer"))
_CONNECTIVES: Final = frozenset(("and", "or"))
_TIGHT_BEFORE: Final = frozenset((",", ")", "]", ".", "::", ";"))
_TIGHT_AFTER: Final = frozenset(("(", "[", ".", "::"))


def is_same(old: str, new: str) -> bool:
    """Whether two queries differ in nothing but comments, layout and the case of reserved words."""
    return old == new or canonical(old) == canonical(new)


def unified(old: str, new: str) -> tuple[str, ...]:
    """The lines of a unified diff of both queries, each laid out anew, without comments."""
    before, after = lines(old), lines(new)
    if before == after:
        # They differ in what this layout does not show, such as the case of a word that is not reserved.
        before, after = ([token.text for token in tokenize(sql)] for sql in (old, new))
    return tuple(list(difflib.unified_diff(before, after, lineterm="", n=2))[2:])


def lines(sql: str) -> list[str]:
    r"""The query's tokens in lines: one for each clause, join, condition and item of a list.

    >>> lines("SELECT a, max(b) FROM t -- all\nwhere x>1 AND y")
    ['select a,', '  max(b)', 'from t', 'where x > 1', '  and y']
    """
    tokens = tokenize(sql)
    while tokens and tokens[-1].text == ";":
        tokens = tokens[:-1]
    return [text for text in _lines(tokens) if text.strip()]


def _lines(tokens: tuple[Token, ...]) -> Iterator[str]:
    line, depth, before = "", 0, None
    holds_query: list[bool] = [True]
    for index, token in enumerate(tokens):
        after = tokens[index + 1] if index + 1 < len(tokens) else None
        if before is not None and holds_query[-1] and _begins_line(token, before, between=_is_between(tokens, index)):
            yield line
            line = "  " * depth + ("  " if _is_continued(token, before) else "")
        line += ("" if not line.strip() or _is_tight(token, before) else " ") + _shown(token, before)
        if token.text in ("(", "["):
            holds_query.append(after is not None and after.is_word("select", "with", "from", "values"))
            depth += holds_query[-1]
        elif token.text in (")", "]") and len(holds_query) > 1:
            depth -= holds_query.pop()
        before = token
    yield line


def _begins_line(token: Token, before: Token, *, between: bool) -> bool:
    if before.text == ",":
        return True
    if before.text == "." or before.is_word("as"):
        return False
    if token.is_word(*_CLAUSES):
        # "distinct from", "distinct on", "with ordinality" and the like go on with what stands before.
        return not (token.is_word("from", "on") and before.is_word("distinct")) and not before.is_word("grouping")
    if token.is_word(*_JOINS):
        return not before.is_word(*_AFTER_JOIN_WORD)
    return token.is_word(*_CONNECTIVES) and not between


def _is_between(tokens: tuple[Token, ...], index: int) -> bool:
    """Whether an "and" belongs to a "between"."""
    if not tokens[index].is_word("and"):
        return False
    depth = 0
    for token in reversed(tokens[:index]):
        depth += (token.text in (")", "]")) - (token.text in ("(", "["))
        if depth < 0 or (depth == 0 and token.is_word("and", "or", *_CLAUSES)):
            return False
        if depth == 0 and token.is_word("between"):
            return True
    return False


def _is_continued(token: Token, before: Token) -> bool:
    return before.text == "," or token.is_word(*_CONNECTIVES)


def _is_tight(token: Token, before: Token | None) -> bool:
    if before is None or token.text in _TIGHT_BEFORE or before.text in _TIGHT_AFTER:
        return True
    is_call = before.kind in ("word", "quoted") and not (before.kind == "word" and before.text.lower() in RESERVED)
    return token.text in ("(", "[") and (is_call or (token.text == "[" and before.text in (")", "]")))


def _shown(token: Token, before: Token | None) -> str:
    """The token as keys hold it, reserved words in lower case, all else as written; the words of a clause, too."""
    if before is not None and (before.text == "." or before.is_word("as")):
        return token.text
    is_of_clause = token.is_word("between", *_AFTER_JOIN_WORD) or (
        before is not None and token.is_word("by") and before.is_word("group", "order", "partition")
    )
    is_reserved = token.kind == "word" and token.text.lower() in RESERVED
    return token.text.lower() if is_reserved or is_of_clause else token.text
