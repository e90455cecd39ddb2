"""Lowers the syntax tree of a pipeline to the IR: all mistakes that do not depend on each other in one go."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from trc.compiler.context import Context
from trc.compiler.diagnostics.collector import Collector
from trc.compiler.frontends.lower_parts import params, schedule, sources, targets, test
from trc.compiler.frontends.lower_policy import HOOKS, POLICIES, check_one_timeout, hooks
from trc.compiler.frontends.lower_task import TASK_KEYS, TaskLowering
from trc.compiler.frontends.names import allowed_name, doubles
from trc.compiler.frontends.placing import place_table
from trc.compiler.frontends.reading import (
    Key,
    Subject,
    field_of,
    filled_text,
    list_of,
    read_fields,
    reads,
    require,
    text,
    wrong_kind,
)
from trc.compiler.frontends.shapes import Fields, Items
from trc.compiler.frontends.syntax import Mapping, Node, Scalar, Sequence
from trc.compiler.ir.pipeline import Pipeline
from trc.compiler.ir.places import Places
from trc.compiler.ir.task import Task
from trc.compiler.source import SourceFile


@dataclass(frozen=True, slots=True)
class Lowered:
    """A pipeline with the places of its parts.

    `names` holds all tasks and sources that the file names: those, too, that are not in the pipeline
    because something about them is wrong. What refers to such a one is no mistake of its own.
    """

    pipeline: Pipeline
    places: Places
    names: frozenset[str]


@reads(Fields(POLICIES))
def _defaults(node: Node, here: Subject) -> dict[str, Any] | None:
    values = read_fields(node, POLICIES, here)
    if isinstance(node, Mapping):
        check_one_timeout(node, here)
    return values


@reads(Items(Fields(TASK_KEYS)))
def _nodes(node: Node, here: Subject) -> Sequence | None:
    if not isinstance(node, Sequence):
        wrong_kind(node, "a list", here)
        return None
    if not node.items:
        here.error("TRC205", "the pipeline has no task", node.span, help=("add one: - {id: …, type: …, params: {…}}",))
    return node


ROOT: Final = {
    "name": Key("The pipeline's name", allowed_name, required=True),
    "imports": Key("Files whose sources, params, targets and macros are taken in", list_of(filled_text)),
    "description": Key("What the pipeline is for, for people", text),
    "schedule": Key("When runs are started: a cron expression or an interval", schedule),
    "deadline": Key("How long a run may take in all, such as 6h", field_of(Pipeline, "deadline")),
    "retry_budget": Key("How many retries all tasks of a run may make together", field_of(Pipeline, "retry_budget")),
    "params": Key("Parameters of a run, by name", params),
    "sources": Key("Datasets that no task writes, by the name that SQL calls them", sources),
    "defaults": Key("What all tasks take unless they say otherwise", _defaults),
    "targets": Key("Named deployment environments: a backend and its settings", targets),
    "nodes": Key("The tasks", _nodes, required=True),
    "tests": Key("Given rows, and the rows that are expected of them", list_of(test)),
    **HOOKS,
}
_CARRIED: Final = ("description", "schedule", "deadline", "retry_budget", "params", "sources", "targets", "tests")


def lower(root: Node, file: SourceFile, context: Context, collect: Collector) -> Lowered | None:
    """The pipeline that the tree spells, or None if it is no pipeline at all; mistakes go to `collect`."""
    here = Subject(collect, "the pipeline")
    if not isinstance(root, Mapping):
        here.error(
            "TRC203",
            f'"{file.name}" holds no pipeline: a mapping with the keys "name" and "nodes" is wanted',
            root.span,
            help=('begin with "name:" and "nodes:"',),
        )
        return None
    values = read_fields(root, ROOT, here) or {}
    name = _pipeline_name(root, here)
    if not _lacks_statement(root, "nodes", here):
        require(root, "nodes", here, known=ROOT, example="a list of tasks")
    named = _named_tasks(root, here)
    later = doubles([*_named_sources(root), *(("task", scalar) for scalar in named.values())], here)
    unique = {index: scalar.value for index, scalar in named.items() if scalar.span.start not in later}
    places = Places(place_table(root, unique))
    tasks = _tasks(values.get("nodes"), named, unique, TaskLowering(context, places, values.get("defaults", {})), here)
    pipeline = Pipeline.model_validate(
        {
            "name": name,
            "tasks": tasks,
            "hooks": hooks(values),
            **{key: values[key] for key in _CARRIED if key in values},
        }
    )
    written = [*named.values(), *(scalar for _, scalar in _named_sources(root))]
    return Lowered(pipeline, places, frozenset(scalar.value for scalar in written))


def _pipeline_name(root: Mapping, here: Subject) -> str:
    """The name; an empty one where it is missing, which has then been reported."""
    if _lacks_statement(root, "name", here) or not require(root, "name", here, known=ROOT, example="my-pipeline"):
        return ""
    written = root.get("name")
    return written.value if isinstance(written, Scalar) else ""


_STATEMENTS: Final = {
    "name": 'begin with: pipeline "my-pipeline" { }',
    "nodes": "add one: task first = sql $$ select 1 as one $$",
}


def _lacks_statement(root: Mapping, key: str, here: Subject) -> bool:
    """Whether a file of statements lacks the one that gives `key`; says so if it does."""
    if root.language != "trc" or root.entry(key) or not root.whole:
        return False
    message = f'the file has no "{root.spell(key)}" statement'
    here.error("TRC202", message, root.head, help=(_STATEMENTS[key],))
    return True


def _named_tasks(root: Mapping, here: Subject) -> dict[int, Scalar]:
    """The names of the items of `nodes` that have an allowed one."""
    nodes = root.get("nodes")
    named: dict[int, Scalar] = {}
    for index, node in enumerate(nodes.items if isinstance(nodes, Sequence) else ()):
        item = here.at("nodes").item(index)
        if not isinstance(node, Mapping):
            wrong_kind(node, "a mapping", item)
        elif require(node, "id", item, known=TASK_KEYS, example="my-task"):
            written = node.get("id")
            if isinstance(written, Scalar) and allowed_name(written, item.at(_called(node))):
                named[index] = written
            elif written and not isinstance(written, Scalar):
                wrong_kind(written, "a text", item.at("id"))
    return named


def _called(node: Mapping) -> str:
    """What the key of a task's name is called."""
    return "id" if node.language == "yaml" else "name"


def _named_sources(root: Mapping) -> list[tuple[str, Scalar]]:
    declared = root.get("sources")
    return [("source", entry.key) for entry in declared.entries] if isinstance(declared, Mapping) else []


def _tasks(
    nodes: Sequence | None, named: dict[int, Scalar], unique: dict[int, str], lowering: TaskLowering, here: Subject
) -> tuple[Task, ...]:
    """The tasks that could be lowered, in the author's order."""
    tasks: list[Task] = []
    for index, node in enumerate(nodes.items if nodes else ()):
        if not isinstance(node, Mapping):
            continue
        scalar = named.get(index)
        subject = here.at("nodes").item(index)
        if scalar is not None:
            subject = replace(here.at(scalar.value), task=scalar.value)
        task = lowering.lower(node, unique.get(index), subject)
        if task is not None:
            tasks.append(task)
    return tuple(tasks)
