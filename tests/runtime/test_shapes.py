from __future__ import annotations

from pathlib import Path

from trc.runtime import shapes
from trc.runtime.shapes import Shape, ShapeNeed, ShapeRead, ShapeTask
from trc.runtime.spec import NeedSpec, OutputSpec, PipelineSpec, ReadSpec, SkipSpec, TaskSpec

NEVER = SkipSpec(can_skip=False)
SPEC = PipelineSpec(
    "shop", "shop.yaml", "/project",
    (
        TaskSpec("a", "duckdb_sql", "r", (), NEVER, reads=(ReadSpec("raw", "csv", uri="/project/raw.csv"),)),
        TaskSpec(
            "b", "python", "r", (), NEVER,
            reads=(ReadSpec("a", "parquet", producer=("a", "output")), ReadSpec("x", "csv", uri="/o/*", feeders=("a",))),
            needs=(NeedSpec("a", data=True), NeedSpec("c", "completion")),
            outputs=(OutputSpec("output", "csv", "/out/\udcff.csv"), OutputSpec("kept", "parquet")),
        ),
    ),
    "d1",
)  # fmt: skip


def test_a_shape_is_read_as_it_was_kept(tmp_path: Path) -> None:
    shapes.keep(tmp_path, SPEC)
    assert shapes.recall(tmp_path, "d1") == Shape(
        (
            ShapeTask("a", "duckdb_sql", reads=(ShapeRead("raw", uri="/project/raw.csv"),)),
            ShapeTask(
                "b",
                "python",
                (ShapeNeed("a", data=True), ShapeNeed("c", data=False)),
                (ShapeRead("a", ("a", "output")), ShapeRead("x", uri="/o/*", fed=True)),
                (("output", "/out/\udcff.csv"),),
            ),
        )
    )
    assert [one.name for one in (tmp_path / shapes.FOLDER).iterdir()] == ["d1.json"]


def test_what_is_not_there_or_not_ours_is_not_known(tmp_path: Path) -> None:
    assert shapes.recall(tmp_path, "d1") is None
    place = tmp_path / shapes.FOLDER / "d1.json"
    place.parent.mkdir()
    for text in ("", "[]", '{"version": 2}', '{"version": 1, "tasks": [{"name": "a"}]}', "\xff"):
        place.write_text(text, encoding="latin-1")
        assert shapes.recall(tmp_path, "d1") is None


def test_what_cannot_be_written_stops_no_run(tmp_path: Path) -> None:
    (tmp_path / shapes.FOLDER).write_text("a file in the way")
    shapes.keep(tmp_path, SPEC)
    assert shapes.recall(tmp_path, "d1") is None
