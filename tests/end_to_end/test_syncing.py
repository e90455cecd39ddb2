"""Synchronisations through the command: what differs is moved, what is no more is removed, and failures leave things whole."""

from __future__ import annotations

import csv
import hashlib
import os
import random
from pathlib import Path
from typing import Any

import pytest
from tests.objects import ObjectServer

UP = ("data/", "s3://lake/public/")
DOWN = ("s3://lake/raw/", "data/")
ACROSS = ("s3://lake/raw/", "s3://lake/copy/")
MIB = 1 << 20


def write(space: Any, places: tuple[str, str], *more: str) -> None:
    lines = "\n".join(more)
    space.write(
        "p.trc",
        f"""
        pipeline "p" {{ }}
        task mirror = s3_sync {{
          source = "{places[0]}"
          destination = "{places[1]}"
          output = csv("report.csv")
          {lines}
        }}
        """,
    )


def sync(space: Any) -> list[tuple[str, str]]:
    """Runs it, and answers what was copied and what was deleted."""
    space.trc("run", "p.trc")
    with (space.root / "report.csv").open(newline="") as file:
        return [(line["action"], line["name"]) for line in csv.DictReader(file)]


def refused(space: Any, code: str) -> str:
    done = space.trc("run", "p.trc", code=1)
    assert f"error[{code}]" in done.err + done.out
    said: str = done.err + done.out
    return said


def some_bytes(size: int, seed: int = 7) -> bytes:
    return random.Random(seed).randbytes(size)


def changes(objects: ObjectServer) -> list[tuple[str, str]]:
    return [one for one in objects.asked if one[0] in ("PUT", "POST", "DELETE")]


def test_a_folder_goes_to_a_prefix_and_then_only_what_differs(space: Any, objects: ObjectServer) -> None:
    space.write("data/a.csv", "id\n1\n")
    space.write("data/deep/er/b.html", "<p>hello")
    (space.root / "data/empty").write_bytes(b"")
    objects.put("public/other", "stays")
    objects.put("publicity", "is beside it")
    write(space, UP)
    assert sync(space) == [("copy", "a.csv"), ("copy", "deep/er/b.html"), ("copy", "empty")]
    assert objects.read("public/a.csv") == b"id\n1\n"
    assert objects.read("public/empty") == b""
    head = objects.client.head_object(Bucket="lake", Key="public/deep/er/b.html")
    assert head["ContentType"] == "text/html"
    objects.asked.clear()
    assert sync(space) == []
    assert changes(objects) == []
    # Equal size and an old date: the bytes tell.
    space.write("data/a.csv", "id\n2\n")
    os.utime(space.root / "data/a.csv", (1, 1))
    assert sync(space) == [("copy", "a.csv")]
    assert objects.read("public/a.csv") == b"id\n2\n"
    # Touched, and of the same bytes.
    os.utime(space.root / "data/a.csv")
    assert sync(space) == []
    assert sorted(objects.all_keys()) == [
        "public/a.csv",
        "public/deep/er/b.html",
        "public/empty",
        "public/other",
        "publicity",
    ]


def test_a_prefix_comes_into_a_folder_with_its_dates(space: Any, objects: ObjectServer) -> None:
    objects.put("raw/a.csv", "id\n1\n")
    objects.put("raw/deep/b.bin", some_bytes(3 * MIB))
    objects.put("raw/empty", b"")
    space.write("data/mine.txt", "stays")
    write(space, DOWN)
    assert sync(space) == [("copy", "a.csv"), ("copy", "deep/b.bin"), ("copy", "empty")]
    assert (space.root / "data/deep/b.bin").read_bytes() == some_bytes(3 * MIB)
    dated = objects.client.head_object(Bucket="lake", Key="raw/a.csv")["LastModified"].timestamp()
    assert (space.root / "data/a.csv").stat().st_mtime == dated
    assert sorted(str(one.relative_to(space.root)) for one in (space.root / "data").rglob("*") if one.is_file()) == [
        "data/a.csv",
        "data/deep/b.bin",
        "data/empty",
        "data/mine.txt",
    ]
    objects.asked.clear()
    assert sync(space) == []
    assert objects.gets() == []
    objects.put("raw/a.csv", "id\n9\n")
    assert sync(space) == [("copy", "a.csv")]
    assert space.read("data/a.csv") == "id\n9\n"


