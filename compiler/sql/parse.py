"""What a query reads, which names it uses, and whether it gives one answer: all found in DuckDB's own tree."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from trc.compiler.sql.edits import Edited
from trc.compiler.sql.problem import SqlProblem
from trc.compiler.sql.statements import Tree, read_tree, whole
from trc.compiler.sql.tokens import RESERVED, Token, tokenize
from trc.compiler.sql.uses import FileUse, NameUse, Relation, TableUse, VolatileUse
from trc.compiler.sql.walk import Walk


@dataclass(frozen=True, slots=True)
class Parsed:
    """What the compiler knows of a query before it is bound. Uses are in the order of their places."""

    text: Edited
    tables: tuple[TableUse, ...] = ()
    files: tuple[FileUse, ...] = ()
    ctes: tuple[NameUse, ...] = ()
    functions: tuple[NameUse, ...] = ()
    computed: tuple[NameUse, ...] = ()
    """Calls of file readers whose locations are not literals."""
    parameters: tuple[NameUse, ...] = ()
    volatile: VolatileUse | None = None
    dynamic: bool = False
    """Whether its columns follow from its rows: a PIVOT by values that it does not list."""
    unread: bool = False
    """Whether its tree could not be read: only table names are known."""
    scopes: tuple[tuple[Relation, ...], ...] = ()
    scope_of: tuple[tuple[int, int], ...] = ()
    """For each column's place, the index of its SELECT in `scopes`."""
    around: tuple[int, ...] = ()
    """For each SELECT of `scopes`, the index of the one that it stands in, or -1."""

    @property
    def table_names(self) -> tuple[str, ...]:
        """Each table once, ignoring case, as first written."""
        return tuple({use.name.casefold(): use.name for use in reversed(self.tables)}.values())[::-1]


# Stages ask for a query's tree in turn, each for all queries: the cache holds a long pipeline's, and no large project's.
@lru_cache(maxsize=2048)
def parse(sql: str) -> Parsed | SqlProblem:
    """Reads exactly one query; a mistake in its syntax, or anything but one query, is a problem."""
    tree = read_tree(sql)
    if isinstance(tree, SqlProblem):
        return tree
    tokens = tokenize(tree.text.original)
    parameters = _parameters(tokens)
    if tree.statement is None:
        return _unread(tree, tokens, parameters)
    walk = Walk(tree.text, tokens)
    walk.run(tree.statement)
    return Parsed(
        tree.text,
        tuple(sorted(set(walk.tables), key=_start)),
        tuple(walk.files[index] for index in sorted(range(len(walk.files)), key=lambda i: (walk.files[i].start, i))),
        tuple(sorted(walk.ctes, key=_start)),
        tuple(sorted(walk.functions, key=_start)),
        tuple(sorted(walk.computed, key=_start)),
        parameters,
        min(walk.volatile, key=_start, default=None),
        tree.dynamic,
        scopes=tuple(tuple(relations) for relations in walk.scopes),
        scope_of=tuple(walk.scope_of),
        around=tuple(walk.around),
    )


def _start(use: TableUse | NameUse | VolatileUse) -> int:
    return use.start


def _parameters(tokens: tuple[Token, ...]) -> tuple[NameUse, ...]:
    found = [NameUse(token.text, token.start, token.end) for token in tokens if token.kind == "parameter"]
    for dollar, word in pairwise(tokens):
        if dollar.text == "$" and word.kind == "word" and dollar.end == word.start:
            found.append(NameUse(f"${word.text}", dollar.start, word.end))
    return tuple(sorted(found, key=_start))


def _unread(tree: Tree, tokens: tuple[Token, ...], parameters: tuple[NameUse, ...]) -> Parsed:
    """A query that DuckDB takes and whose tree cannot be had: only the tables after FROM, JOIN and PIVOT are known."""
    volatile = VolatileUse("its query is too deep or too odd to be understood in full", *whole(tokens))
    defined = {(token.name or "").casefold() for token, after in pairwise(tokens) if token.name and after.is_word("as")}
    tables: list[TableUse] = []
    for index, token in enumerate(tokens):
        if not token.is_word("from", "join", "pivot", "unpivot"):
            continue
        chain = _chain_from(tokens, index + 1)
        name = ".".join(part.name or "" for part in chain)
        if chain and name.casefold() not in defined:
            tables.append(TableUse(name, chain[0].start, chain[-1].end))
    return Parsed(tree.text, tuple(tables), (), (), (), (), parameters, volatile, tree.dynamic, unread=True)


def _chain_from(tokens: tuple[Token, ...], index: int) -> list[Token]:
    """The dotted name that begins at a token; nothing for a reserved word or a function's call."""
    chain: list[Token] = []
    while index < len(tokens) and tokens[index].name and not tokens[index].is_word(*RESERVED):
        chain.append(tokens[index])
        if index + 1 >= len(tokens) or tokens[index + 1].text not in (".", "("):
            return chain
        if tokens[index + 1].text == "(":
            return []
        index += 2
    return []
