"""The whole chain, one function: read, parse, settle, render, lower, check."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from trc.compiler.checks.calls import check_calls
from trc.compiler.checks.contracts import check_contracts
from trc.compiler.checks.environments import NO_ENVIRONMENTS, Environments, check_environments
from trc.compiler.checks.graph import Graph, resolve
from trc.compiler.checks.partitions import check_partitions
from trc.compiler.checks.pipeline_tests import check_pipeline_tests
from trc.compiler.checks.sql import check_sql
from trc.compiler.checks.values import check_values
from trc.compiler.context import Context
from trc.compiler.diagnostics.allow import Allow
from trc.compiler.diagnostics.collector import Collector
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.frontends import toml
from trc.compiler.frontends.allowing import read_allows
from trc.compiler.frontends.files import read
from trc.compiler.frontends.imports import with_imports, with_project
from trc.compiler.frontends.languages import tree_of
from trc.compiler.frontends.lower import lower
from trc.compiler.frontends.secrets import ALLOWED, first_secret
from trc.compiler.frontends.syntax import Mapping as Tree
from trc.compiler.frontends.syntax import Node, Scalar, Sequence
from trc.compiler.ir.pipeline import Pipeline
from trc.compiler.ir.places import Places
from trc.compiler.ir.types import Schema
from trc.compiler.source import SourceFile, Span
from trc.compiler.sql.memory import plain_before
from trc.compiler.sql.skim import learn, skim_all
from trc.compiler.templates.names import Settled
from trc.compiler.templates.render import render
from trc.compiler.templates.settle import settle


@dataclass(frozen=True, slots=True)
class Compiled:
    """What is known of a pipeline after all checks.

    `pipeline` and `graph` are None where the file could not be read that far; with errors among the
    diagnostics they hold what is right. `schemas` are by `(task, output)`, and by `("", source)`.
    `tree` is what the text says before anything is understood; None where it could not be parsed.
    What comments allow is not among the diagnostics; `allows` is for what later stages report.
    """

    project: Path
    diagnostics: tuple[Diagnostic, ...]
    sources: Mapping[str, SourceFile]
    tree: Node | None = None
    pipeline: Pipeline | None = None
    places: Places = field(default_factory=Places)
    graph: Graph | None = None
    schemas: Mapping[tuple[str, str], Schema] = field(default_factory=dict[tuple[str, str], Schema])
    settled: Settled | None = None
    allows: tuple[Allow, ...] = ()
    environments: Environments = NO_ENVIRONMENTS

    @property
    def is_part(self) -> bool:
        """Whether the text declares no pipeline and no task: others may import what it does declare."""
        return isinstance(self.tree, Tree) and self.tree.get("nodes") is None and self.tree.get("name") is None

    @property
    def head(self) -> Span | None:
        """Where it is told what the text as a whole lacks."""
        return self.tree.head if isinstance(self.tree, Tree) else None

    @property
    def has_errors(self) -> bool:
        return any(diagnostic.severity == "error" for diagnostic in self.diagnostics)


def compile_file(path: Path, name: str, context: Context) -> Compiled:
    """Compiles the pipeline in the file at `path`, which diagnostics call `name`."""
    collect = Collector()
    file = read(path, name, collect)
    if file is None:
        return Compiled(context.project, collect.sorted(), {})
    return compile_source(file, path, context, collect)


def compile_source(file: SourceFile, path: Path, context: Context, collect: Collector) -> Compiled:
    """Compiles the text of the pipeline at `path`; what reading it has reported is in `collect`."""
    sources = {file.name: file}
    read_allows(file, collect)
    tree = tree_of(file, path, context, collect)
    if tree is None:
        return Compiled(context.project, collect.sorted(), sources)
    written = tree
    settled: Settled | None = None
    if isinstance(tree, Tree):
        imported = with_imports(_in_project(tree, context, sources, collect), file, path, context, collect, sources)
        settled = settle(imported.root, context, collect, sources)
        tree = render(imported.root, settled, imported.macros, context, collect)
        queries = tuple(_queries(tree))
        learn(plain_before(context.queries, queries))
        skim_all(queries)
    lowered = lower(tree, file, context, collect)
    if lowered is None:
        return Compiled(context.project, collect.sorted(), sources, written, settled=settled)
    pipeline, places = lowered.pipeline, lowered.places
    check_values(pipeline, places, collect)
    check_calls(pipeline, places, context.network, collect)
    graph = resolve(pipeline, places, collect, lowered.names, str(context.project))
    environments = check_environments(pipeline, places, context, collect)
    schemas = check_sql(pipeline, graph, places, context, collect, engines=environments.engines)
    check_partitions(pipeline, graph, schemas, places, collect)
    check_contracts(pipeline, graph, schemas, places, context, collect)
    check_pipeline_tests(pipeline, graph, schemas, places, context, collect, lowered.names, settled)
    if context.test is None:
        collect.tell_idle_allows()
    told, allows = collect.sorted(), tuple(collect.allows)
    return Compiled(
        context.project, told, sources, written, pipeline, places, graph, schemas, settled, allows, environments
    )


def _queries(tree: Tree) -> Iterator[str]:
    """The texts of SQL in the tasks' parameters, as far as they can be told before tasks are understood."""
    nodes = tree.get("nodes")
    for node in nodes.items if isinstance(nodes, Sequence) else ():
        params = node.get("params") if isinstance(node, Tree) else None
        sql = params.get("sql") if isinstance(params, Tree) else None
        if isinstance(sql, Scalar) and sql.value.strip():
            yield sql.value if sql.translated is None else sql.translated.sql


def _in_project(tree: Tree, context: Context, sources: dict[str, SourceFile], collect: Collector) -> Tree:
    """The tree over what the project file says for all its pipelines."""
    file = context.project_file
    # What is wrong with the file itself was told when the project's settings were read.
    project = None if file is None else toml.parse(file, Collector())
    if file is None or project is None:
        return tree
    sources[file.name] = file
    hidden = first_secret(project)
    if hidden is not None:
        message = "the project file holds a secret, and a pipeline says itself which secrets its tasks are given"
        collect.add(Diagnostic("TRC220", message, hidden.span, help=(ALLOWED,)))
        return tree
    return with_project(tree, project)
