"""Settles what templates can name: the parameters' values, the target, the run's logical time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from trc.compiler.choices import PARAM_VARIABLE
from trc.compiler.context import Context
from trc.compiler.diagnostics.collector import Collector
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.diagnostics.nearest import did_you_mean
from trc.compiler.frontends import lower_parts
from trc.compiler.frontends.params_file import params_file
from trc.compiler.frontends.reading import Subject, boolean, json_value, misplaced_secret
from trc.compiler.frontends.secrets import first_secret
from trc.compiler.frontends.syntax import Entry, Mapping, Node, Scalar, Sequence
from trc.compiler.ir.pipeline import Param, ParamType
from trc.compiler.source import SourceFile, Span
from trc.compiler.templates.mistake import Mistake, Unsettled
from trc.compiler.templates.moments import logical_time, zone_named
from trc.compiler.templates.names import Settled, jinja, world
from trc.compiler.templates.segments import has_template
from trc.compiler.templates.values import Misfit, typed_value
from trc.compiler.templates.words import RESERVED

_SHARED: Final = ("postgresql://", "postgres://", "s3://")


@dataclass(frozen=True, slots=True)
class Given:
    """A value of a parameter from one place: `node` in a file, or `text` from elsewhere."""

    origin: str
    span: Span | None
    text: str | None = None
    node: Node | None = None


def settle(root: Mapping, context: Context, collect: Collector, sources: dict[str, SourceFile]) -> Settled:
    """Settles the parameters of a pipeline; what is wrong with a value goes to `collect`."""
    zone = _zone(root)
    settled = Settled(logical_time(context.choices.at, context.now, zone_named(zone)), zone)
    _choose_target(root, settled, context, collect)
    _Params(root, settled, context, collect, sources).settle()
    return settled


def _zone(root: Mapping) -> str:
    schedule = root.get("schedule")
    zone = schedule.get("timezone") if isinstance(schedule, Mapping) else None
    return zone.value if isinstance(zone, Scalar) else "UTC"


def _choose_target(root: Mapping, settled: Settled, context: Context, collect: Collector) -> None:
    declared = root.get("targets")
    entries = declared.entries if isinstance(declared, Mapping) else ()
    settled.targets = tuple(entry.key.value for entry in entries)
    wanted = context.choices.target_name
    if wanted is None:
        return
    found = next((entry for entry in entries if entry.key.value == wanted), None)
    if found is None:
        origin = "--target" if context.choices.target else "TRC_TARGET"
        known = f"its targets are: {', '.join(settled.targets)}" if entries else 'it declares none, under "targets"'
        remedy = (*did_you_mean(wanted, settled.targets), known)
        collect.add(
            Diagnostic("TRC504", f'the pipeline has no target "{wanted}", which {origin} asks for', help=remedy)
        )
        settled.wrong_target = True
        return
    settled.target = wanted
    backend = found.value.get("backend") if isinstance(found.value, Mapping) else None
    if isinstance(backend, Scalar):
        settled.backend, settled.backend_span = backend.value, backend.span
    optimise = found.value.get("optimise") if isinstance(found.value, Mapping) else None
    if optimise is not None:
        # What is wrong with it is told when targets are lowered.
        settled.optimise = boolean(optimise, Subject(Collector(), "optimise"))
    state = found.value.entry("state") if isinstance(found.value, Mapping) else None
    if state is not None and context.must_settle:
        _refuse_state(wanted, state, context, collect)


def _refuse_state(target: str, state: Entry, context: Context, collect: Collector) -> None:
    """All but a database or a bucket that the project file names: the commands that look at runs read no pipelines."""
    is_shared = isinstance(state.value, Scalar) and state.value.value.startswith(_SHARED)
    span, project_file = state.key.span, context.project_file
    if not is_shared:
        message = f'the state of the target "{target}" is checked but not used by this version'
        remedy = (
            'remove "state": the state lies in ".trc", beside the project file, in a database of PostgreSQL or on S3'
        )
        collect.add(Diagnostic("TRC501", message, span, help=(remedy,)))
    elif project_file is None or span.file != project_file.name:
        message = f'the state of the target "{target}" is not read from a pipeline'
        remedy = f"write it into trc.toml, where every command finds it: [targets.{target}]"
        collect.add(Diagnostic("TRC501", message, span, help=(remedy,)))


class _Params:
    def __init__(
        self, root: Mapping, settled: Settled, context: Context, collect: Collector, sources: dict[str, SourceFile]
    ) -> None:
        self.settled = settled
        self.context = context
        self.collect = collect
        self.sources = sources
        node = root.get("params")
        self.entries = {one.key.value: one for one in node.entries} if isinstance(node, Mapping) else {}
        # What is wrong with the declarations is told when they are lowered.
        declared = lower_parts.params(node, Subject(Collector(), "params")) if node else ()
        self.declared: dict[str, Param] = {one.name: one for one in declared or ()}
        self.root = root

    def settle(self) -> None:
        given: dict[str, list[Given]] = {}
        for name, one in self.given():
            given.setdefault(name, []).append(one)
        for name, param in self.declared.items():
            self.check_default(param)
            if name in RESERVED:
                remedy = ("give it another name",)
                message = f'a parameter cannot be called "{name}": in templates that is a word of its own'
                self.collect.add(Diagnostic("TRC207", message, self.entries[name].key.span, help=remedy))
            self.settle_one(param, given.get(name, []))
        self.check_tests()

    def settle_one(self, param: Param, given: list[Given]) -> None:
        entry = self.entries[param.name]
        if given:
            self.put(param, given[-1])
        elif param.has_default and isinstance(entry.value, Mapping) and (default := entry.value.entry("default")):
            self.put(param, Given("its default", default.value.span, node=default.value))
        else:
            self.settled.missing[param.name] = entry.key.span

    def given(self) -> Iterator[tuple[str, Given]]:
        """Every value that is given beside the declarations, the weightier later."""
        choices = self.context.choices
        target = self.target_params()
        if target is not None:
            yield from self.of_tree(target, f'the target "{self.settled.target}"')
        if choices.params_file is not None:
            tree = params_file(choices.params_file, self.collect, self.sources)
            if tree is not None:
                yield from self.of_tree(tree, f'"{choices.params_file}"')
            else:
                # Whether it would have given them is not known, so that they are missing is not told.
                self.settled.wrong.update(self.declared)
        yield from self.of_environment()
        for name, text in choices.params:
            if name in self.declared:
                yield name, Given("--param", None, text)
            elif name not in self.entries:
                self.unknown(name, "--param", None)
        for index, test in self.tests():
            if index == self.context.test:
                yield from self.of_test(test)

    def tests(self) -> Iterator[tuple[int, Mapping]]:
        """The tests that give values to parameters, by their place among all."""
        written = self.root.get("tests")
        for index, test in enumerate(written.items if isinstance(written, Sequence) else ()):
            if isinstance(test, Mapping) and isinstance(test.get("params"), Mapping):
                yield index, test

    def of_test(self, test: Mapping) -> Iterator[tuple[str, Given]]:
        name, params = test.get("name"), test.get("params")
        called = f'the test "{name.value}"' if isinstance(name, Scalar) else "a test"
        return self.of_tree(params, called) if isinstance(params, Mapping) else iter(())

    def check_tests(self) -> None:
        """What tests give to parameters, whether or not one of them is going to be run."""
        for index, test in self.tests():
            if index == self.context.test:
                continue
            for name, given in self.of_test(test):
                if given.node is None or _is_template(given.node) or first_secret(given.node) is not None:
                    continue
                # What is no value at all is told of when the tests are lowered.
                held = _written_value(given.node, self.declared[name].type, Collector())
                try:
                    typed_value(self.declared[name].type, None if held is None else held[0])
                except Misfit as misfit:
                    self.misfit(self.declared[name], given, misfit)

    def target_params(self) -> Mapping | None:
        targets = self.root.get("targets")
        target = targets.get(self.settled.target or "") if isinstance(targets, Mapping) else None
        params = target.get("params") if isinstance(target, Mapping) else None
        return params if isinstance(params, Mapping) else None

    def of_tree(self, tree: Mapping, origin: str) -> Iterator[tuple[str, Given]]:
        for entry in tree.entries:
            if entry.key.value in self.declared:
                yield entry.key.value, Given(origin, entry.value.span, node=entry.value)
            elif entry.key.value not in self.entries:
                self.unknown(entry.key.value, origin, entry)

    def of_environment(self) -> Iterator[tuple[str, Given]]:
        variables = {PARAM_VARIABLE + name.upper().replace("-", "_"): name for name in self.declared}
        for variable, text in self.context.choices.environment:
            if variable in variables:
                yield variables[variable], Given(variable, None, text)
            elif variable.startswith(PARAM_VARIABLE) and (meant := did_you_mean(variable, variables)):
                # Others may be meant for other pipelines.
                message = f'the variable "{variable}" gives a value to no parameter'
                self.collect.add(Diagnostic("TRC213", message, None, help=meant, severity="warning"))

    def unknown(self, name: str, origin: str, entry: Entry | None) -> None:
        known = f"the parameters are: {', '.join(self.declared)}" if self.declared else "it declares none"
        remedy = did_you_mean(name, self.declared) or (known,)
        message = f'the pipeline has no parameter "{name}", to which {origin} gives a value'
        self.collect.add(Diagnostic("TRC213", message, entry.key.span if entry else None, help=remedy))

    def check_default(self, param: Param) -> None:
        """A default that does not fit is a mistake, whether it is used or not."""
        raw = param.default
        if (
            not param.has_default
            or not lower_parts.fits(raw, param.type)
            or (isinstance(raw, str) and has_template(raw))
        ):
            return
        try:
            typed_value(param.type, raw)
        except Misfit as misfit:
            self.misfit(param, Given("its default", self.default_span(param)), misfit)

    def default_span(self, param: Param) -> Span | None:
        node = self.entries[param.name].value
        default = node.get("default") if isinstance(node, Mapping) else None
        return default.span if default else None

    def put(self, param: Param, given: Given) -> None:
        raw: object = given.text
        if given.node is not None and first_secret(given.node) is not None:
            # Of what stands in a pipeline, lowering tells it.
            if given.origin != "its default" and not given.origin.startswith(("the target", "the test")):
                misplaced_secret(given.node, Subject(self.collect, f'the value of "{param.name}"'))
            self.leave_open(param)
            return
        if given.node is not None:
            held = self.read(given.node, param.type)
            if held is None:
                self.leave_open(param)
                return
            raw = held[0]
        try:
            self.settled.values[param.name] = typed_value(param.type, raw)
        except Misfit as misfit:
            is_plain_default = given.origin == "its default" and not _is_template(given.node)
            if not is_plain_default:
                self.misfit(param, given, misfit)
            self.leave_open(param)

    def leave_open(self, param: Param) -> None:
        """A mistake in the value is told of: that there is none need not be."""
        self.settled.missing[param.name] = self.entries[param.name].key.span
        self.settled.wrong.add(param.name)

    def read(self, node: Node, kind: ParamType) -> tuple[object] | None:
        """The value that stands in a file, in a tuple; None where it is not settled, or a mistake is reported."""
        if not _is_template(node):
            return _written_value(node, kind, self.collect)
        assert isinstance(node, Scalar)
        try:
            return (jinja().rendered_value(node, world(self.settled, self.context)),)
        except Mistake as mistake:
            later = next((name for name in self.declared if f'"{name}"' in mistake.message), None)
            if mistake.code == "TRC114" and later is not None:
                mistake.help = (f'a default can name the parameters above it: declare "{later}" first',)
            self.collect.add(at_scalar(mistake, node))
        except Unsettled as unsettled:
            if unsettled.name.startswith("target.") and not self.settled.wrong_target:
                self.collect.add(no_target(node.span, unsettled.name, self.settled, is_needed=self.context.must_settle))
        return None

    def misfit(self, param: Param, given: Given, misfit: Misfit) -> None:
        shown = f' "{given.text[:60]}",' if given.text is not None else ""
        message = f'the value of "{param.name}" from {given.origin} is{shown} {misfit}'
        remedy = (f'"{param.name}" is declared as {param.type}',)
        self.collect.add(Diagnostic("TRC209", message, given.span, help=remedy))


def _written_value(node: Node, kind: ParamType, collect: Collector) -> tuple[object] | None:
    """The value that a node without a template spells, in a tuple; None where that is a mistake, which is reported."""
    mistakes = Collector()
    held = json_value(node, Subject(mistakes, "the value"))
    collect.extend(mistakes.reported)
    if mistakes.has_errors or held is None:
        return None
    # A number keeps the digits that were written.
    if kind == "number" and isinstance(node, Scalar) and isinstance(held.value, float):
        return (node.value,)
    return (held.value,)


def _is_template(node: Node | None) -> bool:
    return isinstance(node, Scalar) and has_template(node.value)


def at_scalar(mistake: Mistake, scalar: Scalar, task: str | None = None) -> Diagnostic:
    """A mistake in a text of the tree, at its place in the file."""
    end = len(scalar.value) if mistake.end is None else mistake.end
    return Diagnostic(mistake.code, mistake.message, scalar.map.span(mistake.start, end), help=mistake.help, task=task)


def missing_value(name: str, settled: Settled, *, is_needed: bool, in_test: bool = False) -> Diagnostic:
    """Tells that a parameter has no value: a mistake where one is needed, a note where things are only checked."""
    span = settled.missing[name]
    variable = PARAM_VARIABLE + name.upper().replace("-", "_")
    remedy = f"give one with --param {name}=…, in a file for --params, in {variable}, or as its default"
    if in_test:
        remedy = f'give one under "params" of the test, with --param {name}=…, or as its default'
    if is_needed:
        return Diagnostic("TRC214", f'the parameter "{name}" has no value', span, help=(remedy,))
    message = f'the parameter "{name}" has no value, so what uses it is not checked in full'
    return Diagnostic("TRC214", message, span, help=(remedy,), severity="note")


def no_target(span: Span | None, name: str, settled: Settled, *, is_needed: bool) -> Diagnostic:
    """Tells that no target is chosen, and that something asks for it."""
    known = f"; there are: {', '.join(settled.targets)}" if settled.targets else ""
    remedy = (f"choose one with --target NAME or TRC_TARGET{known}",)
    message = f'no target is chosen, so "{name}" has no value'
    return Diagnostic("TRC117", message, span, help=remedy, severity="error" if is_needed else "note")
