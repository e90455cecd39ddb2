"""What the pointer tells: a dataset's columns, what a key is for, what a task type does, what a code means."""

from __future__ import annotations

from collections.abc import Iterator

from lsprotocol import types

from trc.compiler.compile import Compiled
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.frontends.shapes import TypeName
from trc.compiler.ir.types import Known, Unknown
from trc.compiler.source import Span
from trc.compiler.tasktype import TaskType
from trc.error_codes import page_of
from trc.lsp.ask import Ask
from trc.lsp.cursor import Spot, spot_at
from trc.lsp.occurrences import Occurrence, at, occurrences, schema_of
from trc.lsp.shapes import parameters


def hover(ask: Ask) -> types.Hover | None:
    """All that there is to tell of the place, what is wrong with it first."""
    parts: list[str] = []
    span: Span | None = None
    for diagnostic in ask.compiled.diagnostics:
        if ask.covers(diagnostic.span):
            span = span or diagnostic.span
            parts.append(_of_code(diagnostic))
    occurrence = at(ask, occurrences(ask.compiled))
    if occurrence is not None:
        span = occurrence.span
        parts.append(_of_dataset(occurrence, ask.compiled))
    else:
        spot = spot_at(ask.compiled.tree, ask.offset, ask.workspace.types)
        text = _of_spot(spot, ask) if spot else ""
        if spot is not None and text:
            span = spot.scalar.span
            parts.append(text)
    if not parts or span is None:
        return None
    content = types.MarkupContent(types.MarkupKind.Markdown, "\n\n---\n\n".join(dict.fromkeys(parts)))
    return types.Hover(content, ask.text.range_of(span))


def _of_code(diagnostic: Diagnostic) -> str:
    """A code's title, and the first paragraph of its page."""
    title, _, body = page_of(diagnostic.code).partition("\n")
    paragraph = next((one for one in body.split("\n\n") if one.strip() and not one.strip().startswith("#")), "")
    return f"**{title.lstrip('# ')}**\n\n{paragraph.strip()}"


def _of_dataset(occurrence: Occurrence, compiled: Compiled) -> str:
    assert compiled.pipeline is not None
    name = occurrence.name
    whole = f"{name}.{occurrence.output}" if occurrence.output else name
    source, task = compiled.pipeline.source(name), compiled.pipeline.task(name)
    if source is not None:
        head = f"**{name}** · source, {source.format}\n\n`{source.uri}`"
    elif task is not None:
        uris = [output.uri for output in task.outputs if output.uri and occurrence.output in (None, output.name)]
        head = "\n\n".join([f"**{whole}** · {task.type}", *(f"`{uri}`" for uri in uris)])
    else:
        return ""
    return "\n\n".join([head, *_columns(compiled, whole)])


def _columns(compiled: Compiled, dataset: str) -> Iterator[str]:
    match schema_of(compiled, dataset):
        case Known(columns):
            rows = (f"| {_cell(column.name)} | {_cell(column.type)} |" for column in columns)
            yield "\n".join(["| column | type |", "| --- | --- |", *rows])
        case Unknown(reason):
            yield f"columns are not known: {reason}"
        case None:
            pass


def _cell(text: str) -> str:
    """A text that cannot end the cell that it stands in."""
    return "`" + text.replace("|", "\\|").replace("\n", " ").replace("`", "'") + "`"


def _of_spot(spot: Spot, ask: Ask) -> str:
    if spot.role == "value":
        task_type = ask.workspace.types.get(spot.scalar.value) if isinstance(spot.shape, TypeName) else None
        return _of_type(task_type) if task_type else ""
    if spot.key is None:
        return ""
    name = spot.mapping.spell(spot.scalar.value) if spot.mapping else spot.scalar.value
    return f"**{name}**{' · required' if spot.key.required else ''}\n\n{spot.key.doc}"


def _of_type(task_type: TaskType) -> str:
    listed = (
        f"- `{name}`{' (required)' if key.required else ''}: {key.doc}"
        for name, key in parameters(task_type).keys.items()
    )
    return "\n".join([f"**{task_type.name}**", "", task_type.summary, "", *listed])