def test_objects_are_copied_by_their_server(space: Any, objects: ObjectServer) -> None:
    objects.put("raw/a.csv", "id\n1\n")
    objects.put("raw/deep/b.csv", "id\n2\n")
    write(space, ACROSS)
    assert sync(space) == [("copy", "a.csv"), ("copy", "deep/b.csv")]
    assert objects.read("copy/deep/b.csv") == b"id\n2\n"
    assert objects.gets() == ["/lake/copy/deep/b.csv"]
    assert sync(space) == []


@pytest.mark.parametrize("places", [UP, ACROSS, DOWN], ids=["up", "across", "down"])
def test_what_the_source_has_not_is_removed_within_the_destination_alone(
    space: Any, objects: ObjectServer, places: tuple[str, str]
) -> None:
    for name in ("a.csv", "b.log"):
        space.write(f"data/{name}", name) if places is UP else objects.put(f"raw/{name}", name)
    target = places[1].removeprefix("s3://lake/")
    for name in ("old.csv", "old.log", "deep/old.csv"):
        space.write(f"data/{name}", "old") if places is DOWN else objects.put(target + name, "old")
    space.write("data.txt", "beside")
    for beside in ("publi", "public", "public.csv", "copy", "copycat/old.csv", "old.csv"):
        objects.put(beside, "beside")
    before = set(objects.all_keys())
    write(space, places, "delete = true", 'exclude = ["*.log"]')
    # What is excluded is neither copied nor removed.
    assert sync(space) == [("copy", "a.csv"), ("delete", "deep/old.csv"), ("delete", "old.csv")]
    if places is DOWN:
        assert (space.root / "data/old.log").exists()
        assert not (space.root / "data/deep/old.csv").exists()
        assert set(objects.all_keys()) == before
    else:
        gone = {target + "old.csv", target + "deep/old.csv"}
        assert set(objects.all_keys()) == (before - gone) | {target + "a.csv"}
    assert space.read("data.txt") == "beside"


def test_only_what_is_included_takes_part(space: Any, objects: ObjectServer) -> None:
    for name in ("a.csv", "deep/b.csv", "deep/c.json", "tmp/d.csv"):
        space.write(f"data/{name}", name)
    objects.put("public/old.json", "not included")
    write(space, UP, "delete = true", 'include = ["**/*.csv"]', 'exclude = ["tmp/**"]')
    assert sync(space) == [("copy", "a.csv"), ("copy", "deep/b.csv")]
    assert sorted(objects.all_keys()) == ["public/a.csv", "public/deep/b.csv", "public/old.json"]


def test_a_dry_run_tells_what_would_be_done_and_does_nothing(space: Any, objects: ObjectServer) -> None:
    space.write("data/a.csv", "id\n1\n")
    objects.put("public/old", "old")
    objects.asked.clear()
    write(space, UP, "delete = true", "dry_run = true")
    assert sync(space) == [("copy", "a.csv"), ("delete", "old")]
    assert changes(objects) == []
    assert "would copy 'a.csv'" in (next(space.root.glob(".trc/logs/*/mirror.1.log"))).read_text()


@pytest.mark.usefixtures("objects")
def test_by_time_alone_bytes_are_not_read(space: Any) -> None:
    space.write("data/a.csv", "id\n1\n")
    write(space, UP, 'compare = "time"')
    assert sync(space) == [("copy", "a.csv")]
    space.write("data/a.csv", "id\n2\n")
    os.utime(space.root / "data/a.csv", (1, 1))
    assert sync(space) == []
    os.utime(space.root / "data/a.csv", (4e9, 4e9))
    assert sync(space) == [("copy", "a.csv")]


def test_large_things_go_in_parts_and_keep_the_etag_of_aws(space: Any, objects: ObjectServer) -> None:
    body = some_bytes(20 * MIB + 5)
    (space.root / "data").mkdir()
    (space.root / "data/large.bin").write_bytes(body)
    write(space, UP)
    assert sync(space) == [("copy", "large.bin")]
    assert hashlib.sha256(objects.read("public/large.bin")).digest() == hashlib.sha256(body).digest()
    parts = [hashlib.md5(body[start : start + 8 * MIB]).digest() for start in range(0, len(body), 8 * MIB)]
    etag = objects.client.head_object(Bucket="lake", Key="public/large.bin")["ETag"]
    assert etag == f'"{hashlib.md5(b"".join(parts)).hexdigest()}-3"'
    assert objects.uploads() == []
    os.utime(space.root / "data/large.bin")
    assert sync(space) == []
    (space.root / "data/large.bin").unlink()
    write(space, ("s3://lake/public/", "data/"))
    assert sync(space) == [("copy", "large.bin")]
    assert (space.root / "data/large.bin").read_bytes() == body
    assert list((space.root / "data").iterdir()) == [space.root / "data/large.bin"]
    assert sync(space) == []


