"""Quick fixes: the edits that diagnostics bring with them."""

from __future__ import annotations

from lsprotocol import types

from trc.lsp.ask import Ask
from trc.lsp.diagnostics import one_told


def offer(ask: Ask, asked: types.Range) -> list[types.CodeAction]:
    """The fixes of what is wrong in a range."""
    start, end = ask.text.offset(asked.start), ask.text.offset(asked.end)
    actions: list[types.CodeAction] = []
    for diagnostic in ask.compiled.diagnostics:
        span, fix = diagnostic.span, diagnostic.fix
        if span is None or fix is None or not ask.is_own(span) or not ask.is_own(fix.span):
            continue
        if span.end < start or end < span.start:
            continue
        edit = types.TextEdit(ask.text.range_of(fix.span), fix.replacement)
        actions.append(
            types.CodeAction(
                title=fix.title,
                kind=types.CodeActionKind.QuickFix,
                diagnostics=[one_told(diagnostic, ask.path, ask.text, ask.text_of)],
                edit=types.WorkspaceEdit(changes={ask.uri: [edit]}),
                is_preferred=True,
            )
        )
    return actions
