"""A task's arguments as its code declares them: `class Params`, plain, as a dataclass or as a model of pydantic's."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType, SimpleNamespace
from typing import Any

from trc.runtime.taskside.errors import AttemptFailed
from trc.runtime.taskside.result import Failure
from trc.runtime.taskside.typed import Misfit, annotations_of, fitted, is_model, is_required, modelled


def unfit(problems: Sequence[str], task: str) -> AttemptFailed:
    """What says that the arguments are not those that the code wants, a problem each."""
    first, *others = problems
    return AttemptFailed(Failure("\n".join([f'{first}, in the arguments of "{task}"', *others]), "permanent", "params"))


def required_of(declared: Any) -> tuple[str, ...]:
    """The names that a declaration gives no default for."""
    if declared is None:
        return ()
    if is_model(declared):
        fields = getattr(declared, "model_fields", None) or declared.__fields__
        return tuple(_alias(name, one) for name, one in fields.items() if _is_required(one))
    if dataclasses.is_dataclass(declared):
        return tuple(one.name for one in dataclasses.fields(declared) if one.init and is_required(one))
    return tuple(name for name in annotations_of(declared) if not hasattr(declared, name))


def typed(declared: Any, args: Mapping[str, Any], task: str) -> Any:
    """The arguments as they are declared; as a mapping where nothing is. Raises AttemptFailed, with all that is wrong."""
    if declared is None:
        return MappingProxyType(dict(args))
    missing = [f'"{name}" is missing' for name in required_of(declared) if name not in args]
    if is_model(declared):
        return _modelled(declared, args, task)
    kinds = _declared(declared)
    problems = [*missing, *(unknown(name, kinds) for name in args if name not in kinds)]
    values = {}
    for name, value in args.items():
        if name in kinds:
            try:
                values[name] = fitted(value, kinds[name])
            except Misfit as error:
                problems.append(f'"{name}" {error}')
    if problems:
        raise unfit(problems, task)
    if dataclasses.is_dataclass(declared) and isinstance(declared, type):
        return _made(declared, values, task)
    return SimpleNamespace(**{name: values[name] if name in values else getattr(declared, name) for name in kinds})


def unknown(name: str, known: Iterable[str]) -> str:
    """What says that nothing is called so, with the nearest name that there is."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, 1)
    if near:
        return f'nothing takes "{name}"; did you mean "{near[0]}"'
    return f'nothing takes "{name}"; there are: {", ".join(names)}' if names else f'nothing takes "{name}"'


def _declared(declared: Any) -> dict[str, Any]:
    kinds = annotations_of(declared)
    if dataclasses.is_dataclass(declared):
        return {one.name: kinds.get(one.name, Any) for one in dataclasses.fields(declared) if one.init}
    return kinds


def _made(declared: Any, values: Mapping[str, Any], task: str) -> Any:
    try:
        return declared(**values)
    except ValueError as error:  # what its __post_init__ says
        raise unfit([str(error) or f"{declared.__name__} refuses them"], task) from error


def _modelled(declared: Any, args: Mapping[str, Any], task: str) -> Any:
    try:
        return modelled(args, declared)
    except Misfit as error:
        raise unfit(str(error).splitlines(), task) from None


def _alias(name: str, field: Any) -> str:
    return getattr(field, "alias", None) or name


def _is_required(field: Any) -> bool:
    # A method in one major version of pydantic, a value in the other.
    required = getattr(field, "is_required", None)
    return bool(required() if callable(required) else field.required)


def near(name: str, known: Iterable[str]) -> str:
    """A hint at what there is in place of a name that is not."""
    names = sorted(known)
    found = difflib.get_close_matches(name, names, 1)
    if found:
        return f'; there is "{found[0]}"'
    return f"; there are: {', '.join(names)}" if names else "; there are none"
