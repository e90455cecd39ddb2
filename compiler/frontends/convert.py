"""Says in one language what a file says in another: the pipeline, and the comments, stay the same."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import PurePath
from typing import Final, Literal

from trc.compiler.frontends.comments import attach, trc_comments, yaml_comments
from trc.compiler.frontends.dsl_print import printed
from trc.compiler.frontends.layout import Layout, stretches
from trc.compiler.frontends.lower_task import TASK_KEYS
from trc.compiler.frontends.syntax import Entry, Mapping, Sequence
from trc.compiler.frontends.yaml_layout import print_yaml
from trc.compiler.source import SourceFile

Language = Literal["trc", "yaml"]


def convert_tree(file: SourceFile, tree: Mapping, to: Language) -> str:
    """The text of `file`, whose syntax tree is `tree`, in another language."""
    is_trc = PurePath(file.name).suffix.lower() == ".trc"
    comments = trc_comments(file) if is_trc else yaml_comments(file, tree)
    if to == "yaml":
        return print_yaml(file, _in_order(tree), comments)
    items = printed(tree)
    attached = attach(file.text, comments, list(stretches(items)))
    return "\n".join([*Layout(attached).lines(items), *attached.at_end]) + "\n"


_TASK_ORDER: Final = {key: place for place, key in enumerate(TASK_KEYS)}
_TASK_ORDER.update({"id": -3, "type": -2, "params": -1})


def _in_order(tree: Mapping) -> Mapping:
    """The tree with the keys of its tasks in the order that the YAML format's authors are used to."""
    return replace(tree, entries=tuple(_with_tasks(tree.entries)))


def _with_tasks(entries: Iterable[Entry]) -> Iterable[Entry]:
    for entry in entries:
        if entry.key.value != "nodes" or not isinstance(entry.value, Sequence):
            yield entry
            continue
        tasks = tuple(
            replace(task, entries=tuple(sorted(task.entries, key=_place))) if isinstance(task, Mapping) else task
            for task in entry.value.items
        )
        yield Entry(entry.key, replace(entry.value, items=tasks))


def _place(entry: Entry) -> int:
    return _TASK_ORDER.get(entry.key.value, len(_TASK_ORDER))
