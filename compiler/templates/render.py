"""Renders the templates of a pipeline's tree, between parsing and lowering."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from trc.compiler.context import Context
from trc.compiler.diagnostics.collector import Collector
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.frontends.secrets import ALLOWED, first_secret, is_secret
from trc.compiler.frontends.syntax import Entry, Mapping, Node, Scalar, Sequence
from trc.compiler.source import ScalarMap, SourceFile, Span
from trc.compiler.sql.dialect import is_foreign
from trc.compiler.templates.foreign import translated
from trc.compiler.templates.mistake import Mistake, Unsettled
from trc.compiler.templates.names import Settled, jinja, world, world_of_conditions
from trc.compiler.templates.segments import has_template
from trc.compiler.templates.settle import at_scalar, missing_value, no_target
from trc.compiler.templates.world import Macros, Piece, World

if TYPE_CHECKING:
    from trc.compiler.templates.conditions import Condition

_AS_WRITTEN: Final = frozenset({"name", "imports", "params", "targets", "tests", "schedule"})
"""Keys of a pipeline in which nothing is rendered."""
_TASK_AS_WRITTEN: Final = frozenset({"id", "type", "needs"})
_CONDITION_NAMES: Final = ("tasks",)


@dataclass(frozen=True, slots=True)
class _Kind:
    """What the templates of a field make: SQL or text, with values of the run or not."""

    is_sql: bool = False
    run_time: bool = False
    in_lists: bool = False
    """Whether those of the run may stand in a list's texts alone."""
    has_item: bool = False
    keeps: bool = False
    """Whether a text stays as it is while its values are not settled; else its key is left out."""
    dialect_from: str | None = None
    """The parameter that says which dialect of SQL the field is in."""
    dialect: str | None = None
    """What it says, where that is not DuckDB's own."""


def render(
    root: Mapping, settled: Settled, macros: tuple[SourceFile, ...], context: Context, collect: Collector
) -> Mapping:
    """The tree with every template rendered; what is wrong with one goes to `collect`, and it stays as it is.

    Values that nobody gave are told about once each.
    """
    pass_ = _Pass(world(settled, context, _macros(macros, collect)), settled, context, collect)
    entries = [
        entry if entry.key.value in _AS_WRITTEN else replace(entry, value=pass_.root_value(entry))
        for entry in root.entries
    ]
    pass_.tell_missing()
    return replace(root, entries=tuple(entries))


def _macros(files: tuple[SourceFile, ...], collect: Collector) -> tuple[Macros, ...]:
    """The macros of the imported files; a name that two of them give is a mistake."""
    found: list[Macros] = []
    for file in files:
        try:
            macros: Macros = jinja().macros_of(file.name, file.text)
        except Mistake as mistake:
            end = len(file.text) if mistake.end is None else mistake.end
            collect.add(Diagnostic(mistake.code, mistake.message, file.span(mistake.start, end), help=mistake.help))
            continue
        twice = sorted(name for one in found for name in one.names & macros.names)
        if twice:
            message = f'two files have a macro "{twice[0]}"'
            start = max(file.text.find(twice[0]), 0)
            span = file.span(start, start + len(twice[0]))
            collect.add(Diagnostic("TRC206", message, span, help=("give one of them another name",)))
        found.append(macros)
    return tuple(found)


