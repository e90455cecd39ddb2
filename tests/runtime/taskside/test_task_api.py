"""What authors write tasks with, run by what their tests run them with."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb  # noqa: TID253 - annotations name it
import pytest
from pydantic import BaseModel

from trc import BaseTask, PermanentError, TaskContext, TaskResult, TaskRun, TemporaryError, run_task, task
from trc.runtime.taskside.data import InputData, OutputData

ORDERS = [{"customer": "ada", "amount": 120.5}, {"customer": "grace", "amount": 80.0}]


def told(run: TaskRun) -> str:
    """How it failed, in one line."""
    assert run.failure is not None, run
    assert not run.outputs
    return f"{run.failure.kind} {run.failure.reason}: {run.failure.message}"


class Report(BaseTask):
    class Params:
        limit: int
        title: str = "Report"
        day: str | None = None

    def execute(self) -> Any:
        self.logger.info("at most %d", self.params.limit)
        self.logger.debug("nobody reads it")
        self.heartbeat()
        self.progress(1, 2)
        self.save_output(f"{self.params.title} {self.params.day} {self.get_param('day', 'never')}\n")
        return TaskResult(success=True, message="written", data={"limit": self.params.limit})


def test_task_with_params_tells_all_that_it_does() -> None:
    run = run_task(Report, limit=3, outputs="report.txt")
    assert run.failure is None
    assert (run.result.success, run.result.message, run.result.data) == (True, "written", {"limit": 3})
    assert run.output.read_text() == "Report None never\n"
    assert run.log == "INFO at most 3\n"
    assert run.progress == ((None, None), (1, 2))


@dataclass
class Typed:
    limit: int
    ratio: float = 0.5

    def __post_init__(self) -> None:
        if self.limit < 0:
            raise ValueError("limit is less than 0")


class Modelled(BaseModel):
    limit: int
    ratio: float = 0.5


class Tells(BaseTask):
    def execute(self) -> Any:
        return {"is": type(self.params).__name__, "limit": self.params.limit, "ratio": self.params.ratio}


class WithDataclass(Tells):
    Params = Typed


class WithModel(Tells):
    Params = Modelled


@pytest.mark.parametrize(("work", "name"), [(WithDataclass, "Typed"), (WithModel, "Modelled")])
def test_params_of_a_library(work: Any, name: str) -> None:
    assert run_task(work, {"limit": 2}, ratio=1).result.data == {"is": name, "limit": 2, "ratio": 1.0}
    assert list(work().get_required_params()) == ["limit"]


@pytest.mark.parametrize(
    ("work", "given", "complaint"),
    [
        (Report, {}, '"limit" is missing, in the arguments of "Report"'),
        (Report, {"limit": "3"}, '"limit" should be a whole number, and is the text "3", in the arguments of "Report"'),
        (
            Report,
            {"titel": "x", "limit": 1},
            'nothing takes "titel"; did you mean "title", in the arguments of "Report"',
        ),
        (
            Report,
            {"titel": "x", "day": 3},
            (
                '"limit" is missing, in the arguments of "Report"\n'
                'nothing takes "titel"; did you mean "title"\n'
                '"day" should be a text, and is a number: 3'
            ),
        ),
        (WithDataclass, {"limit": -1}, 'limit is less than 0, in the arguments of "WithDataclass"'),
        (WithDataclass, {}, '"limit" is missing, in the arguments of "WithDataclass"'),
        (WithModel, {}, '"limit" field required, in the arguments of "WithModel"'),
    ],
)
def test_arguments_that_do_not_fit(work: Any, given: dict[str, Any], complaint: str) -> None:
    assert told(run_task(work, given, outputs="file")) == f"permanent params: {complaint}"


class Demanding(BaseTask):
    def get_required_params(self) -> list[str]:
        return ["url", "token"]

    def execute(self, context: TaskContext) -> Any:
        return {"url": self.get_param("url"), "same": self.context is context, "params": dict(self.params)}


def test_required_params_of_its_own() -> None:
    assert told(run_task(Demanding, url="x")) == 'permanent params: "token" is missing, in the arguments of "Demanding"'
    done = run_task(Demanding, url="x", token="y").result.data
    assert done == {"url": "x", "same": True, "params": {"url": "x", "token": "y"}}


@task
def wants(context: TaskContext) -> Any:
    return {"found": context.get_param("limt")}


def test_param_that_is_not_there() -> None:
    complaint = '"limt" is missing; there is "limit", in the arguments of "wants"'
    assert told(run_task(wants, limit=1)) == f"permanent params: {complaint}"


class Ends(BaseTask):
    def execute(self) -> Any:
        try:
            self.save_output("half")
            if self.get_param("how") == "complete":
                self.complete({"rows": 1}, "enough")
            self.fail("no more", **self.get_param("more", {}))
        except Exception:
            self.logger.exception("was caught")
        finally:
            sys.stdout.write("was left\n")


def test_task_ends_in_the_midst_of_it() -> None:
    done = run_task(Ends, how="complete", outputs="file")
    assert (done.result.message, done.result.data, done.output.read_text()) == ("enough", {"rows": 1}, "half")
    assert done.log == "was left\n"


@pytest.mark.parametrize(
    ("error", "complaint"),
    [
        ({}, "unknown error: no more"),
        ({"error": "temporary"}, "temporary error: no more"),
        ({"error": "permanent"}, "permanent error: no more"),
        ({"error": "the disk is full"}, "unknown error: no more: the disk is full"),
    ],
)
def test_task_fails_in_the_midst_of_it(error: dict[str, str], complaint: str) -> None:
    failed = run_task(Ends, how="fail", more=error, outputs="file")
    assert told(failed) == complaint
    assert failed.log == "was left\n"


@pytest.mark.parametrize(
    ("result", "complaint"),
    [
        (TaskResult(success=False), "unknown error: the task reported a failure without a message"),
        (TaskResult(success=False, message="no", error="permanent"), "permanent error: no"),
        (TaskResult(success=False, error="no disk"), "unknown error: no disk"),
        (TaskResult(success=False, error=TemporaryError("busy")), "temporary error: busy"),
        (TaskResult(success=False, message="ask", error=PermanentError("no")), "permanent error: ask: no"),
        (
            TaskResult(data=3),
            "permanent error: the task returned data that is a int; it may be a mapping of small values",
        ),
        (
            TaskResult(data={"a": object()}),
            "permanent error: the task returned values that JSON cannot hold: Object of type object is not JSON serializable",
        ),
    ],
)
def test_results_that_are_failures(result: TaskResult, complaint: str) -> None:
    assert told(run_task(lambda _context: result)) == complaint


@pytest.mark.parametrize(
    ("error", "kind"), [(TemporaryError, "temporary"), (PermanentError, "permanent"), (OSError, "unknown")]
)
def test_errors_that_are_raised(error: type[Exception], kind: str) -> None:
    def work(_context: TaskContext) -> None:
        raise error("so it is")

    assert told(run_task(work)) == f"{kind} error: so it is"


@task
def total(orders: list[dict[str, Any]], rates: Path, report: Path, factor: float = 2.0, *, name: str) -> Any:
    report.write_text(f"{name}: {rates.read_text()}")
    return {"output": [{"customer": one["customer"], "amount": one["amount"] * factor} for one in orders]}


def test_parameters_are_inputs_outputs_and_arguments(tmp_path: Path) -> None:
    (tmp_path / "rates.txt").write_text("1:1")
    run = run_task(
        total,
        inputs={"orders": ORDERS, "rates": tmp_path / "rates.txt"},
        outputs={"output": "total.csv", "report": "file"},
        name="all",
    )
    assert run.failure is None
    assert run.outputs["output"].read_text() == "customer,amount\nada,241.0\ngrace,160.0\n"
    assert run.outputs["output"].rows == 2
    assert run.outputs["report"].read_text() == "all: 1:1"
    assert run.result.data == {}


def test_lineage_tells_what_was_read_and_written(tmp_path: Path) -> None:
    (tmp_path / "rates.txt").write_text("1:1")
    outputs = {"output": "json", "report": "file"}
    first, second = (
        run_task(total, inputs={"orders": ORDERS, "rates": tmp_path / "rates.txt"}, outputs=outputs, name="n")
        for _ in range(2)
    )
    reads = [(one.name, one.size) for one in first.lineage.reads]
    assert reads == [("orders", 75), ("rates", 3)]
    assert first.lineage.reads[1].path == str(tmp_path / "rates.txt")
    assert [one.name for one in first.lineage.writes] == ["output", "report"]
    assert (first.lineage.task, first.lineage.code) == ("total", __file__)
    assert [one.digest for one in first.lineage.writes] == [one.digest for one in second.lineage.writes]
    assert first.outputs["output"].path != second.outputs["output"].path


@pytest.mark.parametrize(
    ("given", "inputs", "complaint"),
    [
        (
            {"name": "n", "factr": 2},
            {"orders": ORDERS, "rates": __file__},
            'nothing takes "factr"; did you mean "factor", in the arguments of "total"',
        ),
        (
            {"name": "n", "factor": "2"},
            {"order": ORDERS, "rates": __file__},
            (
                '"orders" is no input, output or argument; there is "order", in the arguments of "total"\n'
                '"factor" should be a number, and is the text "2"'
            ),
        ),
        (
            {"name": "n", "orders": 1},
            {"orders": ORDERS, "rates": __file__},
            '"orders" is an input and an argument at once; give one another name, in the arguments of "total"',
        ),
    ],
)
def test_parameters_that_stand_for_nothing(given: dict[str, Any], inputs: dict[str, Any], complaint: str) -> None:
    outputs = {"output": "csv", "report": "file"}
    assert told(run_task(total, given, inputs=inputs, outputs=outputs)) == f"permanent params: {complaint}"


@task
def joined(
    orders: duckdb.DuckDBPyRelation, customers: duckdb.DuckDBPyRelation, output: OutputData
) -> duckdb.DuckDBPyRelation:
    assert output.format in {"parquet", "csv", "json"}
    return orders.set_alias("o").join(customers.set_alias("c"), "o.customer = c.customer").project("city, amount")


@pytest.mark.parametrize("form", ["parquet", "csv", "json"])
def test_relations_are_of_one_connection(tmp_path: Path, form: str) -> None:
    (tmp_path / "customers'.csv").write_text("customer,city\nada,London\n")
    run = run_task(joined, inputs={"orders": ORDERS, "customers": tmp_path / "customers'.csv"}, outputs=form)
    assert run.failure is None, run.failure
    rows = run.output.read_rows()
    assert rows == [{"city": "London", "amount": "120.5" if form == "csv" else 120.5}]


@task
def memory(orders: duckdb.DuckDBPyRelation) -> Any:
    return {"limit": orders.query("o", "select current_setting('TimeZone')").fetchone()}


def test_relation_can_be_given_as_an_input() -> None:
    relation = duckdb.connect().sql("select 'ada' as customer, 2 as amount")
    run = run_task(lambda_rows, inputs={"orders": relation})
    assert run.result.data == {"rows": [["ada", 2]]}
    assert run_task(memory, inputs={"orders": ORDERS}).result.data == {"limit": ["UTC"]}


@task
def lambda_rows(orders: duckdb.DuckDBPyRelation) -> Any:
    return {"rows": orders.fetchall()}


@task
def kinds(one: InputData, a_bytes: bytes, many: list[Path], text: str, item: Any, context: TaskContext) -> Any:
    sizes = [path.stat().st_size for path in many]
    return {
        "one": one.format,
        "bytes": len(a_bytes),
        "many": sizes,
        "text": text,
        "item": item,
        "all": dict(context.args),
    }


def test_kinds_of_parameters(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text(name * 3)
    files = [tmp_path / "a", tmp_path / "b"]
    run = run_task(
        kinds,
        {"left": 1},
        inputs={"one": files[0], "a_bytes": files[0], "many": files, "text": files[1]},
        item={"id": 3},
    )
    assert run.failure is None, run.failure
    assert run.result.data == {
        "one": "file",
        "bytes": 3,
        "many": [3, 3],
        "text": str(files[1]),
        "item": {"id": 3},
        "all": {"left": 1},
    }


@task
def wrong_kind(orders: set[int]) -> None:
    del orders


@task
def one_file(orders: Path) -> None:
    del orders


def test_inputs_that_cannot_be_had_so(tmp_path: Path) -> None:
    complaint = told(run_task(wrong_kind, inputs={"orders": ORDERS}))
    assert complaint.startswith('permanent mapping: the input "orders" is wanted as set[int], and can be had as a path')
    (tmp_path / "a.bin").write_bytes(b"\0")
    both = run_task(one_file, inputs={"orders": [tmp_path / "a.bin", tmp_path / "a.bin"]})
    assert told(both).startswith('permanent mapping: the input "orders" has 2 files, and its parameter is for one')
    complaint = told(run_task(lambda_rows, inputs={"orders": tmp_path / "a.bin"}))
    assert complaint == (
        'permanent mapping: the input "orders" is of the format "file", and a relation is read from parquet, csv or json'
    )


@pytest.mark.parametrize(
    ("data", "form", "written"),
    [
        ("text", "file", b"text"),
        (b"\0\1", "file", b"\0\1"),
        ([{"a": 1}, {"b": "x,y"}], "csv", b'a,b\n1,\n,"x,y"\n'),
        ([{"a": 1}, {"b": "\u00e9"}], "json", '{"a": 1}\n{"b": "\u00e9"}\n'.encode()),
        (({"a": n} for n in range(2)), "csv", b"a\n0\n1\n"),
        ([], "json", b""),
    ],
)
def test_what_is_returned_is_saved(data: Any, form: str, written: bytes) -> None:
    @task
    def work() -> Any:
        return data

    run = run_task(work, outputs=form)
    assert run.failure is None, run.failure
    assert run.output.read_bytes() == written


@pytest.mark.parametrize(
    ("data", "form", "complaint"),
    [
        (
            3,
            "file",
            'a int cannot be saved as the output "output" of the format "file"; it takes a path, a text, bytes',
        ),
        ("x", "parquet", 'a text or bytes cannot be saved as the output "output", which is Parquet'),
        ([{"a": 1}], "file", 'rows cannot be saved as the output "output" of the format "file"; give it parquet'),
        ([{"a": {1}}], "json", 'the output "output" cannot be written as JSON: a set is nothing that JSON can hold'),
        ([{"a": float("nan")}], "json", 'the output "output" cannot be written as JSON: Out of range float'),
        (Path("/nowhere"), "file", '"/nowhere" cannot be saved as the output "output": No such file or directory'),
        ({"outptu": b"x"}, "file", 'the value "outptu" is a bytes, which only an output can take; there is "output"'),
    ],
)
def test_what_cannot_be_saved(data: Any, form: str, complaint: str) -> None:
    @task
    def work() -> Any:
        return data

    assert told(run_task(work, outputs=form)).startswith(f"permanent mapping: {complaint}")


def test_output_is_saved_once_and_by_its_name() -> None:
    class Twice(BaseTask):
        def execute(self) -> None:
            self.save_output("a", "first")
            self.save_output("b", self.get_param("name"))

    assert told(run_task(Twice, name="first", outputs=["first", "second"])).startswith(
        'permanent mapping: the output "first" is written twice'
    )
    assert told(run_task(Twice, name="secnd", outputs=["first", "second"])) == (
        'permanent mapping: "Twice" has no output "secnd"; there are: first, second'
    )
    assert told(run_task(Twice, name=None, outputs=["first", "second"])) == (
        'permanent mapping: data was saved for the only output of "Twice"; there are: first, second'
    )
    done = run_task(Twice, name="second", outputs=["first", "second"])
    assert [one.read_text() for one in done.outputs.values()] == ["a", "b"]


def test_half_written_output_is_no_output() -> None:
    class GoesOn(BaseTask):
        def execute(self) -> None:
            with contextlib.suppress(Exception):
                self.save_output([{"a": 1}, {"a": {2}}])
            sys.stdout.write("went on\n")

    failed = run_task(GoesOn, outputs="json")
    assert told(failed).startswith('permanent output_missing: the output "output" was not written')
    assert failed.log == "went on\n"


def test_context_alone_is_given_as_ever() -> None:
    def plain(orders: Any) -> dict[str, Any]:
        return {"is": type(orders).__name__}

    @task
    def marked(anything) -> dict[str, Any]:  # type: ignore[no-untyped-def]
        return {"is": type(anything).__name__}

    @task
    def annotated(orders: TaskContext) -> dict[str, Any]:
        return {"is": type(orders).__name__}

    for work in (plain, marked, annotated):
        assert run_task(work, inputs={"orders": ORDERS}).result.data == {"is": "TaskContext"}


@task
async def waits(orders: list[dict[str, Any]], context: TaskContext) -> Any:
    await asyncio.sleep(0)
    context.complete([{"n": len(orders)}], "done")


def test_asynchronous_function_is_mapped_as_well() -> None:
    run = run_task(waits, inputs={"orders": ORDERS}, outputs="json")
    assert (run.result.message, run.output.read_rows()) == ("done", [{"n": 2}])


def test_logger_leaves_what_the_code_set_up_alone(caplog: pytest.LogCaptureFixture) -> None:
    @task
    def work(context: TaskContext) -> None:
        logging.basicConfig(stream=sys.stderr, format="own %(message)s", force=True)
        context.logger.info("once")

    handlers = logging.getLogger().handlers[:]
    try:
        assert run_task(work).log == "own once\n"
    finally:
        logging.getLogger().handlers[:] = handlers
    with caplog.at_level(logging.INFO):
        run_task(Report, limit=1, outputs="file")
    assert "at most 1" in caplog.messages


def test_trial_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    streams = sys.stdout, sys.stderr

    @task
    def work(context: TaskContext) -> str:
        os.environ["LEFT"] = "1"
        os.system("echo child")
        sys.stdout.write(f"folder {Path.cwd()} {os.environ['GIVEN']}\n")
        return context.run_time

    run = run_task(work, outputs="file", env={"GIVEN": "yes"}, run_time="2026-02-01T00:00:00+00:00")
    assert run.log == f"child\nfolder {tmp_path} yes\n"
    assert run.output.read_text() == "2026-02-01T00:00:00+00:00"
    assert (sys.stdout, sys.stderr) == streams
    assert not {"LEFT", "GIVEN"} & os.environ.keys()
    del run
    assert list(tmp_path.iterdir()) == []


def test_inputs_that_are_none() -> None:
    with pytest.raises(ValueError, match='there is no file "/nowhere", which is to be the input "orders"'):
        run_task(one_file, inputs={"orders": "/nowhere"})
    with pytest.raises(TypeError, match='the input "orders" is a int; give a path'):
        run_task(one_file, inputs={"orders": 3})


def test_rows_of_what_was_saved_count() -> None:
    @task
    def work() -> Any:
        return [{"a": 1}] * 3

    assert run_task(work, outputs="csv").output.rows == 3
