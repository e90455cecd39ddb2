"""Where each node of a tree of sqlglot's stands in the text that it was read from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlglot import Token, TokenType, exp

KEY: Final = "trc"
"""The key of a node's `meta` that its place lies under: sqlglot copies it with the node."""

WORD: Final = "trc_word"
"""The key of the word that calls a function, in lower case."""

Place = tuple[int, int, tuple[int, int] | None]
"""All that a node was made of in the text, and the word that names it there."""

_FURTHEST: Final = 4
_NAMING: Final[tuple[tuple[type[exp.Expr], tuple[str, ...]], ...]] = (
    (exp.Cast, ("cast", "convert", "safe_cast", "try_cast", "try_convert")),
    (exp.Extract, ("date_part", "datepart", "extract")),
    (exp.GroupConcat, ("listagg", "string_agg")),
    (exp.StrPosition, ("position",)),
    (exp.Substring, ("mid", "substr")),
    (exp.Trim, ("btrim",)),
)
"""Functions that sqlglot keeps no place of: words that call them, beside its own names for them."""
_UNKNOWN: Final = (
    exp.Anonymous,
    exp.AnonymousAggFunc,
    exp.CombinedAggFunc,
    exp.CombinedParameterizedAgg,
    exp.ParameterizedAgg,
)
"""Functions that sqlglot keeps by the author's name."""


def locate(tree: exp.Expr, text: str, tokens: Sequence[Token]) -> None:
    """Notes in each node what it was made of: its own token, its brackets and what is below it."""
    at = {token.start: index for index, token in enumerate(tokens)}
    for node in reversed(list(tree.bfs())):
        below: list[Place] = [child.meta[KEY] for child in node.iter_expressions() if KEY in child.meta]
        first = min((one[0] for one in below), default=None)
        own = _own_token(node, text) or (_called(node, tokens, at.get(first, 0)) if first is not None else None)
        spans = [one[:2] for one in below]
        if own is not None:
            spans.append(own)
            closing = _closing(tokens, at[own[0]] + 1) if isinstance(node, exp.Func) and own[0] in at else None
            spans += [(closing.start, closing.end + 1)] if closing else []
        if spans:
            if own is not None and isinstance(node, exp.Func):
                node.meta[WORD] = text[own[0] : own[1]].lower()
            node.meta[KEY] = (min(one[0] for one in spans), max(one[1] for one in spans), own)


def place_of(node: exp.Expr | None) -> Place | None:
    """Where a node stands; where its nearest ancestor with a place does, if it has none itself."""
    while node is not None:
        place: Place | None = node.meta.get(KEY)
        if place is not None:
            return place
        node = node.parent
    return None


def whole_range(tokens: Sequence[Token], first: int, last: int) -> tuple[int, int]:
    """The range widened until each bracket in it has its other half."""
    inner = [index for index, one in enumerate(tokens) if first <= one.start < last]
    if not inner:
        return first, last
    open_ones = lowest = 0
    for index in inner:
        open_ones += _depth(tokens[index])
        lowest = min(lowest, open_ones)
    begin, end = inner[0], inner[-1]
    while lowest < 0 < begin:
        begin -= 1
        lowest += _depth(tokens[begin])
        open_ones += _depth(tokens[begin])
    while open_ones > 0 and end + 1 < len(tokens):
        end += 1
        open_ones += _depth(tokens[end])
    return min(first, tokens[begin].start), max(last, tokens[end].end + 1)


def _depth(token: Token) -> int:
    return (token.token_type in _OPENING) - (token.token_type in _CLOSING)


_OPENING: Final = (TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE)
_CLOSING: Final = (TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE)


def written_columns(tree: exp.Expr) -> tuple[Place, ...]:
    """Where columns stand, but for those that say in which order or on which machine rows are worked on."""
    found = (node for node in tree.find_all(exp.Column) if KEY in node.meta)
    return tuple(node.meta[KEY] for node in found if not node.find_ancestor(*_OF_NO_ROWS))


_OF_NO_ROWS: Final = (exp.Cluster, exp.Distribute, exp.Hint, exp.Sort)


def is_called(node: exp.Expr) -> bool:
    """Whether a word before brackets was found that names the node; a `::` and a literal with a type have none."""
    place: Place | None = node.meta.get(KEY)
    return place is not None and place[2] is not None


def _own_token(node: exp.Expr, text: str) -> tuple[int, int] | None:
    """The token that sqlglot says a node begins with; of a name, only where that spells it."""
    start, end = node.meta.get("start"), node.meta.get("end")
    if not isinstance(start, int) or not isinstance(end, int) or not 0 <= start <= end < len(text):
        return None
    # Of some functions sqlglot notes the bracket, and not the name.
    if isinstance(node, exp.Func) and text[start] == "(":
        return None
    is_name = isinstance(node, exp.Identifier)
    if is_name and text[start : end + 1].strip("`\"[]'").casefold() != node.name.casefold():
        return None
    return start, end + 1


def _called(node: exp.Expr, tokens: Sequence[Token], index: int) -> tuple[int, int] | None:
    """The word before the bracket that a call's first argument stands in, if it is what such a call begins with."""
    if not isinstance(node, exp.Func):
        return None
    named = next((words for kind, words in _NAMING if isinstance(node, kind)), ())
    own = (node.name.casefold(),) if isinstance(node, _UNKNOWN) else ()
    words = (*named, *own, *(name.casefold() for name in type(node).sql_names()))
    for place in range(index - 1, max(index - _FURTHEST, 0), -1):
        if tokens[place].token_type == TokenType.L_PAREN:
            word = tokens[place - 1]
            return (word.start, word.end + 1) if word.text.casefold() in words else None
    return None


def _closing(tokens: Sequence[Token], index: int) -> Token | None:
    """The bracket that closes the one at `index`."""
    if index >= len(tokens) or tokens[index].token_type != TokenType.L_PAREN:
        return None
    depth = 0
    for token in tokens[index:]:
        depth += (token.token_type == TokenType.L_PAREN) - (token.token_type == TokenType.R_PAREN)
        if depth == 0:
            return token
    return None
