"""Reads what a task asks of the node that it runs on: resources that nodes name themselves, and labels."""

from __future__ import annotations

import re
from typing import Any, Final

from trc.compiler.frontends.reading import Reader, Subject, field_of, filled_text, mapping_of, reads
from trc.compiler.frontends.syntax import Mapping, Node
from trc.compiler.ir.policy import ConcurrencyRule

_OWN_KEYS: Final = frozenset({"cpu", "cpus", "gpu", "gpus", "memory"})
"""What has a key of its own, ignoring case."""
_NAME: Final = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?/)?[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
)
_VALUE: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_GRAMMAR: Final = "up to 63 letters, digits, dots, dashes and underscores, with a letter or digit at both ends"


def _named(inner: Reader[dict[str, Any]], what: str) -> Reader[dict[str, Any]]:
    def read(node: Node, here: Subject) -> dict[str, Any] | None:
        values = inner(node, here)
        if values is None or not isinstance(node, Mapping):
            return values
        return {name: value for name, value in values.items() if _is_name(name, what, node, here)}

    return Reader(read, inner.shape)


def _is_name(name: str, what: str, node: Mapping, here: Subject) -> bool:
    entry = node.entry(name)
    assert entry is not None
    if what == "resource" and name.lower() in _OWN_KEYS:
        remedy = "say it as a limit of the task, beside this: cpu, gpu and memory have keys of their own"
        here.error("TRC205", f'"{name}" is not among the resources that nodes name', entry.key.span, help=(remedy,))
    elif not _NAME.fullmatch(name):
        here.error("TRC205", f'"{name}" is no name of a {what}', entry.key.span, help=(f"a name has {_GRAMMAR}",))
    else:
        return True
    return False


@reads(filled_text.shape)
def _label(node: Node, here: Subject) -> str | None:
    value = filled_text(node, here)
    if value is None or _VALUE.fullmatch(value):
        return value
    here.error(
        "TRC205", f'{here.called} is "{value}", which no label can be', node.span, help=(f"a label has {_GRAMMAR}",)
    )
    return None


custom_resources: Final = _named(mapping_of(field_of(ConcurrencyRule, "max")), "resource")
"""Whole numbers of at least one, by the names of resources."""
node_labels: Final = _named(mapping_of(_label), "label")
"""Texts by the names of labels."""
