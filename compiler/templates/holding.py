"""Whether a condition holds, once all that it names is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trc.compiler.frontends.syntax import Scalar
from trc.compiler.source import ScalarMap, Span
from trc.compiler.templates.mistake import Mistake, Unsettled
from trc.compiler.templates.rendered import rendered_value
from trc.compiler.templates.world import World

__all__ = ["Mistake", "holds"]


def holds(condition: str, names: Mapping[str, Any]) -> bool:
    """Whether it does, with these values; raises Mistake where they leave that open."""
    try:
        value = rendered_value(
            Scalar("{{ " + condition + " }}", "double", ScalarMap(Span("", 0, 0))), World(dict(names))
        )
    except Unsettled as unsettled:
        raise Mistake(f'"{unsettled.name}" has no value') from None
    if not isinstance(value, bool):
        raise Mistake("it is neither true nor false")
    return value
