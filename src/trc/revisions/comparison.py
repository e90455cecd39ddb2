"""Compares a project in two revisions, or in one and in the working tree, which stays as it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

from trc.compiler.compare.change import Kind
from trc.compiler.compare.projects import paired, project_changes
from trc.compiler.compare.written import Written
from trc.revisions.checkout import Checkout, checked_out
from trc.revisions.contents import of_revision, of_working_tree
from trc.revisions.git import Repository, commit_of, find_repository, fork_of, kept_files, tracked_files
from trc.revisions.report import CodeChange, DiffReport, NotCompared, Revision, Where
from trc.revisions.shown import renaming
from trc.revisions.side import Reader, Side


def compare(folder: Path, base: str, head: str | None, reader: Reader, *, from_fork: bool) -> DiffReport:
    """What differs between two revisions of the pipelines below a folder; without `head`, to the working tree."""
    repository = find_repository(folder)
    before = Revision(base, fork_of(repository, base, head) if from_fork else commit_of(repository, base))
    after = Revision() if head is None else Revision(head, commit_of(repository, head))
    with ExitStack() as stack:
        checkout = stack.enter_context(_files_of(repository, before))
        old = _side(checkout, repository)
        if head is None:
            new = _working_tree(repository, checkout)
        else:
            new = _side(stack.enter_context(_files_of(repository, after)), repository)
        for side in (old, new):
            side.look(reader)
        # A file that has been a pipeline is judged as one where it says so no more.
        for side in (old, new):
            side.read(old.meant | new.meant, reader)
    return _report(before, after, old, new)


def _files_of(repository: Repository, revision: Revision) -> AbstractContextManager[Checkout]:
    assert revision.name is not None
    assert revision.commit is not None
    return checked_out(repository, revision.name, revision.commit, repository.inside)


def _side(checkout: Checkout, repository: Repository) -> Side:
    files, rename = of_revision(checkout), renaming(checkout.root, checkout.revision)
    return Side(checkout.root, repository.inside, files, rename, diagnostics=list(checkout.left_out))


def _working_tree(repository: Repository, base: Checkout) -> Side:
    kept = kept_files(repository)
    files = of_working_tree(repository.top, tracked_files(repository), base)
    return Side(repository.top, repository.inside, files, lambda text: text, kept.__contains__)


def _report(before: Revision, after: Revision, old: Side, new: Side) -> DiffReport:
    left, right, not_compared = _without_broken(old, new)
    pairing, code = paired(left, right), tuple(_code(old, new))
    return DiffReport(
        before,
        after,
        project_changes(pairing),
        code,
        not_compared,
        len(pairing) + len(old.code.keys() | new.code.keys()),
        (*old.diagnostics, *new.diagnostics),
        old.sources | new.sources,
    )


def _without_broken(old: Side, new: Side) -> tuple[list[Written], list[Written], tuple[NotCompared, ...]]:
    """The pipelines that can be compared: none that has mistakes on the other side, by its file or its name."""
    found: list[NotCompared] = []
    told: set[str] = set()
    for path in sorted(old.broken.keys() | new.broken.keys()):
        names = {name.casefold() for name in (old.broken.get(path), new.broken.get(path)) if name}
        others = {path, *_called(names, old), *_called(names, new)}
        in_old, in_new = others & old.broken.keys(), others & new.broken.keys()
        where: Where = "both" if in_old and in_new else "base" if in_old else "head"
        if path not in told:
            found.append(NotCompared(tuple(sorted(others)), where))
        told |= others
    files = {file for one in found for file in one.files}
    left = [one for one in old.pipelines if one.file not in files]
    right = [one for one in new.pipelines if one.file not in files]
    return left, right, tuple(found)


def _called(names: set[str], side: Side) -> Iterator[str]:
    """The files of a side whose pipelines have one of these names."""
    yield from (one.file for one in side.pipelines if one.pipeline.name.casefold() in names)
    yield from (path for path, name in side.broken.items() if name.casefold() in names)


def _code(old: Side, new: Side) -> Iterator[CodeChange]:
    for path in sorted(old.code.keys() | new.code.keys()):
        before, after = old.code.get(path), new.code.get(path)
        if before != after:
            kind: Kind = "added" if before is None else "removed" if after is None else "changed"
            yield CodeChange(kind, path)
