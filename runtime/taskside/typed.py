"""Values out of JSON as annotations want them: numbers, texts, dates, paths, lists, dataclasses and pydantic models."""

from __future__ import annotations

import ast
import dataclasses
import math
import os
import pathlib
import sys
import typing
from collections import abc
from collections.abc import Mapping
from typing import Any, Callable, Union

_LONGEST_SHOWN = 40
_MOST_DEPTH = 50
_ABSENT = object()
_NONE = type(None)
_LISTS = (list, abc.Sequence, abc.Iterable, abc.Collection, abc.MutableSequence)
_SETS = (set, frozenset, abc.Set, abc.MutableSet)
_MAPPINGS = (dict, abc.Mapping, abc.MutableMapping)


class Misfit(ValueError):  # noqa: N818 - says what the value is
    """A value is not what its annotation wants; the text says what is wanted, and what there is."""


def annotations_of(owner: Any) -> dict[str, Any]:
    """The annotations of a class, those above it included, or of a function.

    One that cannot be resolved, as where its module imports for type checkers only, stays a text.
    """
    try:
        return dict(typing.get_type_hints(owner))
    except Exception:  # noqa: BLE001 - an annotation is an expression, and may raise anything
        return _one_by_one(owner)


def fitted(value: Any, wanted: Any, depth: int = 0) -> Any:
    """The value as `wanted` says, a type or a generic; what is of a type that is not known here stays as it is. Raises Misfit."""
    if depth > _MOST_DEPTH:
        raise Misfit("is nested too deeply")
    if wanted is Any:
        return value
    if wanted is None or wanted is _NONE:
        return _checked(value, value is None, "nothing")
    origin = typing.get_origin(wanted)
    if origin is not None:
        return _generic(value, wanted, origin, typing.get_args(wanted), depth)
    if isinstance(wanted, type):
        return _plain(value, wanted, depth)
    supertype = getattr(wanted, "__supertype__", None)
    return value if supertype is None else fitted(value, supertype, depth + 1)


def is_model(wanted: Any) -> bool:
    """Whether it is a class of pydantic's, of either of its major versions."""
    return isinstance(wanted, type) and (hasattr(wanted, "model_validate") or hasattr(wanted, "__get_validators__"))


def told(value: Any) -> str:
    """A value in a message: what kind it is, and itself where it is short."""
    kind = _kind(value)
    if isinstance(value, str):
        return f'the text "{value}"' if len(value) <= _LONGEST_SHOWN and value.isprintable() else kind
    return f"{kind}: {value}" if isinstance(value, (int, float)) and not isinstance(value, bool) else kind


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    for kind, name in ((str, "a text"), (int, "a number"), (float, "a number"), (list, "a list"), (dict, "a mapping")):
        if isinstance(value, kind):
            return name
    return f"a {type(value).__name__}"


def _checked(value: Any, is_fit: bool, wanted: str) -> Any:
    if not is_fit:
        raise Misfit(f"should be {wanted}, and is {told(value)}")
    return value


def _plain(value: Any, wanted: type, depth: int) -> Any:
    if wanted is bool:
        return _checked(value, isinstance(value, bool), "true or false")
    if wanted is int:
        is_whole = (isinstance(value, int) and not isinstance(value, bool)) or (
            isinstance(value, float) and value.is_integer()
        )
        return int(_checked(value, is_whole, "a whole number"))
    if wanted is float:
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return float(_checked(value, is_number and not math.isinf(value), "a number"))
    if wanted is str:
        return _checked(value, isinstance(value, str), "a text")
    if wanted in _LISTS or wanted is tuple:
        return tuple(_list(value)) if wanted is tuple else _list(value)
    if wanted in _SETS:
        return _set(wanted, _list(value))
    if wanted in _MAPPINGS:
        return _checked(value, isinstance(value, Mapping), "a mapping")
    if is_model(wanted) or dataclasses.is_dataclass(wanted) or _is_typed_dict(wanted):
        return _record(value, wanted, depth)
    return _of_library(value, wanted)


