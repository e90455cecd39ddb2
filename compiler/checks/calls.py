"""Checks which URLs are called, by hooks and by tasks: one that would not be called is told where it stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from trc.addresses import Allowed, Refused, read_url
from trc.compiler.checks.spots import key_span, text_span
from trc.compiler.diagnostics.collector import Collector
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.ir.dataset import UriRead
from trc.compiler.ir.pipeline import Pipeline
from trc.compiler.ir.places import Path, Places
from trc.compiler.ir.policy import Hook
from trc.compiler.ir.task import Task
from trc.compiler.ir.uris import is_git, is_web
from trc.compiler.source import Span


def check_calls(pipeline: Pipeline, places: Places, allowed: Allowed, collect: Collector) -> None:
    """Report URLs that are refused as they are written. Where a name leads to is seen when it is called."""
    collect.extend(_refused(pipeline.hooks, (), places, allowed, None))
    for task in pipeline.tasks:
        collect.extend(_refused(task.hooks, ("tasks", task.name), places, allowed, task.name))
        collect.extend(_refused_reads(task, places, allowed))
        collect.extend(_refused_endpoint(task, places, allowed))


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


def _refused_reads(task: Task, places: Places, allowed: Allowed) -> Iterator[Diagnostic]:
    for read in task.reads:
        # What no task of its type may read is told as that.
        url = task.params.get("url")
        if isinstance(read, UriRead) and isinstance(url, str) and _is_called(read.uri, url):
            try:
                read_url(url, allowed)
            except Refused as refused:
                span = text_span(places, ("tasks", task.name, "params", "url"), url)
                yield Diagnostic("TRC638", refused.message, span, help=refused.help, task=task.name)


def _is_called(uri: str, url: str) -> bool:
    """Whether what is read lies at that address, itself or as a commit of the repository there."""
    return (is_web(uri) and uri == url) or (is_git(uri) and uri.startswith(f"git+{url}#"))


def _refused_endpoint(task: Task, places: Places, allowed: Allowed) -> Iterator[Diagnostic]:
    """The endpoint that a task of AWS's services names itself: credentials are sent to it."""
    url = task.params.get("endpoint_url")
    if isinstance(url, str):
        try:
            read_url(url, allowed)
        except Refused as refused:
            span = text_span(places, ("tasks", task.name, "params", "endpoint_url"), url)
            yield Diagnostic("TRC638", refused.message, span, help=refused.help, task=task.name)


def _span(places: Places, event: Path, number: int, url: str) -> Span | None:
    """The characters of the URL; a single hook may stand without a list."""
    for path in ((*event, number, "webhook"), (*event, "webhook")):
        if places.exact(*path):
            return text_span(places, path, url)
    return key_span(places, *event)
