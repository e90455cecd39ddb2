"""Lowers one item of `nodes` to a task: its parameters judged by its type, its reads and writes declared."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, replace
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from trc.compiler.context import Context
from trc.compiler.frontends.dsl_words import HEADS, PARAMETERS, RESOURCES, TASK
from trc.compiler.frontends.lower_expect import expectation
from trc.compiler.frontends.lower_parts import columns
from trc.compiler.frontends.lower_policy import POLICIES, Values, check_one_timeout, merged, policy_fields
from trc.compiler.frontends.problems import Problem, problems
from trc.compiler.frontends.project_files import ProjectFiles
from trc.compiler.frontends.reading import (
    Held,
    Key,
    Reader,
    Subject,
    field_of,
    filled_text,
    json_value,
    list_of,
    mapping_of,
    named_values,
    read_fields,
    reads,
    require,
    unquoted,
    values_with_secrets,
    wrong_kind,
)
from trc.compiler.frontends.renaming import renamed, warn_of_unused
from trc.compiler.frontends.shapes import (
    ANY,
    NAME,
    Either,
    Fields,
    Items,
    Named,
    TypeName,
    TypeParams,
)
from trc.compiler.frontends.suggestions import suggestion
from trc.compiler.frontends.syntax import Language, Mapping, Node, Scalar, Sequence
from trc.compiler.frontends.typed import typed
from trc.compiler.ir.dataset import Column, Output
from trc.compiler.ir.places import Places
from trc.compiler.ir.policy import Need
from trc.compiler.ir.secrets import KEY
from trc.compiler.ir.task import ForEach, Task
from trc.compiler.ir.translated import Translated
from trc.compiler.source import Span
from trc.compiler.tasktype import Scope, TaskType

Promised = tuple[Column, ...] | dict[str, tuple[Column, ...]]
"""The columns of a task's only output, or of each of its outputs."""

_BY_OUTPUT: Final[MappingOf[Language, str]] = {
    "trc": "columns {{ {} {{ id: bigint }} … }}",
    "yaml": "columns: {{{}: {{id: bigint}}, …}}",
    "python": 'columns={{"{}": {{"id": "bigint"}}, …}}',
}

_ROWS: Final = {"rows": Key("The dataset whose rows are the items", filled_text, required=True)}
_NEED: Final = {
    "task": Key("The task that comes first", filled_text, required=True),
    "requires": Key("Whether that task has to succeed, or only to end", field_of(Need, "requires")),
}


@reads(Either((filled_text.shape, Fields(_NEED))))
def _need(node: Node, here: Subject) -> Need | None:
    """A task's name, or `{task, requires}`."""
    if not isinstance(node, Mapping):
        name = filled_text(node, here)
        return Need(task=name) if name else None
    values = read_fields(node, _NEED, here)
    if values is None or not require(node, "task", here, known=_NEED):
        return None
    return Need(**values) if "task" in values else None


@reads(Either((Items(ANY), Fields(_ROWS))))
def _for_each(node: Node, here: Subject) -> ForEach | None:
    """A list of items, or `{rows: dataset}`."""
    if isinstance(node, Sequence):
        held = json_value(node, here)
        return ForEach(items=tuple(held.value)) if held else None
    if not isinstance(node, Mapping):
        wrong_kind(node, "a list", here)
        return None
    values = read_fields(node, _ROWS, here)
    if values is None or not require(node, "rows", here, known=_ROWS):
        return None
    return ForEach(**values) if "rows" in values else None


@reads(Named(Either((filled_text.shape, columns.shape))))
def _promised(node: Node, here: Subject) -> Promised | None:
    """The columns of the task's only output, or those of each output under its name."""
    is_by_output = isinstance(node, Mapping) and any(isinstance(entry.value, Mapping) for entry in node.entries)
    return mapping_of(columns)(node, here) if is_by_output else columns(node, here)


_OWN: Final = {
    "needs": Key("Tasks that come first though no data flows from them", list_of(_need)),
    "reads": Key("The task's own names for datasets that it reads", mapping_of(filled_text)),
    "columns": Key("The promised columns: names with DuckDB types; of several outputs, by output", _promised),
    "expect": Key("Checks on the task's rows, before they are published", list_of(expectation)),
    "when": Key("The condition under which the task runs", filled_text),
    "for_each": Key("What the task is repeated for: a list of items, or the rows of a dataset", _for_each),
    "deadline": Key(
        "By when the task has to be done, from the beginning of the run, such as 2h", field_of(Task, "deadline")
    ),
}


def _elsewhere(_node: Node, _here: Subject) -> None:
    """Read by a function of its own."""


TASK_KEYS: Final = {
    "id": Key("The task's name, and that of its dataset", Reader(_elsewhere, NAME), required=True),
    "type": Key("The task type: what kind of work it is", Reader(_elsewhere, TypeName()), required=True),
    "params": Key("The parameters of the task type", Reader(_elsewhere, TypeParams())),
    **_OWN,
    **POLICIES,
}


