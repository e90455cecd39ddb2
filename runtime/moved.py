"""What a saved plan rests on, and which of it moved since."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from trc.runtime.listing import Files, relative
from trc.runtime.plan import Plan, PlannedTask
from trc.runtime.reasons import Reason
from trc.runtime.savedplan import Basis
from trc.runtime.spec import PipelineSpec
from trc.runtime.store.results import Result
from trc.runtime.taskside.records import record

Facts = dict[str, str | None]


@record(frozen=True, slots=True)
class Move:
    """Something that is not as it was: a fact's kind and name, and a sentence."""

    kind: str
    name: str
    text: str

    def to_json(self) -> dict[str, Any]:
        """As commands print it."""
        return {"kind": self.kind, "name": self.name, "text": self.text}


def files_now(names: Iterable[str], project: Path) -> Facts:
    """The digests of files by their names; None where none can be read."""
    found: Facts = {}
    for name in names:
        try:
            found[name] = sha256((project / name).read_bytes()).hexdigest()
        except OSError:
            found[name] = None
    return found


def inputs_now(patterns: Iterable[str], files: Files, project: Path) -> Facts:
    """The content identities of the files that there are at paths and patterns, by path."""
    found: Facts = {}
    for pattern in patterns:
        uri = str(project / pattern)
        try:
            paths = files.list(uri)
        except OSError:
            paths = ()
        found |= outputs_now((relative(path, str(project)) for path in paths), files, project)
    return found


def outputs_now(names: Iterable[str], files: Files, project: Path) -> Facts:
    """The content identities of files by their names; None where none can be read."""
    found: Facts = {}
    for name in names:
        try:
            found[name] = files.digest(str(project / name))
        except OSError:
            found[name] = None
    return found


def results_of(tasks: Iterable[str], stored: Mapping[str, Result]) -> Facts:
    """Which result is stored of each task, as whose attempt left it."""
    found = ((task, stored.get(task)) for task in tasks)
    return {task: None if one is None else f"{one.run}.{one.attempt} {one.key}" for task, one in found}


def keys_of(spec: PipelineSpec) -> Facts:
    """What the pipeline itself puts into the key of each task, as digests."""
    return {
        f"{task.name}: {part.field}": sha256(part.value.encode("utf-8", "replace")).hexdigest()
        for task in spec.tasks
        for part in (*task.key_parts, *task.check_parts)
    }


def secrets_now(refs: Iterable[str], version: Callable[[str], str | Reason] | None) -> Facts:
    """The versions of secrets that are numbered, by reference; never a value."""
    found = ((ref, version(ref) if version is not None else None) for ref in refs)
    return {ref: "unknown" if isinstance(one, Reason) else one for ref, one in found}


_COUNT_ALONE: Final = ("keys", "pipeline")
"""Follow from the other kinds: they are told where nothing else explains them."""


def moved(before: Basis, now: Basis) -> tuple[Move, ...]:
    """What differs in the kinds that were looked at `now`, in the order of these."""
    found = [
        Move(kind, name, _WORDS[kind](name, before.get(kind, {}).get(name), facts.get(name)))
        for kind, facts in now.items()
        for name in sorted({*before.get(kind, {}), *facts})
        if before.get(kind, {}).get(name) != facts.get(name)
    ]
    for follows in reversed(_COUNT_ALONE):
        if any(one.kind != follows for one in found):
            found = [one for one in found if one.kind != follows]
    return tuple(found)


def differing(before: Plan, now: Plan) -> tuple[Move, ...]:
    """The tasks with which something else would be done than the plan said."""
    told = {task.task: task for task in now.tasks}
    return (*_differing(before, told), *(_new(one) for one in now.tasks if not _has(before, one.task)))


def _differing(before: Plan, told: Mapping[str, PlannedTask]) -> Iterator[Move]:
    for was in before.tasks:
        now = told.get(was.task)
        if now is None:
            yield Move("plan", was.task, f'the task "{was.task}" is not planned any more')
        elif was.action != now.action:
            text = f'the task "{was.task}" was to {_VERBS[was.action]}, and is to {_VERBS[now.action]} now: {now.reason.sentence()}'
            yield Move("plan", was.task, text)
        elif was.key == now.key and was.partitions != now.partitions:
            yield Move("plan", was.task, f'other partitions of the task "{was.task}" are to be computed now')
        elif was.key != now.key:
            yield Move("plan", was.task, f'the task "{was.task}" would be computed from something else')


def _has(plan: Plan, task: str) -> bool:
    return any(one.task == task for one in plan.tasks)


def _new(task: PlannedTask) -> Move:
    return Move("plan", task.task, f'the task "{task.task}" was not planned')


_VERBS: Final = {"run": "run", "skip": "be skipped", "maybe": "be decided later", "blocked": "be blocked"}


def _file(what: str, changed: str) -> Callable[[str, str | None, str | None], str]:
    def sentence(name: str, before: str | None, now: str | None) -> str:
        happened = "is there now" if before is None else "is gone" if now is None else changed
        return f'{what} "{name}" {happened}'

    return sentence


def _value(what: str) -> Callable[[str, str | None, str | None], str]:
    def sentence(_name: str, before: str | None, now: str | None) -> str:
        return f"{what} was {before or 'not there'}, and is {now or 'not there'} now"

    return sentence


def _variable(name: str, before: str | None, _now: str | None) -> str:
    made = "was made without it" if before is None else "was made with another value"
    return f"the variable {name} is set, and the plan {made}"


def _result(task: str, before: str | None, now: str | None) -> str:
    if before is None:
        return f'the task "{task}" has a stored result now'
    return f'the stored result of the task "{task}" is {"gone" if now is None else "another one"}'


def _key(name: str, before: str | None, now: str | None) -> str:
    task, _, field = name.partition(": ")
    happened = "is new" if before is None else "is gone" if now is None else "changed"
    return f'"{field}" of the task "{task}" {happened}'


_WORDS: Final[Mapping[str, Callable[[str, str | None, str | None], str]]] = {
    "trc": _value("the version of trc"),
    "state": _value("the state"),
    "files": _file("the file", "was edited"),
    "variables": _variable,
    "time": _value("the logical time that the pipeline's values hold"),
    "pipeline": lambda _name, _before, _now: "the pipeline says something else",
    "keys": _key,
    "inputs": _file("the input", "changed"),
    "secrets": lambda name, _before, _now: f'the secret "{name}" has another version',
    "results": _result,
    "outputs": _file("the output", "changed"),
}
