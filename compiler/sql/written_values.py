"""A value as an author writes it, as SQL of a column's type; or why it is no value of that type."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, cast

from pydantic import JsonValue

from trc.compiler.sql.engine import complaint, give_back, lend, literal, query
from trc.compiler.sql.statements import plain_words

if TYPE_CHECKING:
    from duckdb.sqltypes import DuckDBPyType

_UNWRITABLE: Final = re.compile("[\0\ud800-\udfff]")
_INTEGERS: Final = re.compile(r"U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)|BIGNUM")
_EXACT: Final = re.compile(rf"(?:{_INTEGERS.pattern}|DECIMAL\([0-9]+,\s*[0-9]+\))")
_FLOATS: Final = frozenset({"FLOAT", "DOUBLE"})
_LARGEST_FLOAT: Final = 3.4028234663852886e38
_ANY_VALUE: Final = frozenset({"JSON", "VARIANT"})


def as_sql(value: JsonValue, kind: str) -> str:
    """An expression of the type `kind`, for a value that `misfit` finds nothing wrong with."""
    return f"CAST({_expression(value, kind)} AS {kind})"


def misfit(value: JsonValue, kind: str) -> str:
    """Why a value is none of the type `kind`, to go on after "…, and this"; empty if it is one."""
    if value is None or _is_plain(value, kind):
        return ""
    # JSON escapes NUL characters itself.
    shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if _UNWRITABLE.search(shown):
        return "holds a character that cannot stand in SQL"
    told = _misfit(value, kind)
    return told or _refused(as_sql(value, kind))


def _is_plain(value: JsonValue, kind: str) -> bool:
    """Whether a value needs no asking: most do not."""
    match value:
        case bool():
            return kind == "BOOLEAN"
        case int():
            return kind in {"INTEGER", "BIGINT", "HUGEINT", "DOUBLE"} and -(2**31) <= value < 2**31
        case float():
            return kind == "DOUBLE"
        case str():
            return kind == "VARCHAR" and not _UNWRITABLE.search(value)
        case _:
            return False


def _expression(value: JsonValue, kind: str) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return literal(value)
    if kind in _ANY_VALUE or not isinstance(value, list | dict):
        text = literal(json.dumps(value, ensure_ascii=False))
        return f"{text}::JSON" if kind == "VARIANT" else text
    form = _type(kind)
    if isinstance(value, list):
        return f"[{', '.join(as_sql(item, _inner(form)) for item in value)}]"
    if form.id == "map":
        keys, values = (str(child) for _, child in form.children)
        listed = [
            f"[{', '.join(as_sql(key, keys) for key in value)}]",
            f"[{', '.join(as_sql(one, values) for one in value.values())}]",
        ]
        return f"map({', '.join(listed)})"
    given = {name.casefold(): one for name, one in value.items()}
    fields = [
        f"{literal(name)}: {as_sql(given.get(name.casefold()), str(child))}"
        for name, child in form.children  # in the type's order: a cast goes by place where no name is known
    ]
    return f"{{{', '.join(fields)}}}"


def _misfit(value: JsonValue, kind: str) -> str:
    match value:
        case bool():
            return "" if kind == "BOOLEAN" or kind in _ANY_VALUE else "is a truth value"
        case int() | float():
            if kind == "FLOAT" and abs(value) > _LARGEST_FLOAT:
                return "is out of its range"
            if kind in _ANY_VALUE or kind in _FLOATS:
                return ""
            return _not_exactly(str(value), kind) if _EXACT.fullmatch(kind) else "is a number"
        case str():
            return _not_exactly(value, kind) if _EXACT.fullmatch(kind) else ""
        case list():
            return _misfit_in_list(value, kind)
        case dict():
            return _misfit_in_map(value, kind)
        case None:
            return ""


def _misfit_in_list(value: list[JsonValue], kind: str) -> str:
    if kind in _ANY_VALUE:
        return ""
    if not kind.endswith("]"):
        return "is a list"
    inner = _inner(_type(kind))
    return next((f"holds one that {told}" for item in value if (told := misfit(item, inner))), "")


def _misfit_in_map(value: Mapping[str, JsonValue], kind: str) -> str:
    form = None if kind in _ANY_VALUE else _type(kind)
    if form is None:
        return ""
    if form.id == "map":
        keys, values = (str(child) for _, child in form.children)
        told = (misfit(key, keys) or misfit(one, values) for key, one in value.items())
        return next((f"holds one that {why}" for why in told if why), "")
    if form.id != "struct":
        return "is a map"
    fields = {name.casefold(): str(child) for name, child in form.children}
    for name, one in value.items():
        if name.casefold() not in fields:
            return f'has a field "{name}", and there is none in the type'
        why = misfit(one, fields[name.casefold()])
        if why:
            return f'has a field "{name}" that {why}'
    return ""


def _not_exactly(text: str, kind: str) -> str:
    """Whether a cast would change a number: DuckDB rounds what does not fit."""
    try:
        written = Decimal(text)
    except InvalidOperation:
        return "is no number"
    found = _cast(text, kind)
    if found is None:
        return "is out of its range"
    return "" if written == found else "would be rounded"


@lru_cache(maxsize=4096)
def _cast(text: str, kind: str) -> Decimal | None:
    ((found,),) = query(f"SELECT CAST(TRY_CAST({literal(text)} AS {kind}) AS VARCHAR)")
    return None if found is None else Decimal(found)


@lru_cache(maxsize=4096)
def _refused(expression: str) -> str:
    """What DuckDB has against an expression; empty if it gives a value."""
    import duckdb

    try:
        # Fetching the value itself could ask for modules that Python has not.
        query(f"SELECT ({expression}) IS NULL")
    except duckdb.Error as error:
        told = complaint(error)
        return "cannot be one" if told.kind == "Conversion" else f"cannot be one: {plain_words(told.message)}"
    return ""


@lru_cache(maxsize=1024)
def _type(kind: str) -> DuckDBPyType:
    connection = lend()
    found = connection.sqltype(kind)
    give_back(connection)
    return found


def _inner(form: DuckDBPyType) -> str:
    """The type of a list's items."""
    children = cast("list[tuple[str, Any]]", form.children)
    return str(children[0][1])
