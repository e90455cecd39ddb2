"""Checks where hooks tell: a URL that would not be called is told where it stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from trc.compiler.checks.spots import key_span, text_span
from trc.compiler.diagnostics.collector import Collector
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.addresses import Allowed, Refused, read_url
from trc.compiler.ir.pipeline import Pipeline
from trc.compiler.ir.places import Path, Places
from trc.compiler.ir.policy import Hook
from trc.compiler.source import Span


def check_hooks(pipeline: Pipeline, places: Places, allowed: Allowed, collect: Collector) -> None:
    """Report URLs that are refused as they are written. Where a name leads to is seen when it is called."""
    collect.extend(_refused(pipeline.hooks, (), places, allowed, None))
    for task in pipeline.tasks:
        collect.extend(_refused(task.hooks, ("tasks", task.name), places, allowed, task.name))


def _refused(
    hooks: Iterable[Hook], base: Path, places: Places, allowed: Allowed, task: str | None
) -> Iterator[Diagnostic]:
    numbers: dict[str, int] = {}
    for hook in hooks:
        number = numbers[hook.event] = numbers.get(hook.event, -1) + 1
        try:
            read_url(hook.webhook, allowed)
        except Refused as refused:
            span = _span(places, (*base, f"on_{hook.event}"), number, hook.webhook)
            yield Diagnostic("TRC638", refused.message, span, help=refused.help, task=task)


def _span(places: Places, event: Path, number: int, url: str) -> Span | None:
    """The characters of the URL; a single hook may stand without a list."""
    for path in ((*event, number, "webhook"), (*event, "webhook")):
        if places.exact(*path):
            return text_span(places, path, url)
    return key_span(places, *event)
