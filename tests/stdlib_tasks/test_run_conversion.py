"""JSON and CSV to Parquet as a worker runs it: columns by name, widened types, and rows that cannot be read."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from trc.runtime.taskside.order import OrderInput, OrderOutput, TaskOrder
from trc.runtime.taskside.result import AttemptResult
from trc.runtime.taskside.run import execute


def convert(
    folder: Path, files: Mapping[str, str | bytes], form: str = "json", *, keeps: bool = False, **params: Any
) -> AttemptResult:
    paths = []
    (folder / "in").mkdir(exist_ok=True)
    for name, body in files.items():
        path = folder / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body if isinstance(body, bytes) else body.encode())
        paths.append(str(path))
    outputs = [OrderOutput("output", "parquet", str(folder / "out.parquet"))]
    if keeps:
        outputs.append(OrderOutput("rejected", "parquet", str(folder / "rejected.parquet")))
    order = TaskOrder(
        run="r7",
        pipeline="p",
        task="convert",
        attempt=1,
        token="convert/1",
        runs="trc.stdlib_tasks.s3_json_to_parquet_duckdb.run:run",
        project=str(folder / "in"),
        log=str(folder / "log"),
        run_time="2026-01-01T00:00:00+00:00",
        idempotency_key="r7/convert",
        params={"src_glob": "in/*", "compression": "zstd", **params},
        inputs=(OrderInput("source", form, tuple(paths)),),
        outputs=tuple(outputs),
    )
    return execute(TaskOrder.from_json(order.to_json()), lambda _done, _total: None)


def rows(path: Path) -> tuple[dict[str, str], list[tuple[Any, ...]]]:
    """The columns with their types, and the rows."""
    import duckdb

    with duckdb.connect() as connection:
        found = connection.execute(f"FROM '{path}'").fetchall()
        described = connection.execute(f"DESCRIBE FROM '{path}'").fetchall()
    return {name: kind for name, kind, *_ in described}, found


def converted(folder: Path, result: AttemptResult) -> tuple[dict[str, str], list[tuple[Any, ...]]]:
    assert result.failure is None, result.failure
    return rows(folder / "out.parquet")


def told(result: AttemptResult) -> str:
    assert result.failure is not None
    assert result.outputs == ()
    return f"{result.failure.kind} {result.failure.reason}: {result.failure.message}"


def lines(*values: Any) -> str:
    return "".join(json.dumps(value) + "\n" for value in values)


@pytest.mark.parametrize(
    "text",
    ['{"id": 1}\n{"id": 2}\n', '[{"id": 1}, {"id": 2}]', '{\n  "id": 1\n}\n{\n "id": 2}', '{"id":1}{"id":2}'],
    ids=["lines", "list", "pretty", "side by side"],
)
def test_json_in_each_of_its_layouts(tmp_path: Path, text: str) -> None:
    result = convert(tmp_path, {"a.json": text})
    assert converted(tmp_path, result) == ({"id": "BIGINT"}, [(1,), (2,)])
    assert result.outputs[0].rows == 2


def test_columns_are_matched_by_name_and_types_widened_across_files(tmp_path: Path) -> None:
    result = convert(
        tmp_path,
        {
            "a.json": lines({"id": 1, "v": 1, "on": "2026-01-01", "n": {"x": 1}, "flag": True}),
            "b.json": lines({"v": 2.5, "id": 2, "on": "never", "n": {"y": "q"}, "extra": [1, 2]}),
            "c.json": json.dumps([{"id": 3, "v": None}]),
            "empty.json": "",
        },
    )
    columns, found = converted(tmp_path, result)
    assert columns == {
        "id": "BIGINT",
        "v": "DOUBLE",
        "on": "VARCHAR",
        "n": "STRUCT(x BIGINT, y VARCHAR)",
        "flag": "BOOLEAN",
        "extra": "BIGINT[]",
    }
    assert found == [
        (1, 1.0, "2026-01-01", {"x": 1, "y": None}, True, None),
        (2, 2.5, "never", {"x": None, "y": "q"}, None, [1, 2]),
        (3, None, None, None, None, None),
    ]


def test_values_of_several_kinds_become_text(tmp_path: Path) -> None:
    values = [1, "x", {"k": 1}, [1], True, None, 2.5]
    result = convert(tmp_path, {"a.json": lines(*({"c": value, "none": None} for value in values))})
    columns, found = converted(tmp_path, result)
    assert columns == {"c": "VARCHAR", "none": "VARCHAR"}
    assert [c for c, _ in found] == ["1", "x", '{"k":1}', "[1]", "true", None, "2.5"]


def test_a_key_that_comes_seldom_is_a_column_all_the_same(tmp_path: Path) -> None:
    text = lines(*({f"k{number}": number} for number in range(300)))
    columns, found = converted(tmp_path, convert(tmp_path, {"a.json": text}))
    assert len(columns) == 300
    assert len(found) == 300


def test_types_go_by_all_files_and_not_by_the_first_ones(tmp_path: Path) -> None:
    files = {f"{number:03}.json": lines({"id": number}) for number in range(60)}
    columns, found = converted(tmp_path, convert(tmp_path, {**files, "z.json": lines({"id": "x"})}))
    assert columns == {"id": "VARCHAR"}
    assert len(found) == 61


def test_folders_that_name_a_value_are_a_column(tmp_path: Path) -> None:
    files = {"day=2026-01-01/a.json": lines({"id": 1}), "day=2026-01-02/a.json": lines({"id": 2}) + "{"}
    result = convert(tmp_path, files, keeps=True)
    assert [str(one) for row in converted(tmp_path, result)[1] for one in row] == ["1", "2026-01-01", "2", "2026-01-02"]


def test_packed_files(tmp_path: Path) -> None:
    files = {"a.json.gz": gzip.compress(lines({"id": 1}).encode()), "b.json.gz": gzip.compress(b'{"id":2}\n{"id":\n')}
    result = convert(tmp_path, files, keeps=True)
    assert converted(tmp_path, result)[1] == [(1,), (2,)]
    assert rows(tmp_path / "rejected.parquet")[1][0][:2] == ("b.json.gz", 2)


# Rows that cannot be read


BROKEN = b'{"id":5}\n{"id":6,\n\n{"id":7}\n5\n{"id":NaN}\n{"id":"\xff"}\n'


def test_the_first_row_that_cannot_be_read_fails_the_task_and_is_named(tmp_path: Path) -> None:
    result = convert(tmp_path, {"a.json": lines({"id": 1}), "b.json": BROKEN})
    assert told(result) == (
        "permanent rows: 4 rows cannot be read: b.json, line 2: expecting property name enclosed in double quotes, at character 10\n"
        "rejects_uri keeps such rows aside, and converts the others"
    )
    assert not list(tmp_path.glob("spill-*-rows"))


def test_rows_that_cannot_be_read_are_kept_aside(tmp_path: Path) -> None:
    result = convert(tmp_path, {"a.json": lines({"id": 1}), "b.json": BROKEN}, keeps=True)
    assert converted(tmp_path, result) == ({"id": "BIGINT"}, [(1,), (5,), (7,)])
    columns, found = rows(tmp_path / "rejected.parquet")
    assert columns == {"file": "VARCHAR", "line": "BIGINT", "error": "VARCHAR", "text": "VARCHAR"}
    assert found == [
        ("b.json", 2, "expecting property name enclosed in double quotes, at character 10", '{"id":6,'),
        ("b.json", 5, "it is no object", "5"),
        ("b.json", 6, "NaN is no number of JSON", '{"id":NaN}'),
        ("b.json", 7, "it is not UTF-8", '{"id":"\ufffd"}'),
    ]
    assert result.values == {"rejected": 4}
    assert [one.rows for one in result.outputs] == [3, 4]


def test_without_any_the_kept_rows_are_an_empty_table(tmp_path: Path) -> None:
    result = convert(tmp_path, {"a.json": lines({"id": 1})}, keeps=True)
    assert converted(tmp_path, result)[1] == [(1,)]
    assert rows(tmp_path / "rejected.parquet") == (
        {"file": "VARCHAR", "line": "BIGINT", "error": "VARCHAR", "text": "VARCHAR"},
        [],
    )


@pytest.mark.parametrize(("most", "fits"), [(3, False), (4, True)])
def test_only_so_many_are_kept_aside(tmp_path: Path, most: int, *, fits: bool) -> None:
    result = convert(tmp_path, {"b.json": BROKEN}, keeps=True, max_rejects=most)
    if fits:
        assert result.failure is None
    else:
        assert told(result).startswith(
            "permanent rows: 4 rows cannot be read, and at most 3 may be kept aside: b.json, line 2"
        )


def test_a_list_that_breaks_off_loses_what_follows(tmp_path: Path) -> None:
    text = '[{"id": 1}, {"id": 2},\n 7, {"id": 3}, {"id": oops}, {"id": 4}]'
    result = convert(tmp_path, {"a.json": text}, keeps=True)
    assert converted(tmp_path, result)[1] == [(1,), (2,), (3,)]
    assert [(line, error) for _, line, error, _ in rows(tmp_path / "rejected.parquet")[1]] == [
        (2, "it is no object"),
        (2, "expecting value; what follows in this file is lost with it"),
    ]


def test_a_list_larger_than_a_block_is_sifted_piece_by_piece(tmp_path: Path) -> None:
    value = {"id": 1, "text": "é" * 1000}
    text = "[" + ",\n".join([json.dumps(value, ensure_ascii=False)] * 3000) + ", 5]"
    result = convert(tmp_path, {"a.json": text}, keeps=True)
    assert [one.rows for one in result.outputs] == [3000, 1]
    assert rows(tmp_path / "rejected.parquet")[1] == [("a.json", 3000, "it is no object", "5")]


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({}, 'permanent input_missing: no file matches "in/*"'),
        ({"a.json": ""}, "permanent error: there are no rows, and `types` does not say which columns there should be"),
        ({"a.json": "garbage"}, "permanent rows: 1 row cannot be read: a.json, line 1: expecting value; what follows"),
        ({"a.json.zst": b"garbage"}, "permanent "),
        ({"a.json.gz": b"garbage"}, "permanent "),
    ],
    ids=["no files", "empty", "garbage", "no zstd", "no gzip"],
)
def test_what_cannot_be_converted(tmp_path: Path, files: Any, says: str) -> None:
    assert told(convert(tmp_path, files)).startswith(says)


# Declared types


def test_declared_columns_have_their_types_whatever_the_files_hold(tmp_path: Path) -> None:
    types = {"ID": "INTEGER", "amount": "DECIMAL(18,2)", "late": "BOOLEAN", "raw": "JSON"}
    result = convert(tmp_path, {"a.json": lines({"id": 1, "amount": "2.50", "raw": {"a": 1}, "more": 1})}, types=types)
    columns, found = converted(tmp_path, result)
    assert columns == {
        "ID": "INTEGER",
        "amount": "DECIMAL(18,2)",
        "raw": "JSON",
        "more": "BIGINT",
        "late": "BOOLEAN",
    }
    assert [str(one) for one in found[0]] == ["1", "2.50", '{"a":1}', "1", "None"]


def test_a_value_that_does_not_fit_spoils_its_row(tmp_path: Path) -> None:
    files = {"a.json": lines({"id": "1", "n": 1}, {"id": "x", "n": 2}, {"id": None, "n": 3})}
    result = convert(tmp_path, files, types={"id": "BIGINT"})
    assert told(result).startswith('permanent rows: 1 row cannot be read: a.json: id is no BIGINT: {"id":"x","n":2}')
    result = convert(tmp_path, files, types={"id": "BIGINT"}, keeps=True)
    assert converted(tmp_path, result) == ({"id": "BIGINT", "n": "BIGINT"}, [(1, 1), (None, 3)])
    assert rows(tmp_path / "rejected.parquet")[1] == [("a.json", None, "id is no BIGINT", '{"id":"x","n":2}')]


def test_without_rows_there_are_the_declared_columns(tmp_path: Path) -> None:
    result = convert(tmp_path, {"a.json": ""}, types={"id": "BIGINT"})
    assert converted(tmp_path, result) == ({"id": "BIGINT"}, [])


def test_a_type_that_there_is_not(tmp_path: Path) -> None:
    said = told(convert(tmp_path, {"a.json": lines({"id": 1})}, types={"id": "BIGGINT"}))
    assert said.startswith("permanent error: Type with name BIGGINT does not exist!")


# CSV


def test_csv_is_put_together_like_json(tmp_path: Path) -> None:
    files = {"a.csv": "id,v\n1,2\n3,x\n", "b.csv": "v,id,w\n5,6.5,tee\n", "c.csv": "id,w\n", "d.csv": ""}
    columns, found = converted(tmp_path, convert(tmp_path, files, "csv"))
    assert columns == {"id": "DOUBLE", "v": "VARCHAR", "w": "VARCHAR"}
    assert found == [(1.0, "2", None), (3.0, "x", None), (6.5, "5", "tee")]


@pytest.mark.parametrize(("name", "params"), [("a.tsv", {}), ("a.csv", {"delimiter": "\t"})])
def test_other_delimiters(tmp_path: Path, name: str, params: Any) -> None:
    result = convert(tmp_path, {name: "id\tv\n1\ta,b\n"}, "csv", **params)
    assert converted(tmp_path, result)[1] == [(1, "a,b")]


def test_rows_of_csv_that_cannot_be_read_are_kept_aside(tmp_path: Path) -> None:
    text = b'id,v\n1,2\n3,4,5\n\n"a\nb",6\n7\n"x"y,8\n9,"\xff"\n"un,10\n11,12\n'
    result = convert(tmp_path, {"a.csv": text}, "csv", keeps=True)
    assert converted(tmp_path, result)[1] == [("1", 2), ("a\nb", 6), ("11", 12)]
    found = [(line, error) for _, line, error, _ in rows(tmp_path / "rejected.parquet")[1]]
    assert found == [
        (3, "it has 3 values, and the header 2"),
        (7, "it has 1 values, and the header 2"),
        (8, "',' expected after '\"'"),
        (9, "it is not UTF-8"),
        (10, "unexpected end of data"),
    ]
    said = told(convert(tmp_path, {"a.csv": text}, "csv"))
    assert said.startswith("permanent rows: 5 rows cannot be read: a.csv, line 3: it has 3 values, and the header 2")


def test_a_value_of_csv_that_does_not_fit_spoils_its_row(tmp_path: Path) -> None:
    result = convert(tmp_path, {"a.csv": "id,v\n1,2\nx,3\n"}, "csv", keeps=True, types={"id": "BIGINT"})
    assert converted(tmp_path, result)[1] == [(1, 2)]
    assert rows(tmp_path / "rejected.parquet")[1] == [("a.csv", None, "id is no BIGINT", '{"id":"x","v":3}')]


def names(found: Sequence[tuple[Any, ...]]) -> list[Any]:
    return [one[0] for one in found]


def test_a_column_called_filename_is_no_trouble(tmp_path: Path) -> None:
    result = convert(tmp_path, {"a.json": lines({"filename": "x", "id": "y"})}, keeps=True, types={"id": "BIGINT"})
    assert converted(tmp_path, result)[1] == []
    assert names(rows(tmp_path / "rejected.parquet")[1]) == [None]