def test_an_upload_that_broke_off_is_gone_on_with(space: Any, objects: ObjectServer) -> None:
    body = some_bytes(40 * MIB)
    (space.root / "data").mkdir()
    (space.root / "data/large.bin").write_bytes(body)
    write(space, UP)
    sent: list[str] = []

    def fail(method: str, path: str) -> tuple[int, str] | None:
        if method == "PUT" and path.endswith("large.bin"):
            sent.append(path)
            return (403, "AccessDenied") if len(sent) > 2 else None
        return None

    objects.fault = fail
    refused(space, "TRC671")
    assert objects.all_keys() == []
    assert objects.uploads() == ["public/large.bin"]
    objects.fault = None
    objects.asked.clear()
    assert sync(space) == [("copy", "large.bin")]
    assert 1 <= sum(one[0] == "PUT" for one in objects.asked) <= 3
    assert objects.read("public/large.bin") == body
    assert objects.uploads() == []
    assert not list(space.root.glob(".trc/sync-uploads/*"))


def test_an_upload_of_other_bytes_is_begun_anew(space: Any, objects: ObjectServer) -> None:
    (space.root / "data").mkdir()
    (space.root / "data/large.bin").write_bytes(some_bytes(16 * MIB))
    write(space, UP)
    objects.fault = lambda method, _: (403, "AccessDenied") if method == "PUT" else None
    refused(space, "TRC671")
    objects.fault = None
    (space.root / "data/large.bin").write_bytes(some_bytes(16 * MIB, 8))
    assert sync(space) == [("copy", "large.bin")]
    assert objects.read("public/large.bin") == some_bytes(16 * MIB, 8)
    assert objects.uploads() == []


def test_a_download_that_broke_off_is_gone_on_with(space: Any, objects: ObjectServer) -> None:
    body = some_bytes(40 * MIB)
    objects.put("raw/large.bin", body)
    write(space, DOWN)
    read: list[str] = []

    def fail(method: str, path: str) -> tuple[int, str] | None:
        if method == "GET" and path.endswith("large.bin"):
            read.append(path)
            return (403, "AccessDenied") if len(read) > 2 else None
        return None

    objects.fault = fail
    refused(space, "TRC671")
    assert not (space.root / "data/large.bin").exists()
    objects.fault = None
    objects.asked.clear()
    assert sync(space) == [("copy", "large.bin")]
    assert 1 <= len(objects.gets()) <= 3
    assert (space.root / "data/large.bin").read_bytes() == body
    assert [one.name for one in (space.root / "data").iterdir()] == ["large.bin"]


def test_a_bucket_that_is_not_there_and_one_that_is_closed_are_told(space: Any, objects: ObjectServer) -> None:
    space.write("data/a.csv", "id\n1\n")
    write(space, ("data/", "s3://nowhere/public/"))
    assert 'there is no bucket "nowhere"' in refused(space, "TRC670")
    write(space, ("s3://nowhere/", "data/"))
    assert 'there is no bucket "nowhere"' in refused(space, "TRC670")
    write(space, UP)
    objects.fault = lambda _method, _path: (403, "AccessDenied")
    assert "access is denied" in refused(space, "TRC671")


