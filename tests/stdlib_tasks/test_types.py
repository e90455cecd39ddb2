"""What each task type declares for its parameters, and the mistakes that it finds in them."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any

import pytest
from pydantic import ValidationError

from trc.compiler.ir.dataset import DatasetRead, Output, UriRead
from trc.compiler.ir.formats import Format
from trc.compiler.ir.places import Place, Places
from trc.compiler.source import Span
from trc.compiler.tasktype import Declaration, Scope, TaskParams
from trc.stdlib_tasks.download_to_s3.type import DownloadToS3
from trc.stdlib_tasks.duckdb_sql.type import DuckdbSql
from trc.stdlib_tasks.python.type import Python
from trc.stdlib_tasks.s3_json_to_parquet_duckdb.type import S3JsonToParquetDuckdb
from trc.stdlib_tasks.shell.type import Shell

TYPES = [DuckdbSql, Python, Shell, DownloadToS3, S3JsonToParquetDuckdb]
FILES = {
    "score.py": b"import helpers, numpy\nclass Score: pass\ndef run(c): pass\n",
    "helpers.py": b"",
    "broken.py": b"x = 1\ndef f(:\n",
}
PLACES = Places(
    {
        ("tasks", "t"): Place(Span("p.yaml", 0, 1)),
        ("tasks", "t", "params", "entrypoint"): Place(Span("p.yaml", 10, 20)),
        ("tasks", "t", "params", "output_uri"): Place(Span("p.yaml", 30, 40)),
        ("tasks", "t", "params", "inputs", 1): Place(Span("p.yaml", 50, 60)),
    }
)


def declare(kind: Any, **params: Any) -> Declaration:
    scope = Scope("t", ("tasks", "t"), PLACES, FILES.get, lambda _: [])
    said: Declaration = kind().declare(kind.params.model_validate(params), scope)
    return said


def found(declaration: Declaration) -> list[tuple[str, int, str]]:
    return [(one.code, one.span.start if one.span else -1, one.message) for one in declaration.diagnostics]


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.name)
def test_types_are_found_by_their_names_and_describe_every_parameter(kind: Any) -> None:
    (entry,) = entry_points(group="trc.tasks", name=kind.name)
    assert entry.load() is kind
    assert issubclass(kind.params, TaskParams)
    assert kind.summary
    assert kind.version == 1
    assert [name for name, field in kind.params.model_fields.items() if not field.description] == []


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.name)
def test_an_unknown_parameter_is_refused(kind: Any) -> None:
    with pytest.raises(ValidationError, match="nonsense"):
        kind.params.model_validate({"nonsense": 1})


def test_sql_reads_what_its_query_names() -> None:
    sql = (
        "with c as (from orders) select * from c join clean.output join read_csv(['a.csv', 'b*.csv']) join 'x.parquet'"
    )
    said = declare(DuckdbSql, sql=sql.replace(" join ", ", "))
    assert said.reads == (
        DatasetRead(name="orders", dataset="orders"),
        DatasetRead(name="clean.output", dataset="clean.output"),
        UriRead(name="a.csv", uri="a.csv", format="csv"),
        UriRead(name="b*.csv", uri="b*.csv", format="csv"),
        UriRead(name="x.parquet", uri="x.parquet", format="parquet"),
    )
    assert said.outputs == (Output(name="output", uri=None, format="parquet"),)
    assert (said.visibility, said.effect, said.idempotent, said.volatile) == ("complete", "none", True, None)
    assert said.engines == ("duckdb",)
    assert said.query is not None
    assert said.query.param == "sql"


@pytest.mark.parametrize(
    ("params", "uri", "fmt"),
    [
        ({}, None, "parquet"),
        ({"output_uri": "a/b.csv"}, "a/b.csv", "csv"),
        ({"output_uri": "a/b.ndjson"}, "a/b.ndjson", "json"),
        ({"output_uri": "a/b.txt", "output_format": "csv"}, "a/b.txt", "csv"),
        ({"output_format": "json"}, None, "json"),
    ],
)
def test_sql_writes_the_format_that_is_said(params: dict[str, Any], uri: str | None, fmt: Format) -> None:
    said = declare(DuckdbSql, sql="select 1", **params)
    assert said.outputs == (Output(name="output", uri=uri, format=fmt),)
    assert said.diagnostics == ()


def test_a_suffix_that_tells_no_format_for_rows() -> None:
    said = declare(DuckdbSql, sql="select 1", output_uri="out.txt")
    assert found(said) == [("TRC205", 30, 'the suffix of "out.txt" tells no format for rows')]


def test_volatile_sql_says_why() -> None:
    assert declare(DuckdbSql, sql="select now()").volatile == "it calls now()"


@pytest.mark.parametrize("sql", ["selec 1", "select {{ x }} from {{ y }}"])
def test_sql_that_cannot_be_read_here_reads_nothing_and_is_left_to_the_check(sql: str) -> None:
    said = declare(DuckdbSql, sql=sql)
    assert said.reads == ()
    assert said.diagnostics == ()


def test_python_brings_its_code_and_what_it_imports() -> None:
    said = declare(Python, entrypoint="score.py:Score", inputs=["orders", "data/rates.csv"], output_uri="s.parquet")
    assert [file.path for file in said.code] == ["helpers.py", "score.py"]
    assert said.engines == ("python", "numpy")
    assert said.reads == (
        DatasetRead(name="orders", dataset="orders"),
        UriRead(name="rates", uri="data/rates.csv", format="csv"),
    )
    assert said.outputs == (Output(name="output", uri="s.parquet", format="parquet"),)
    assert said.visibility == "complete"


@pytest.mark.parametrize(
    ("entrypoint", "told"),
    [
        ("nowhere.py:Score", ("TRC210", 10, 'there is no file "nowhere.py"')),
        ("score.py:Scor", ("TRC212", 10, '"score.py" defines no "Scor"')),
    ],
)
def test_python_entrypoints_are_looked_up(entrypoint: str, told: tuple[str, int, str]) -> None:
    assert found(declare(Python, entrypoint=entrypoint)) == [told]


def test_python_code_that_cannot_be_parsed_is_told_with_its_line() -> None:
    ((code, start, message),) = found(declare(Python, entrypoint="broken.py:f"))
    assert (code, start) == ("TRC212", 10)
    assert message.startswith('"broken.py", line 2, column 7: ')


def test_a_misspelled_entry_has_a_suggestion() -> None:
    (told,) = declare(Python, entrypoint="score.py:Scor").diagnostics
    assert told.help == ('did you mean "Score"?',)


@pytest.mark.parametrize(
    "entrypoint", ["score.py", "score:Score", "score.py:", ":Score", "score.py:not a name", "a.py:1x"]
)
def test_what_is_no_entrypoint(entrypoint: str) -> None:
    with pytest.raises(ValidationError, match="entrypoint"):
        declare(Python, entrypoint=entrypoint)


def test_inputs_can_be_named() -> None:
    said = declare(Shell, command="cat", inputs={"in": "orders", "raw": "s3://b/raw/*.json"}, files=["conf/*.toml"])
    assert said.reads == (
        DatasetRead(name="in", dataset="orders"),
        UriRead(name="raw", uri="s3://b/raw/*.json", format="json"),
        UriRead(name="conf/*.toml", uri="conf/*.toml", format="file"),
    )


def test_two_inputs_of_one_name() -> None:
    said = declare(Shell, command="cat", inputs=["a/x.csv", "b/X.csv"])
    assert found(said) == [("TRC206", 50, 'two inputs of "t" are called "X"')]


@pytest.mark.parametrize(
    ("params", "visibility"), [({}, "opaque"), ({"inputs": []}, "opaque"), ({"files": ["a"]}, "complete")]
)
def test_what_a_command_sees_is_what_its_author_says(params: dict[str, Any], visibility: str) -> None:
    assert declare(Shell, command="true", **params).visibility == visibility


def test_several_outputs() -> None:
    outputs = {
        "report": "out/report.csv",
        "chart": {"uri": "out/chart.svg"},
        "rows": {"format": "parquet"},
        "kept": None,
    }
    assert declare(Shell, command=["make"], outputs=outputs).outputs == (
        Output(name="report", uri="out/report.csv", format="csv"),
        Output(name="chart", uri="out/chart.svg", format="file"),
        Output(name="rows", uri=None, format="parquet"),
        Output(name="kept", uri=None, format="parquet"),
    )


def test_a_task_may_write_nothing() -> None:
    assert declare(Shell, command="true").outputs == ()


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"outputs": {"a": "x.csv"}, "output_uri": "y.csv"}, "one or the other"),
        ({"outputs": {}}, "names no output"),
        ({"outputs": {"a b": "x.csv"}}, "no name for an output"),
        ({"inputs": [""]}, "names nothing"),
        ({"command": " "}, "empty"),
        ({"command": []}, "empty"),
        ({"command": ["a", "b\0"]}, "NUL"),
    ],
)
def test_parameters_that_do_not_fit(params: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        declare(Shell, **{"command": "true", **params})


def test_empty_sql() -> None:
    with pytest.raises(ValidationError, match="empty"):
        declare(DuckdbSql, sql="  ")


def test_a_download_reads_its_address() -> None:
    said = declare(DownloadToS3, url="https://api.example.com/data", s3_uri="s3://my-bucket/raw/data.json")
    assert said.reads == (UriRead(name="source", uri="https://api.example.com/data", format="file"),)
    assert said.outputs == (Output(name="output", uri="s3://my-bucket/raw/data.json", format="json"),)
    assert (said.visibility, said.effect, said.idempotent) == ("complete", "none", True)
    here = declare(DownloadToS3, url="https://api.example.com/data", output_uri="raw/data.bin", output_format="csv")
    assert here.outputs == (Output(name="output", uri="raw/data.bin", format="csv"),)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"s3_uri": None}, "either s3_uri or output_uri"),
        ({"output_uri": "a.json"}, "either s3_uri or output_uri"),
        ({"s3_uri": None, "output_uri": "gs://bucket/a"}, "neither a file nor an object"),
        ({"s3_uri": None, "output_uri": " "}, "names nothing"),
        ({"url": "https://x.org/a?X-Amz-Signature=1"}, "no signature"),
        ({"headers": {"Authorization": "Bearer x"}}, "holds a secret"),
        ({"headers": {"Range": "bytes=0-"}}, "set by trc"),
        ({"headers": {"X": "a\r\nY: b"}}, "no header that can be sent"),
        ({"headers": {"X Y": "a"}}, "no header that can be sent"),
        ({"checksum": "abc"}, "is no checksum"),
        ({"checksum": "sha256:abc"}, "has 64 hexadecimal digits"),
        ({"max_size": "lots"}, "is not a size"),
        ({"idle_timeout": "0s"}, "never answers"),
    ],
)
def test_a_download_that_cannot_be_meant(params: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        declare(DownloadToS3, **{"url": "https://x.org/", "s3_uri": "s3://bucket/x", **params})


def test_a_conversion_reads_its_pattern() -> None:
    said = declare(S3JsonToParquetDuckdb, src_glob="s3://my-bucket/raw/*.json", dst_uri="s3://my-bucket/p/d.parquet")
    assert said.reads == (UriRead(name="source", uri="s3://my-bucket/raw/*.json", format="json"),)
    assert said.outputs == (Output(name="output", uri="s3://my-bucket/p/d.parquet", format="parquet"),)
    assert (said.visibility, said.effect, said.engines) == ("complete", "none", ("duckdb",))
    more = declare(
        S3JsonToParquetDuckdb, src_glob="raw/*.tsv", dst_uri="d.parquet", rejects_uri="r.parquet", delimiter="|"
    )
    assert more.reads == (UriRead(name="source", uri="raw/*.tsv", format="csv"),)
    assert [(one.name, one.uri) for one in more.outputs] == [("output", "d.parquet"), ("rejected", "r.parquet")]
    assert more.diagnostics == ()
    odd = declare(S3JsonToParquetDuckdb, src_glob="raw/*", dst_uri="d.parquet", delimiter="|")
    assert [one.code for one in odd.diagnostics] == ["TRC205"]


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"max_rejects": 1}, "say where"),
        ({"max_rejects": -1, "rejects_uri": "r"}, "greater than or equal to 0"),
        ({"types": {"a": "int", "A": "int"}}, "two columns have one name"),
        ({"types": {"a": " "}}, "a name and a type"),
        ({"delimiter": "ab"}, "one character"),
        ({"compression": "best"}, "zstd"),
    ],
)
def test_a_conversion_that_cannot_be_meant(params: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        declare(S3JsonToParquetDuckdb, **{"src_glob": "raw/*", "dst_uri": "d.parquet", **params})


@pytest.mark.parametrize(
    "uri", ["data.json", "s3://", "s3://b", "s3://My_Bucket/x", "s3:///x", "https://b/x", "s3://b/"]
)
def test_what_is_no_object(uri: str) -> None:
    with pytest.raises(ValidationError, match="bucket"):
        declare(DownloadToS3, url="https://x.org/", s3_uri=uri)


@pytest.mark.parametrize(
    "url", ["api.example.com", "ftp://x/y", "https://", "https://a b/", "https://me:word@x.org/", "http://[x"]
)
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(ValidationError, match="address"):
        declare(DownloadToS3, url=url, s3_uri="s3://bucket/x")


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        (Shell, {"command": ["a"], "outputs": {"r": "r.csv"}, "inputs": {"a": "b"}}),
        (Python, {"entrypoint": "a.py:B", "args": {"n": [1, None]}, "inputs": ["x"]}),
        (DuckdbSql, {"sql": "select 1"}),
    ],
)
def test_params_come_back_from_what_they_print(kind: Any, params: dict[str, Any]) -> None:
    model = kind.params.model_validate(params)
    assert kind.params.model_validate(model.model_dump(mode="json")) == model