@dataclass(frozen=True, slots=True)
class TaskLowering:
    """What all tasks of a pipeline are lowered with."""

    context: Context
    places: Places
    defaults: Values

    def lower(self, node: Mapping, name: str | None, here: Subject) -> Task | None:
        """The task, or None where its name, type or parameters are wrong; all that is wrong is reported."""
        values = read_fields(node, TASK_KEYS, here) or {}
        check_one_timeout(node, here)
        named = node.get("id")
        head = named.span if named else node.head
        task_type = self._type(node, here, head)
        params = self._params(node, task_type, here, head) if task_type else None
        if name is None or task_type is None or params is None:
            return None
        own = {key: value for key, value in values.items() if key in _OWN and key not in ("reads", "columns")}
        policies = {key: value for key, value in values.items() if key not in _OWN}
        fields = policy_fields(merged(self.defaults, policies))
        declared = self._declared(name, task_type, params, _translated(node), here)
        written = node.get("reads")
        if isinstance(written, Mapping):
            warn_of_unused(declared["reads"], written, here)
            declared["reads"] = renamed(declared["reads"], values.get("reads", {}))
        declared |= _with_columns(declared["outputs"], values.get("columns"), node.get("columns"), here)
        # Where the author says it, that goes before what the type says.
        return Task.model_validate({"name": name, **own, **declared, **fields})

    def _type(self, node: Mapping, here: Subject, head: Span) -> TaskType | None:
        if not require(node, "type", here, known=TASK_KEYS, at=head):
            return None
        written = node.get("type")
        name = filled_text(written, here.at("type")) if written else None
        if name is None or written is None or name in self.context.task_types:
            return self.context.task_types[name] if name else None
        unlisted = self.context.unlisted.get(name)
        here.error(
            "TRC208",
            f'there is no task type "{name}"',
            written.span,
            help=(f'"{unlisted}" brings it: list it in trc.toml, as task_packages = ["{unlisted}"]',)
            if unlisted
            else suggestion(name, _types(self.context.task_types, node.language), "the task types are"),
        )
        return None

    def _params(self, node: Mapping, task_type: TaskType, here: Subject, head: Span) -> BaseModel | None:
        entry = node.entry("params")
        params = entry.value if entry else Mapping((), head, language=node.language)
        if not isinstance(params, Mapping):
            wrong_kind(params, "a mapping", here.at("params"))
            return None
        values = _values(params, task_type, here)
        try:
            checked: BaseModel = task_type.params.model_validate(values)
        except ValidationError as error:
            place = entry.key.span if entry else head
            for problem in problems(error, params, task_type.params):
                if problem.missing and not params.whole:
                    continue
                _tell(problem, task_type, here, place, params.language)
            return None
        return checked

    def _declared(
        self, name: str, task_type: TaskType, params: BaseModel, translated: MappingOf[str, Translated], here: Subject
    ) -> Values:
        """What the type says of the task."""
        files = ProjectFiles(self.context)
        scope = Scope(name, ("tasks", name), self.places, files.read, files.list, translated)
        declaration = task_type.declare(params, scope)
        here.collect.extend(replace(found, task=found.task or name) for found in declaration.diagnostics)
        values = params.model_dump(mode="json")
        return {
            "type": task_type.name,
            "type_version": task_type.version,
            "params": values,
            "secrets": _secret_places(values, task_type),
            "reads": declaration.reads,
            "outputs": declaration.outputs,
            "fills": declaration.fills,
            "query": declaration.query,
            "code": declaration.code,
            "engines": declaration.engines,
            "visibility": declaration.visibility,
            "effect": declaration.effect,
            "idempotent": declaration.idempotent,
            "volatile": declaration.volatile,
            "executor": declaration.executor,
        }


def _with_columns(
    outputs: tuple[Output, ...], promised: Promised | None, written: Node | None, here: Subject
) -> Values:
    """The outputs with their columns, or the task's columns where it has one output."""
    if promised is None or not isinstance(written, Mapping):
        return {}
    if not isinstance(promised, dict):
        if len(outputs) < 2:
            return {"columns": promised}
        message = f'"columns" does not say which output of {here.called} it means'
        spelled = _BY_OUTPUT[written.language].format(outputs[0].name)
        here.error("TRC205", message, written.head, help=(f"put them under the outputs' names: {spelled}",))
        return {}
    by_name = {one.name: one for one in outputs}
    for entry in written.entries:
        if isinstance(entry.value, Mapping) and entry.key.value not in by_name:
            remedy = suggestion(entry.key.value, by_name, "it writes")
            here.error("TRC201", f'{here.called} has no output "{entry.key.value}"', entry.key.span, help=remedy)
    if len(outputs) == 1:
        return {"columns": promised.get(outputs[0].name)}
    return {"outputs": tuple(one.model_copy(update={"columns": promised.get(one.name)}) for one in outputs)}


