"""One pass over the parse tree that DuckDB gives: collects what a query uses."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

from trc.compiler.ir.formats import format_of
from trc.compiler.sql.edits import Edited
from trc.compiler.sql.functions import (
    BARE_FUNCTIONS,
    CONSISTENT_TABLE_FUNCTIONS,
    PLAIN_READERS,
    READERS,
    TABLE_NAMING,
    TIME_TELLING,
    volatile_names,
)
from trc.compiler.sql.statements import whole
from trc.compiler.sql.tokens import Token
from trc.compiler.sql.uses import FileUse, NameUse, Relation, Span, TableUse, VolatileUse

_NO_PLACE: Final = 2**64 - 1
_BRACKETS: Final = {"(": ")", "[": "]"}

_Scope = tuple[frozenset[str], int]
"""The CTEs in sight, case folded, and the index of the SELECT around."""


@dataclass(slots=True)
class Walk:
    """One pass over a tree, without recursion. Nodes are visited parents first."""

    text: Edited
    tokens: tuple[Token, ...]
    tables: list[TableUse] = field(default_factory=list[TableUse])
    files: list[FileUse] = field(default_factory=list[FileUse])
    ctes: list[NameUse] = field(default_factory=list[NameUse])
    functions: list[NameUse] = field(default_factory=list[NameUse])
    computed: list[NameUse] = field(default_factory=list[NameUse])
    volatile: list[VolatileUse] = field(default_factory=list[VolatileUse])
    scopes: list[list[Relation]] = field(default_factory=list[list[Relation]])
    scope_of: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    around: list[int] = field(default_factory=list[int])
    starts: dict[int, int] = field(default_factory=dict[int, int])
    times: set[str] = field(default_factory=set[str])
    """Readers whose rows hold the time of a file's last change."""
    sights: list[Span] = field(default_factory=list[Span])
    """Where such a time would be seen: stars, and columns of its name."""
    pending: list[tuple[Any, _Scope]] = field(default_factory=list[tuple[Any, _Scope]])

    def run(self, statement: dict[str, Any]) -> None:
        self.starts = {token.start: index for index, token in enumerate(self.tokens)}
        self.pending.append((statement, (frozenset(), -1)))
        while self.pending:
            node, scope = self.pending.pop()
            if isinstance(node, list):
                self.pending.extend((item, scope) for item in node)
            elif isinstance(node, dict):
                scope = self.visit(node, self.with_ctes(node, scope))
                self.pending.extend((value, scope) for key, value in node.items() if key != "cte_map")
        if self.times and self.sights:
            reason = f"it shows when the files of {min(self.times)}() were changed"
            self.volatile.append(VolatileUse(reason, *min(self.sights)))

    def with_ctes(self, node: dict[str, Any], scope: _Scope) -> _Scope:
        """The scope of a node that may define CTEs; each of them sees those before it."""
        seen, select = scope
        for entry in node["cte_map"]["map"] if "cte_map" in node else ():
            name, query = entry["key"], entry["value"]["query"]
            self.ctes.append(NameUse(name, *self.definition(name)))
            recursive = query["node"]["type"] == "RECURSIVE_CTE_NODE"
            self.pending.append((query, (seen | {name.casefold()} if recursive else seen, select)))
            seen |= {name.casefold()}
        return seen, select

    def visit(self, node: dict[str, Any], scope: _Scope) -> _Scope:
        """Notes what one node says; answers with the scope of its children."""
        seen, select = scope
        kind = node.get("type")
        if kind == "SELECT_NODE":
            self.scopes.append([])
            self.around.append(select)
            scope = seen, len(self.scopes) - 1
            self.relate(node.get("from_table"), scope)
        elif kind == "BASE_TABLE":
            self.visit_table(node, seen)
        elif kind == "TABLE_FUNCTION":
            self.visit_table_function(node, seen)
        elif kind == "SHOW_REF":
            self.visit_description(node)
        elif kind in ("COLUMN_REF", "STAR"):
            self.visit_column(node, select)
        elif node.get("class") == "FUNCTION" and not node.get("is_operator"):
            self.visit_function(node)
        if node.get("sample"):
            place = next(
                ((t.start, t.end) for t in self.tokens if t.is_word("sample", "tablesample")), whole(self.tokens)
            )
            self.volatile.append(VolatileUse("it takes a sample of its rows", *place))
        return scope

    def relate(self, node: Any, scope: _Scope) -> None:
        """Notes what a SELECT takes its columns from."""
        parts = [node]
        while parts:
            part = parts.pop()
            if not isinstance(part, dict) or part.get("type") == "EMPTY":
                continue
            if part["type"] == "JOIN":
                parts += (part["right"], part["left"])
            else:
                self.scopes[scope[1]].append(self.relation(part, scope[0]))

    def relation(self, node: dict[str, Any], seen: frozenset[str]) -> Relation:
        alias = str(node.get("alias") or "")
        if node["type"] == "BASE_TABLE":
            name = _table_name(node)
            if self.is_literal(node):
                return Relation(alias or stem(name), uri=name, named=bool(alias))
            table = None if name.casefold() in seen else name
            return Relation(alias or str(node["table_name"]), table, named=bool(alias))
        function = node.get("function") or {}
        return Relation(alias or str(function.get("function_name", "")), uri=_only_file(function), named=bool(alias))

    def visit_table(self, node: dict[str, Any], seen: frozenset[str]) -> None:
        name = _table_name(node)
        if self.is_literal(node):
            start, end = self.literal(node)
            self.files.append(FileUse(name, start, end, format_of(name), None, (start, end), _alias(node), plain=True))
        elif name.casefold() not in seen and not _is_recurring(node, seen):
            parts = [node[part] for part in ("catalog_name", "schema_name", "table_name") if node[part]]
            self.tables.append(TableUse(name, *self.chain(node, len(parts), str(parts[-1]))))

    def visit_description(self, node: dict[str, Any]) -> None:
        """SUMMARIZE and DESCRIBE speak of a query; SHOW TABLES and the like of whatever the session holds."""
        query = node.get("query") or {}
        if not query.get("node", query):
            self.volatile.append(VolatileUse("it lists what the session holds", *whole(self.tokens)))

    def visit_table_function(self, node: dict[str, Any], seen: frozenset[str]) -> None:
        function = node["function"]
        name = str(function["function_name"]).lower()
        start, end = self.place(function, name)
        if name not in CONSISTENT_TABLE_FUNCTIONS:
            self.volatile.append(VolatileUse(f"it calls {name}(), whose answer may change", start, end))
        elif name in READERS:
            self.visit_reader(node, name, (start, end))
        elif name in TABLE_NAMING and function["children"]:
            self.visit_table_naming(function["children"][0], seen)
        # The call itself is no scalar one.
        node["function"] = function["children"]

    def visit_reader(self, node: dict[str, Any], name: str, place: Span) -> None:
        arguments = node["function"]["children"]
        literals = _literals(arguments[0]) if arguments else None
        if name in TIME_TELLING:
            self.times.add(name)
        if literals is None:
            self.computed.append(NameUse(name, *place))
            self.volatile.append(VolatileUse(f"it computes the locations that {name}() reads", *place))
            return
        first = self.literal(literals[0]) if literals else place
        start, end = first if arguments[0].get("class") == "CONSTANT" else self.list_around(first)
        call = place[0], self.closing(place[1])
        plain = name in PLAIN_READERS and len(arguments) == 1 and not node.get("column_name_alias")
        for literal in literals:
            uri = str(literal["value"]["value"])
            self.files.append(FileUse(uri, start, end, READERS[name], name, call, _alias(node), plain))

    def visit_table_naming(self, argument: dict[str, Any], seen: frozenset[str]) -> None:
        literals = _literals(argument)
        names = argument["column_names"] if argument["type"] == "COLUMN_REF" else None
        name = ".".join(names) if names else str(literals[0]["value"]["value"]) if literals else None
        if name is not None and name.casefold() not in seen:
            self.tables.append(TableUse(name, *self.place(argument, name)))

    def visit_column(self, node: dict[str, Any], select: int) -> None:
        index = self.index(node)
        if index is not None:
            self.scope_of.append((self.tokens[index].start, select))
        names = node.get("column_names") or [""]
        if node["type"] == "STAR" or str(names[-1]).lower() == "last_modified":
            self.sights.append(
                whole(self.tokens) if index is None else (self.tokens[index].start, self.tokens[index].end)
            )
        bare = str(names[0]).lower()
        if len(names) == 1 and bare in BARE_FUNCTIONS:
            self.volatile.append(VolatileUse(f"it calls {bare}", *self.place(node, bare)))

    def visit_function(self, node: dict[str, Any]) -> None:
        name = str(node["function_name"]).lower()
        place = self.place(node, name)
        # Casts, intervals and lists become calls that nobody wrote.
        if _spells(self.text.original[slice(*place)], name):
            self.functions.append(NameUse(name, *place))
        # With one timestamp, age() counts from today.
        if name in volatile_names() or (name == "age" and len(node["children"]) == 1):
            self.volatile.append(VolatileUse(f"it calls {name}()", *place))

    def index(self, node: dict[str, Any]) -> int | None:
        """The index of the token that a node's place names, if it has one."""
        location = node.get("query_location", _NO_PLACE)
        return None if location == _NO_PLACE else self.starts.get(self.text.place_of_byte(location))

    def place(self, node: dict[str, Any], name: str) -> Span:
        """The token of a node: the part of a dotted name that spells `name`, where there are several."""
        index = self.index(node)
        if index is None:
            return _named(self.tokens, name)
        while self.text_at(index + 1) == "." and (self.tokens[index].name or "").casefold() != name.casefold():
            index += 2
        token = self.tokens[min(index, len(self.tokens) - 1)]
        return token.start, token.end

    def chain(self, node: dict[str, Any], parts: int, name: str) -> Span:
        """The place of a dotted name of so many parts."""
        index = self.index(node)
        if index is None:
            return _named(self.tokens, name)
        last = self.tokens[min(index + 2 * (parts - 1), len(self.tokens) - 1)]
        return self.tokens[index].start, last.end

    def text_at(self, index: int) -> str:
        return self.tokens[index].text if 0 <= index < len(self.tokens) else ""

    def is_literal(self, node: dict[str, Any]) -> bool:
        """Whether a table is named by a text in single quotes: a file."""
        index = self.index(node)
        return index is not None and self.tokens[index].kind == "string"

    def literal(self, node: dict[str, Any]) -> Span:
        """The place of a literal; SQL joins texts that only a line break separates."""
        index = self.index(node)
        if index is None:
            return whole(self.tokens)
        last = index
        while last + 1 < len(self.tokens) and self.tokens[last + 1].kind == "string":
            last += 1
        return self.tokens[index].start, self.tokens[last].end

    def list_around(self, first: Span) -> Span:
        """The place of the list whose first item is at `first`: its brackets, and ARRAY before them."""
        index = self.starts.get(first[0], 0)
        while index > 0 and self.text_at(index) != "[":
            index -= 1
        start = index - 1 if index and self.tokens[index - 1].is_word("array") else index
        return self.tokens[start].start, self.closing(self.tokens[index].start)

    def closing(self, offset: int) -> int:
        """The end of the bracket that opens at `offset` or after it."""
        depth = 0
        for token in self.tokens:
            if token.start < offset:
                continue
            depth += (token.text in _BRACKETS) - (token.text in _BRACKETS.values())
            if depth == 0:
                return token.end
        return whole(self.tokens)[1]

    def definition(self, name: str) -> Span:
        """Where a CTE is named: before AS, or before the list of its columns."""
        for token, after in pairwise(self.tokens):
            spelled = token.name
            if (
                spelled is not None
                and spelled.casefold() == name.casefold()
                and (after.text == "(" or after.is_word("as"))
            ):
                return token.start, token.end
        return _named(self.tokens, name)


