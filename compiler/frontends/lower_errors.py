"""Reads which failures of a task have a number of attempts of their own."""

from __future__ import annotations

import re
from typing import Final

from trc.compiler.diagnostics.nearest import did_you_mean
from trc.compiler.frontends.reading import Subject, field_of, reads, wrong_kind
from trc.compiler.frontends.shapes import Named
from trc.compiler.frontends.syntax import Mapping, Node, Scalar
from trc.compiler.ir.policy import ERROR_CODES, Retries

_CLASS: Final = re.compile(r"(?:[^\W\d]\w*\.)*[^\W\d]\w*")
_EXIT_CODE: Final = re.compile(r"[1-9]\d{0,2}")
_MOST: Final = 255
_attempts: Final = field_of(Retries, "max_attempts")


@reads(Named(_attempts.shape))
def error_attempts(node: Node, here: Subject) -> dict[str, int] | None:
    """Attempts by a failure's name: a class of exceptions, an exit code, or one of trc's own words."""
    if not isinstance(node, Mapping):
        wrong_kind(node, "a mapping", here)
        return None
    found: dict[str, int] = {}
    for entry in node.entries:
        attempts = _attempts(entry.value, here.at(entry.key.value))
        if _is_name(entry.key, here) and attempts is not None:
            found[entry.key.value] = attempts
    return found


def _is_name(key: Scalar, here: Subject) -> bool:
    name = key.value
    if name in ERROR_CODES or (_EXIT_CODE.fullmatch(name) and int(name) <= _MOST):
        return True
    if _CLASS.fullmatch(name) and ("." in name or name != name.lower()):
        return True
    remedy = did_you_mean(name, ERROR_CODES) or (
        f"write an exception's class, an exit code, or one of: {', '.join(ERROR_CODES)}",
    )
    here.error("TRC205", f'"{name}" names no failure', key.span, help=remedy)
    return False
