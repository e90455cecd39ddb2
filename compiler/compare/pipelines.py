"""Compares two pipelines: their tasks, sources, parameters, targets, tests, and what they say of themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from trc.compiler.compare.change import ABSENT, Change, FieldChange, What
from trc.compiler.compare.fields import changed_fields, unnamed
from trc.compiler.compare.tasks import task_changes
from trc.compiler.compare.written import Written, content_changes
from trc.compiler.ir.dataset import Source
from trc.compiler.ir.pipeline import Param, PipelineTest, Target
from trc.compiler.templates.segments import has_template

Named = Param | Source | Target | PipelineTest
_PARTS = frozenset(("ir_version", "name", "params", "sources", "tasks", "targets", "tests"))


def pipeline_changes(old: Written, new: Written) -> tuple[Change, ...]:
    """All that differs in meaning between two states of a pipeline; nothing for layout, comments and order."""
    return (
        *_whole(old, new),
        *_named("param", old, new, lambda one: one.pipeline.params),
        *_named("source", old, new, lambda one: one.pipeline.sources),
        *_named("target", old, new, lambda one: one.pipeline.targets),
        *task_changes(old, new),
        *_named("test", old, new, lambda one: one.pipeline.tests),
        *_macros(old, new),
    )


def _whole(old: Written, new: Written) -> Iterator[Change]:
    """The schedule, hooks and words of the pipeline, and the folder that its paths are relative to."""
    fields = list(changed_fields(old.pipeline, new.pipeline, but=_PARTS))
    if old.project != new.project:
        fields.append(FieldChange("project", old.project, new.project))
    if fields:
        yield Change("changed", "pipeline", new.pipeline.name, tuple(fields))


def _named(what: What, old: Written, new: Written, part: Callable[[Written], Sequence[Named]]) -> Iterator[Change]:
    before, after = {one.name: one for one in part(old)}, {one.name: one for one in part(new)}
    for name in dict.fromkeys([*before, *after]):
        if name not in after:
            yield Change("removed", what, name, value=unnamed(before[name]))
        elif name not in before:
            yield Change("added", what, name, value=unnamed(after[name]))
        else:
            source = before[name]
            contents = content_changes(old, new, source.uri) if isinstance(source, Source) else ()
            fields = (*changed_fields(before[name], after[name]), *contents)
            if fields:
                yield Change("changed", what, name, fields)


def _macros(old: Written, new: Written) -> Iterator[Change]:
    """Macros that differ, where a text stays unrendered: what they would make of it nobody can compare."""
    if not any(_is_open(written.pipeline.model_dump(mode="json")) for written in (old, new)):
        return
    for name in sorted({*old.macros, *new.macros}):
        before, after = old.macros.get(name), new.macros.get(name)
        if before != after:
            texts = FieldChange("text", ABSENT if before is None else before, ABSENT if after is None else after)
            yield Change("changed", "macros", name, (texts,))


def _is_open(value: object) -> bool:
    if isinstance(value, str):
        return has_template(value)
    if isinstance(value, dict):
        return any(map(_is_open, value.values()))
    return isinstance(value, list) and any(map(_is_open, value))
