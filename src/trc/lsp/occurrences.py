"""Where a pipeline names its tasks and sources: in ids, needs, inputs, tests, and in SQL."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from trc.compiler.checks.graph import Graph
from trc.compiler.checks.spots import items_span, need_span, query_path, read_span, text_span
from trc.compiler.compile import Compiled
from trc.compiler.ir.pipeline import Pipeline
from trc.compiler.ir.places import Path, Places
from trc.compiler.ir.task import Query, Task
from trc.compiler.ir.types import Known, Schema
from trc.compiler.source import Span
from trc.compiler.sql.parse import Parsed, parse
from trc.compiler.sql.tokens import Token, tokenize
from trc.compiler.sql.uses import Relation
from trc.lsp.ask import Ask


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A place that names a task or a source. `output` is set where it means one output of a task.

    `form` is how a name is written there: as a value of the file's own language, as one of its keys,
    or in SQL, where `within` is the SQL token and `task` the task whose query it is.
    """

    name: str
    span: Span
    form: Literal["value", "key", "sql"]
    output: str | None = None
    defines: bool = False
    task: str | None = None
    within: str = ""


def occurrences(compiled: Compiled) -> tuple[Occurrence, ...]:
    """All places of a pipeline that name its tasks and sources, by their places."""
    if compiled.pipeline is None or compiled.graph is None:
        return ()
    found = _Finder(compiled.pipeline, compiled.places, compiled.graph, compiled).all()
    return tuple(sorted(set(found), key=lambda one: (one.span.start, one.span.end)))


