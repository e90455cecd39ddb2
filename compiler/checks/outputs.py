"""Checks of output locations: each can be written whole, by one task, and is no source."""

from __future__ import annotations

import posixpath
import re

from trc.compiler.checks.datasets import Datasets, Located
from trc.compiler.checks.spots import key_span, output_span
from trc.compiler.diagnostics.collector import Collector
from trc.compiler.diagnostics.diagnostic import Diagnostic, Label
from trc.compiler.ir.dataset import Source
from trc.compiler.ir.places import Places
from trc.compiler.ir.uris import is_glob, is_remote, normalise

STATE_FOLDER = ".trc"
_TELLS_ITEM = re.compile(r"\{\{\s*item\b")


def check_outputs(datasets: Datasets, places: Places, collect: Collector) -> None:
    """Report outputs that cannot be written whole, that collide, or that overwrite a source."""
    unwritable = {id(located) for located in datasets.located if _check_whole(located, datasets, places, collect)}
    fine = [located for located in datasets.located if id(located) not in unwritable]
    _check_collisions(fine, places, collect)
    _check_sources(fine, datasets, places, collect)


def _check_whole(located: Located, datasets: Datasets, places: Places, collect: Collector) -> bool:
    problem = _why_not_whole(located, datasets.project)
    if problem is None:
        return False
    reported = any(d.code == "TRC307" and d.task == located.task.name for d in collect.reported)
    if not reported:
        message, remedy = problem
        span = output_span(places, located.task, located.output)
        collect.add(Diagnostic("TRC307", message, span, help=(remedy,), task=located.task.name))
    return True


def _why_not_whole(located: Located, project: str) -> tuple[str, str] | None:
    raw = located.output.uri or ""
    is_template = "{{" in raw or "{%" in raw
    if not raw:
        return f'the output location of "{located.task.name}" is empty', "name a file, or leave the location out"
    if is_glob(raw) and not is_template:
        return f'the output "{raw}" is a pattern', "name one file: a pattern can be read, and not written"
    if re.search(r"[\x00-\x1f\x7f]", raw):
        return "an output location holds a control character", "leave it out of the name"
    if raw.lower().startswith(("http://", "https://")):
        return f'the output "{raw}" is a web address', "write to a file or an object"
    if raw.startswith("~"):
        return f'the output "{raw}" begins with "~"', "write the folder's whole path: home folders are not looked up"
    if posixpath.basename(raw) in ("", ".", "..") or (is_remote(raw) and raw.count("/") < 3):
        return (
            f'the output "{raw}" is a folder',
            f'name a file in it, such as "{raw.rstrip("/")}/{located.task.name}.parquet"',
        )
    if located.task.for_each is not None and not _TELLS_ITEM.search(raw):
        return (
            f'each item of "{located.task.name}" would write "{raw}"',
            "name the file after the item: {{ item }}, or leave the location out: readers find the outputs of all items",
        )
    state = posixpath.join(project, STATE_FOLDER)
    if located.uri == state or located.uri.startswith(state + "/"):
        return f'the output "{raw}" lies in "{STATE_FOLDER}/"', "choose another folder: that one is trc's own"
    return None


def _check_collisions(outputs: list[Located], places: Places, collect: Collector) -> None:
    first: dict[str, Located] = {}
    for located in outputs:
        earlier = first.setdefault(located.uri, located)
        if earlier is not located:
            collect.add(_one_location(located, earlier, places))
    for located in first.values():
        for folder in _folders(located.uri):
            if folder in first:
                collect.add(_file_as_folder(located, first[folder], places))
                break


def _folders(uri: str) -> list[str]:
    """The folders that a local file lies in; an object's key is no folder."""
    folders: list[str] = []
    while not is_remote(uri) and len(uri) > 1:
        uri = posixpath.dirname(uri)
        folders.append(uri)
    return folders


def _one_location(located: Located, earlier: Located, places: Places) -> Diagnostic:
    who = f'"{earlier.task.name}" and "{located.task.name}" both write'
    if located.task is earlier.task:
        who = f'two outputs of "{located.task.name}" are'
    return Diagnostic(
        "TRC303",
        f'{who} "{located.output.uri}"',
        output_span(places, located.task, located.output),
        related=_written_first(earlier, places),
        help=("give each its own location: readers could not tell whose data they see",),
        task=located.task.name,
    )


def _file_as_folder(located: Located, holder: Located, places: Places) -> Diagnostic:
    return Diagnostic(
        "TRC303",
        f'"{located.task.name}" writes into "{holder.output.uri}", which "{holder.task.name}" writes as a file',
        output_span(places, located.task, located.output),
        related=_written_first(holder, places),
        help=("give each its own location: nothing lies inside a file",),
        task=located.task.name,
    )


def _written_first(located: Located, places: Places) -> tuple[Label, ...]:
    span = output_span(places, located.task, located.output)
    return (Label(span, f'"{located.task.name}" writes it here'),) if span else ()


def _check_sources(outputs: list[Located], datasets: Datasets, places: Places, collect: Collector) -> None:
    fine = {id(located) for located in outputs}
    for source in datasets.sources:
        uri = normalise(source.uri, datasets.project)
        exact = datasets.at(uri)
        written = datasets.covered(uri) if is_glob(source.uri) else [exact] if exact else []
        for located in written:
            if id(located) in fine:
                collect.add(_overwritten(located, source, places))


def _overwritten(located: Located, source: Source, places: Places) -> Diagnostic:
    task = located.task.name
    what = "" if source.uri == located.output.uri else f' "{source.uri}"'
    declared = key_span(places, "sources", source.name)
    return Diagnostic(
        "TRC308",
        f'"{task}" writes "{located.output.uri}", which belongs to the source "{source.name}"',
        output_span(places, located.task, located.output),
        related=(Label(declared, f"the source{what} is declared here"),) if declared else (),
        help=(f'a source is what no task writes: read "{task}" instead, or write elsewhere',),
        task=task,
    )
