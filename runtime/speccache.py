"""Specs of pipelines that were compiled before, kept as long as nothing that the compiler looked at has moved."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from trc.compiler.sql.facts import Condition, QueryFacts, ReadFacts, Use
from trc.runtime import standing
from trc.runtime.facts import Facts
from trc.runtime.spec import (
    BreakerSpec,
    CheckSpec,
    EachSpec,
    HookSpec,
    ItemSpec,
    KeyPart,
    NeedSpec,
    OutputSpec,
    PartitionSpec,
    PipelineSpec,
    ReadSpec,
    ResultSpec,
    RetrySpec,
    RuleSpec,
    SecretSpec,
    SkipSpec,
    TaskSpec,
    TwinSpec,
)
from trc.runtime.taskside.records import record

_FOLDER: Final = "compiled"
SHAPE: Final = tuple(
    (cls.__name__, *cls.__slots__)  # a spec of another shape is of no use
    for cls in (
        PipelineSpec,
        TaskSpec,
        KeyPart,
        SkipSpec,
        ReadSpec,
        OutputSpec,
        NeedSpec,
        RetrySpec,
        CheckSpec,
        RuleSpec,
        TwinSpec,
        BreakerSpec,
        SecretSpec,
        PartitionSpec,
        EachSpec,
        ItemSpec,
        ResultSpec,
        HookSpec,
        QueryFacts,
        ReadFacts,
        Use,
        Condition,
    )
)


@record(frozen=True, slots=True)
class Circumstances:
    """What a spec was compiled for.

    The backend, the zone of its logical time, the date if the spec holds it, and whether it is optimised.
    """

    backend: str = "local"
    zone: str = "UTC"
    date: str | None = None
    optimise: bool = False


PLAIN: Final = Circumstances()


def recall(
    state: str, pipeline: str, version: str, choices: object
) -> tuple[PipelineSpec, dict[str, QueryFacts], Facts, Circumstances] | None:
    """The spec of a pipeline file for these choices and what is known of its queries, if the facts behind both hold."""
    kept: Any = standing.recall(standing.answer_path(state, pipeline, _FOLDER), pipeline, version)
    if kept is None or kept[:2] != (SHAPE, choices):
        return None
    _, _, raw, queries, present, absent, expires, circumstances = kept
    facts = Facts(frozenset(present), frozenset(absent), expires)
    known = {task: query_of(one) for task, one in queries}
    return replace(_pipeline(raw), file=pipeline), known, facts, Circumstances(*circumstances)


def remember(
    state: str,
    pipeline: str,
    version: str,
    choices: object,
    *,
    began_ns: int,
    spec: PipelineSpec,
    queries: Mapping[str, QueryFacts],
    facts: Facts,
    circumstances: Circumstances = PLAIN,
) -> bool:
    """Keeps a spec and what is known of its queries, by task, if all that they were compiled from is older than the compilation that began at `began_ns`.

    `choices` are plain values: a spec is of use for equal ones only.
    """
    kept = (tuple(facts.present), tuple(facts.absent), facts.expires, plain(circumstances))
    return standing.remember(
        standing.answer_path(state, pipeline, _FOLDER),
        pipeline,
        version,
        began_ns=began_ns,
        present=facts.present,
        absent=facts.absent,
        expires=facts.expires,
        answer=(SHAPE, choices, plain(spec), tuple((task, plain(one)) for task, one in queries.items()), *kept),
    )


def plain(value: Any) -> Any:
    """A value of specs as tuples, lists and dicts, which can be written and read without running anything."""
    return _plain(value, {})


def _plain(value: Any, seen: dict[object, object]) -> Any:
    if isinstance(value, tuple):
        return tuple([_plain(item, seen) for item in value])
    slots = getattr(value, "__slots__", None)
    if slots is None:
        return value
    taken = tuple([_plain(getattr(value, name), seen) for name in slots])
    # What many tasks have in common is written once, and one object when it is read.
    return seen.setdefault(taken, taken) if isinstance(value, _COMMON) else taken


def _pipeline(raw: Any) -> PipelineSpec:
    fields: dict[str, Any] = dict(zip(PipelineSpec.__slots__, raw))
    made: dict[int, Any] = {}
    fields["tasks"] = tuple([_task(one, made) for one in fields["tasks"]])
    fields["hooks"] = tuple([HookSpec(*one) for one in fields["hooks"]])
    return PipelineSpec(**fields)


def _task(raw: Any, made: dict[int, Any]) -> TaskSpec:
    """The task that `plain` took apart; `made` holds what was made of values that several tasks have, by their ids."""
    values = list(raw)
    values[_KEY_PARTS] = tuple([made.get(id(one)) or _made(KeyPart, one, made) for one in values[_KEY_PARTS]])
    for at, make in _ONE:
        if values[at] is not None:
            values[at] = made.get(id(values[at])) or _made(make, values[at], made)
    for at, make in _MANY:
        if values[at]:
            values[at] = tuple([make(*one) for one in values[at]])
    return TaskSpec(*values)


def _made(make: Callable[..., Any], raw: Any, made: dict[int, Any]) -> Any:
    one = made[id(raw)] = make(*raw)
    return one


def _each(*raw: Any) -> EachSpec:
    fields: dict[str, Any] = dict(zip(EachSpec.__slots__, raw))
    fields["rows"] = None if fields["rows"] is None else ReadSpec(*fields["rows"])
    fields["checks"] = tuple(CheckSpec(*one) for one in fields["checks"])
    fields["check_parts"] = tuple(KeyPart(*one) for one in fields["check_parts"])
    return EachSpec(**fields)


def query_of(raw: Any) -> QueryFacts:
    """The facts that `plain` took apart."""
    fields: dict[str, Any] = dict(zip(QueryFacts.__slots__, raw))
    fields["reads"] = tuple(_read(one) for one in fields["reads"])
    return QueryFacts(**fields)


def _read(raw: Any) -> ReadFacts:
    fields: dict[str, Any] = dict(zip(ReadFacts.__slots__, raw))
    fields["uses"] = tuple(Use(tuple(Condition(*one) for one in conditions)) for (conditions,) in fields["uses"])
    return ReadFacts(**fields)


_COMMON: Final = (KeyPart, SkipSpec, RetrySpec)
_PLACES: Final = {name: place for place, name in enumerate(TaskSpec.__slots__)}
_KEY_PARTS: Final = _PLACES["key_parts"]
_ONE: Final[tuple[tuple[int, Callable[..., object]], ...]] = (
    (_PLACES["skip"], SkipSpec),
    (_PLACES["retry"], RetrySpec),
    (_PLACES["breaker"], BreakerSpec),
    (_PLACES["partition"], PartitionSpec),
    (_PLACES["each"], _each),
)
_MANY: Final[tuple[tuple[int, Callable[..., object]], ...]] = (
    (_PLACES["reads"], ReadSpec),
    (_PLACES["outputs"], OutputSpec),
    (_PLACES["needs"], NeedSpec),
    (_PLACES["checks"], CheckSpec),
    (_PLACES["check_parts"], KeyPart),
    (_PLACES["check_reads"], ReadSpec),
    (_PLACES["secrets"], SecretSpec),
    (_PLACES["results"], ResultSpec),
    (_PLACES["hooks"], HookSpec),
    (_PLACES["rules"], RuleSpec),
    (_PLACES["twins"], TwinSpec),
)