class _Pass:
    def __init__(self, names: World, settled: Settled, context: Context, collect: Collector) -> None:
        self.world = names
        self.settled = settled
        self.context = context
        self.collect = collect
        self.missing: dict[str, None] = {}
        self.told_target = False
        self.task: str | None = None

    def root_value(self, entry: Entry) -> Node:
        if entry.key.value == "nodes" and isinstance(entry.value, Sequence):
            return replace(entry.value, items=tuple(self.of_task(one) for one in entry.value.items))
        kind = _Kind(keeps=entry.key.value in ("sources", "description"))
        return self.node(entry.value, kind) or entry.value

    def of_task(self, task: Node) -> Node:
        if not isinstance(task, Mapping):
            return task
        named, kind = task.get("id"), task.get("type")
        self.task = named.value if isinstance(named, Scalar) else None
        fields = self.fields(kind.value if isinstance(kind, Scalar) else "")
        has_item = task.entry("for_each") is not None
        entries: list[Entry] = []
        for entry in task.entries:
            key = entry.key.value
            value: Node | None = entry.value
            if key == "when":
                value = self.condition(entry.value, has_item=has_item)
            elif key == "params" and isinstance(entry.value, Mapping):
                value = self.params(entry.value, fields, has_item=has_item)
            elif key == "expect":
                value = self.expectations(entry.value)
            elif key not in _TASK_AS_WRITTEN:
                value = self.node(entry.value, _Kind(has_item=has_item))
            if value is not None:
                entries.append(replace(entry, value=value))
        self.task = None
        return replace(task, entries=tuple(entries))

    def params(self, params: Mapping, fields: Callable[[str], _Kind], *, has_item: bool) -> Mapping:
        """The parameters of a task. Those of SQL come last: others say which dialect they are in."""
        made: dict[str, Node] = {}
        for entry in sorted(params.entries, key=lambda one: fields(one.key.value).dialect_from is not None):
            kind = replace(fields(entry.key.value), has_item=has_item)
            said = made.get(kind.dialect_from or "")
            if isinstance(said, Scalar) and is_foreign(said.value):
                kind = replace(kind, dialect=said.value)
            made[entry.key.value] = self.node(entry.value, kind) or entry.value
        return replace(params, entries=tuple(replace(one, value=made[one.key.value]) for one in params.entries))

    def fields(self, task_type: str) -> Callable[[str], _Kind]:
        """How each parameter of a task type is rendered: its model's fields are marked."""
        found = self.context.task_types.get(task_type)
        known: Any = found.params.model_fields if found else {}

        def kind(name: str) -> _Kind:
            extra = known[name].json_schema_extra if name in known else None
            marks: dict[str, object] = extra if isinstance(extra, dict) else {}
            dialect_from = marks.get("dialect")
            return _Kind(
                is_sql=marks.get("template") == "sql",
                run_time=marks.get("runtime") is True,
                in_lists=marks.get("runtime") == "list",
                keeps=True,
                dialect_from=dialect_from if isinstance(dialect_from, str) else None,
            )

        return kind

    def expectations(self, node: Node) -> Node:
        """The arguments of `check` are SQL."""
        if not isinstance(node, Sequence):
            return node
        items: list[Node] = []
        for item in node.items:
            if isinstance(item, Mapping):
                inner = [
                    replace(
                        one, value=self.node(one.value, _Kind(is_sql=one.key.value == "check", keeps=True)) or one.value
                    )
                    for one in item.entries
                ]
                items.append(replace(item, entries=tuple(inner)))
            else:
                items.append(item)
        return replace(node, items=tuple(items))

    def node(self, node: Node, kind: _Kind) -> Node | None:
        """The node rendered; None where its value is not settled and it is to be left out."""
        match node:
            case Scalar():
                is_to_do = has_template(node.value) or (kind.dialect is not None and node.value.strip())
                return self.scalar(node, kind) if is_to_do else node
            case Sequence():
                within = replace(kind, run_time=True) if kind.in_lists else kind
                items = (self.node(one, within) for one in node.items)
                return replace(node, items=tuple(one for one in items if one is not None))
            case Mapping():
                values = [(entry, self.node(entry.value, kind)) for entry in node.entries]
                if is_secret(node) and values[0][1] is None:
                    return None
                return replace(
                    node, entries=tuple(replace(entry, value=one) for entry, one in values if one is not None)
                )

    def scalar(self, scalar: Scalar, kind: _Kind) -> Node | None:
        if self.world.budget.is_spent:
            self.settled.unrendered[scalar.value] = ""
            return scalar
        try:
            made: Node = (
                jinja().rendered(scalar, self.world, is_sql=kind.is_sql, run_time=kind.run_time, has_item=kind.has_item)
                if kind.dialect is None
                else self.foreign(scalar, kind.dialect, has_item=kind.has_item)
            )
        except Mistake as mistake:
            self.settled.unrendered[scalar.value] = ""
            self.collect.add(at_scalar(mistake, scalar, self.task))
        except Unsettled as unsettled:
            self.settled.unrendered[scalar.value] = unsettled.name
            self.unsettled(unsettled.name, scalar)
        else:
            hidden = first_secret(made)
            if hidden is None:
                return made
            self.settled.unrendered[scalar.value] = ""
            message = "a value that a template gives holds a secret, and secrets are written where they are used"
            self.collect.add(Diagnostic("TRC220", message, scalar.span, help=(ALLOWED,), task=self.task))
        return scalar if kind.keeps else None

    def foreign(self, scalar: Scalar, dialect: str, *, has_item: bool) -> Scalar:
        """A query of another dialect with its translation, if it has one."""
        text = scalar.value
        pieces = [Piece(text, 0, len(text), is_text=True)]
        if has_template(text):
            pieces = jinja().run(text, self.world, has_item=has_item)
        made = translated(scalar, pieces, dialect, self.context.queries)
        for found in made.problems:
            span = made.map.span(found.start, found.end)
            told = Diagnostic(found.code, found.message, span, found.label, help=found.help, task=self.task)
            self.collect.add(replace(told, severity=found.severity))
        return made.scalar

    def unsettled(self, name: str, scalar: Scalar) -> None:
        if self.settled.wrong_target:
            return
        if name.startswith("target."):
            if not self.told_target:
                self.told_target = True
                at = scalar.value.find(name)
                span = scalar.span if at < 0 else scalar.map.span(at, at + len(name))
                self.collect.add(no_target(span, name, self.settled, is_needed=self.context.must_settle))
        else:
            self.missing[name.removeprefix("params.")] = None

    def tell_missing(self) -> None:
        """A run needs every value, so that it can be said what it ran with."""
        names = self.settled.missing if self.context.must_settle else self.missing
        for name in () if self.settled.wrong_target else names:
            if name not in self.settled.wrong:
                self.collect.add(missing_value(name, self.settled, is_needed=self.context.must_settle))

    def condition(self, node: Node, *, has_item: bool) -> Node:
        if not isinstance(node, Scalar) or not node.value.strip():
            return node
        names = [*self.world.names, *_CONDITION_NAMES, *(["item"] if has_item else [])]
        try:
            found: Condition = import_module("trc.compiler.templates.conditions").canonical_condition(node.value, names)
        except Mistake as mistake:
            self.collect.add(at_scalar(mistake, node, self.task))
            return node
        if not self.settled.wrong_target:
            try:
                if found.needs_run:
                    self.fold(found.text)
                else:
                    self.decide(found.text)
            except Mistake as mistake:
                self.collect.add(at_scalar(mistake, node, self.task))
            except Unsettled as unsettled:
                self.unsettled(unsettled.name, node)
        return Scalar(found.text, "double", node.map)

    def fold(self, text: str) -> None:
        """Settles as much of a condition as needs nothing of the run."""
        made: str | bool = import_module("trc.compiler.templates.conditions").folded_condition(text, self.value_of)
        if self.task is not None and isinstance(made, bool):
            self.settled.conditions[self.task] = made
        elif self.task is not None:
            self.settled.open_conditions[self.task] = str(made)

    def value_of(self, expression: str) -> Any:
        """What an expression of a condition comes to."""
        asked = Scalar("{{ " + expression + " }}", "double", ScalarMap(Span("", 0, 0)))
        try:
            return jinja().rendered_value(asked, world_of_conditions(self.settled, self.context, self.world.budget))
        except Mistake as mistake:
            mistake.start, mistake.end = 0, None
            raise

    def decide(self, text: str) -> None:
        """Settles a condition that needs nothing of the run."""
        value = self.value_of(text)
        if not isinstance(value, bool):
            remedy = ("compare it: target.name == 'prod'",)
            raise Mistake(f"a condition is true or false, and this is {_shown(value)}", code="TRC118", help=remedy)
        if self.task is not None:
            self.settled.conditions[self.task] = value


def _shown(value: object) -> str:
    match value:
        case str():
            return "a text"
        case None:
            return "nothing"
        case list() | dict():
            return "a list or a map"
        case _:
            return "another value"
