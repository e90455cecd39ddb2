"""Checks which URLs are called, by hooks and by tasks: one that would not be called is told where it stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from trc.addresses import Allowed, Refused, is_signed, read_url
from trc.compiler.checks.spots import key_span, read_span, text_span
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
    collect.extend(_refused_sources(pipeline, places, allowed))
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
    """What lies on the web, itself or as a commit of a repository there."""
    for read in task.reads:
        if not isinstance(read, UriRead) or not (is_web(read.uri) or is_git(read.uri)):
            continue
        url = read.uri.removeprefix("git+").partition("#")[0] if is_git(read.uri) else read.uri
        refused = _refusal_of(url, allowed)
        if refused is not None:
            is_param = url == task.params.get("url")
            span = text_span(places, ("tasks", task.name, "params", "url"), url) if is_param else None
            yield Diagnostic(
                "TRC638", refused.message, span or read_span(places, task, read), help=refused.help, task=task.name
            )


def _refused_sources(pipeline: Pipeline, places: Places, allowed: Allowed) -> Iterator[Diagnostic]:
    for source in pipeline.sources:
        refused = _refusal_of(source.uri, allowed) if is_web(source.uri) and "{" not in source.uri else None
        if refused is not None:
            span = text_span(places, ("sources", source.name, "uri"), source.uri)
            yield Diagnostic("TRC638", refused.message, span, help=refused.help)


def _refusal_of(url: str, allowed: Allowed) -> Refused | None:
    """Why an address is not read, as far as its text tells."""
    if is_signed(url):
        return Refused("the address holds a signature, which plans and logs would show", "leave it out")
    try:
        read_url(url, allowed)
    except Refused as refused:
        return refused
    return None


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
