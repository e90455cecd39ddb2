"""Specs of pipelines that were compiled before, kept as long as nothing that the compiler looked at has moved."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
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


@dataclass(frozen=True, slots=True)
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
    if isinstance(value, tuple):
        return tuple(plain(item) for item in value)
    slots = getattr(value, "__slots__", None)
    return value if slots is None else tuple(plain(getattr(value, name)) for name in slots)


def _pipeline(raw: Any) -> PipelineSpec:
    fields: dict[str, Any] = dict(zip(PipelineSpec.__slots__, raw))
    # Most tasks have these in common: they are then one object, which is made once.
    part, skip, retry = cache(KeyPart), cache(SkipSpec), cache(RetrySpec)
    fields["tasks"] = tuple(_task(one, part, skip, retry) for one in fields["tasks"])
    fields["hooks"] = tuple([HookSpec(*one) for one in fields["hooks"]])
    return PipelineSpec(**fields)


def _task(
    raw: Any, part: Callable[..., KeyPart], skip: Callable[..., SkipSpec], retry: Callable[..., RetrySpec]
) -> TaskSpec:
    fields: dict[str, Any] = dict(zip(TaskSpec.__slots__, raw))
    fields["key_parts"] = tuple([part(*one) for one in fields["key_parts"]])
    fields["skip"] = skip(*fields["skip"])
    fields["retry"] = retry(*fields["retry"])
    for name, make in _MANY.items():
        if fields[name]:
            fields[name] = tuple([make(*one) for one in fields[name]])
    if fields["breaker"] is not None:
        fields["breaker"] = BreakerSpec(*fields["breaker"])
    if fields["partition"] is not None:
        fields["partition"] = PartitionSpec(*fields["partition"])
    if fields["each"] is not None:
        items, rows, *others = fields["each"]
        fields["each"] = EachSpec(items, None if rows is None else ReadSpec(*rows), *others)
    return TaskSpec(**fields)


def query_of(raw: Any) -> QueryFacts:
    """The facts that `plain` took apart."""
    fields: dict[str, Any] = dict(zip(QueryFacts.__slots__, raw))
    fields["reads"] = tuple(_read(one) for one in fields["reads"])
    return QueryFacts(**fields)


def _read(raw: Any) -> ReadFacts:
    fields: dict[str, Any] = dict(zip(ReadFacts.__slots__, raw))
    fields["uses"] = tuple(Use(tuple(Condition(*one) for one in conditions)) for (conditions,) in fields["uses"])
    return ReadFacts(**fields)


_MANY: Final[dict[str, Callable[..., object]]] = {
    "reads": ReadSpec,
    "outputs": OutputSpec,
    "needs": NeedSpec,
    "checks": CheckSpec,
    "check_parts": KeyPart,
    "check_reads": ReadSpec,
    "secrets": SecretSpec,
    "results": ResultSpec,
    "hooks": HookSpec,
    "rules": RuleSpec,
    "twins": TwinSpec,
}
