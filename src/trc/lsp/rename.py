"""Renames a task or a source in all places that name it; what the pipeline would mean afterwards is proved first."""

from __future__ import annotations

from typing import Final

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from trc.compiler.checks.graph import Edge
from trc.compiler.compile import Compiled
from trc.compiler.diagnostics.collector import Collector
from trc.compiler.frontends.names import is_name
from trc.compiler.frontends.reading import Subject
from trc.compiler.frontends.syntax import Scalar
from trc.compiler.ir.types import Known
from trc.compiler.source import ScalarMap, Span
from trc.compiler.sql.tokens import Token, tokenize
from trc.lsp.ask import Ask
from trc.lsp.cursor import spot_at
from trc.lsp.occurrences import Occurrence, at, occurrences
from trc.lsp.spelling import embedded, in_file, in_sql

_REQUEST_FAILED: Final = types.LSPErrorCodes.RequestFailed.value


def prepare(ask: Ask) -> types.PrepareRenamePlaceholder | None:
    """The name at the place, if it can be renamed."""
    here = at(ask, occurrences(ask.compiled))
    return types.PrepareRenamePlaceholder(ask.text.range_of(here.span), here.name) if here else None


def rename(ask: Ask, new: str) -> types.WorkspaceEdit:
    """The edits that give the thing at the place another name; refused where the pipeline would mean something else."""
    found = occurrences(ask.compiled)
    here = at(ask, found)
    if here is None:
        raise _refused("no task or source is named here")
    _check_name(ask, here.name, new)
    same = [one for one in found if one.name == here.name]
    if any(one.span.file != here.span.file for one in same):
        raise _refused(f'"{here.name}" is named in another file, too')
    edits = [(one.span, _spelled(one, new, ask)) for one in same]
    text = _edited(ask.text.content, edits)
    _check_meaning(ask.compiled, ask.workspace.judge(ask.checked.path, text), here.name, new)
    changes = [types.TextEdit(ask.text.range_of(span), replacement) for span, replacement in edits]
    return types.WorkspaceEdit(changes={ask.uri: changes})


def _refused(why: str) -> JsonRpcException:
    return JsonRpcException(why, _REQUEST_FAILED)


def _check_name(ask: Ask, old: str, new: str) -> None:
    collect = Collector()
    if not is_name(Scalar(new, "double", ScalarMap(Span("", 0, 0))), Subject(collect, "the name")):
        raise _refused("; ".join((collect.reported[0].message, *collect.reported[0].help[:1])))
    pipeline = ask.compiled.pipeline
    assert pipeline is not None
    for kind, taken in (("task", pipeline.task(new)), ("source", pipeline.source(new))):
        if taken is not None and taken.name != old:
            raise _refused(f'a {kind} is called "{taken.name}" already')


def _spelled(one: Occurrence, new: str, ask: Ask) -> str:
    """The new name as it is written in the place of the old one."""
    written = ask.text.content[one.span.start : one.span.end]
    spot = spot_at(ask.compiled.tree, one.span.start, ask.workspace.types)
    style = spot.scalar.style if spot else "plain"
    if one.form != "sql":
        if written[:1] in ("'", '"'):
            return f"{written[0]}{new}{written[0]}"
        # A plain name may have to be quoted; what stands in quotes stays there.
        is_quoted = ask.text.content[: one.span.start].endswith(('"', "'"))
        return new if is_quoted else in_file(new, ask.checked.path)
    token = tokenize(one.within)[0]
    return embedded(_sql_name(token, new), style)


def _sql_name(token: Token, new: str) -> str:
    """The name in SQL; `"task.output"` as one quoted name keeps its output."""
    output = (token.name or "").partition(".")[2]
    return f'"{new}.{output}"' if output else in_sql(new)


def _edited(text: str, edits: list[tuple[Span, str]]) -> str:
    for span, replacement in sorted(edits, key=lambda edit: edit[0].start, reverse=True):
        text = text[: span.start] + replacement + text[span.end :]
    return text


def _check_meaning(before: Compiled, after: Compiled, old: str, new: str) -> None:
    """Refuses where the renamed pipeline has a mistake more, or its tasks read or yield something else."""
    known = {(one.code, one.task if one.task != old else new) for one in before.diagnostics}
    for diagnostic in after.diagnostics:
        if diagnostic.severity != "note" and (diagnostic.code, diagnostic.task) not in known:
            raise _refused(f'"{old}" cannot become "{new}": {diagnostic.message}')
    if _edges(before, old, new) != _edges(after, new, new):
        raise _refused(f'"{old}" cannot become "{new}": tasks would read something else')
    for (task, output), schema in before.schemas.items():
        renamed = new if task == old else task, new if not task and output == old else output
        if isinstance(schema, Known) and after.schemas.get(renamed) != schema:
            raise _refused(f'"{old}" cannot become "{new}": the columns of "{task or output}" would be others')


def _edges(compiled: Compiled, old: str, new: str) -> set[tuple[str, str, str, bool]]:
    def named(name: str) -> str:
        return new if name == old else name

    edges: tuple[Edge, ...] = compiled.graph.edges if compiled.graph else ()
    return {(named(one.task), named(one.on), one.requires, one.data) for one in edges} | {
        (task, named(resolved.source.name), "source", True)
        for task, inputs in (compiled.graph.inputs.items() if compiled.graph else ())
        for resolved in inputs
        if resolved.source is not None
        for task in (named(task),)
    }
