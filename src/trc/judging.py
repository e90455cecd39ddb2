"""Judges one pipeline file: compiles it, and tells what was found and what that rests on."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from datetime import datetime

from trc.checking import Job
from trc.compiler.checks.summary import summary_of
from trc.compiler.choices import Choices
from trc.compiler.compile import Compiled, compile_file, compile_source
from trc.compiler.context import Context
from trc.compiler.diagnostics.collector import Collector
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.frontends.files import decoded
from trc.compiler.frontends.syntax import Mapping as Tree
from trc.compiler.ir.uris import is_remote, normalise
from trc.compiler.templates.moments import end_of_day, zone_named
from trc.contexts import check_choices, context_of
from trc.runtime import checked
from trc.runtime.folders import PROJECT_FILE
from trc.runtime.schemas import FileSchemas
from trc.runtime.standing import FOR_EVER
from trc.settings import Settings, project_files
from trc.verdict import Verdict, plain


def judge(job: Job, choices: Choices, now: datetime, began_ns: int) -> Verdict:
    """The verdict on a file; kept where the job says so, if all that it rests on was older than `began_ns`."""
    context = context_of(job.settings, choices, now)
    params = None if choices.params_file is None else checked.file_digest(str(choices.params_file))
    compiled = _compile(job, context)
    check_choices(choices, compiled)
    verdict = _verdict(str(job.file), compiled)
    if job.memory is not None and job.key is not None:
        basis = _basis(job, compiled, context, params, began_ns)
        if basis is not None:
            checked.remember(job.memory, job.key, basis, plain(verdict))
    return verdict


def _compile(job: Job, context: Context) -> Compiled:
    name = str(job.file)
    if job.content is None:
        return compile_file(job.file, name, context)
    collect = Collector()
    source = decoded(job.content, name, collect)
    if source is None:
        return Compiled(context.project, collect.sorted(), {})
    return compile_source(source, job.file, context, collect)


def _verdict(name: str, compiled: Compiled) -> Verdict:
    wanted = {name for one in compiled.diagnostics for name in _files_of(one)}
    summary = None
    if compiled.pipeline is not None:
        summary = summary_of(str(compiled.project), compiled.pipeline, compiled.places)
    sources = {name: source for name, source in compiled.sources.items() if name in wanted}
    brought = tuple(one for one in compiled.sources if one != name)
    tree = compiled.tree
    is_part = isinstance(tree, Tree) and tree.get("nodes") is None and tree.get("name") is None
    return Verdict(compiled.diagnostics, sources, summary, brought, is_part)


def _files_of(diagnostic: Diagnostic) -> Iterator[str]:
    if diagnostic.span is not None:
        yield diagnostic.span.file
    yield from (label.span.file for label in diagnostic.related)


def _basis(job: Job, compiled: Compiled, context: Context, params: str | None, began_ns: int) -> checked.Basis | None:
    """What the verdict rests on; None where that cannot be told, or may have changed meanwhile."""
    choices, settled = context.choices, compiled.settled
    holds_time = choices.at is None and context.used
    if holds_time and ("run.time" in context.used or settled is None):
        return None
    expires = end_of_day(settled.moment, zone_named(settled.zone)) if holds_time and settled else FOR_EVER
    files = {str(place): checked.file_digest(str(place)) for place in project_files(job.file)}
    if not _is_as_read(job.settings):
        return None
    if choices.params_file is not None:
        place = str(choices.params_file.absolute())
        files[place] = checked.file_digest(place)
        if files[place] != params:
            return None
    files |= {place: checked.file_digest(place) for place in _code_of(context)}
    data = _data(context, began_ns)
    if data is None:
        return None
    texts = {name: checked.digest_of(content) for name, content in context.seen.items()}
    return checked.Basis(str(context.project), texts, files, dict(context.listed), data, expires)


def _is_as_read(settings: Settings) -> bool:
    """Whether the project's file still says what the settings were read from."""
    path = settings.project / PROJECT_FILE
    try:
        text = path.read_bytes().removeprefix(b"\xef\xbb\xbf").decode()
    except FileNotFoundError:
        return settings.file is None
    except (OSError, UnicodeDecodeError):
        return False
    return text == settings.file.text if settings.file is not None else not text.strip()


def _code_of(context: Context) -> Iterator[str]:
    """The files of task types that are not trc's own: whoever works on them sees what they do."""
    roots = {type(one).__module__.partition(".")[0] for one in context.task_types.values()} - {"trc"}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file is not None and name.partition(".")[0] in roots:
            yield file


def _data(context: Context, began_ns: int) -> Mapping[str, tuple[tuple[str, checked.Identity], ...]] | None:
    asked = context.sources.asked if isinstance(context.sources, FileSchemas) else ()
    found: dict[str, tuple[tuple[str, checked.Identity], ...]] = {}
    for uri in asked:
        location = normalise(uri, str(context.project))
        if is_remote(location):
            continue
        there = checked.data_at(location)
        if there is None or not checked.is_settled(location, began_ns):
            return None
        found[location] = there
    return found