def _of_library(value: Any, wanted: Any) -> Any:
    """Of the standard library's kinds: paths, enumerations, dates, decimals. They are looked for only where somebody uses them."""
    if isinstance(value, wanted):
        return value
    if wanted is os.PathLike or issubclass(wanted, pathlib.PurePath):
        text = _checked(value, isinstance(value, str), "a path")
        path: Any = pathlib.Path if wanted is os.PathLike else wanted
        return path(text)
    for module, name, made, words in _KINDS:
        kind = getattr(sys.modules.get(module), name, None)
        if kind is None or not issubclass(wanted, kind):
            continue
        try:
            return made(wanted, value)
        except (TypeError, ValueError, ArithmeticError):
            if name == "Enum":
                words = "one of " + ", ".join(str(one.value) for one in wanted)  # noqa: PLW2901
            raise Misfit(f"should be {words}, and is {told(value)}") from None
    return value


def _moment(wanted: Any, value: Any) -> Any:
    # Before Python 3.11 the Z of UTC is not understood.
    return wanted.fromisoformat(value[:-1] + "+00:00" if value.endswith(("Z", "z")) else value)


def _day(wanted: Any, value: Any) -> Any:
    if not isinstance(value, str):
        raise TypeError
    return wanted.fromisoformat(value)


def _decimal(wanted: Any, value: Any) -> Any:
    if isinstance(value, bool):
        raise TypeError
    return wanted(str(value))


# A datetime is a date as well, so it stands before it.
_KINDS: tuple[tuple[str, str, Callable[[Any, Any], Any], str], ...] = (
    ("enum", "Enum", lambda wanted, value: wanted(value), ""),
    (
        "datetime",
        "datetime",
        lambda wanted, value: _moment(wanted, _day_text(value)),
        "a time like 2026-01-31T08:00:00",
    ),
    ("datetime", "date", _day, "a day like 2026-01-31"),
    ("datetime", "time", _day, "a time like 08:00:00"),
    ("datetime", "timedelta", lambda wanted, value: wanted(seconds=value), "a number of seconds"),
    ("decimal", "Decimal", _decimal, "a number"),
)


def _day_text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _generic(value: Any, wanted: Any, origin: Any, arguments: tuple[Any, ...], depth: int) -> Any:
    if origin is Union or type(wanted).__name__ == "UnionType":
        return _one_of(value, arguments, depth)
    if origin is typing.Literal:
        for one in arguments:
            if type(one) is type(value) and one == value:
                return one
        raise Misfit(f"should be one of {', '.join(map(str, arguments))}, and is {told(value)}")
    if origin is tuple:
        return _tuple(value, arguments, depth)
    if origin in _LISTS:
        return _each(_list(value), arguments[0], depth)
    if origin in _SETS:
        return _set(origin, _each(_list(value), arguments[0], depth))
    if origin in _MAPPINGS:
        _checked(value, isinstance(value, Mapping), "a mapping")
        return {key: _within(key, one, arguments[1], depth) for key, one in value.items()}
    if getattr(wanted, "__metadata__", None) is not None or origin is getattr(typing, "Final", None):
        return fitted(value, arguments[0], depth + 1)
    return value


def _one_of(value: Any, arguments: tuple[Any, ...], depth: int) -> Any:
    # What it is already comes first: in `int | str`, the text "3" stays a text.
    if any(isinstance(one, type) and type(value) is one for one in arguments) or (value is None and _NONE in arguments):
        return value
    reasons = []
    for one in arguments:
        try:
            return fitted(value, one, depth + 1)
        except Misfit as error:
            reasons.append(str(error))
    raise Misfit(reasons[0] if len(arguments) == 2 and _NONE in arguments else "; or it ".join(reasons))


def _list(value: Any) -> list[Any]:
    return list(_checked(value, isinstance(value, (list, tuple)), "a list"))


def _set(wanted: Any, items: list[Any]) -> Any:
    try:
        return frozenset(items) if wanted is frozenset else set(items)
    except TypeError:
        raise Misfit("should be a list of texts or numbers, for a set is wanted") from None


