"""The check of a pipeline's SQL: columns flow from task to task, and mistakes do not."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from trc.compiler.checks.graph import resolve
from trc.compiler.checks.sql import check_sql
from trc.compiler.context import Context
from trc.compiler.diagnostics.collector import Collector
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.ir.dataset import Column, Source
from trc.compiler.ir.formats import Format, format_of
from trc.compiler.ir.pipeline import Pipeline
from trc.compiler.ir.places import Path, Place, Places
from trc.compiler.ir.task import ForEach, Task
from trc.compiler.ir.types import Known, Schema, Unknown
from trc.compiler.source import ScalarMap, Segment, SourceFile, Span
from trc.compiler.tasktype import Scope
from trc.stdlib_tasks.duckdb_sql.type import DuckdbSql
from trc.stdlib_tasks.python.type import Python

ORDERS = {"order_id": "BIGINT", "customer_id": "BIGINT", "amount": "DOUBLE"}


def columns(types: Mapping[str, str]) -> tuple[Column, ...]:
    return tuple(Column(name=name, type=kind) for name, kind in types.items())


class Reader:
    """Knows the files that it is given."""

    def __init__(self, files: Mapping[str, Mapping[str, str]]) -> None:
        self.files = files

    def schema(self, uri: str, fmt: Format) -> Schema:  # noqa: ARG002 - the interface of all readers
        return Known(columns(self.files[uri])) if uri in self.files else Unknown(f'"{uri}" is not there')


@dataclass
class Project:
    """Tasks and sources written one after the other into one text, so that places can be compared with it."""

    text: str = ""
    table: dict[Path, Place] = field(default_factory=dict[Path, Place])
    tasks: list[Task] = field(default_factory=list[Task])
    sources: list[Source] = field(default_factory=list[Source])
    known_names: set[str] = field(default_factory=set[str])
    files: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    collect: Collector = field(default_factory=Collector)
    schemas: Mapping[tuple[str, str], Schema] = field(default_factory=dict[tuple[str, str], Schema])

    def write(self, path: Path, value: str) -> None:
        start = len(self.text)
        self.text += value + "\n"
        whole = Span("p.yaml", start, start + len(value))
        self.table[path] = Place(whole, text=ScalarMap(whole, (Segment(0, start, len(value)),)))

    def declare(self, path: Path, declared: Mapping[str, str]) -> tuple[Column, ...]:
        self.write(path, "columns")
        for name, kind in declared.items():
            self.write((*path, name), kind)
        return columns(declared)

    def source(self, name: str, uri: str, declared: Mapping[str, str] | None = None) -> Self:
        given = self.declare(("sources", name, "columns"), declared) if declared else None
        self.sources.append(Source(name=name, uri=uri, format=format_of(uri), columns=given))
        return self

    def sql(
        self,
        name: str,
        sql: str,
        *,
        declared: Mapping[str, str] | None = None,
        for_each: ForEach | None = None,
        **params: Any,
    ) -> Self:
        self.write(("tasks", name), name)
        self.write(("tasks", name, "params", "sql"), sql)
        given = self.declare(("tasks", name, "columns"), declared) if declared else None
        self.add(name, DuckdbSql(), {"sql": sql, **params}, columns=given, for_each=for_each)
        return self

    def python(self, name: str, declared: Mapping[str, str] | None = None, **params: Any) -> Self:
        self.write(("tasks", name), name)
        given = self.declare(("tasks", name, "columns"), declared) if declared else None
        self.add(name, Python(), {"entrypoint": "code.py:run", **params}, columns=given)
        return self

    def add(self, name: str, kind: Any, params: Mapping[str, Any], **fields: Any) -> None:
        path: Path = ("tasks", name)
        scope = Scope(name, path, Places(self.table), {"code.py": b"def run(c): pass"}.get, lambda _: [])
        model = kind.params(**params)
        said = kind.declare(model, scope)
        task = Task(
            name=name, type=kind.name, params=model.model_dump(mode="json"), reads=said.reads, outputs=said.outputs,
            query=said.query, volatile=said.volatile, **fields,
        )  # fmt: skip
        self.tasks.append(task)

    def check(self) -> list[tuple[str, str, str, str]]:
        pipeline = Pipeline(name="p", sources=tuple(self.sources), tasks=tuple(self.tasks))
        places = Places(self.table)
        context = Context(pathlib.Path("/p"), {}, Reader(self.files))
        graph = resolve(pipeline, places, self.collect, frozenset(self.known_names), "/p")
        self.schemas = check_sql(pipeline, graph, places, context, self.collect)
        return [(d.code, d.severity, self.at(d), d.message) for d in self.collect.sorted()]

    def at(self, diagnostic: Diagnostic) -> str:
        assert diagnostic.span is not None
        return SourceFile("p.yaml", self.text).text[diagnostic.span.start : diagnostic.span.end]

    def names(self, task: str, output: str = "output") -> list[str]:
        schema = self.schemas[task, output]
        assert isinstance(schema, Known)
        return [column.name for column in schema.columns]


def shop() -> Project:
    return Project(files={"orders.parquet": ORDERS}).source("orders", "orders.parquet")


def codes(told: Sequence[tuple[str, ...]]) -> list[str]:
    return [code for code, *_ in told]


def test_columns_flow_through_tasks_in_any_order() -> None:
    project = shop().sql("total", "select customer_id, sum(amount) as total from clean group by all")
    project.sql("clean", "select * exclude (order_id) from orders where amount > 0")
    assert project.check() == []
    assert project.names("clean") == ["customer_id", "amount"]
    assert project.schemas["total", "output"] == Known(columns({"customer_id": "BIGINT", "total": "DOUBLE"}))
    assert project.schemas["", "orders"] == Known(columns(ORDERS))


def test_a_mistake_stands_at_its_token_and_has_a_fix() -> None:
    project = shop().sql("clean", "select 'é',\n  custmer_id from orders")
    assert project.check() == [("TRC402", "error", "custmer_id", 'column "custmer_id" is not in "orders"')]
    (found,) = project.collect.reported
    assert found.label == '"orders" has: order_id, customer_id, amount'
    assert found.fix is not None
    assert found.fix.replacement == "customer_id"
    assert found.task == "clean"


def test_readers_of_a_mistaken_task_are_not_blamed() -> None:
    project = shop().sql("clean", "select custmer_id, amount from orders")
    project.sql("total", "select custmer_id, sum(amount) as total from clean group by all")
    project.sql("last", "select custmer_id + total as x from total")
    assert codes(project.check()) == ["TRC402"]


def test_a_mistake_of_its_own_is_told_beside_that_of_an_upstream() -> None:
    project = shop().sql("clean", "select order_id, amount from orders where custmer_id = 1")
    project.sql("total", "select sum(amunt) as total from clean")
    assert [(code, at) for code, _, at, _ in project.check()] == [("TRC402", "custmer_id"), ("TRC402", "amunt")]


def test_readers_of_sql_that_cannot_be_parsed_are_not_blamed() -> None:
    project = shop().sql("clean", "selec 1").sql("total", "select a from clean")
    assert codes(project.check()) == ["TRC401"]


def test_a_table_that_is_no_dataset() -> None:
    project = shop().sql("clean", "select order_id from ordrs")
    assert project.check() == [("TRC403", "error", "ordrs", 'no source or task is called "ordrs"')]
    assert project.collect.reported[0].help == ('did you mean "orders"?',)


def test_a_name_whose_own_mistake_is_told_is_no_further_one() -> None:
    project = shop().sql("total", "select a, summ(b) from broken")
    project.known_names = {"broken"}
    assert [(code, at) for code, _, at, _ in project.check()] == [("TRC408", "summ")]


def test_a_source_that_nobody_can_read_is_a_note() -> None:
    project = Project().source("orders", "s3://b/orders.parquet").sql("clean", "select a from orders")
    project.sql("total", "select b from clean")
    told = project.check()
    assert [(code, severity, at) for code, severity, at, _ in told] == [
        ("TRC410", "note", "orders"),
        ("TRC410", "note", "clean"),
    ]
    assert project.collect.reported[0].help[0].endswith('"s3://b/orders.parquet" is not there')


def test_declared_columns_of_a_source_count() -> None:
    project = Project().source("orders", "s3://b/orders.csv", {"id": "int", "name": "text"})
    project.sql("clean", "select id, nam from orders")
    assert [(code, at) for code, _, at, _ in project.check()] == [("TRC402", "nam")]
    assert project.schemas["", "orders"] == Known(columns({"id": "INTEGER", "name": "VARCHAR"}))


def test_a_type_that_does_not_exist() -> None:
    project = Project().source("orders", "orders.csv", {"id": "intt", "name": "vrchar"})
    assert [(code, at) for code, _, at, _ in project.check()] == [("TRC205", "intt"), ("TRC205", "vrchar")]


def test_declared_columns_of_a_query_are_compared() -> None:
    project = shop().sql("a", "select order_id, amount from orders", declared={"amount": "double", "order_id": "int8"})
    project.sql("b", "select order_id, amount from orders", declared={"order_id": "int", "amoun": "double"})
    told = project.check()
    assert [(code, at) for code, _, at, _ in told] == [("TRC411", "columns"), ("TRC411", "int"), ("TRC411", "double")]
    assert told[1][3] == 'column "order_id" is BIGINT, and declared as INTEGER'
    assert told[2][3] == 'the query of "b" yields no column "amoun"'


def test_a_python_task_tells_its_columns_or_its_readers_say_so() -> None:
    project = Project().python("score", {"id": "int"}, output_format="parquet").sql("a", "select idd from score")
    project.python("other", output_format="parquet").sql("b", "select idd from other")
    told = project.check()
    assert [(code, at) for code, _, at, _ in told] == [("TRC402", "idd"), ("TRC410", "other")]
    assert 'declare "columns" on "other"' in project.collect.reported[1].help[0]


def test_several_outputs_are_named() -> None:
    project = Project().python("split", outputs={"left": "l.parquet", "right": "r.parquet"})
    project.sql("a", "select x from split.left").sql("b", "select x from split")
    told = [(code, at) for code, _, at, _ in project.check()]
    assert told == [("TRC410", "split.left"), ("TRC403", "split")]
    assert project.collect.sorted()[1].help == ('"split" writes: split.left, split.right',)


def test_csv_keeps_its_types_for_who_reads_it_by_name() -> None:
    project = shop().sql("clean", "select order_id from orders", output_uri="clean.csv")
    project.sql("total", "select orderid from clean").sql("same", "select order_id from clean")
    assert [(code, at) for code, _, at, _ in project.check()] == [("TRC402", "orderid")]
    assert project.schemas["same", "output"] == Known(columns({"order_id": ORDERS["order_id"]}))


def test_csv_read_as_a_file_keeps_no_types() -> None:
    project = shop().sql("clean", "select order_id from orders", output_uri="clean.csv")
    project.sql("total", "select orderid from 'clean.csv'")
    assert codes(project.check()) == ["TRC410"]
    assert "read it by its name" in project.collect.reported[0].help[0]


def test_files_named_in_sql_have_the_columns_of_the_task_that_writes_them() -> None:
    project = shop().sql("clean", "select order_id from orders", output_uri="out/clean.parquet")
    project.sql("total", "select orderid from './out/clean.parquet'")
    project.sql("all", "select order_id from read_parquet('out/*.parquet')")
    assert [(code, at) for code, _, at, _ in project.check()] == [
        ("TRC402", "orderid"),
        ("TRC410", "'out/*.parquet'"),
    ]


def test_a_query_that_always_runs_says_why() -> None:
    project = shop().sql("a", "select now() as t, random() as r from orders")
    assert project.check() == [("TRC412", "note", "now", '"a" always runs: it calls now()')]


def test_a_computed_location_is_warned_of_once() -> None:
    project = Project().sql("a", "select * from read_csv('a' || 'b')")
    assert [(code, severity, at) for code, severity, at, _ in project.check()] == [
        ("TRC410", "note", "a"),
        ("TRC413", "warning", "read_csv"),
    ]


def test_a_cte_that_hides_a_dataset_is_warned_of() -> None:
    project = shop().sql("a", "with Orders as (select 1 as x) select x from orders")
    project.sql("b", "with b as (select amount from orders) select * from b")
    assert project.check() == [("TRC409", "warning", "Orders", 'the CTE "Orders" hides the source "Orders"')]


def test_templates_are_left_alone() -> None:
    project = shop().sql("a", "select {{ x }} from {{ t }}").sql("b", "select y from a")
    assert [(code, at) for code, _, at, _ in project.check()] == [("TRC410", "a"), ("TRC410", "a")]


def test_parameters_need_items() -> None:
    project = shop().sql("a", "select $item as x from orders")
    project.sql("b", "select $item as x from orders", for_each=ForEach(items=("eu", "us")))
    project.sql("c", "select $item as x from orders", for_each=ForEach(items=("eu", 1)))
    told = [(code, at) for code, _, at, _ in project.check()]
    assert told == [("TRC407", "$item"), ("TRC410", "c")]


def test_two_statements() -> None:
    project = shop().sql("a", "select 1;\ndrop table orders")
    assert [(code, at) for code, _, at, _ in project.check()] == [("TRC404", "drop table orders")]


def test_a_circle_is_told_by_the_graph_alone() -> None:
    project = Project().sql("a", "select x from b").sql("b", "select y from a")
    assert codes(project.check()) == ["TRC302"]


def test_five_mistakes_in_five_tasks() -> None:
    project = shop()
    project.sql("a", "select custmer_id from orders")
    project.sql("b", "select * from ordrs2")
    project.sql("c", "select summ(amount) from orders")
    project.sql("d", "select order_id from orders whre amount > 1")
    project.sql("e", "select amount + date '2020-01-01' from orders")
    assert codes(project.check()) == ["TRC402", "TRC403", "TRC408", "TRC401", "TRC406"]