@dataclass(frozen=True, slots=True)
class _Finder:
    pipeline: Pipeline
    places: Places
    graph: Graph
    compiled: Compiled

    def all(self) -> Iterator[Occurrence]:
        for source in self.pipeline.sources:
            yield from self.named(source.name, text_span(self.places, ("sources", source.name), source.name), "key")
        for task in self.pipeline.tasks:
            span = text_span(self.places, ("tasks", task.name), task.name)
            yield from self.named(task.name, span, "value")
            yield from self.of_task(task)
        yield from self.tests()

    def named(self, name: str, span: Span | None, form: Literal["value", "key"]) -> Iterator[Occurrence]:
        if span is not None:
            yield Occurrence(name, span, form, defines=True)

    def of_task(self, task: Task) -> Iterator[Occurrence]:
        for index, need in enumerate(task.needs):
            yield from self.value(need.task, need_span(self.places, task, index), task)
        if task.for_each is not None and task.for_each.rows is not None:
            yield from self.value(task.for_each.rows, items_span(self.places, task), task)
        for index, one in enumerate(task.expect):
            if one.check == "relationships":
                to = str(one.arguments["to"])
                place = ("tasks", task.name, "expect", index, "relationships", "to")
                yield from self.value(to, text_span(self.places, place, to), task)
        if task.query is not None:
            yield from self.of_query(task, task.query)
            return
        for resolved in self.graph.inputs.get(task.name, ()):
            if resolved.read.kind == "dataset":
                dataset = resolved.read.dataset
                yield from self.value(dataset, read_span(self.places, task, resolved.read), task)

    def value(self, dataset: str, span: Span | None, task: Task) -> Iterator[Occurrence]:
        """A dataset's name that stands as a value: the task's part of `task.output`."""
        name, _, output = dataset.partition(".")
        known = self.known(name)
        if known is None or span is None or span == self.places.span("tasks", task.name):
            return
        exact = span.end - span.start == len(dataset)
        end = span.start + len(name) if exact else span.end
        yield Occurrence(known, Span(span.file, span.start, end), "value", output or None)

    def known(self, name: str) -> str | None:
        """The name as its thing is declared."""
        thing = self.pipeline.task(name) or self.pipeline.source(name)
        return thing.name if thing else None

    def tests(self) -> Iterator[Occurrence]:
        for index, test in enumerate(self.pipeline.tests):
            for part, rows in (("given", test.given), ("values", test.values), ("expect", test.expect)):
                for dataset in rows:
                    place = self.places.exact("tests", index, part, dataset)
                    name, _, output = dataset.partition(".")
                    known = self.known(name)
                    if known is not None and place is not None and place.key is not None:
                        whole = place.key.end - place.key.start == len(dataset)
                        end = place.key.start + len(name) if whole else place.key.end
                        span = Span(place.key.file, place.key.start, end)
                        yield Occurrence(known, span, "key", output or None)

    def of_query(self, task: Task, query: Query) -> Iterator[Occurrence]:
        parsed = parse(query.text)
        if not isinstance(parsed, Parsed) or query.param is None or query.is_untranslated:
            return
        tokens = {token.start: index for index, token in enumerate(tokenize(query.text))}
        listed = tokenize(query.text)
        for use in parsed.tables:
            if use.start in tokens:
                yield from self.in_sql(task, listed[tokens[use.start]], use.name)
        for start, select in parsed.scope_of:
            index = tokens.get(start)
            if index is not None and (dataset := self.qualified(parsed, listed, index, select)) is not None:
                yield from self.in_sql(task, listed[index], dataset)

    def in_sql(self, task: Task, token: Token, dataset: str) -> Iterator[Occurrence]:
        name, _, output = dataset.partition(".")
        known, path = self.known(name), query_path(task)
        if known is None or path is None or task.query is None:
            return
        span = self.written(path, token) if task.query.written is None else self.translated(path, token)
        if span is not None:
            yield Occurrence(known, span, "sql", output or None, task=task.name, within=token.text)

    def written(self, path: Path, token: Token) -> Span | None:
        # Where the next character begins: what is escaped is longer in the file than in the value.
        first, after = (self.places.within(path, place, place) for place in (token.start, token.end))
        if first is None or after is None:
            return None
        source = self.compiled.sources[first.file].text
        is_escaped = token.kind == "quoted" and source[: first.start].endswith("\\")
        return Span(first.file, first.start - is_escaped, after.start)

    def translated(self, path: Path, token: Token) -> Span | None:
        """A name in a query of another dialect: only where it is surely spelled as in the translation."""
        span = self.places.within(path, token.start, token.end)
        text = self.compiled.sources[span.file].text[span.start : span.end] if span is not None else ""
        return span if token.kind == "word" and text == token.text else None

    def qualified(self, parsed: Parsed, tokens: tuple[Token, ...], index: int, select: int) -> str | None:
        """The dataset that a column's first word names, if it is one: in `clean.amount`, and as a row in `clean`."""
        chain = _chain(tokens, index)
        while select >= 0:
            relations = parsed.scopes[select]
            for relation in relations:
                if relation.alias.casefold() == chain[0].casefold() or (
                    not relation.named and _spells(relation, chain)
                ):
                    return relation.table if self.names_table(relation, chain, relations) else None
            select = parsed.around[select]
        return None

    def names_table(self, relation: Relation, chain: list[str], relations: tuple[Relation, ...]) -> bool:
        if relation.named or not _spells(relation, chain):
            return False
        return len(chain) > 1 or not any(self.may_have(one, chain[0]) for one in relations)

    def may_have(self, relation: Relation, column: str) -> bool:
        """Whether a column of that name may be meant instead."""
        schema = self.schema(relation.table) if relation.table else None
        if not isinstance(schema, Known):
            return True
        return column.casefold() in {one.name.casefold() for one in schema.columns}

    def schema(self, dataset: str) -> Schema | None:
        return schema_of(self.compiled, dataset)


def _spells(relation: Relation, chain: list[str]) -> bool:
    """Whether a dotted name begins with the name of a table."""
    if relation.table is None:
        return False
    parts = relation.table.casefold().split(".")
    return [word.casefold() for word in chain[: len(parts)]] == parts


def _chain(tokens: tuple[Token, ...], index: int) -> list[str]:
    chain = [tokens[index].name or ""]
    while index + 2 < len(tokens) and tokens[index + 1].text == ".":
        index += 2
        chain.append(tokens[index].name or "")
    return chain


def schema_of(compiled: Compiled, dataset: str) -> Schema | None:
    """The columns of a source, of a task's only output, or of `task.output`; None where there is no such thing."""
    if compiled.pipeline is None:
        return None
    name, _, output = dataset.partition(".")
    source = compiled.pipeline.source(name)
    if source is not None:
        return compiled.schemas.get(("", source.name))
    task = compiled.pipeline.task(name)
    if task is None:
        return None
    written = [one for one in task.outputs if not output or one.name.casefold() == output.casefold()]
    return compiled.schemas.get((task.name, written[0].name)) if len(written) == 1 else None


def at(ask: Ask, found: tuple[Occurrence, ...]) -> Occurrence | None:
    """The occurrence that the place lies in."""
    return next((one for one in found if ask.covers(one.span)), None)
