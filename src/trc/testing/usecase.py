"""`trc test` as a use case: finds the tests of pipelines, compiles each with its parameters, runs it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path

from trc.checking import moment_of, pipeline_files
from trc.compiler.checks.pipeline_tests import check_one_test
from trc.compiler.choices import NO_CHOICES, Choices
from trc.compiler.compile import Compiled, compile_file
from trc.compiler.context import Context
from trc.compiler.diagnostics.collector import Collector
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.source import SourceFile
from trc.contexts import context_of, refusal_code
from trc.runtime.errors import Stopped, stopped
from trc.settings import settings_for, with_environment
from trc.testing.report import Tested, TestReport
from trc.testing.run import run_test


def run_tests(paths: Sequence[Path], choices: Choices = NO_CHOICES, *, pattern: str | None = None) -> TestReport:
    """Runs the tests of pipeline files, and of those in folders; with `pattern`, those whose names match it.

    Nothing is read but the pipelines and, where columns are not declared, what files say of their columns. Nothing
    is written. A pipeline with mistakes keeps none of the others from being tested.
    """
    began, now, choices = time.monotonic(), moment_of(choices.at), with_environment(choices)
    work = _Work(choices, now, pattern)
    named = {path for path in paths if not path.is_dir()}
    for file in dict.fromkeys(found for path in paths for found in pipeline_files(path)):
        work.file(file, is_named=file in named)
    if pattern is not None and work.skipped and not work.tests and not work.wrong:
        known = ", ".join(f'"{name}"' for name in work.skipped[:_MOST_NAMES])
        raise stopped("TRC447", f'no test has "{pattern}" in its name', f"there are: {known}")
    told = work.collect.sorted()
    if told and work.wrong and not work.tests and refusal_code(told) != _WRONG_PIPELINE:
        raise Stopped(told, refusal_code(told), work.sources)
    return TestReport(tuple(work.tests), tuple(work.wrong), told, work.sources, time.monotonic() - began)


_MOST_NAMES = 8
_WRONG_PIPELINE = 2


@dataclass(slots=True)
class _Work:
    """What has been done so far; `skipped` are the names that the pattern does not match."""

    choices: Choices
    now: datetime
    pattern: str | None
    tests: list[Tested] = field(default_factory=list[Tested])
    wrong: list[str] = field(default_factory=list[str])
    skipped: list[str] = field(default_factory=list[str])
    collect: Collector = field(default_factory=Collector)
    sources: dict[str, SourceFile] = field(default_factory=dict[str, SourceFile])

    def file(self, file: Path, *, is_named: bool) -> None:
        context = context_of(settings_for(file), self.choices, self.now)
        compiled = compile_file(file, str(file), context)
        if compiled.is_part and not is_named:
            return
        self.take(compiled)
        if compiled.has_errors or compiled.pipeline is None:
            self.wrong.append(str(file))
            return
        groups: dict[str, list[int]] = {}
        for index, one in enumerate(compiled.pipeline.tests):
            if self.is_wanted(one.name):
                groups.setdefault(json.dumps(one.params, sort_keys=True), []).append(index)
            else:
                self.skipped.append(one.name)
        found = [tested for group in groups.values() for tested in self.group(file, group, context)]
        self.tests += [one for _, one in sorted(found, key=lambda pair: pair[0])]

    def is_wanted(self, name: str) -> bool:
        if self.pattern is None:
            return True
        # A bracket means itself: names may well hold one.
        pattern = self.pattern.casefold().replace("[", "[[]")
        return fnmatchcase(name.casefold(), f"*{pattern}*")

    def group(self, file: Path, group: Sequence[int], context: Context) -> Iterator[tuple[int, Tested]]:
        """Runs tests that give the same values to parameters."""
        began = time.monotonic()
        settled = replace(context, test=group[0], used=set[str]())
        compiled = compile_file(file, str(file), settled)
        self.sources.update(compiled.sources)
        for index in group:
            tested = self.one(file, index, settled, compiled)
            yield index, replace(tested, seconds=time.monotonic() - began)
            began = time.monotonic()

    def one(self, file: Path, index: int, context: Context, compiled: Compiled) -> Tested:
        pipeline, graph = compiled.pipeline, compiled.graph
        assert pipeline is not None
        assert graph is not None
        test, places = pipeline.tests[index], compiled.places
        tested = Tested(str(file), pipeline.name, test.name, places.span("tests", index, "name"), 0.0)
        own = Collector(list(compiled.diagnostics), list(compiled.allows))
        if not own.has_errors:
            check_one_test(index, pipeline, graph, compiled.schemas, places, context, own, compiled.settled)
        if not own.has_errors:
            run = run_test(index, compiled)
            own.extend(run.diagnostics)
            tested = replace(tested, compared=tuple(run.compared))
        told = _worth_telling(own.sorted())
        self.collect.extend(told)
        return replace(tested, diagnostics=told)

    def take(self, compiled: Compiled) -> None:
        self.sources.update(compiled.sources)
        self.collect.extend(_worth_telling(compiled.diagnostics))


def _worth_telling(diagnostics: Sequence[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Notes say what cannot be checked: that is for `check`, not for each test."""
    return tuple(one for one in diagnostics if one.severity != "note")