def _each(items: list[Any], wanted: Any, depth: int) -> list[Any]:
    return [_within(index, one, wanted, depth) for index, one in enumerate(items)]


def _tuple(value: Any, arguments: tuple[Any, ...], depth: int) -> tuple[Any, ...]:
    items = _list(value)
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return tuple(_each(items, arguments[0], depth))
    if len(items) != len(arguments):
        raise Misfit(f"should be a list of {len(arguments)}, and has {len(items)}")
    return tuple(_within(index, one, kind, depth) for index, (one, kind) in enumerate(zip(items, arguments)))


def _within(key: Any, value: Any, wanted: Any, depth: int) -> Any:
    try:
        return fitted(value, wanted, depth + 1)
    except Misfit as error:
        raise Misfit(f"[{key}] {error}") from None


def _is_typed_dict(wanted: type) -> bool:
    return issubclass(wanted, dict) and hasattr(wanted, "__total__")


def _record(value: Any, wanted: Any, depth: int) -> Any:
    if not _is_typed_dict(wanted) and isinstance(value, wanted):
        return value
    _checked(value, isinstance(value, Mapping), "a mapping")
    if is_model(wanted):
        return modelled(value, wanted)
    kinds = annotations_of(wanted)
    if _is_typed_dict(wanted):
        missing = sorted(wanted.__required_keys__ - value.keys())
        names = list(kinds)
    else:
        fields = [one for one in dataclasses.fields(wanted) if one.init]
        names = [one.name for one in fields]
        missing = [one.name for one in fields if is_required(one) and one.name not in value]
    unknown = [key for key in value if key not in names]
    if missing or unknown:
        said = [f'lacks "{name}"' for name in missing] + [f'knows no "{key}"' for key in unknown]
        raise Misfit(", ".join(said))
    return wanted(**{key: _within(key, one, kinds.get(key, Any), depth) for key, one in value.items()})


def is_required(field: dataclasses.Field[Any]) -> bool:
    """Whether a dataclass's field has no default of any kind."""
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def modelled(value: Any, wanted: Any) -> Any:
    """What pydantic makes of it; raises Misfit with what it complains about, a line each."""
    validate = getattr(wanted, "model_validate", None) or wanted.parse_obj
    try:
        return validate(dict(value))
    except ValueError as error:
        complaints = getattr(error, "errors", None)
        if complaints is None:
            raise Misfit(str(error)) from None
        lines = ['"' + ".".join(map(str, one["loc"])) + f'" {one["msg"].lower()}' for one in complaints()]
        raise Misfit("\n".join(lines)) from None


def _one_by_one(owner: Any) -> dict[str, Any]:
    owners = reversed(owner.__mro__) if isinstance(owner, type) else (owner,)
    found: dict[str, Any] = {}
    for one in owners:
        names = vars(sys.modules.get(getattr(one, "__module__", "") or "", typing))
        for name, wanted in (getattr(one, "__annotations__", None) or {}).items():
            found[name] = _resolved(wanted, names) if isinstance(wanted, str) else wanted
    return found


def _resolved(text: str, names: Mapping[str, Any]) -> Any:
    """What an annotation that is a text means; the text where that cannot be found out."""
    try:
        # `int | None` is no expression before Python 3.10: it is written as a Union instead.
        tree = ast.fix_missing_locations(_Unions().visit(ast.parse(text.strip(), mode="eval")))
        return eval(compile(tree, "<annotation>", "eval"), {**names, "__Union": Union})  # noqa: S307 - what the module says itself
    except Exception:  # noqa: BLE001 - an expression of the author's, which may raise anything
        return text


class _Unions(ast.NodeTransformer):
    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if not isinstance(node.op, ast.BitOr):
            return node
        both = ast.Tuple(elts=[node.left, node.right], ctx=ast.Load())
        return ast.Subscript(value=ast.Name(id="__Union", ctx=ast.Load()), slice=both, ctx=ast.Load())
