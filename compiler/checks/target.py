"""What a pipeline asks for that this version, or the backend, does not carry out: refused before anything runs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from trc.compiler.capabilities import Capabilities
from trc.compiler.checks.spots import key_span, output_span, params_texts, read_span, task_span, text_span
from trc.compiler.diagnostics.collector import Collector
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.ir.dataset import UriRead
from trc.compiler.ir.pipeline import Pipeline
from trc.compiler.ir.places import Path, Places
from trc.compiler.ir.policy import Environment, Resources
from trc.compiler.ir.task import Task
from trc.compiler.ir.uris import is_git, is_remote, is_web, normalise
from trc.compiler.source import Span

TEMPLATES: Final = "templates"
REMOTE: Final = "uris."
"""With a scheme after it: locations that are of no machine."""
PARAMS: Final = "params"
PIPELINE_HOOKS: Final = "pipeline.hooks"
WHEN: Final = "when"
"""A condition on what only a run knows; others are decided before it."""


@dataclass(frozen=True, slots=True)
class _Construct:
    """Something that a task can ask for. `name` is what `Capabilities` call it; `keys` are how authors write it."""

    name: str
    asks: Callable[[Task], bool]
    keys: tuple[Path, ...]
    always_run: bool = False
    """Every version runs it; a backend can still say that it does not enforce it."""

    @property
    def shown(self) -> str:
        return "resources" if self.name == "resources.custom" else self.name.removeprefix("resources.")


def _in_environment(field: str) -> _Construct:
    return _Construct(
        f"environment.{field}",
        lambda task: _is_written(task.environment, field),
        (("environment", field),),
        always_run=field == "env",
    )


def _resource(field: str, *keys: Path) -> _Construct:
    written = (*keys, ("environment", field), (field,))
    always_run = field in {"memory", "cpu"}
    return _Construct(f"resources.{field}", lambda task: _is_written(task.resources, field), written, always_run)


def _is_written(node: Environment | Resources, field: str) -> bool:
    default = type(node).model_fields[field].get_default(call_default_factory=True)
    return bool(getattr(node, field) != default)


_CONSTRUCTS: Final = (
    _Construct("secrets", lambda task: task.is_given_secrets, ()),
    *(_in_environment(field) for field in Environment.model_fields),
    _resource("memory", ("environment", "memory_limit")),
    _resource("cpu", ("environment", "cpu_limit")),
    _resource("gpu"),
    _resource("custom", ("environment", "resources")),
    _resource("node_labels"),
    _Construct(
        "heartbeat_timeout",
        lambda task: task.heartbeat_timeout is not None,
        (("heartbeat_timeout",), ("heartbeat_timeout_seconds",)),
        always_run=True,
    ),
    _Construct("for_each", lambda task: task.for_each is not None, (("for_each",),)),
    _Construct(WHEN, lambda task: task.when is not None, (("when",),)),
    _Construct("expect", lambda task: bool(task.expect), (("expect",),)),
    _Construct("concurrency", lambda task: bool(task.concurrency), (("concurrency",),)),
    _Construct("dedupe", lambda task: bool(task.dedupe), (("dedupe",),)),
    _Construct("breaker", lambda task: task.breaker is not None, (("breaker",),)),
    _Construct("deadline", lambda task: task.deadline is not None, (("deadline",),)),
)


def check_target(
    pipeline: Pipeline,
    places: Places,
    capabilities: Capabilities,
    collect: Collector,
    runs: Mapping[str, str | None],
    *,
    decided: Collection[str] = (),
) -> None:
    """Report each construct that would not be carried out (TRC501), and each that is not enforced (TRC503).

    `runs` gives by task type where its task side lies, and None for a type that is checked and not run;
    `decided` are the tasks whose conditions are settled already.
    """
    collect.extend(_pipeline_wide(pipeline, places, capabilities))
    for task in pipeline.tasks:
        is_runnable = runs.get(task.type, "") is not None
        if not is_runnable:
            collect.add(_unrunnable_type(task, places))
        collect.extend(_constructs(task, places, capabilities, is_decided=task.name in decided))
        if TEMPLATES not in capabilities.supports:
            collect.extend(_templates(task, places))
        if is_runnable:
            collect.extend(_remote(task, places, capabilities))


def _constructs(task: Task, places: Places, capabilities: Capabilities, *, is_decided: bool) -> Iterator[Diagnostic]:
    for construct in _CONSTRUCTS:
        if not construct.asks(task) or (construct.name == WHEN and is_decided):
            continue
        span = _first_key(places, task.name, construct.keys)
        if construct.name in capabilities.unenforced:
            message = f'"{construct.shown}" is not enforced: {capabilities.unenforced[construct.name]}'
            yield Diagnostic("TRC503", message, span, severity="warning", task=task.name)
        elif not construct.always_run and construct.name not in capabilities.supports:
            remedy = capabilities.remedies.get(construct.name, _REMOVE)
            yield _refused(f'"{construct.shown}"', span, task.name, remedy)
    for number, rule in enumerate(task.dedupe if "dedupe" in capabilities.supports else ()):
        if rule.state == "waiting":
            span = text_span(places, ("tasks", task.name, "dedupe", number, "state"), rule.state)
            yield _refused('"dedupe" for the state "waiting"', span, task.name, _TWO_WAITING)
    is_repeated = task.for_each is not None and "for_each" in capabilities.supports
    if is_repeated and task.incremental is not None and task.incremental.by is not None:
        span = _first_key(places, task.name, (("incremental", "by"), ("incremental",)))
        remedy = "leave one of them out"
        yield _refused('"incremental" by partition of a task that is repeated for items', span, task.name, remedy)
    if "hooks" not in capabilities.supports:
        for event in dict.fromkeys(hook.event for hook in task.hooks):
            yield _refused(f'"on_{event}"', key_span(places, "tasks", task.name, f"on_{event}"), task.name)


def _first_key(places: Places, task: str, keys: tuple[Path, ...]) -> Span | None:
    written = next((path for path in keys if places.exact("tasks", task, *path)), ())
    return key_span(places, "tasks", task, *written)


_TWO_WAITING: Final = "write pending: tasks that wait for one another's needs would never begin"
_REMOVE: Final = "remove it to run the pipeline"
_LOCAL: Final = "this version reads and writes files of this machine: use a path"
_LOCAL_OR_S3: Final = "this version reads and writes files of this machine and objects on S3, and reads the web: use a path, or s3://bucket/key"
_PLAIN: Final = "write the value itself"


def _refused(what: str, span: Span | None, task: str | None, remedy: str = _REMOVE) -> Diagnostic:
    message = f"{what} is checked but not run by this version"
    return Diagnostic("TRC501", message, span, help=(remedy,), task=task)


def _unrunnable_type(task: Task, places: Places) -> Diagnostic:
    return Diagnostic(
        "TRC501",
        f'tasks of the type "{task.type}" are checked but not run by this version',
        places.span("tasks", task.name, "type"),
        help=('"trc check" and "trc graph" work; to run it, write it as a python or a shell task',),
        task=task.name,
    )


def _templates(task: Task, places: Places) -> Iterator[Diagnostic]:
    base: Path = ("tasks", task.name)
    texts = [(("params", *path), text) for path, text in params_texts(task.params)]
    texts += [
        (("environment", "env", name), value) for name, value in task.environment.env.items() if isinstance(value, str)
    ]
    for path, text in texts:
        start = _template(text)
        if start is not None:
            yield _refused("a template", _template_span(places, (*base, *path), text, start), task.name, _PLAIN)


def _template(text: str) -> int | None:
    """Where the first template of a text begins."""
    starts = [start for start in (text.find("{{"), text.find("{%")) if start >= 0]
    return min(starts, default=None)


def _template_span(places: Places, path: Path, text: str, start: int) -> Span | None:
    closing = {"{{": "}}", "{%": "%}"}[text[start : start + 2]]
    end = text.find(closing, start)
    return places.within(path, start, end + 2 if end >= 0 else start + 2)


def _is_refused(uri: str, capabilities: Capabilities) -> bool:
    return is_remote(uri) and REMOTE + normalise(uri, "/").partition("://")[0] not in capabilities.supports


def _instead(capabilities: Capabilities) -> str:
    return _LOCAL_OR_S3 if REMOTE + "s3" in capabilities.supports else _LOCAL


def _remote(task: Task, places: Places, capabilities: Capabilities) -> Iterator[Diagnostic]:
    for read in task.reads:
        if isinstance(read, UriRead) and not _is_readable(read.uri, task, capabilities):
            span = read_span(places, task, read)
            yield _refused(f'the remote location "{read.uri}"', span, task.name, _instead(capabilities))
    uris = {output.uri: output_span(places, task, output) for output in task.outputs if output.uri}
    uris |= {place: task_span(places, task.name) for place in task.fills if place not in uris}
    for uri, span in uris.items():
        if is_web(uri) or _is_refused(uri, capabilities):
            yield _refused(f'the remote location "{uri}"', span, task.name, _instead(capabilities))


def _is_readable(uri: str, task: Task, capabilities: Capabilities) -> bool:
    """Whether the task can read there: of what lies elsewhere it is given a copy, or it fetches that itself."""
    if is_git(uri):
        return uri.startswith(f"git+{task.params.get('url')}#")
    return not _is_refused(uri, capabilities)


def _pipeline_wide(pipeline: Pipeline, places: Places, capabilities: Capabilities) -> Iterator[Diagnostic]:
    if PARAMS not in capabilities.supports:
        for param in pipeline.params:
            yield _refused(f'the pipeline parameter "{param.name}"', key_span(places, "params", param.name), None)
    if PIPELINE_HOOKS not in capabilities.supports:
        for event in dict.fromkeys(hook.event for hook in pipeline.hooks):
            yield _refused(f'"on_{event}"', key_span(places, f"on_{event}"), None)
    for source in pipeline.sources:
        path: Path = ("sources", source.name, "uri")
        start = _template(source.uri)
        if start is not None:
            if TEMPLATES not in capabilities.supports:
                yield _refused("a template", _template_span(places, path, source.uri, start), None, _PLAIN)
        elif _is_refused(source.uri, capabilities):
            yield _refused(
                f'the remote location "{source.uri}"', text_span(places, path, source.uri), None, _instead(capabilities)
            )