def _translated(node: Mapping) -> dict[str, Translated]:
    """The parameters that hold a query of another dialect of SQL, with its translation."""
    params = node.get("params")
    entries = params.entries if isinstance(params, Mapping) else ()
    values = {entry.key.value: entry.value for entry in entries}
    return {key: one.translated for key, one in values.items() if isinstance(one, Scalar) and one.translated}


def _values(params: Mapping, task_type: TaskType, here: Subject) -> dict[str, Any]:
    """The parameters as JSON; secrets only in those that the type's model marks for them."""
    held: dict[str, Held | None] = {}
    for entry in params.entries:
        key = entry.key.value
        read = values_with_secrets if takes_secrets(task_type, key) else named_values
        held[key] = read(entry.value, here.at(key))
    return {key: value.value if value else None for key, value in held.items()}


def takes_secrets(task_type: TaskType, name: str) -> bool:
    """Whether a parameter may hold secrets."""
    field = task_type.params.model_fields.get(name)
    extra = field.json_schema_extra if field else None
    return isinstance(extra, dict) and bool(extra.get("secrets"))


def _secret_places(params: MappingOf[str, Any], task_type: TaskType) -> tuple[tuple[str | int, ...], ...]:
    """Where secrets stand in the parameters that may hold some."""
    return tuple(
        path
        for name, value in params.items()
        if takes_secrets(task_type, name)
        for path in _secrets_in(value, (name,), is_named=True)
    )


def _secrets_in(value: Any, path: tuple[str | int, ...], *, is_named: bool = False) -> Iterator[tuple[str | int, ...]]:
    if isinstance(value, dict):
        if list(value) == [KEY] and not is_named:
            yield path
            return
        for key, inner in value.items():
            yield from _secrets_in(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _secrets_in(inner, (*path, index))


def _types(known: MappingOf[str, TaskType], language: Language) -> dict[str, None]:
    """The names that a task's type can have; `.trc` has short words for some."""
    if language != "trc":
        return dict.fromkeys(known)
    long = {name for name, _ in HEADS.values()}
    return dict.fromkeys((*HEADS, *(name for name in known if name not in long)))


def _remedy(problem: Problem, task_type: TaskType, language: Language) -> tuple[str, ...]:
    """What an unknown parameter may have been meant to be; in `.trc`, policies stand beside parameters."""
    if language != "trc":
        return problem.help
    parameters = [word for name in task_type.params.model_fields for word in PARAMETERS.get(name, (name,))]
    known = dict.fromkeys((*parameters, *TASK, *RESOURCES))
    return suggestion(problem.unknown or "", known, "") or (f"its parameters are: {', '.join(parameters)}",)


def _tell(problem: Problem, task_type: TaskType, here: Subject, place: Span, language: Language) -> None:
    """Reports one thing that a type's model finds wrong with a task's parameters."""
    inner = _named(here, problem)
    owner = inner.called if problem.path else f'"{task_type.name}"'
    what = "key" if problem.path else "parameter"
    node = problem.node
    if problem.missing:
        span = problem.entry.key.span if problem.entry else place
        lacking = inner.called if problem.path else here.called
        needed = "" if problem.path else f", which {owner} needs"
        here.error(
            "TRC202",
            f'{lacking} lacks the {what} "{problem.missing}"{needed}',
            span,
            help=(f'add "{problem.missing}"',),
        )
    elif problem.unknown:
        unknown = problem.entry.key.span if problem.entry else place
        container = f'"{problem.path[-2]}"' if len(problem.path) > 1 else f'"{task_type.name}"'
        word = "key" if len(problem.path) > 1 else "parameter"
        remedy = problem.help if len(problem.path) > 1 else _remedy(problem, task_type, language)
        here.error("TRC201", f'{container} has no {word} "{problem.unknown}"', unknown, help=remedy)
    elif problem.wanted and _is_unquoted_text(problem):
        assert isinstance(node, Scalar)
        unquoted(node, typed(node), inner)
    elif problem.wanted:
        wrong_kind(node, problem.wanted, inner, "TRC209")
    else:
        span = place if not problem.path else node.head if isinstance(node, Mapping) else node.span
        here.error("TRC209", problem.told(inner.called), span, help=problem.help)


def _named(here: Subject, problem: Problem) -> Subject:
    """How the value that a problem is about is called: by its key, or by its number in a list."""
    subject = here
    for part in problem.path:
        subject = subject.item(part) if isinstance(part, int) else subject.at(part)
    return subject


def _is_unquoted_text(problem: Problem) -> bool:
    """Whether a text is wanted and an unquoted word stands there that YAML reads as something else."""
    node = problem.node
    wants_text = problem.wanted is not None and "a text" in problem.wanted.split(" or ")
    return wants_text and isinstance(node, Scalar) and bool(node.value) and typed(node).kind != "text"