def _named(tokens: tuple[Token, ...], name: str) -> Span:
    """The first place where a name stands, or all of the query."""
    for token in tokens:
        spelled = token.name
        if spelled is not None and spelled.casefold() == name.casefold():
            return token.start, token.end
    return whole(tokens)


def _spells(text: str, name: str) -> bool:
    return text.strip('"').casefold() == name


def _table_name(node: dict[str, Any]) -> str:
    return ".".join(node[part] for part in ("catalog_name", "schema_name", "table_name") if node[part])


def _is_recurring(node: dict[str, Any], seen: frozenset[str]) -> bool:
    """Whether a table is `recurring.name`: a recursive CTE's rows of all rounds."""
    return node["schema_name"].lower() == "recurring" and node["table_name"].casefold() in seen


def _alias(node: dict[str, Any]) -> str:
    return str(node.get("alias") or "")


def _literals(argument: dict[str, Any]) -> list[dict[str, Any]] | None:
    """The literal texts of an argument that is one, or a bracketed list of them; None for anything else."""
    is_list = argument.get("function_name") == "list_value" and argument.get("schema") == "main"
    items = argument["children"] if is_list or argument["type"] == "ARRAY_CONSTRUCTOR" else [argument]
    texts = [item for item in items if item["class"] == "CONSTANT" and item["value"]["type"]["id"] == "VARCHAR"]
    return texts if len(texts) == len(items) else None


def _only_file(function: dict[str, Any]) -> str | None:
    """The location that a reader without options reads, if it is one literal."""
    arguments = function.get("children", ())
    literals = _literals(arguments[0]) if len(arguments) == 1 and function["function_name"] in PLAIN_READERS else None
    return str(literals[0]["value"]["value"]) if literals and len(literals) == 1 else None


def stem(uri: str) -> str:
    """A file's name without its suffix: what DuckDB calls a table that is a file."""
    return uri.rsplit("/", 1)[-1].rsplit(".", 1)[0]
