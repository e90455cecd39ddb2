"""Judges one pipeline file: compiles it, and tells what was found and what that rests on."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, time
from typing import Final

from trc.checking import Job
from trc.compiler.checks.summary import summary_of
from trc.compiler.choices import Choices
from trc.compiler.compile import Compiled, compile_file, compile_source
from trc.compiler.context import Context
from trc.compiler.diagnostics.collector import Collector
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.frontends.files import decoded
from trc.compiler.ir.uris import is_remote, normalise
from trc.compiler.queries import Found, Queries
from trc.compiler.templates.moments import end_of_day, zone_named
from trc.contexts import check_choices, context_of
from trc.runtime import checked
from trc.runtime.folders import PROJECT_FILE
from trc.runtime.schemas import FileSchemas
from trc.runtime.standing import FOR_EVER
from trc.settings import Settings, project_files
from trc.verdict import Verdict, plain

_HASTE: Final = frozenset({"TRC108", "TRC113"})
"""What is told of a file that takes too long or nests too deep: another time it might not."""


def judge(job: Job, choices: Choices, now: datetime, began_ns: int) -> Verdict:
    """The verdict on a file; kept where the job says so, if all that it rests on was older than `began_ns`."""
    context = replace(context_of(job.settings, choices, now, online=job.online), queries=_queries_before(job))
    params = None if choices.params_file is None else checked.file_digest(str(choices.params_file))
    compiled = _compile(job, context)
    check_choices(choices, compiled)
    verdict = _verdict(str(job.file), compiled)
    if job.memory is not None and job.key is not None:
        basis = _basis(job, compiled, context, params, began_ns)
        if basis is not None:
            checked.remember(job.memory, job.key, basis, plain(verdict))
        _keep_queries(job, context.queries)
    return verdict


def _queries_before(job: Job) -> Queries | None:
    """What was found of the file's queries before; None where that is not to be remembered."""
    if job.memory is None or job.queries is None:
        return None
    kept = checked.values(job.memory, job.queries)
    if not isinstance(kept, dict):
        return Queries()
    found = {text: Found(*one) for text, one in kept["found"].items()}
    return Queries(found, translated_before=kept["translated"])


def _keep_queries(job: Job, queries: Queries | None) -> None:
    if job.memory is None or job.queries is None or queries is None:
        return
    if queries.now != queries.before or queries.translated_now != queries.translated_before:
        found = {text: tuple(one) for text, one in queries.now.items()}
        checked.keep(job.memory, job.queries, {"found": found, "translated": queries.translated_now})


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
    return Verdict(compiled.diagnostics, sources, summary, brought, compiled.is_part)


def _files_of(diagnostic: Diagnostic) -> Iterator[str]:
    if diagnostic.span is not None:
        yield diagnostic.span.file
    yield from (label.span.file for label in diagnostic.related)


def _basis(job: Job, compiled: Compiled, context: Context, params: str | None, began_ns: int) -> checked.Basis | None:
    """What the verdict rests on; None where that cannot be told, or may have changed meanwhile."""
    choices, settled = context.choices, compiled.settled
    if any(one.code in _HASTE for one in compiled.diagnostics):
        return None
    holds_time = choices.at is None and context.used
    if holds_time and ("run.time" in context.used or settled is None):
        return None
    since, expires = 0.0, FOR_EVER
    if holds_time and settled is not None:
        zone = zone_named(settled.zone)
        since = datetime.combine(settled.moment.astimezone(zone).date(), time(), zone).timestamp()
        expires = end_of_day(settled.moment, zone)
    files = {str(place): checked.file_digest(str(place)) for place in project_files(job.file)}
    if not _is_as_read(job.settings):
        return None
    if choices.params_file is not None:
        place = str(choices.params_file.absolute())
        files[place] = checked.file_digest(place)
        if files[place] != params:
            return None
    code = tuple(_code_of(context))
    if not checked.is_settled(code, began_ns):
        return None
    files |= {place: checked.file_digest(place) for place in code}
    data = _data(context, began_ns)
    if data is None:
        return None
    texts = {name: checked.digest_of(content) for name, content in context.seen.items()}
    return checked.Basis(str(context.project), texts, files, dict(context.listed), data, expires, since)


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
    """The files of task types that are not trc's own, and of what they may have imported that is no installed package.

    Whoever works on them sees what they do.
    """
    roots = {type(one).__module__.partition(".")[0] for one in context.task_types.values()} - {"trc"}
    if not roots:
        return
    told = tuple(f"{sysconfig.get_path(name)}/" for name in ("stdlib", "platstdlib", "purelib", "platlib"))
    for name, module in list(sys.modules.items()):
        file, root = getattr(module, "__file__", None), name.partition(".")[0]
        if file is not None and root not in ("trc", "__main__") and (root in roots or not file.startswith(told)):
            yield os.path.abspath(file)  # noqa: PTH100 - as it was loaded


def _data(context: Context, began_ns: int) -> Mapping[str, tuple[tuple[str, checked.Identity], ...]] | None:
    sources = context.sources
    asked = sources.asked if isinstance(sources, FileSchemas) else ()
    found: dict[str, tuple[tuple[str, checked.Identity], ...]] = {}
    for uri in asked:
        location = normalise(uri, str(context.project))
        if is_remote(location):
            continue
        there = checked.data_at(location)
        if there is None:
            return None
        files = tuple(path for path, _ in there)
        if not checked.is_settled(files, began_ns):
            return None
        # One that is gone by now was read before.
        if isinstance(sources, FileSchemas) and not sources.read_as(location, files):
            return None
        found[location] = there
    return found