def test_a_busy_store_is_asked_again_and_then_told_as_temporary(
    space: Any, objects: ObjectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    space.write("data/a.csv", "id\n1\n")
    write(space, UP)
    busy = [(503, "SlowDown")] * 2
    objects.fault = lambda method, _: busy.pop() if method == "PUT" and busy else None
    assert sync(space) == [("copy", "a.csv")]
    assert busy == []
    # Longer than the client is patient: the next attempt is, and has no more to do than the last one left.
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    for name in "bcd":
        space.write(f"data/{name}.csv", name)
    write(space, UP, "retry = { attempts = 2, initial = 1ms }")
    often = [(503, "SlowDown")]
    objects.fault = lambda method, path: often.pop() if method == "PUT" and path.endswith("c.csv") and often else None
    space.trc("run", "p.trc")
    assert sorted(objects.all_keys()) == [f"public/{name}.csv" for name in "abcd"]
    objects.fault = lambda method, _: (503, "SlowDown") if method == "PUT" else None
    space.write("data/e.csv", "e")
    assert "too busy: SlowDown" in refused(space, "TRC673")


def test_nothing_is_removed_where_something_could_not_be_copied(space: Any, objects: ObjectServer) -> None:
    space.write("data/a.csv", "id\n1\n")
    objects.put("public/old.csv", "old")
    write(space, UP, "delete = true")
    objects.fault = lambda method, _: (403, "AccessDenied") if method == "PUT" else None
    refused(space, "TRC671")
    assert objects.all_keys() == ["public/old.csv"]
    # Of several that are to be removed, one that may not be is told.
    objects.fault = lambda method, _: (403, "AccessDenied") if method == "POST" else None
    refused(space, "TRC671")
    assert objects.all_keys() == ["public/a.csv", "public/old.csv"]


def test_an_object_that_vanishes_or_changes_is_another_try(space: Any, objects: ObjectServer) -> None:
    objects.put("raw/a.csv", "id\n1\n")
    objects.put("raw/b.csv", "id\n1\n")
    write(space, DOWN, "retry = { attempts = 2, initial = 1ms }")
    left = ["once"]

    def replace(method: str, path: str) -> None:
        if method == "GET" and path.endswith("/a.csv") and left:
            left.pop()
            objects.client.delete_object(Bucket="lake", Key="raw/a.csv")
            objects.put("raw/b.csv", "id\n2\n")

    objects.before = replace
    space.trc("run", "p.trc")
    assert not (space.root / "data/a.csv").exists()
    assert space.read("data/b.csv") == "id\n2\n"
    assert space.trc("run", "p.trc").code == 0


def test_an_answer_that_is_cut_short_is_gone_on_with(space: Any, objects: ObjectServer) -> None:
    objects.put("raw/a.csv", b"x" * 100_000)
    write(space, DOWN)
    objects.cut[:] = [70_000, 10]
    assert sync(space) == [("copy", "a.csv")]
    assert (space.root / "data/a.csv").read_bytes() == b"x" * 100_000


def test_an_empty_source_does_not_empty_the_destination(space: Any, objects: ObjectServer) -> None:
    (space.root / "data").mkdir()
    objects.put("public/a.csv", "kept")
    write(space, UP, "delete = true")
    assert "would remove all 1" in refused(space, "TRC681")
    assert objects.all_keys() == ["public/a.csv"]
    write(space, UP)
    assert sync(space) == []
    (space.root / "data").rmdir()
    assert "there is no folder" in refused(space, "TRC608")


@pytest.mark.parametrize("key", ["../evil", "a/../../evil", "a//b", "./a", "a/b"])
def test_a_key_that_is_no_name_below_the_folder_moves_nothing(space: Any, objects: ObjectServer, key: str) -> None:
    objects.put("raw/a", "first")
    objects.put(f"raw/{key}", "evil")
    write(space, DOWN)
    refused(space, "TRC682")
    assert not (space.root / "data").exists()
    assert not (space.root / "evil").exists()


def test_a_link_in_the_folder_leads_nobody_out_of_it(space: Any, objects: ObjectServer, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept.csv").write_text("kept")
    (space.root / "data").mkdir()
    (space.root / "data/deep").symlink_to(elsewhere)
    objects.put("raw/deep/a.csv", "id\n1\n")
    write(space, DOWN, "delete = true")
    assert "leads out of" in refused(space, "TRC682")
    assert sorted(one.name for one in elsewhere.iterdir()) == ["kept.csv"]
    # Nor does one be followed on the way up.
    write(space, UP)
    assert sync(space) == []


def test_who_reads_below_the_destination_waits_for_it(space: Any, objects: ObjectServer) -> None:
    objects.put("raw/a.csv", "id\n1\n")
    space.write(
        "p.trc",
        """
        pipeline "p" { }
        source listed = csv("data/*.csv")
        task ids = sql $$ select sum(id) as total from listed $$ { output = csv("out/ids.csv") }
        task one = sql $$ select id from read_csv('data/a.csv') $$ { output = csv("out/one.csv") }
        task mirror = s3_sync { source = "s3://lake/raw/", destination = "data/", delete = true }
        """,
    )
    assert space.trc("run", "p.trc").code == 0
    assert space.read("out/ids.csv") == "total\n1\n"
    assert space.read("out/one.csv") == "id\n1\n"
    report = space.trc("run", "p.trc", "--json").json
    assert {one["task"]: one["state"] for one in report["tasks"]} == {
        "mirror": "success",
        "ids": "skipped",
        "one": "skipped",
    }
    objects.put("raw/b.csv", "id\n2\n")
    space.trc("run", "p.trc")
    assert space.read("out/ids.csv") == "total\n3\n"


def test_what_a_task_writes_goes_along_once_it_is_written(space: Any, objects: ObjectServer) -> None:
    space.write(
        "p.trc",
        """
        pipeline "p" { }
        task page = sql $$ select 1 as id $$ { output = csv("site/page.csv") }
        task inner = sql $$ select 2 as id $$
        task export = s3_sync { source = "site/", destination = "s3://lake/public" }
        task single = s3_sync { source = inner, destination = "s3://lake/inner/" }
        task values = shell(["sh", "-c", "echo $1 $2 > $TRC_OUTPUT_OUTPUT", "sh", "{{ tasks.export.values.copied }}", "{{ tasks.export.values.bytes }}"]) {
          output = file("values.txt")
        }
        """,
    )
    space.trc("run", "p.trc")
    assert sorted(objects.all_keys()) == ["inner/output.parquet", "public/page.csv"]
    assert space.read("values.txt") == "1 5\n"


def test_a_synchronisation_is_never_skipped_and_says_so(space: Any, objects: ObjectServer) -> None:
    space.write("data/a.csv", "id\n1\n")
    write(space, UP)
    sync(space)
    objects.client.delete_object(Bucket="lake", Key="public/a.csv")
    assert sync(space) == [("copy", "a.csv")]
    assert "it always runs" in space.trc("explain", "mirror").out


WRONG = {
    "neither": ('source = "a/"', 'destination = "b/"', "neither lies on S3"),
    "pattern": ('source = "data/*.csv"', 'destination = "s3://lake/"', "is a pattern"),
    "within": ('source = "s3://lake/"', 'destination = "s3://lake/copy/"', "within each other"),
    "around": ('source = "s3://lake/a/b"', 'destination = "s3://lake/a"', "within each other"),
    "bucket": ('source = "data/"', 'destination = "s3://L/x"', "no name for a bucket"),
    "web": ('source = "https://example.com/"', 'destination = "s3://lake/x"', "neither a file nor an object"),
    "exclude": ('source = "data/"', 'destination = "s3://lake/x"\nexclude = ["/tmp/*"]', "no name below the source"),
}


@pytest.mark.parametrize("case", WRONG)
def test_mistakes_are_found_before_anything_runs(space: Any, case: str) -> None:
    source, destination, said = WRONG[case]
    space.write("p.trc", f'pipeline "p" {{ }}\ntask mirror = s3_sync {{\n{source}\n{destination}\n}}\n')
    done = space.trc("check", "p.trc", code=2)
    assert said in done.out + done.err


def test_one_run_at_a_time_fills_a_place(space: Any, objects: ObjectServer) -> None:
    space.write("data/a.csv", "id\n1\n")
    mirror = 's3_sync { source = "data/", destination = "s3://lake/x" }'
    space.write("p.trc", f'pipeline "p" {{ }}\ntask m = {mirror}\ntask held = shell("cat gate")\n')
    space.write("q.trc", f'pipeline "q" {{ }}\ntask m = {mirror}\n')
    os.mkfifo(space.root / "gate")
    first = space.start("run", "p.trc")
    gate = os.open(space.root / "gate", os.O_WRONLY)
    held = space.trc("run", "q.trc", "--on-conflict", "fail", code=1).err
    os.close(gate)
    assert first.wait(60) == 0
    assert 'is writing "s3://lake/x/"' in held
    space.trc("run", "q.trc", "--on-conflict", "fail")
    assert objects.all_keys() == ["x/a.csv"]
